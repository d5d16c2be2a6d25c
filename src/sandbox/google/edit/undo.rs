//! Taking an edit back without touching what others wrote meanwhile in other tabs.

use super::super::workbook::Workbook;

/// How many edits can be taken back.
const UNDO_MAX: usize = 100;

/// What taking an edit back needs: the workbook before it, and which tabs it touched.
#[derive(Debug)]
pub(in super::super) struct Undo {
    before: Workbook,
    touched: Vec<i64>,
}

impl Undo {
    pub(in super::super) fn between(before: &Workbook, after: &Workbook) -> Undo {
        let ids = |workbook: &Workbook| -> Vec<i64> {
            workbook.tabs.iter().map(|tab| tab.sheet_id).collect()
        };
        let mut touched: Vec<i64> = after
            .tabs
            .iter()
            .filter(|tab| tab.version == after.version)
            .map(|tab| tab.sheet_id)
            .collect();
        let (old, new) = (ids(before), ids(after));
        touched.extend(old.iter().filter(|id| !new.contains(id)));
        Undo {
            before: before.clone(),
            touched,
        }
    }

    /// Puts back what the edit touched, and nothing else.
    pub(in super::super) fn restore(self, workbook: &mut Workbook) {
        let Undo { before, touched } = self;
        for id in touched {
            let now = workbook.tabs.iter().position(|tab| tab.sheet_id == id);
            let then = before.tabs.iter().position(|tab| tab.sheet_id == id);
            match (now, then) {
                (Some(now), Some(then)) => workbook.tabs[now] = before.tabs[then].clone(),
                (Some(now), None) => {
                    workbook.tabs.remove(now);
                }
                (None, Some(then)) => {
                    let at = then.min(workbook.tabs.len());
                    workbook.tabs.insert(at, before.tabs[then].clone());
                }
                (None, None) => {}
            }
        }
        workbook.title = before.title;
        workbook.locale = before.locale;
        workbook.time_zone = before.time_zone;
        workbook.share = before.share;
    }
}

/// Keeps the last edits for taking back.
pub(in super::super) fn remember(undo: &mut Vec<Undo>, last: Undo) {
    if undo.len() == UNDO_MAX {
        undo.remove(0);
    }
    undo.push(last);
}
