//! Any body in place of Google's answer: read as a stream of rows, and as a whole poll over what was there before.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sheetbridge::core::sheet::Cell;
use sheetbridge::cycle::{Cycle, Mode};
use sheetbridge::google::{Google, GoogleError, RowSink, cells_of};
use sheetbridge_fuzz::{Says, at_once, desk, now};

#[derive(Default)]
struct Rows(Vec<Vec<Cell>>);

impl RowSink for Rows {
    fn row(&mut self, _range: usize, _row: usize, json: &[u8]) -> Result<(), GoogleError> {
        let mut cells = Vec::new();
        cells_of(json, &mut cells)?;
        self.0.push(cells);
        Ok(())
    }
}

thread_local! {
    static RUNTIME: RefCell<tokio::runtime::Runtime> = RefCell::new(
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime"),
    );
}

fuzz_target!(|bytes: &[u8]| {
    let google = Arc::new(Google::told(Arc::new(Says(bytes.to_vec()))));
    let read = at_once(google.values("1Fuzz", &["A".to_owned()], Rows::default()));
    if read.is_err() {
        return; // no partial read is ever a snapshot
    }
    // A whole poll, over a company that was read before.
    let roster = desk().roster;
    let mut cycle = Cycle::new(roster, google);
    RUNTIME.with_borrow(|runtime| {
        let polled = runtime.spawn(async move {
            let mut polls = Vec::new();
            for _ in 0..3 {
                polls.push(cycle.poll("1Fuzz", now(), Mode::Real).await);
            }
            polls
        });
        let polls = runtime.block_on(polled).expect("no panic");
        // What implies a loss, a tab's column, a row, is believed when a second read says so too.
        if let [Ok(_), Ok(second), Ok(third)] = polls.as_slice()
            && [second, third]
                .iter()
                .all(|report| report.tabs.iter().all(|tab| tab.held.is_none()))
        {
            let news = &third.changes;
            assert!(news.is_empty(), "the same again is a change: {news:?}");
        }
    });
});
