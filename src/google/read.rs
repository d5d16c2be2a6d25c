//! Bulk values as a stream: chunks of the body go through a bounded channel to a blocking reader
//! that hands over one row at a time and never holds the sheet.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::sync::mpsc;

use super::GoogleError;
use crate::core::sheet::Cell;

/// More than ten million cells of 50 000 characters could never be; this is what one read may bring.
const MOST_BYTES: u64 = 2 << 30;

/// Takes the rows of a read, in order.
pub trait RowSink: Send + 'static {
    /// One row of the `range`-th range asked for. `row` counts from 0 and includes blank rows;
    /// `cells` may be cut off after the last filled cell and is used again for the next row.
    fn row(&mut self, range: usize, row: usize, cells: &[Cell]);
}

/// Reads the body of a `values:batchGet` into the sink.
pub(super) async fn stream<S: RowSink>(
    response: reqwest::Response,
    mut sink: S,
) -> Result<S, GoogleError> {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, String>>(8);
    let reader = tokio::task::spawn_blocking(move || {
        let body = io::BufReader::with_capacity(64 << 10, ChunkReader::new(receiver));
        let mut parser = serde_json::Deserializer::from_reader(body);
        let read = BatchSeed { sink: &mut sink }
            .deserialize(&mut parser)
            .and_then(|()| parser.end());
        read.map(|()| sink).map_err(|error| garbled(&error))
    });
    let mut body = response.bytes_stream();
    let mut total = 0_u64;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| root_cause(&error));
        let failed = chunk.is_err();
        total += chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let chunk = if total > MOST_BYTES {
            Err(format!("more than {MOST_BYTES} bytes"))
        } else {
            chunk
        };
        if sender.send(chunk).await.is_err() || failed {
            break;
        }
    }
    drop(sender);
    reader.await.unwrap_or_else(|error| {
        Err(GoogleError::Garbled {
            why: format!("the reader stopped: {error}"),
        })
    })
}

/// Says what is wrong with the JSON without quoting any of it: it is customer data.
fn garbled(error: &serde_json::Error) -> GoogleError {
    let why = match error.classify() {
        serde_json::error::Category::Io => error.to_string(),
        serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
        serde_json::error::Category::Syntax => {
            format!("no JSON at line {} column {}", error.line(), error.column())
        }
        serde_json::error::Category::Data => format!(
            "not the shape of a values.batchGet, at line {} column {}",
            error.line(),
            error.column()
        ),
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

/// The chunks of a body as one `Read`.
struct ChunkReader {
    chunks: mpsc::Receiver<Result<Bytes, String>>,
    current: Bytes,
}

impl ChunkReader {
    fn new(chunks: mpsc::Receiver<Result<Bytes, String>>) -> Self {
        Self {
            chunks,
            current: Bytes::new(),
        }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(why)) => return Err(io::Error::other(why)),
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(into.len());
        self.current.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

/// `{"spreadsheetId": …, "valueRanges": [ … ]}`
struct BatchSeed<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for BatchSeed<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: RowSink> Visitor<'de> for BatchSeed<'_, S> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer of values.batchGet")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == "valueRanges" {
                map.next_value_seed(RangesSeed {
                    sink: &mut *self.sink,
                })?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found {
            Ok(())
        } else {
            Err(serde::de::Error::missing_field("valueRanges"))
        }
    }
}

/// `[{"range": …, "values": [ … ]}, …]`
struct RangesSeed<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for RangesSeed<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: RowSink> Visitor<'de> for RangesSeed<'_, S> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of ranges")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut ranges: A) -> Result<(), A::Error> {
        let mut range = 0;
        while ranges
            .next_element_seed(RangeSeed {
                sink: &mut *self.sink,
                range,
            })?
            .is_some()
        {
            range += 1;
        }
        Ok(())
    }
}

/// `{"range": …, "majorDimension": "ROWS", "values": [ … ]}`; `values` is absent from an empty range.
struct RangeSeed<'s, S> {
    sink: &'s mut S,
    range: usize,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for RangeSeed<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: RowSink> Visitor<'de> for RangeSeed<'_, S> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a range of values")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == "values" {
                map.next_value_seed(RowsSeed {
                    sink: &mut *self.sink,
                    range: self.range,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// `[[cell, …], …]`
struct RowsSeed<'s, S> {
    sink: &'s mut S,
    range: usize,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for RowsSeed<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: RowSink> Visitor<'de> for RowsSeed<'_, S> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows of cells")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let mut buffer = Vec::new();
        let mut row = 0;
        while rows.next_element_seed(RowSeed(&mut buffer))?.is_some() {
            self.sink.row(self.range, row, &buffer);
            row += 1;
        }
        Ok(())
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
        while let Some(cell) = cells.next_element_seed(CellSeed)? {
            self.0.push(cell);
        }
        Ok(())
    }
}

/// Text, number, tick box or nothing. An empty text is an empty cell.
struct CellSeed;

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Cell;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[allow(clippy::cast_precision_loss)] // Google's own numbers are doubles
impl Visitor<'_> for CellSeed {
    type Value = Cell;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cell")
    }
    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Empty)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Number(value as f64))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(Cell::Number(value as f64))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Number(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(if value.is_empty() {
            Cell::Empty
        } else {
            Cell::Text(value.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Rows(Vec<(usize, usize, Vec<Cell>)>);

    impl RowSink for Rows {
        fn row(&mut self, range: usize, row: usize, cells: &[Cell]) {
            self.0.push((range, row, cells.to_vec()));
        }
    }

    fn parse(chunks: Vec<Result<&'static str, String>>) -> Result<Rows, GoogleError> {
        let (sender, receiver) = mpsc::channel(64);
        for chunk in chunks {
            sender.try_send(chunk.map(Bytes::from)).unwrap();
        }
        drop(sender);
        let mut rows = Rows::default();
        let mut parser = serde_json::Deserializer::from_reader(ChunkReader::new(receiver));
        BatchSeed { sink: &mut rows }
            .deserialize(&mut parser)
            .and_then(|()| parser.end())
            .map(|()| rows)
            .map_err(|error| garbled(&error))
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
