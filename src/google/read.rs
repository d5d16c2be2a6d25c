//! Bulk values as a stream: chunks of the body go through a bounded channel to a blocking reader
//! that hands over one row at a time and never holds the sheet.
//!
//! A row is handed over as the bytes of its JSON: whoever knows these bytes from an earlier read
//! need not look into them ([`cells_of`] does). That makes a quiet poll as cheap as skipping it.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use tokio::sync::mpsc;

use super::GoogleError;
use crate::core::sheet::Cell;

/// More than ten million cells of 50 000 characters could never be; this is what one read may bring.
const MOST_BYTES: u64 = 2 << 30;

/// A row is held whole, in no more bytes than this.
const MOST_A_ROW: usize = 64 << 20;

/// So many bytes are gathered before a row that was cut off is looked at again.
const PIECE: usize = 128 << 10;

/// Takes the rows of a read, in order.
pub trait RowSink: Send + 'static {
    /// One row of the `range`-th range asked for. `row` counts from 0 and includes blank rows;
    /// `json` is a JSON list, cut off after the last filled cell; see [`cells_of`].
    ///
    /// # Errors
    /// The row is not what Google sends; the whole read is thrown away then.
    fn row(&mut self, range: usize, row: usize, json: &[u8]) -> Result<(), GoogleError>;
}

/// The cells of a row, into a buffer that is used again.
///
/// # Errors
/// It is no list of texts, numbers, tick boxes and nothings.
pub fn cells_of(json: &[u8], cells: &mut Vec<Cell>) -> Result<(), GoogleError> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    RowSeed(cells)
        .deserialize(&mut parser)
        .and_then(|()| parser.end())
        .map_err(|error| garbled(&error, 0))
}

/// Some of a body, in order; an error is the last of it.
type Chunks = Vec<Result<Bytes, String>>;

/// Reads the body of a `values:batchGet` into the sink.
pub(super) async fn stream<S: RowSink>(
    response: reqwest::Response,
    mut sink: S,
) -> Result<S, GoogleError> {
    let (sender, receiver) = mpsc::channel::<Chunks>(4);
    let reader = tokio::task::spawn_blocking(move || {
        read_batch(&mut Body::new(receiver), &mut sink).map(|()| sink)
    });
    let mut body = response.bytes_stream();
    let mut total = 0_u64;
    // Unpacked, they are eight kilobytes each: to wake the reader for every one would cost more than to read it.
    let (mut chunks, mut gathered) = (Vec::new(), 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| root_cause(&error));
        let length = chunk.as_ref().map_or(0, Bytes::len);
        total += length as u64;
        let chunk = if total > MOST_BYTES {
            Err(format!("more than {MOST_BYTES} bytes"))
        } else {
            chunk
        };
        let failed = chunk.is_err();
        chunks.push(chunk);
        gathered += length;
        if failed {
            break;
        }
        if gathered >= PIECE {
            gathered = 0;
            if sender.send(std::mem::take(&mut chunks)).await.is_err() {
                break; // the reader has found something wrong
            }
        }
    }
    let _ = sender.send(chunks).await;
    drop(sender);
    reader.await.unwrap_or_else(|error| {
        Err(GoogleError::Garbled {
            why: format!("the reader stopped: {error}"),
        })
    })
}

/// The same for a body that is there.
pub(super) fn whole<S: RowSink>(body: Vec<u8>, mut sink: S) -> Result<S, GoogleError> {
    let mut body = Body {
        buffer: body,
        ended: true,
        ..Body::new(mpsc::channel(1).1)
    };
    read_batch(&mut body, &mut sink).map(|()| sink)
}

/// `{"spreadsheetId": …, "valueRanges": [{"range": …, "values": [row, …]}, …]}`, and nothing behind it.
fn read_batch(body: &mut Body, sink: &mut impl RowSink) -> Result<(), GoogleError> {
    let mut found = false;
    body.object(|body, key| {
        if key != "valueRanges" {
            return body.skip();
        }
        found = true;
        let mut range = 0;
        body.list(|body| {
            body.object(|body, key| {
                // `values` is absent from an empty range.
                if key != "values" {
                    return body.skip();
                }
                let mut row = 0;
                body.list(|body| {
                    let json = body.raw()?;
                    sink.row(range, row, &body.buffer[json])?;
                    row += 1;
                    Ok(())
                })
            })?;
            range += 1;
            Ok(())
        })
    })?;
    body.end()?;
    if found {
        Ok(())
    } else {
        Err(body.other_shape())
    }
}

/// Says what is wrong with the JSON without quoting any of it: it is customer data.
fn garbled(error: &serde_json::Error, before: u64) -> GoogleError {
    let at = before + error.column() as u64;
    let why = match error.classify() {
        serde_json::error::Category::Io => error.to_string(),
        serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
        serde_json::error::Category::Syntax => format!("no JSON near byte {at}"),
        serde_json::error::Category::Data => {
            format!("not the shape of a values.batchGet, near byte {at}")
        }
    };
    GoogleError::Garbled { why }
}

/// An address that did not answer, with what broke at the bottom of it.
pub(super) fn unreachable(url: &str, error: &reqwest::Error) -> GoogleError {
    GoogleError::Unreachable {
        url: url.to_owned(),
        why: root_cause(error),
    }
}

/// The innermost reason of an error: "Connection refused", not "error sending request".
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The body as far as it has come, and what was read of it. serde_json reads each value from the
/// buffer, at the speed at which it reads slices; only the frame around the rows is taken apart here.
struct Body {
    chunks: mpsc::Receiver<Chunks>,
    buffer: Vec<u8>,
    /// What was read of the buffer.
    at: usize,
    /// What was read and let go before the buffer.
    before: u64,
    ended: bool,
}

impl Body {
    fn new(chunks: mpsc::Receiver<Chunks>) -> Self {
        Self {
            chunks,
            buffer: Vec::with_capacity(2 * PIECE),
            at: 0,
            before: 0,
            ended: false,
        }
    }

    /// Gathers more of the body; whether there was any.
    fn more(&mut self) -> Result<bool, GoogleError> {
        self.buffer.drain(..self.at);
        self.before += self.at as u64;
        self.at = 0;
        if self.buffer.len() > MOST_A_ROW {
            return Err(GoogleError::Garbled {
                why: format!("one value has more than {MOST_A_ROW} bytes"),
            });
        }
        // Twice as much each time, so that a long row is not looked at over and over.
        let wanted = self.buffer.len().max(PIECE) + self.buffer.len();
        let had = self.buffer.len();
        while !self.ended && self.buffer.len() < wanted {
            let Some(chunks) = self.chunks.blocking_recv() else {
                self.ended = true;
                break;
            };
            for chunk in chunks {
                let chunk = chunk.map_err(|why| GoogleError::Garbled { why })?;
                self.buffer.extend_from_slice(&chunk);
            }
        }
        Ok(self.buffer.len() > had)
    }

    /// The next byte that is no white space; none at the end.
    fn peek(&mut self) -> Result<Option<u8>, GoogleError> {
        loop {
            match self.buffer.get(self.at).copied() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(Some(byte)),
                None if !self.more()? => return Ok(None),
                None => {}
            }
        }
    }

    /// Takes one byte of punctuation.
    fn take(&mut self, wanted: u8) -> Result<(), GoogleError> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(b'{' | b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                Err(self.other_shape())
            }
            Some(_) => Err(GoogleError::Garbled {
                why: format!("no JSON near byte {}", self.before + self.at as u64),
            }),
            None => Err(GoogleError::Garbled {
                why: "it ends in the middle".into(),
            }),
        }
    }

    /// After an item: whether another one follows. Takes the comma, or the closing byte.
    fn another(&mut self, close: u8) -> Result<bool, GoogleError> {
        if self.peek()? == Some(b',') {
            self.at += 1;
            return Ok(true);
        }
        self.take(close).map(|()| false)
    }

    /// An object: `each` reads the value of every key.
    fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), GoogleError>,
    ) -> Result<(), GoogleError> {
        self.take(b'{')?;
        if self.peek()? == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let key: String = self.value()?.0;
            self.take(b':')?;
            each(self, &key)?;
            if !self.another(b'}')? {
                return Ok(());
            }
        }
    }

    /// A list: `each` reads every item.
    fn list(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), GoogleError>,
    ) -> Result<(), GoogleError> {
        self.take(b'[')?;
        if self.peek()? == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.another(b']')? {
                return Ok(());
            }
        }
    }

    /// A whole value, and where its JSON stands in the buffer until the next call.
    fn value<T: DeserializeOwned>(&mut self) -> Result<(T, Range<usize>), GoogleError> {
        if self.peek()?.is_none() {
            return Err(GoogleError::Garbled {
                why: "it ends in the middle".into(),
            });
        }
        loop {
            let mut values =
                serde_json::Deserializer::from_slice(&self.buffer[self.at..]).into_iter::<T>();
            let read = values.next();
            let end = self.at + values.byte_offset();
            match read {
                // A number that ends with the buffer may go on behind it.
                Some(Ok(_)) if end == self.buffer.len() && !self.ended => {
                    self.more()?;
                }
                Some(Ok(value)) => {
                    let json = self.at..end;
                    self.at = end;
                    return Ok((value, json));
                }
                Some(Err(error)) if error.is_eof() && !self.ended => {
                    self.more()?;
                }
                Some(Err(error)) => {
                    return Err(garbled(&error, self.before + self.at as u64));
                }
                None => {
                    return Err(GoogleError::Garbled {
                        why: "it ends in the middle".into(),
                    });
                }
            }
        }
    }

    /// The JSON of one row, as a place in the buffer that is good until the next call.
    fn raw(&mut self) -> Result<Range<usize>, GoogleError> {
        if self.peek()?.is_some_and(|first| first != b'[') {
            return Err(self.other_shape());
        }
        Ok(self.value::<IgnoredAny>()?.1)
    }

    fn skip(&mut self) -> Result<(), GoogleError> {
        self.value::<IgnoredAny>().map(|_| ())
    }

    /// Nothing may follow.
    fn end(&mut self) -> Result<(), GoogleError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(GoogleError::Garbled {
                why: format!("no JSON near byte {}", self.before + self.at as u64),
            }),
        }
    }

    fn other_shape(&self) -> GoogleError {
        GoogleError::Garbled {
            why: format!(
                "not the shape of a values.batchGet, near byte {}",
                self.before + self.at as u64
            ),
        }
    }
}

/// `[cell, …]` into a buffer that is used again.
struct RowSeed<'b>(&'b mut Vec<Cell>);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of cells")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        self.0.clear();
        while let Some(cell) = cells.next_element()? {
            self.0.push(cell);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Rows(Vec<(usize, usize, Vec<Cell>)>);

    impl RowSink for Rows {
        fn row(&mut self, range: usize, row: usize, json: &[u8]) -> Result<(), GoogleError> {
            let mut cells = Vec::new();
            cells_of(json, &mut cells)?;
            self.0.push((range, row, cells));
            Ok(())
        }
    }

    fn parse(chunks: Vec<Result<&'static str, String>>) -> Result<Rows, GoogleError> {
        let (sender, receiver) = mpsc::channel(64);
        for chunk in chunks {
            sender.try_send(vec![chunk.map(Bytes::from)]).unwrap();
        }
        drop(sender);
        let mut rows = Rows::default();
        read_batch(&mut Body::new(receiver), &mut rows).map(|()| rows)
    }

    #[test]
    fn rows_come_one_by_one_with_their_range_and_number() {
        let rows = parse(vec![
            Ok(r#"{"spreadsheetId":"x","valueRanges":[{"range":"'Kh\u00e1ch h"#),
            Ok(r#"àng'!A1:C3","values":[["Họ tên",1.5],[],["",null,true]]},{"range":"T11"},{"values":[[7]],"range":"B"}]}"#),
        ])
        .unwrap();
        assert_eq!(
            rows.0,
            vec![
                (0, 0, vec![Cell::Text("Họ tên".into()), Cell::Number(1.5)]),
                (0, 1, vec![]),
                (0, 2, vec![Cell::Empty, Cell::Empty, Cell::Bool(true)]),
                (2, 0, vec![Cell::Number(7.0)]),
            ]
        );
    }

    #[test]
    fn it_does_not_matter_where_the_chunks_are_cut() {
        let body = r#"{"a":12,"valueRanges":[{"range":"x","values":[["Hồng \"A\" ]",1.5e3,null],[],["\u00e1",-7]]}]}"#;
        let whole = parse(vec![Ok(body)]).unwrap().0;
        assert_eq!(whole.len(), 3);
        for cut in (1..body.len()).filter(|&at| body.is_char_boundary(at)) {
            let (one, two) = body.split_at(cut);
            assert_eq!(parse(vec![Ok(one), Ok(two)]).unwrap().0, whole, "{cut}");
            assert!(parse(vec![Ok(one)]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_cut_body_is_an_error_that_quotes_nothing() {
        let error = parse(vec![Ok(
            r#"{"valueRanges":[{"values":[["Nguyễn Văn An","0901"#,
        )])
        .err()
        .unwrap();
        let text = error.to_string();
        assert!(
            text.contains("it ends in the middle") && text.contains("nothing of it was used"),
            "{text}"
        );
        assert!(!text.contains("Nguyễn"), "{text}");
    }

    #[test]
    fn a_broken_connection_is_an_error() {
        let error = parse(vec![
            Ok(r#"{"valueRanges":["#),
            Err("connection reset".into()),
        ])
        .err()
        .unwrap();
        assert!(error.to_string().contains("connection reset"), "{error}");
        assert!(error.is_passing());
    }

    #[test]
    fn garbage_and_other_shapes_are_errors() {
        for body in [
            "<html>",
            "[]",
            r#"{"valueRanges":{}}"#,
            r#"{"values":[]}"#,
            r#"{"valueRanges":[]} x"#,
            r#"{"valueRanges":[{"values":[[{"a":1}]]}]}"#,
        ] {
            assert!(
                matches!(parse(vec![Ok(body)]), Err(GoogleError::Garbled { .. })),
                "{body}"
            );
        }
    }
}
