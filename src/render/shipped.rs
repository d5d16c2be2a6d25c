//! The templates that come with the program, compiled in.

use super::Language;

/// Every shipped file with its two texts, `(name, Vietnamese, English)`.
macro_rules! shipped {
    ($($file:literal),* $(,)?) => {
        const FILES: &[(&str, &str, &str)] = &[$((
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/vi/", $file)),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/en/", $file)),
        )),*];
    };
}

shipped![
    "after-sale-1/body.html",
    "after-sale-1/body.txt",
    "after-sale-1/subject.txt",
    "after-sale-2/body.html",
    "after-sale-2/body.txt",
    "after-sale-2/subject.txt",
    "appointment.buttons.txt",
    "appointment.telegram.html",
    "birthday/body.html",
    "birthday/body.txt",
    "birthday/subject.txt",
    "campaign-ask.buttons.txt",
    "campaign-ask.telegram.html",
    "campaign-faulty.telegram.html",
    "campaign-over.telegram.html",
    "campaign-paused.buttons.txt",
    "campaign-paused.telegram.html",
    "campaign-progress.buttons.txt",
    "campaign-progress.telegram.html",
    "campaign-returned.telegram.html",
    "campaign-table.telegram.html",
    "campaign-why.buttons.txt",
    "campaign-why.telegram.html",
    "claim-decided.telegram.html",
    "claim.buttons.txt",
    "claim.telegram.html",
    "deposited-group.telegram.html",
    "deposited.buttons.txt",
    "deposited.telegram.html",
    "digest-daily.chart.txt",
    "digest-daily.telegram.html",
    "digest-group.telegram.html",
    "digest-weekly.chart.txt",
    "digest-weekly.telegram.html",
    "flood.telegram.html",
    "handover.telegram.html",
    "held-batch.buttons.txt",
    "held-batch.telegram.html",
    "held-over.telegram.html",
    "hold-notice.buttons.txt",
    "hold-notice.telegram.html",
    "idle-escalated.buttons.txt",
    "idle-escalated.telegram.html",
    "idle.buttons.txt",
    "idle.telegram.html",
    "in-doubt.buttons.txt",
    "in-doubt.telegram.html",
    "in-doubt/body.txt",
    "in-doubt/subject.txt",
    "layout/campaign.html",
    "layout/campaign.txt",
    "layout/earlier.html",
    "layout/figures.chart.txt",
    "layout/footer.txt",
    "layout/lead.buttons.txt",
    "layout/lead.html",
    "layout/mail.html",
    "layout/notice.html",
    "layout/outcome.buttons.txt",
    "layout/place.html",
    "layout/zalo.txt",
    "lead-alert.buttons.txt",
    "lead-alert.telegram.html",
    "lead-waiting.buttons.txt",
    "lead-waiting.telegram.html",
    "morning.buttons.txt",
    "morning.telegram.html",
    "opt-out-confirmed/body.html",
    "opt-out-confirmed/body.txt",
    "opt-out-confirmed/subject.txt",
    "owner-changed.buttons.txt",
    "owner-changed.telegram.html",
    "owner-given.buttons.txt",
    "owner-given.telegram.html",
    "owner-proposed.buttons.txt",
    "owner-proposed.telegram.html",
    "problems.telegram.html",
    "promise.buttons.txt",
    "promise.telegram.html",
    "report.chart.txt",
    "rest.telegram.html",
    "staff-proposed.buttons.txt",
    "staff-proposed.telegram.html",
    "telegram-down/body.txt",
    "telegram-down/subject.txt",
    "thank-you/body.html",
    "thank-you/body.txt",
    "thank-you/subject.txt",
    "trial-over.buttons.txt",
    "trial-over.telegram.html",
    "trouble.telegram.html",
    "welcome/body.html",
    "welcome/body.txt",
    "welcome/subject.txt",
];

/// Name and source of every shipped file in one language.
pub(super) fn files(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(move |(file, vi, en)| match language {
        Language::Vietnamese => (*file, *vi),
        Language::English => (*file, *en),
    })
}

/// Whether a file of this name comes with the program.
pub(super) fn is_shipped(name: &str) -> bool {
    FILES.iter().any(|(file, _, _)| *file == name)
}
