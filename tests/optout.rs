//! Advertising as it reaches a mailbox, and the way out of it: headers, signature, the page behind the link, one
//! click, the confirmation, and what is kept as proof. A real (loopback) mail server, the daemon's own pages, and a
//! clock that only the test moves.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use mail_parser::{HeaderValue, MessageParser, MimeHeaders as _};
use sheetbridge::commands::{Desk, Who};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::Message;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, Signer, SmtpSettings};
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::roster::{Consent, ConsentTally};
use sheetbridge::sandbox::google::{Cell, Role, Workbook};
use sheetbridge::sandbox::smtp::{Options, Received, SmtpSandbox};
use sheetbridge::store::keys::prefix;
use sheetbridge::store::proof::{self, Said};
use sheetbridge::telemetry::Metrics;
use sheetbridge::web::Web;
use support::{CUSTOMERS, Company};
use tokio_util::sync::CancellationToken;

const PUBLIC: &str = "https://crm.queenland.example";
const KEY: &str = include_str!("data/dkim/rsa.pkcs8.pem");

const RULES: &str = r#"
[[rule]]
id = "mo-ban"
on = "added"
send = { channel = "email", to = "customer", template = "mo-ban", ad = true }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = { channel = "email", to = "customer", template = "thank-you", hold = "0s" }
[[rule]]
id = "again"
on = { stage = "completed" }
send = { channel = "email", to = "customer", template = "mo-ban", ad = true, hold = "0s" }
"#;

const HEADER: [&str; 9] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Nguồn",
    "Ngày tiếp nhận",
    "Không nhận tin",
    "Đồng ý nhận tin",
];

struct Street {
    company: Company,
    smtp: SmtpSandbox,
    outbox: Outbox,
    web: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Street {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Street {
    /// `form`: there is a second tab, a form's own. `more` goes into [email].
    async fn open(public: &str, form: bool) -> Self {
        let smtp = SmtpSandbox::start("127.0.0.1:0".parse().unwrap(), Options::default())
            .await
            .unwrap();
        let mut workbook = Workbook::new("1Small", "Khách nhỏ");
        workbook.share.insert("*".into(), Role::Reader);
        let mut titles = vec![CUSTOMERS];
        if form {
            titles.push("Form đăng ký");
        }
        for title in titles {
            let tab = workbook.add_tab(title);
            for (column, text) in HEADER.iter().enumerate() {
                tab.set(0, column, Cell::text(*text));
            }
            let first = match title {
                CUSTOMERS => [
                    "Trần Bình",
                    "0912345678",
                    "binh@example.com",
                    "tiềm năng",
                    "Lan Anh",
                    "",
                    "",
                    "",
                    "",
                ],
                _ => [
                    "Lê Chi",
                    "0923456789",
                    "Chi@example.com",
                    "tiềm năng",
                    "",
                    "",
                    "",
                    "",
                    "",
                ],
            };
            for (column, text) in first
                .iter()
                .enumerate()
                .filter(|(_, text)| !text.is_empty())
            {
                tab.set(1, column, Cell::text(*text));
            }
        }
        let mut tabs = format!("[[workbook.tab]]\nname = \"{CUSTOMERS}\"\n");
        if form {
            tabs.push_str("[[workbook.tab]]\nname = \"Form đăng ký\"\nconsent = \"Tôi đồng ý nhận tin từ Queenland (mẫu 3)\"\n");
        }
        let public = match public {
            "" => String::new(),
            public => format!("public_url = \"{public}\"\n"),
        };
        let more = format!(
            "[email]\nsmtp = \"smtp+plain://{}\"\nfrom = \"Queenland <crm@queenland.example>\"\n\
             dkim = {{ selector = \"s1\", key = {{ file = \"dkim.pem\" }} }}\n\
             [web]\nlisten = \"127.0.0.1:1\"\n{public}{RULES}",
            smtp.addr(),
        );
        let template = support_folder();
        let mut company = Company::with(workbook, &tabs, &more, &[("dkim.pem", KEY)]).await;
        let own = company.dir.path().join("templates/mo-ban");
        std::fs::create_dir_all(&own).unwrap();
        for (file, text) in template {
            std::fs::write(own.join(file), text).unwrap();
        }
        let files = company.dir.path().join("attachments");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("phối cảnh.png"), b"\x89PNG phoi canh").unwrap();
        company.poll().await;
        let outbox = outbox(&company, &smtp);
        let (web, stop) = serve(&company).await;
        Self {
            company,
            smtp,
            outbox,
            web,
            stop,
        }
    }

    async fn send(&self) {
        let now = self.company.now;
        sheetbridge::alarms::ring(&self.company.roster, now).unwrap();
        let stop = CancellationToken::new();
        while !self
            .outbox
            .pass(Channel::Email, now, &stop)
            .await
            .unwrap()
            .is_empty()
        {}
    }

    async fn add(&mut self, cells: &[(&str, &str)]) -> usize {
        let row = self.company.add_customer(cells);
        self.company.poll_and_settle().await;
        self.send().await;
        row
    }

    fn mails(&self) -> Vec<Arc<Received>> {
        self.smtp.messages()
    }

    fn message(&self, rule: &str) -> Message {
        let all = self.company.roster.store().scan::<Message>(prefix::MESSAGE);
        let mut all = all.map(|entry| entry.unwrap().1);
        all.find(|message| message.rule == rule).unwrap()
    }

    fn desk(&self) -> Desk {
        Desk::new(self.company.roster.clone(), None)
    }

    /// Where the page of a mail's link is on this machine.
    fn page_of(&self, mail: &Received) -> String {
        let header = mail.header("List-Unsubscribe").unwrap();
        let token = header
            .split("/u/")
            .nth(1)
            .unwrap()
            .split('>')
            .next()
            .unwrap();
        format!("http://{}/u/{token}", self.web)
    }

    fn said(&self, address: &str) -> Vec<Said> {
        let proofs = proof::of(self.company.roster.store(), address).unwrap();
        proofs.iter().map(|proof| proof.said).collect()
    }
}

fn support_folder() -> [(&'static str, &'static str); 3] {
    [
        (
            "subject.txt",
            "Mở bán Sunrise Riverside, mời {{ greeting }} xem nhà mẫu\n",
        ),
        (
            "body.txt",
            "Kính chào {{ greeting }},\n\nSunrise Riverside mở bán 40 căn.\n\n{% include \"layout/footer.txt\" %}\n",
        ),
        (
            "body.html",
            "{% extends \"layout/mail.html\" %}\n{% block content %}<p>Kính chào {{ greeting }},</p><p><img src=\"cid:ph%E1%BB%91i%20c%E1%BA%A3nh.png\" alt=\"Phối cảnh\"></p>{% endblock %}\n",
        ),
    ]
}

fn outbox(company: &Company, smtp: &SmtpSandbox) -> Outbox {
    let address = smtp.addr();
    let mut settings = SmtpSettings::new(address.ip().to_string(), address.port(), Security::Plain);
    settings.dkim = Arc::new([Signer::new("queenland.example", "s1", KEY).unwrap()]);
    let folder = company.dir.path().join("templates");
    let templates = Templates::load(Some(&folder), Language::Vietnamese).unwrap();
    Outbox::new(
        company.roster.clone(),
        Arc::new(templates),
        Some(Arc::new(EmailCourier::new(settings))),
        None,
        Health::new(company.now, "0.1.0", false),
    )
}

async fn serve(company: &Company) -> (SocketAddr, CancellationToken) {
    let web = Web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = web.address();
    let stop = CancellationToken::new();
    let desk = Desk::new(company.roster.clone(), None);
    let health = Health::new(company.now, "0.1.0", false);
    tokio::spawn(web.serve(
        health,
        Metrics::new("0.1.0"),
        move || desk.clone(),
        stop.clone(),
    ));
    (address, stop)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn get(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn post(url: &str, body: &'static str) -> (u16, String) {
    let request = client().post(url).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// `SHEETBRIDGE_MAILS=DIR` keeps the pages there, to be looked at.
fn keep(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("SHEETBRIDGE_MAILS") {
        std::fs::create_dir_all(&folder).unwrap();
        let file = std::path::Path::new(&folder).join(format!("page-{name}.html"));
        std::fs::write(file, page).unwrap();
    }
}

const AN: [(&str, &str); 6] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an@example.com"),
    ("Giai đoạn", "tiềm năng"),
    ("NV phụ trách", "Lan Anh"),
    ("Đồng ý nhận tin", "Có"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_advertising_mail_has_all_that_law_and_providers_want() {
    let mut street = Street::open(PUBLIC, false).await;
    street.add(&AN).await;
    let mail = street.mails().pop().unwrap();
    let parsed = MessageParser::default().parse(&mail.raw[..]).unwrap();
    let subject = parsed.subject().unwrap();
    assert!(
        subject.starts_with("[QC] Mở bán Sunrise Riverside"),
        "{subject}"
    );
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Lan Anh - Queenland"));
    assert_eq!(from.address(), Some("crm@queenland.example"));
    let reply = parsed.reply_to().unwrap().first().unwrap();
    assert_eq!(reply.address(), Some("lan.anh@congty.example"));
    let header = |name: &str| mail.header(name).unwrap_or_else(|| panic!("no {name}"));
    let ways = header("List-Unsubscribe");
    assert!(
        ways.starts_with("<https://crm.queenland.example/u/"),
        "{ways}"
    );
    assert!(
        ways.contains(">, <mailto:crm@queenland.example?subject="),
        "{ways}"
    );
    assert_eq!(
        header("List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    assert_eq!(header("Precedence"), "bulk");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("List-Id"), "<ads.queenland.example>");
    assert!(header("Feedback-ID").starts_with("mo-ban:ad:sheetbridge:sb"));
    let message = street.message("mo-ban");
    let id = format!("<{}@queenland.example>", message.key.digest());
    assert_eq!(header("Message-ID"), id);
    // The signature covers the way out (RFC 8058 section 4).
    let signature = header("DKIM-Signature").replace([' ', '\t', '\r', '\n'], "");
    assert!(
        signature.contains("d=queenland.example;s=s1;"),
        "{signature}"
    );
    assert!(signature.contains(
        ":List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post:"
    ));
    // Both parts, each with who sends it and the way out at its end; the picture beside the HTML.
    let text = parsed.body_text(0).unwrap();
    let html = parsed.body_html(0).unwrap();
    let link = ways[1..].split('>').next().unwrap();
    for part in [&text, &html] {
        assert!(
            part.contains("Công ty CP Queenland") && part.contains(link),
            "{part}"
        );
        assert!(!part.contains("cid:ph"), "{part}");
    }
    let picture = parsed.attachments().next().unwrap();
    assert_eq!(picture.attachment_name(), Some("phối cảnh.png"));
    let id = picture.content_id().unwrap();
    assert!(html.contains(&format!("src=\"cid:{id}\"")), "{id} {html}");
    assert!(matches!(
        parsed.header("List-Id"),
        Some(HeaderValue::Address(_) | HeaderValue::Text(_))
    ));
    // A service mail is no list.
    street.company.type_into(3, "Giai đoạn", "đã cọc");
    street.company.poll_and_settle().await;
    street.send().await;
    let service = street.mails().pop().unwrap();
    assert!(
        service.view().subject.starts_with("Cảm ơn"),
        "{}",
        service.view().subject
    );
    for absent in ["List-Unsubscribe", "List-Id", "Precedence"] {
        assert_eq!(service.header(absent), None, "{absent}");
    }
    assert_eq!(
        service.header("Auto-Submitted").as_deref(),
        Some("auto-generated")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_and_only_the_button_refuses() {
    let mut street = Street::open(PUBLIC, false).await;
    let row = street.add(&AN).await;
    let page = street.page_of(&street.mails()[0]);
    let (status, asked) = get(&page).await;
    assert_eq!(status, 200);
    assert!(
        asked.contains("lang=\"vi\"") && asked.contains("Từ chối tất cả quảng cáo"),
        "{asked}"
    );
    assert!(asked.contains("a…@example.com") && !asked.contains("an@example.com"));
    assert!(!asked.contains("<script") && !asked.contains("http://") && !asked.contains("src="));
    keep("asked", &asked);
    let (_, english) = get(&format!("{page}?lang=en")).await;
    assert!(english.contains("Refuse all advertising"), "{english}");
    assert!(
        client()
            .head(&page)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let desk = street.desk();
    assert!(
        desk.suppressions(None, &Who::CommandLine)
            .unwrap()
            .is_empty(),
        "looking refuses nothing"
    );

    let (status, done) = post(&page, "do=stop").await;
    assert_eq!(status, 200);
    assert!(
        done.contains("Đã ngừng gửi quảng cáo") && done.contains("Nhận lại thư"),
        "{done}"
    );
    keep("done", &done);
    let listed = desk.suppressions(None, &Who::CommandLine).unwrap();
    assert_eq!(
        (listed[0].source.as_str(), listed[0].of.as_str()),
        ("link", "ads")
    );
    assert!(
        listed[0].why.contains("Từ chối tất cả quảng cáo"),
        "{}",
        listed[0].why
    );
    let (status, again) = post(&page, "do=stop").await;
    assert_eq!(
        (status, again.contains("Đã ngừng gửi quảng cáo")),
        (200, true)
    );
    assert_eq!(street.said("an@example.com"), [Said::Agreed, Said::Refused]);

    // What waits is not sent, a service mail is; one confirmation goes, and says nothing else.
    street.company.now = sheetbridge::clock::now();
    street.send().await;
    let mails = street.mails();
    assert_eq!(mails.len(), 2);
    let confirmation = mails[1].view();
    assert_eq!(confirmation.to[0].address, "an@example.com");
    assert!(
        confirmation.subject.starts_with("Đã ngừng gửi quảng cáo"),
        "{}",
        confirmation.subject
    );
    assert!(!confirmation.subject.contains("[QC]"));
    assert_eq!(mails[1].header("List-Unsubscribe"), None);
    let text = confirmation.text.unwrap();
    assert!(
        text.contains("xác nhận đã nhận yêu cầu từ chối quảng cáo"),
        "{text}"
    );
    assert_eq!(
        street.said("an@example.com"),
        [Said::Agreed, Said::Refused, Said::Confirmed]
    );
    street
        .company
        .type_into(row, "Giai đoạn", "hoàn tất giao dịch");
    street.company.poll_and_settle().await;
    street.send().await;
    assert_eq!(street.message("again").state, State::Cancelled);
    assert!(
        street
            .message("again")
            .why
            .contains("by the link in a mail")
    );

    // The same link takes it back, and the story is all there.
    let (status, back) = post(&page, "do=back").await;
    keep("back", &back);
    assert_eq!(
        (status, back.contains("Anh/Chị sẽ nhận thư trở lại")),
        (200, true)
    );
    assert!(
        desk.suppressions(None, &Who::CommandLine)
            .unwrap()
            .is_empty()
    );
    assert_eq!(street.said("an@example.com").last(), Some(&Said::Lifted));
    let told = desk
        .explain("an@example.com", &Who::CommandLine, street.company.now)
        .unwrap();
    let story = told.story.unwrap();
    assert!(
        story
            .consent
            .contains("column “Đồng ý nhận tin” in “Khách hàng”"),
        "{}",
        story.consent
    );
    assert_eq!(story.proofs.len(), 4, "{:?}", story.proofs);
    assert!(
        story.proofs[1].contains("refused (link in the mail mo-ban/1/"),
        "{:?}",
        story.proofs
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_refuses_at_once_also_when_the_mail_is_long_forgotten() {
    let mut street = Street::open(PUBLIC, false).await;
    street.add(&AN).await;
    let page = street.page_of(&street.mails()[0]);
    // The row goes, and so does the story of the message.
    let key = street.message("mo-ban").key;
    let mut group = sheetbridge::store::Group::default();
    group.remove(sheetbridge::store::keys::message(&key));
    street.company.roster.store().commit(vec![group]).unwrap();
    let (status, _) = post(&page, "List-Unsubscribe=One-Click").await;
    assert_eq!(status, 200);
    let listed = street
        .desk()
        .suppressions(Some("an@example.com"), &Who::CommandLine)
        .unwrap();
    assert!(
        listed[0].why.contains("unsubscribe button"),
        "{}",
        listed[0].why
    );
    assert_eq!(street.said("an@example.com"), [Said::Agreed, Said::Refused]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_link_is_answered_politely_and_not_for_ever() {
    let street = Street::open(PUBLIC, false).await;
    let page = format!("http://{}/u/{}", street.web, "A".repeat(86));
    let (status, said) = get(&page).await;
    assert_eq!(status, 404);
    keep("unknown", &said);
    assert!(
        said.contains("Đường dẫn không còn dùng được")
            && said.contains("mailto:crm@queenland.example"),
        "{said}"
    );
    for _ in 0..9 {
        assert_eq!(post(&page, "do=stop").await.0, 404);
    }
    let waits = client().get(&page).send().await.unwrap();
    assert_eq!(waits.status().as_u16(), 429);
    assert_eq!(waits.headers()["retry-after"], "60");
    // Somebody else behind the same web server does not have to.
    let other = client().get(&page).header("X-Forwarded-For", "203.0.113.9");
    assert_eq!(other.send().await.unwrap().status().as_u16(), 404);
    for path in ["/u/", "/u", "/u/x/y", "/"] {
        let (status, said) = get(&format!("http://{}{path}", street.web)).await;
        assert_eq!(
            (status, said.as_str()),
            (404, "There is nothing here.\n"),
            "{path}"
        );
    }
    assert!(
        street
            .desk()
            .suppressions(None, &Who::CommandLine)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_address_mailbox_and_telephone_are_the_way_out() {
    let mut street = Street::open("", false).await;
    street.add(&AN).await;
    let mail = street.mails().pop().unwrap();
    let ways = mail.header("List-Unsubscribe").unwrap();
    assert!(
        ways.starts_with("<mailto:crm@queenland.example?subject="),
        "{ways}"
    );
    assert_eq!(mail.header("List-Unsubscribe-Post"), None);
    let text = mail.view().text.unwrap();
    assert!(text.contains("Qua thư: crm@queenland.example"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_advertised_to_without_consent_and_a_form_counts_for_the_address() {
    let mut street = Street::open(PUBLIC, true).await;
    assert_eq!(street.said("chi@example.com"), [Said::Agreed]);
    // The same address in the customers' tab, with nothing in the column.
    let mut chi = AN;
    chi[0].1 = "Lê Chi";
    chi[1].1 = "'0923456789";
    chi[2].1 = "chi@example.com";
    chi[5].1 = "";
    street.add(&chi).await;
    assert_eq!(street.mails().len(), 1, "{}", street.message("mo-ban").why);
    let mut dung = AN;
    dung[0].1 = "Phạm Dũng";
    dung[1].1 = "'0934567890";
    dung[2].1 = "dung@example.com";
    dung[5].1 = "";
    let row = street.add(&dung).await;
    assert_eq!(street.mails().len(), 1);
    assert_eq!(street.said("dung@example.com"), []);
    // A yes, and its withdrawal, are written down when they are seen.
    street.company.type_into(row, "Đồng ý nhận tin", "Có");
    street.company.poll().await;
    street.company.type_into(row, "Đồng ý nhận tin", "");
    street.company.poll().await;
    assert_eq!(
        street.said("dung@example.com"),
        [Said::Agreed, Said::Withdrew]
    );
    street.company.type_into(row, "Không nhận tin", "x");
    street.company.poll().await;
    assert_eq!(street.said("dung@example.com").last(), Some(&Said::Refused));

    let mut tally = ConsentTally::default();
    for (consent, suppressed) in [
        (Consent::Unknown, false),
        (Consent::Unknown, true),
        (Consent::Refused, false),
    ] {
        tally.count(&consent, suppressed);
    }
    assert_eq!(
        (tally.agreed, tally.refused, tally.could_be_asked),
        (0, 2, 1)
    );
}
