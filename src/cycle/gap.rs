//! The first look after a restore takes the sheet as it is (`store::gap`); the managers are told how much it was.

use jiff::Timestamp;
use serde_json::json;

use super::accept::Poll;
use crate::config::Language;
use crate::core::decide::notice;
use crate::core::facts::local_text;
use crate::core::facts::message::TroubleFacts;
use crate::store::gap::{self, Gap};
use crate::store::journal::{Entry, What};
use crate::store::{StoreError, ledger};

/// Notes that it was looked at, and tells the managers, together with what the poll writes.
pub(super) fn close(poll: &mut Poll<'_>, gap: Gap) -> Result<(), StoreError> {
    let count = |kind: &str| {
        let changes = poll.report.changes.iter();
        changes.filter(|change| change.kind == kind).count()
    };
    let counts = [
        count("added") + count("returned"),
        count("changed"),
        count("removed"),
    ];
    gap::rebased(&mut poll.last, poll.workbook, gap, poll.now);
    let text = format!(
        "first look after a restore: {} added, {} changed, {} removed since the backup, taken over without events",
        counts[0], counts[1], counts[2]
    );
    let entry = Entry {
        at: poll.now,
        record: None,
        what: What::Held,
        text,
        stages: None,
        moved: None,
    };
    poll.roster.store().note(&mut poll.last, &entry);
    if counts == [0, 0, 0] {
        return Ok(());
    }
    let zone = poll.roster.config().calendar.zone.clone();
    let local = |at: Timestamp| local_text(at.to_zoned(zone.clone()).datetime());
    let title = poll.roster.workbook(poll.workbook)?.title;
    let facts = TroubleFacts {
        service: "restored".to_owned(),
        over: false,
        detail: Some(detail(poll.roster.config().language, &title, counts)),
        mend: Some(mend(poll.roster.config().language).to_owned()),
        since: Some(local(gap.from)),
        waiting: 0,
    };
    let told = notice::to_managers(
        &poll.roster.directory()?,
        "trouble",
        "trouble",
        &format!("restored {} {}", gap.to, poll.workbook),
        &json!({ "trouble": facts }),
        poll.now,
    );
    for message in told {
        ledger::queue(poll.roster.store(), &mut poll.last, &message)?;
    }
    Ok(())
}

fn detail(language: Language, title: &str, [added, changed, removed]: [usize; 3]) -> String {
    match language {
        Language::Vi => format!(
            "Bảng “{title}”: từ lúc sao lưu đến nay có {added} khách mới, {changed} khách được sửa, {removed} khách bị xoá. Hệ thống không biết tin nào đã gửi trong thời gian đó nên không gửi lại gì cho các khách này."
        ),
        Language::En => format!(
            "“{title}”: since the backup was made {added} customers came, {changed} were changed and {removed} went. Nobody knows what was sent to them meanwhile, so nothing is sent again."
        ),
    }
}

fn mend(language: Language) -> &'static str {
    match language {
        Language::Vi => {
            "xem lại các khách mới và khách vừa đổi giai đoạn, gọi những người chưa ai liên hệ."
        }
        Language::En => {
            "look at the new customers and at those whose stage changed, and call whom nobody has called yet."
        }
    }
}
