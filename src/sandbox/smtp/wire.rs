//! Bytes in and out: lines with a limit, bodies up to the lone dot, replies held back while more commands wait.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A plain or a TLS stream.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

/// The session is over.
#[derive(Debug)]
pub(super) enum Gone {
    /// The client went, or a fault dropped it: nothing more can be said.
    Closed,
    /// No byte came for the time-out: a 421 may still be said.
    Idle,
}

impl From<io::Error> for Gone {
    fn from(_lost: io::Error) -> Self {
        Self::Closed
    }
}

/// A command or an AUTH answer, without its line end.
pub(super) enum Line {
    /// In full.
    Whole(Vec<u8>),
    /// Longer than allowed; read to its end and thrown away.
    TooLong,
}

/// A body as it came, without the dots that transparency added (RFC 5321 section 4.5.2).
#[derive(Default)]
pub(super) struct Body {
    /// The mail, at most the size limit of it.
    pub(super) bytes: Vec<u8>,
    /// How long it was in all.
    pub(super) size: usize,
    /// The longest line with its CRLF.
    pub(super) longest_line: usize,
    /// Whether a line ended in LF without CR, which RFC 5321 section 2.3.8 forbids.
    pub(super) bare_newline: bool,
}

/// How a body ended.
pub(super) enum BodyEnd {
    /// With the lone dot.
    Dot,
    /// At the number of bytes after which a fault wants it cut.
    Cut,
}

/// One connection.
pub(super) struct Wire {
    stream: Box<dyn Pipe>,
    input: BytesMut,
    output: Vec<u8>,
    idle: Duration,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Pipe>, idle: Duration) -> Self {
        Self {
            stream,
            input: BytesMut::with_capacity(8 * 1024),
            output: Vec::new(),
            idle,
        }
    }

    /// The bare stream, for the TLS handshake. What was read ahead is thrown away: a command sent in
    /// the clear behind STARTTLS must not be obeyed afterwards (RFC 3207 section 4.2).
    pub(super) fn into_stream(self) -> Box<dyn Pipe> {
        self.stream
    }

    /// Adds to the reply; it leaves when the next input is waited for.
    pub(super) fn say(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        let sending = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        tokio::time::timeout(self.idle, sending)
            .await
            .map_err(|_elapsed| Gone::Closed)??;
        self.output.clear();
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), Gone> {
        if !self.output.is_empty() {
            self.flush().await?;
        }
        match tokio::time::timeout(self.idle, self.stream.read_buf(&mut self.input)).await {
            Err(_elapsed) => Err(Gone::Idle),
            Ok(Ok(0) | Err(_)) => Err(Gone::Closed),
            Ok(Ok(_)) => Ok(()),
        }
    }

    /// The next line of at most `limit` bytes, its line end included.
    pub(super) async fn line(&mut self, limit: usize) -> Result<Line, Gone> {
        let mut too_long = false;
        loop {
            if let Some(at) = self.input.iter().position(|byte| *byte == b'\n') {
                let line = self.input.split_to(at + 1);
                if too_long || line.len() > limit {
                    return Ok(Line::TooLong);
                }
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                return Ok(Line::Whole(
                    line.strip_suffix(b"\r").unwrap_or(line).to_vec(),
                ));
            }
            if self.input.len() > limit {
                too_long = true;
                self.input.clear();
            }
            self.fill().await?;
        }
    }

    /// Reads a body; `keep` is how many bytes of it are stored, `cut_after` where a fault ends it.
    pub(super) async fn body(
        &mut self,
        keep: usize,
        cut_after: Option<usize>,
    ) -> Result<(Body, BodyEnd), Gone> {
        let mut body = Body::default();
        let mut line_length = 0;
        let mut line_start = true;
        loop {
            if cut_after.is_some_and(|after| body.size > after) {
                return Ok((body, BodyEnd::Cut));
            }
            let newline = self.input.iter().position(|byte| *byte == b'\n');
            // Without a newline a piece of a long line is taken, but for a last CR whose LF may follow.
            let take = match newline {
                Some(at) => at + 1,
                None if self.input.len() > 4096 => self.input.len() - 1,
                None => {
                    self.fill().await?;
                    continue;
                }
            };
            let piece = &self.input[..take];
            if line_start && piece == b".\r\n" {
                self.input.advance(take);
                return Ok((body, BodyEnd::Dot));
            }
            let text = if line_start && piece.starts_with(b".") {
                &piece[1..]
            } else {
                piece
            };
            line_length += piece.len();
            body.size += text.len();
            let room = keep.saturating_sub(body.bytes.len()).min(text.len());
            body.bytes.extend_from_slice(&text[..room]);
            line_start = newline.is_some();
            if line_start {
                body.longest_line = body.longest_line.max(line_length);
                line_length = 0;
                if !piece.ends_with(b"\r\n") {
                    body.bare_newline = true;
                    // Only CRLF makes the next dot a final one: otherwise a mail could smuggle another in.
                    line_start = false;
                }
            }
            self.input.advance(take);
        }
    }
}
