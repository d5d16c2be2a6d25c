//! Tabs of campaigns: what staff write there is looked at on every poll, apart from the customers.
//!
//! No guard and no held batch stand before it: a wish to stop must be heard. Reading a settled row as a
//! campaign, asking for approval and sending are for others; here its state in the tab is kept, and what
//! became of it is told.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Mode;
use super::fetch::TabRead;
use super::report::CampaignEvent;
use crate::config::{Tab, TabKind};
use crate::core::campaign::tab::{Row, Sheet, watch};
use crate::core::campaign::{Place, Problem, Said};
use crate::core::sheet::column_letter;
use crate::roster::Roster;
use crate::store::{Group, StoreError};

/// Whether a tab is one of campaigns.
pub(super) fn is_campaigns(tab: &Tab) -> bool {
    matches!(tab.kind, TabKind::Campaigns { .. })
}

/// Takes the tabs of campaigns of one read: keeps their state, and says what became of the campaigns.
pub(super) fn take(
    roster: &Roster,
    workbook: &str,
    reads: &[TabRead],
    now: Timestamp,
    mode: Mode,
) -> Result<Vec<CampaignEvent>, StoreError> {
    let mut group = Group::default();
    let mut told = Vec::new();
    let mut anything = false;
    for read in reads {
        let sheet = read.plan.sheet;
        let title = &read.plan.title;
        let before = roster.campaign_tab(workbook, sheet)?;
        let mut state = before.clone().map(|tab| tab.state).unwrap_or_default();
        match shown(workbook, read) {
            Ok(shown) => {
                let settle = roster.config().settle.after.duration();
                // A disk that cannot be read must not pass for a campaign that goes on.
                let failed = RefCell::new(None);
                let over = |id: &_| match roster.campaign_is_over(id) {
                    Ok(over) => over,
                    Err(error) => {
                        failed.replace(Some(error));
                        false
                    }
                };
                let (events, _) = watch(&mut state, &shown, now, settle, over);
                if let Some(error) = failed.into_inner() {
                    return Err(error);
                }
                told.extend(events.into_iter().map(|event| CampaignEvent {
                    workbook: workbook.to_owned(),
                    sheet,
                    event,
                }));
            }
            Err(problem) => state.problems = vec![problem],
        }
        anything |=
            roster.keep_campaign_tab(&mut group, workbook, sheet, title, state, before.as_ref());
    }
    if anything && mode == Mode::Real {
        roster.store().commit(vec![group])?;
    }
    Ok(told)
}

/// The tab as it stands.
///
/// # Errors
/// It has no header that could be read: nothing is concluded from it then.
fn shown(workbook: &str, read: &TabRead) -> Result<Sheet, Problem> {
    let title = &read.plan.title;
    let header = read.header.as_ref().map_err(|why| Problem {
        place: Place::Cell {
            tab: title.clone(),
            cell: "1".to_owned(),
            header: String::new(),
        },
        what: Said::new(
            format!("không tìm thấy dòng tiêu đề cột ({why})"),
            format!("the header cannot be read: {why}"),
        ),
        mend: Said::new(
            "Hãy ghi lại các tiêu đề như Tên chiến dịch, Trạng thái, Giai đoạn, Tiêu đề, Nội dung; mỗi tiêu đề một cột",
            "Write headers such as Campaign name, State, Stage, Subject, Text, each over one column",
        ),
    })?;
    let columns: BTreeMap<String, (String, String)> = header
        .bound
        .iter()
        .map(|(id, binding)| {
            (
                id.clone(),
                (column_letter(binding.column), binding.header.clone()),
            )
        })
        .collect();
    let rows = read.campaigns.iter().map(|(row, cells)| Row {
        row: *row,
        cells: cells
            .iter()
            .filter(|(_, cell)| !cell.is_blank())
            .map(|(id, cell)| (id.to_string(), cell.clone()))
            .collect(),
    });
    Ok(Sheet {
        workbook: workbook.to_owned(),
        sheet: read.plan.sheet,
        title: title.clone(),
        columns,
        rows: rows.filter(|row| !row.cells.is_empty()).collect(),
    })
}
