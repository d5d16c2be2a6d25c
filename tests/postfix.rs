//! The mail courier against a real Postfix with STARTTLS and a log-in (`tests/postfix/start.sh`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mail_parser::{MessageParser, MimeHeaders};
use sheetbridge::core::delivery::{Refusal, Verdict};
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::{Attachment, Courier, Mail, Parcel, ProbeKind};

/// A private Postfix that ends with the test.
struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
}

impl Postfix {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postfix/start.sh");
        let started = Command::new(script)
            .arg(folder.path())
            .output()
            .expect("the script is there and may be run");
        let port = String::from_utf8_lossy(&started.stdout).trim().parse();
        let log = std::fs::read_to_string(folder.path().join("start.log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(
            started.status.success(),
            "Postfix did not start.\n{said}{log}"
        );
        Self {
            folder,
            port: port.expect("the script prints the port"),
        }
    }

    fn settings(&self, password: &str) -> SmtpSettings {
        let mut settings = SmtpSettings::new("localhost", self.port, Security::StartTls);
        settings.username = Some("an".into());
        settings.password = Some(password.to_owned().into());
        settings.extra_roots_pem =
            Some(std::fs::read(self.folder.path().join("ca.pem")).expect("made by the script"));
        settings
    }

    /// The mails in the mailbox of khach@example.org, once there are so many and nothing waits in the queue.
    fn mailbox(&self, count: usize) -> Vec<PathBuf> {
        let new = self.folder.path().join("mail/khach/new");
        let queue = self.folder.path().join("queue");
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let mails = files(&new);
            let waiting = files(&queue.join("incoming")).len() + files(&queue.join("active")).len();
            if (mails.len() >= count && waiting == 0) || Instant::now() > until {
                return mails;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Its own master process only: the one whose pid stands in this folder's queue.
        let stopped = Command::new("/usr/sbin/postfix")
            .arg("-c")
            .arg(self.folder.path().join("etc"))
            .arg("stop")
            .output();
        // A panic while another one unwinds would hide the first.
        assert!(
            stopped.is_ok() || std::thread::panicking(),
            "Postfix was not stopped: {stopped:?}"
        );
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_file())
        .collect()
}

fn mail(number: usize, to: &str) -> Mail {
    Mail {
        to: to.into(),
        to_name: "Nguyễn Thị Thu".into(),
        from_name: "Công ty CP Queenland".into(),
        from: "marketing@queenland.example".into(),
        reply_to: Some(("Lan Anh".into(), "lan.anh@queenland.example".into())),
        subject: "Chào chị Thu, cảm ơn chị đã đặt cọc căn hộ Sunrise Riverside ở Quận 7".into(),
        text: "Chào chị Thu,\n\nGiá từ 3,5 tỷ ₫.\n.\n.. hết\n".into(),
        html: "<p>Chào <b>chị Thu</b>,</p><p>Giá từ 3,5&nbsp;tỷ ₫.</p>".into(),
        message_id: format!("key-{number}@queenland.example"),
        date: "2026-11-21T02:00:00Z".parse().expect("a time"),
        headers: vec![(
            "List-Unsubscribe".into(),
            format!("<https://crm.queenland.example/u/{}>", "x".repeat(120)),
        )],
        inline: Vec::new(),
        attachments: Vec::new(),
    }
}

/// One test, because one Postfix is enough and takes two seconds to come up.
#[tokio::test]
async fn postfix_takes_our_mails_once_and_as_they_were_meant() {
    let postfix = Postfix::start();

    // A wrong password, and a certificate nobody vouches for.
    let error = EmailCourier::new(postfix.settings("sai"))
        .probe()
        .await
        .expect_err("a wrong password");
    assert_eq!(error.kind, ProbeKind::Refused, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("refused the log-in of an: 535 5.7.8"),
        "{text}"
    );
    assert!(text.contains("app password"), "{text}");
    let mut strangers = postfix.settings("mat-khau-dung");
    strangers.extra_roots_pem = None;
    let error = EmailCourier::new(strangers)
        .probe()
        .await
        .expect_err("an unknown authority");
    assert!(error.to_string().contains("is not trusted"), "{error}");

    let courier = EmailCourier::new(postfix.settings("mat-khau-dung"));
    let found = courier.probe().await.expect("all is in order");
    assert_eq!(
        found,
        format!("localhost:{}, STARTTLS, logged in as an", postfix.port)
    );

    // An unknown mailbox between two good ones, on one session.
    let first = courier
        .deliver(&Parcel::Mail(mail(1, "khach@example.org")))
        .await;
    let Verdict::Delivered { receipt } = &first else {
        panic!("{first:?}");
    };
    assert!(receipt.contains("queued as"), "{receipt}");
    let unknown = courier
        .deliver(&Parcel::Mail(mail(2, "ai-do@example.org")))
        .await;
    let Verdict::Rejected {
        why,
        about: Refusal::Address,
    } = &unknown
    else {
        panic!("{unknown:?}");
    };
    assert!(why.starts_with("550 5.1.1 <a…@example.org>"), "{why}");
    let mut with_file = mail(3, "khach@example.org");
    with_file.attachments.push(Attachment {
        name: "Bảng giá.pdf".into(),
        media_type: "application/pdf".into(),
        content: (0..=255).collect(),
    });
    let third = courier.deliver(&Parcel::Mail(with_file)).await;
    assert!(matches!(third, Verdict::Delivered { .. }), "{third:?}");
    courier.close().await;

    let mails = postfix.mailbox(2);
    assert_eq!(mails.len(), 2, "each once, and nothing of the refused one");
    let mut with_files = 0;
    for path in mails {
        let raw = std::fs::read(path).expect("a mail");
        let read = MessageParser::default().parse(&raw).expect("RFC 5322");
        assert_eq!(
            read.subject(),
            Some("Chào chị Thu, cảm ơn chị đã đặt cọc căn hộ Sunrise Riverside ở Quận 7")
        );
        let to = read.to().and_then(|to| to.first()).expect("one recipient");
        assert_eq!(to.name(), Some("Nguyễn Thị Thu"));
        assert_eq!(to.address(), Some("khach@example.org"));
        assert!(read.message_id().is_some_and(|id| id.starts_with("key-")));
        assert_eq!(
            read.body_text(0).map(|text| text.replace("\r\n", "\n")),
            Some("Chào chị Thu,\n\nGiá từ 3,5 tỷ ₫.\n.\n.. hết\n".into())
        );
        assert!(
            read.body_html(0)
                .is_some_and(|html| html.contains("<b>chị Thu</b>"))
        );
        let text = String::from_utf8_lossy(&raw);
        let long = format!(
            "List-Unsubscribe: <https://crm.queenland.example/u/{}>\n",
            "x".repeat(120)
        );
        assert!(text.contains(&long), "{text}");
        assert!(!text.contains("DKIM-Signature"));
        for file in read.attachments() {
            assert_eq!(file.attachment_name(), Some("Bảng giá.pdf"));
            assert_eq!(file.contents(), (0..=255).collect::<Vec<u8>>());
            with_files += 1;
        }
    }
    assert_eq!(with_files, 1);
}
