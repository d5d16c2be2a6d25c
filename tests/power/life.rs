//! What a recorded daemon sent and said, and at which moment: the place in the record.

use std::collections::HashMap;

use serde_json::Value;

use super::record::Act;

/// Bytes that left in one connection, with the moment at which each piece did.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    /// Where a piece begins, and its moment.
    pieces: Vec<(usize, usize)>,
}

impl Line {
    fn moment_of(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(begins, _)| *begins <= at);
        self.pieces[piece - 1].1
    }
}

/// A mail whose body left.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// Its Message-ID.
    pub(crate) id: String,
    pub(crate) to: String,
    /// When the first of its bytes that name it left.
    pub(crate) began: usize,
    /// When its final dot left: from then on it may have arrived.
    pub(crate) ended: usize,
}

/// A text to a chat.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) chat: i64,
    pub(crate) text: String,
    pub(crate) began: usize,
    pub(crate) ended: usize,
}

/// What the daemon said that it did.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) key: String,
    /// `decided`, or the state in which a message ended.
    pub(crate) what: String,
    pub(crate) at: usize,
}

/// All of it, in order.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) mails: Vec<Mail>,
    pub(crate) texts: Vec<Text>,
    pub(crate) said: Vec<Said>,
    /// When a workbook was asked for: at the second the first look is over and kept.
    pub(crate) polls: Vec<usize>,
}

impl Life {
    pub(crate) fn of(acts: &[Act]) -> Self {
        let mut life = Self::default();
        let mut lines: HashMap<i32, Line> = HashMap::new();
        let mut said = Line::default();
        for (moment, act) in acts.iter().enumerate() {
            match act {
                Act::Sent { fd, bytes } => {
                    if find(bytes, b"values:batchGet", 0).is_some() {
                        life.polls.push(moment);
                    }
                    let line = lines.entry(*fd).or_default();
                    line.pieces.push((line.bytes.len(), moment));
                    line.bytes.extend_from_slice(bytes);
                }
                Act::Closed { fd } => {
                    if let Some(line) = lines.remove(fd) {
                        life.hear(&line);
                    }
                }
                Act::Started => lines.drain().for_each(|(_, line)| life.hear(&line)),
                Act::Said { bytes } => {
                    said.pieces.push((said.bytes.len(), moment));
                    said.bytes.extend_from_slice(bytes);
                }
                _ => {}
            }
        }
        lines.drain().for_each(|(_, line)| life.hear(&line));
        life.understand(&said);
        life.mails.sort_by_key(|mail| mail.began);
        life.texts.sort_by_key(|text| text.began);
        life
    }

    fn hear(&mut self, line: &Line) {
        if line.bytes.starts_with(b"EHLO") || line.bytes.starts_with(b"HELO") {
            self.hear_mails(line);
        } else {
            self.hear_texts(line);
        }
    }

    fn hear_mails(&mut self, line: &Line) {
        let mut from = 0;
        while let Some(at) = find(&line.bytes, b"RCPT TO:<", from) {
            let start = at + b"RCPT TO:<".len();
            let end = find(&line.bytes, b">", start).unwrap_or(line.bytes.len());
            let to = String::from_utf8_lossy(&line.bytes[start..end]).into_owned();
            from = end;
            // One that was refused has no body before the next MAIL.
            let next = find(&line.bytes, b"MAIL FROM:", from).unwrap_or(line.bytes.len());
            let Some(name) = find(&line.bytes[..next], b"Message-ID: <", from) else {
                continue;
            };
            let start = name + b"Message-ID: <".len();
            let Some(end) = find(&line.bytes[..next], b">", start) else {
                continue;
            };
            let dot = find(&line.bytes[..next], b"\r\n.\r\n", end);
            self.mails.push(Mail {
                id: String::from_utf8_lossy(&line.bytes[start..end]).into_owned(),
                to,
                began: line.moment_of(name),
                ended: dot.map_or(usize::MAX, |dot| line.moment_of(dot + 4)),
            });
        }
    }

    fn hear_texts(&mut self, line: &Line) {
        let mut from = 0;
        while let Some(at) = find(&line.bytes, b"/SendMessage HTTP/1.1\r\n", from)
            .or_else(|| find(&line.bytes, b"/sendMessage HTTP/1.1\r\n", from))
        {
            from = at + 1;
            let Some(body) = find(&line.bytes, b"\r\n\r\n", at).map(|end| end + 4) else {
                continue;
            };
            let head = String::from_utf8_lossy(&line.bytes[at..body]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|length| length.trim().parse::<usize>().ok())
                .expect("the client says how long its body is");
            let Some(json) = line.bytes.get(body..body + length) else {
                continue;
            };
            let json: Value = serde_json::from_slice(json).unwrap();
            self.texts.push(Text {
                chat: json["chat_id"].as_i64().unwrap(),
                text: json["text"].as_str().unwrap_or_default().to_owned(),
                began: line.moment_of(body),
                ended: line.moment_of(body + length - 1),
            });
            from = body + length;
        }
    }

    fn understand(&mut self, said: &Line) {
        let mut start = 0;
        for end in (0..said.bytes.len()).filter(|at| said.bytes[*at] == b'\n') {
            let line = &said.bytes[start..end];
            let at = said.moment_of(end);
            start = end + 1;
            let Ok(line) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            let Some(key) = line["key"].as_str() else {
                continue;
            };
            let decided = line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("decided"));
            let what = match line["state"].as_str() {
                Some(state) => state.to_owned(),
                None if decided => "decided".to_owned(),
                None => continue,
            };
            self.said.push(Said {
                key: key.to_owned(),
                what,
                at,
            });
        }
    }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let found = bytes
        .get(from..)?
        .windows(what.len())
        .position(|window| window == what);
    found.map(|at| from + at)
}
