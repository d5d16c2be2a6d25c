//! The demo's configuration: short times, round-the-clock hours, and people who sit at the sandbox's telephones.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::mailing::TAB;
use super::visitor::{Layout, STANDARD_COLUMNS};
use crate::cli::failure::{Failure, Kind};
use crate::cli::sandbox::{BOT_TOKEN, SMTP_PASSWORD, SMTP_USER, Servers};
use crate::cli::scratch::private_file;
use crate::sandbox::google::{CellEdit, CellValue, Edit};
use crate::sandbox::telegram::Person;

/// The manager of the demo's company.
pub(super) const MANAGER: &str = "Hà Phạm";
/// Who writes the demo's campaigns.
pub(super) const MARKETER: &str = "Khánh Vy";
/// The company's zone.
const ZONE: &str = "Asia/Ho_Chi_Minh";

/// Somebody of the company, with a telephone in the sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    name: String,
    /// As `role` of `[[staff]]` has it.
    role: &'static str,
    chat: i64,
}

/// Gives everybody a telephone, on which they have pressed Start.
///
/// # Errors
/// The sandbox refuses a person: a bug.
pub(crate) fn people(servers: &Servers, layout: &Layout) -> Result<Vec<Seat>, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(
            Kind::Broken,
            format!("the sandbox refuses a person: {error}"),
        )
    };
    let office = [(MANAGER, "manager"), (MARKETER, "marketing")];
    let staff = layout.owners.iter().map(|name| (name.as_str(), "staff"));
    let mut seats = Vec::new();
    for (name, role) in office.into_iter().chain(staff) {
        let chat = servers
            .bot
            .create_person(Person::new(0, name))
            .map_err(|error| broken(&error))?;
        servers
            .bot
            .press_start(chat, None)
            .map_err(|error| broken(&error))?;
        seats.push(Seat {
            name: name.to_owned(),
            role,
            chat,
        });
    }
    Ok(seats)
}

/// Writes the configuration and its secrets into the demo's folder.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn write(
    servers: &Servers,
    layout: &Layout,
    people: &[Seat],
    dir: &Path,
) -> Result<PathBuf, Failure> {
    private_file(&dir.join("smtp-password"), SMTP_PASSWORD)?;
    private_file(&dir.join("telegram-token"), BOT_TOKEN)?;
    let file = dir.join("sheetbridge.toml");
    private_file(&file, &text(servers, layout, people))?;
    Ok(file)
}

/// A text as TOML has it; JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn text(servers: &Servers, layout: &Layout, people: &[Seat]) -> String {
    let mut toml = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        toml,
        r#"timezone = "{ZONE}"
language = "vi"
state_dir = "state"
[company]
name = "Công ty CP Queenland"
address = "12 Nguyễn Huệ, TP. Hồ Chí Minh"
phone = "028 3822 9999"
email = "lienhe@queenland.example"
[alerts]
email = "quantri@queenland.example"
[google]
credentials = {{ file = "google-key.json" }}
poll_every = "2s"
sheets_url = {url}
[[workbook]]
id = {id}
"#,
        url = quoted(&servers.google.base_url()),
        id = quoted(&servers.workbook),
    );
    for tab in &layout.customers {
        let _ = writeln!(toml, "[[workbook.tab]]\nname = {}", quoted(tab));
    }
    toml.push_str(&layout.other_tabs);
    if layout.has_campaigns() {
        let _ = writeln!(toml, "[campaigns]\ntab = {}", quoted(TAB));
    }
    toml.push_str("[columns]\n");
    for (field, headers) in STANDARD_COLUMNS {
        let headers: Vec<String> = headers.iter().map(|header| quoted(header)).collect();
        let _ = writeln!(toml, "{field} = [{}]", headers.join(", "));
    }
    toml.push_str(SETTLE_AND_STAGES);
    for seat in people {
        let mailbox = format!(
            "{}@queenland.example",
            crate::core::sheet::fold::fold(&seat.name).replace(' ', ".")
        );
        let _ = writeln!(
            toml,
            "[[staff]]\nname = {}\nrole = \"{}\"\ntelegram = {}",
            quoted(&seat.name),
            seat.role,
            seat.chat
        );
        if mailbox.is_ascii() {
            let _ = writeln!(toml, "email = {}", quoted(&mailbox));
        }
    }
    let _ = write!(
        toml,
        r#"[email]
smtp = "smtp+plain://127.0.0.1:{port}"
username = {user}
password = {{ file = "smtp-password" }}
from = "Queenland <marketing@queenland.example>"
reply_to = "owner"
preset = "none"
[telegram]
token = {{ file = "telegram-token" }}
api_url = {api}
"#,
        port = servers.smtp.addr().port(),
        user = quoted(SMTP_USER),
        api = quoted(&servers.bot.base_url()),
    );
    if let Some(port) = free_port() {
        let _ = write!(
            toml,
            "[web]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n"
        );
    }
    toml.push_str(HOURS_AND_RULES);
    toml
}

/// A port for the page on which customers refuse advertising; without one the mails name only mailbox and telephone.
fn free_port() -> Option<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

const SETTLE_AND_STAGES: &str = r#"[require]
any = ["phone", "email"]
all = ["name"]
[settle]
after = "3s"
removed = "10s"
incomplete = "30s"
[[stage]]
id = "prospect"
label = "Khách hàng tiềm năng"
aliases = ["tiềm năng", "KH tiềm năng", "mới"]
[[stage]]
id = "consulting"
label = "Đang tư vấn"
aliases = ["tư vấn", "đang tv"]
[[stage]]
id = "deposited"
label = "Đã đặt cọc"
aliases = ["đã cọc", "đặt cọc"]
[[stage]]
id = "completed"
label = "Hoàn tất giao dịch"
aliases = ["hoàn tất", "đã mua"]
won = true
[[stage]]
id = "lost"
label = "Không còn nhu cầu"
aliases = ["mất khách", "huỷ cọc", "hết nhu cầu"]
lost = true
"#;

const HOURS_AND_RULES: &str = r#"[hours]
work = "Mon-Sun 00:00-24:00"
ads = "00:00-24:00"
holidays = []
[[rule]]
id = "welcome"
on = "added"
when = "email and not no_ads"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", else = ["managers"], template = "lead-alert", urgent = true }
escalate = [{ after = "45s", to = "managers", template = "lead-waiting" }]
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = [
  { channel = "telegram", to = "managers", template = "deposited" },
  { channel = "email", to = "customer", template = "thank-you", hold = "20s" },
]
[[rule]]
id = "consulting-idle"
on = { idle = "consulting", after = "40s", every = "1m", times = 2 }
when = "not (appointment and appointment > now)"
send = { channel = "telegram", to = "owner", else = ["managers"], template = "idle" }
escalate = [{ after = "3m", to = "managers", template = "idle-escalated" }]
[[rule]]
id = "appointment"
on = { date = "appointment", before = "1h" }
send = { channel = "telegram", to = "owner", else = ["managers"], template = "appointment" }
[[rule]]
id = "birthday"
on = { date = "birthday", yearly = true, at = "08:30" }
when = "stage == 'completed'"
send = { channel = "email", to = "customer", template = "birthday", ad = false }
[[rule]]
id = "morning"
on = { schedule = "every 2m" }
send = { channel = "telegram", to = "managers", template = "digest-daily" }
[[rule]]
id = "weekly"
on = { schedule = "every 5m" }
send = { channel = "telegram", to = "managers", template = "digest-weekly" }
"#;

/// Gives one customer of the sample an appointment in an hour and half a minute, so that a reminder comes
/// without anybody typing anything.
pub(crate) fn appointment_soon(servers: &Servers, now: Timestamp) {
    let Some(workbook) = servers.google.workbook(&servers.workbook) else {
        return;
    };
    let Some(tab) = workbook.tab("Khách hàng") else {
        return;
    };
    let is = |cell: &CellValue, text: &str| matches!(cell, CellValue::Text(found) if found.trim() == text);
    let row = (0..tab.filled_rows()).find(|row| {
        let cells = tab.row(*row);
        cells.iter().any(|cell| is(&cell.value, "Lan Anh"))
            && cells.iter().any(|cell| is(&cell.value, "Đang tư vấn"))
    });
    let (Some(row), Some(serial)) = (row, serial_of(now, SignedDuration::from_secs(3_630))) else {
        return;
    };
    let value = json!({ "v": serial, "nf": "dd/mm/yyyy hh:mm" });
    let at = CellEdit {
        row: Some(row + 1),
        column: Some("Ngày hẹn".into()),
        value: Some(value),
        ..CellEdit::default()
    };
    // Without it the demo is one reminder poorer.
    if let Err(error) = servers.google.edit(
        &servers.workbook,
        &[Edit::Set {
            tab: "Khách hàng".into(),
            at,
        }],
    ) {
        tracing::debug!(?error, "the sample could not be given an appointment");
    }
}

/// A time as Sheets' serial number in the demo's zone: days since 30 December 1899.
fn serial_of(now: Timestamp, later: SignedDuration) -> Option<f64> {
    let local = now.checked_add(later).ok()?.in_tz(ZONE).ok()?.datetime();
    let epoch = jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0);
    let passed = local.duration_since(epoch);
    Some(passed.as_secs_f64() / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_becomes_sheets_serial_number() {
        // 21 November 2026, 09:00 in Vietnam is 46347.375, as the sample itself has it.
        let at: Timestamp = "2026-11-21T01:59:30Z".parse().unwrap();
        let serial = serial_of(at, SignedDuration::from_secs(30)).unwrap();
        assert!((serial - 46_347.375).abs() < 1e-9, "{serial}");
    }
}
