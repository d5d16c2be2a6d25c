//! Every shipped mail as other programs see it: SpamAssassin's local rules find nothing, Python's email package
//! reads the parts, dkimpy verifies the signatures.
//!
//! `tests/run` installs what is needed and says so in `SHEETBRIDGE_PYTHON`; then nothing is skipped. Without it a
//! program that is missing is said, and its half passed over. `SHEETBRIDGE_MAILS=DIR` keeps the mails there.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Address, Frozen, Message, MessageKey, Recipient, Wanted};
use sheetbridge::core::record::Record;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, Signer, SmtpSettings};
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::sandbox::smtp::{Options, SmtpSandbox};
use sheetbridge::store::keys::prefix;
use sheetbridge::store::{Group, ledger};
use support::Company;
use tokio_util::sync::CancellationToken;

const RSA: &str = include_str!("data/dkim/rsa.pkcs8.pem");
const ED25519: &str = include_str!("data/dkim/ed25519.pem");

/// What a marketer might write.
const CAMPAIGN_TEXT: &str = "Chào Anh An,\n\nDự án Sunrise Riverside vừa có bảng giá tháng 12: 40 căn hai phòng ngủ ở toà R3, \
bàn giao quý III năm 2027, thanh toán theo tiến độ 18 tháng.\n\nNhà mẫu mở cửa thứ Bảy và Chủ nhật, từ 8:30 đến 17:00, \
tại 12 Nguyễn Hữu Thọ, Quận 7. Anh có thể trả lời thư này để em giữ chỗ giờ xem.\n\nTrân trọng,\nLan Anh";

fn signers() -> [Signer; 2] {
    [
        Signer::new("queenland.example", "s1", RSA).unwrap(),
        Signer::new("queenland.example", "e1", ED25519).unwrap(),
    ]
}

/// Sends every mail that a customer can get, as the daemon would, and writes what arrived into a folder.
async fn written(folder: &Path) {
    for (code, language) in [("vi", Language::Vietnamese), ("en", Language::English)] {
        let smtp = SmtpSandbox::start("127.0.0.1:0".parse().unwrap(), Options::default())
            .await
            .unwrap();
        let more = format!(
            "[email]\nsmtp = \"smtp+plain://{}\"\nfrom = \"Queenland <marketing@queenland.example>\"\n\
             [consent]\ndeclared = [{{ sources = [\"Website\"], since = \"2026-01-01\", by = \"Marketing\", evidence = \"mẫu\" }}]\n\
             [web]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://crm.queenland.example\"\n",
            smtp.addr()
        );
        let mut company = Company::new(&more).await;
        company.poll().await;
        let store = company.roster.store();
        let records = store
            .scan::<Record>(prefix::RECORD)
            .map(|entry| entry.unwrap().1);
        let agreed = records.into_iter().find(|record| {
            let facts = company
                .roster
                .facts(record, &Value::Null, company.now)
                .unwrap();
            company.roster.consent(&facts).unwrap().given() == Some(true)
                && facts["email"].is_string()
                && facts["no_ads"] != true
        });
        let record = agreed.expect("somebody in the sample has agreed");
        let templates = Arc::new(Templates::load(None, language).unwrap());
        for (template, ad) in [
            ("welcome", false),
            ("thank-you", false),
            ("birthday", false),
            ("birthday", true),
            ("after-sale-1", false),
            ("after-sale-2", false),
            ("opt-out-confirmed", false),
            ("campaign", true),
        ] {
            let message = message(&company, &record, template, ad);
            let mut group = Group::default();
            ledger::queue(store, &mut group, &message).unwrap();
            store.commit(vec![group]).unwrap();
        }
        let address = smtp.addr();
        let mut settings =
            SmtpSettings::new(address.ip().to_string(), address.port(), Security::Plain);
        settings.dkim = Arc::new(signers());
        let outbox = Outbox::new(
            company.roster.clone(),
            templates,
            Some(Arc::new(EmailCourier::new(settings))),
            None,
            Health::new(company.now, "0.1.0", false),
        );
        let stop = CancellationToken::new();
        let mut sent = 0;
        loop {
            let ended = outbox
                .pass(Channel::Email, company.now, &stop)
                .await
                .unwrap();
            if ended.is_empty() {
                break;
            }
            for end in ended {
                assert_eq!(
                    end.message.state,
                    State::Delivered,
                    "{}: {}",
                    end.message.key,
                    end.message.why
                );
                sent += 1;
            }
        }
        assert_eq!(sent, 8);
        for mail in smtp.messages() {
            let rule = mail.header("Feedback-ID").unwrap();
            let mut parts = rule.split(':');
            let name = format!(
                "{code}-{}-{}.eml",
                parts.next().unwrap(),
                parts.next().unwrap()
            );
            std::fs::write(folder.join(name), &mail.raw[..]).unwrap();
        }
    }
    let records: serde_json::Map<String, Value> = signers()
        .iter()
        .map(|signer| (signer.record_name(), signer.record_value().into()))
        .collect();
    std::fs::write(folder.join("dns.json"), Value::Object(records).to_string()).unwrap();
}

fn message(company: &Company, record: &Record, template: &str, ad: bool) -> Message {
    let event = json!({
        "campaign": {
            "subject": "Bảng giá tháng 12 của Sunrise Riverside", "text": CAMPAIGN_TEXT,
            "html": CAMPAIGN_TEXT.split("\n\n").map(|block| format!("<p>{}</p>\n", block.replace('\n', "<br>"))).collect::<String>(),
        },
        "refusal": {"at": "2026-11-21T09:00:00", "url": format!("https://crm.queenland.example/u/{}", "x7Qd".repeat(21))},
    });
    let mut values = company.roster.facts(record, &event, company.now).unwrap();
    values["company"] = json!({
        "name": "Công ty CP Queenland", "address": "12 Nguyễn Huệ, Quận 1, TP. Hồ Chí Minh",
        "phone": "028 3822 9999", "email": "lienhe@queenland.example", "website": "https://queenland.example",
    });
    let to = values["email"].as_str().unwrap().to_owned();
    Message {
        key: MessageKey::new(template, 1, Some(&record.id), "customer", &format!("{ad}")),
        rule: template.to_owned(),
        step: 1,
        record: Some(record.id.clone()),
        to: Recipient::Customer,
        channel: Channel::Email,
        otherwise: Vec::new(),
        template: template.to_owned(),
        event: Value::Null,
        ad,
        urgent: false,
        held_until: None,
        wanted: Wanted::Always,
        created: company.now,
        due: company.now,
        expires: company
            .now
            .saturating_add(jiff::SignedDuration::from_hours(24))
            .unwrap(),
        state: State::Queued,
        why: String::new(),
        frozen: Some(Frozen {
            address: Address::Email(to),
            display_name: "Nguyễn Văn An".into(),
            template: String::new(),
            values,
        }),
        attempts: Vec::new(),
        hands: Vec::new(),
        trial: false,
    }
}

/// The mails' folder, kept until the end of the test.
async fn mails() -> (PathBuf, Option<tempfile::TempDir>) {
    let kept = std::env::var_os("SHEETBRIDGE_MAILS").map(PathBuf::from);
    let (folder, guard) = match kept {
        Some(folder) => {
            std::fs::create_dir_all(&folder).unwrap();
            (folder, None)
        }
        None => {
            let guard = tempfile::tempdir().unwrap();
            (guard.path().to_owned(), Some(guard))
        }
    };
    written(&folder).await;
    (folder, guard)
}

/// Whether everything must be there, because `tests/run` has installed it.
fn complete() -> bool {
    std::env::var_os("SHEETBRIDGE_PYTHON").is_some()
}

fn is_there(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn spam_assassin_finds_nothing() {
    if !is_there(Command::new("spamassassin").arg("--version")) {
        assert!(!complete(), "apt-get install -y spamassassin");
        eprintln!("skipped: there is no spamassassin; tests/run installs it");
        return;
    }
    let (folder, _guard) = mails().await;
    let home = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "eml") {
            continue;
        }
        looked_at += 1;
        let said = Command::new("spamassassin")
            .args(["-L", "-t"])
            .env("HOME", home.path())
            .stdin(std::fs::File::open(&path).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        // The table of rules at the end of its report: points, name, what it means.
        let hits = said
            .lines()
            .skip_while(|line| !line.starts_with("---- "))
            .skip(1);
        let bad: Vec<&str> = hits
            .filter(|line| {
                let points = line
                    .split_whitespace()
                    .next()
                    .and_then(|points| points.parse::<f64>().ok());
                points.is_some_and(|points| points > 0.0)
            })
            .collect();
        assert!(
            said.contains("---- "),
            "{} was not scored:\n{said}",
            path.display()
        );
        if !bad.is_empty() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            wrong.push(format!("{name}\n  {}", bad.join("\n  ")));
        }
    }
    wrong.sort();
    assert_eq!(looked_at, 16);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_them_and_dkimpy_verifies_them() {
    let python = std::env::var_os("SHEETBRIDGE_PYTHON").unwrap_or_else(|| "python3".into());
    if !is_there(Command::new(&python).args(["-c", "import dkim, nacl"])) {
        assert!(
            !complete(),
            "the Python environment of tests/run has no dkimpy and PyNaCl"
        );
        eprintln!("skipped: Python has no dkimpy and PyNaCl; tests/run installs them");
        return;
    }
    let (folder, _guard) = mails().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check_mail.py");
    let said = Command::new(&python)
        .arg(script)
        .arg(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(
        said.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert_eq!(text.trim(), "16 mails are well");
}
