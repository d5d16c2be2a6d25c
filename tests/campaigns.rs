//! A campaign from its row to the mails, over a real (loopback) Google, mail server and Bot API; the clock is moved
//! by the test alone.

#![allow(clippy::unwrap_used)]

mod support;

#[path = "campaigns/chat.rs"]
mod chat;
#[path = "campaigns/follow.rs"]
mod follow;

use std::sync::Arc;

use sheetbridge::campaigns::Campaigns;
use sheetbridge::commands::{Action, ButtonAct, CampaignLine, Desk, Steer, Who};
use sheetbridge::core::campaign::life::State;
use sheetbridge::core::delivery::State as MessageState;
use sheetbridge::core::message::Message;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::telegram::TelegramCourier;
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::sandbox::google::{Cell, CellEdit, Edit, Role, Workbook};
use sheetbridge::sandbox::smtp::{Options, SmtpSandbox};
use sheetbridge::sandbox::telegram::{BotSandbox, Person};
use sheetbridge::store::keys::prefix;
use sheetbridge::telegram::{Client, TelegramSettings};
use support::{CUSTOMERS, Company};
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "123456:TEST-token-of-the-sandbox-abcdefghij";
const TAB: &str = "Chiến dịch";

const CUSTOMER_HEADER: [&str; 7] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Đồng ý nhận tin",
    "Không nhận tin",
];

const PEOPLE: [[&str; 7]; 5] = [
    [
        "Nguyễn Văn An",
        "0901234567",
        "an@example.com",
        "Đang tư vấn",
        "Lan Anh",
        "x",
        "",
    ],
    [
        "Trần Thị Bình",
        "0912345678",
        "binh@example.com",
        "Đang tư vấn",
        "Lan Anh",
        "x",
        "",
    ],
    [
        "Lê Chi",
        "0923456789",
        "chi@example.com",
        "Đang tư vấn",
        "Minh Tuấn",
        "",
        "",
    ],
    [
        "Phạm Dũng",
        "0934567890",
        "dung@example.com",
        "Đã đặt cọc",
        "Minh Tuấn",
        "x",
        "",
    ],
    [
        "Võ Em",
        "0945678901",
        "em@example.com",
        "Đang tư vấn",
        "Minh Tuấn",
        "x",
        "x",
    ],
];

const CAMPAIGN_HEADER: [&str; 5] = [
    "Tên chiến dịch",
    "Giai đoạn",
    "Tiêu đề",
    "Nội dung",
    "Trạng thái",
];

const LAUNCH: [&str; 5] = [
    "Mở bán",
    "Đang tư vấn",
    "Mở bán dành cho {{Họ tên}}",
    "Kính chào **{{Họ tên}}**,\n\nCăn hộ đã mở bán.",
    "Sẵn sàng",
];

struct Post {
    company: Company,
    smtp: SmtpSandbox,
    bot: BotSandbox,
    outbox: Outbox,
    campaigns: Campaigns,
    client: Client,
}

impl Post {
    async fn open(row: [&str; 5]) -> Self {
        Self::open_with(row, &[], "").await
    }

    /// The same with further columns of the campaign tab, and more in the configuration. Whoever has a chat there
    /// has started the bot.
    async fn open_with(row: [&str; 5], columns: &[(&str, &str)], more: &str) -> Self {
        let smtp = SmtpSandbox::start("127.0.0.1:0".parse().unwrap(), Options::default())
            .await
            .unwrap();
        let bot = BotSandbox::start("127.0.0.1:0".parse().unwrap(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        let chats = more
            .lines()
            .filter_map(|line| line.strip_prefix("telegram = "));
        for chat in std::iter::once("100009").chain(chats) {
            let person = Person::new(chat.parse().unwrap(), format!("Người {chat}"));
            let person = bot.create_person(person).unwrap();
            bot.press_start(person, None).unwrap();
        }
        let mut workbook = Workbook::new("1Small", "Khách nhỏ");
        workbook.share.insert("*".into(), Role::Reader);
        let tab = workbook.add_tab(CUSTOMERS);
        for (row, cells) in std::iter::once(&CUSTOMER_HEADER).chain(&PEOPLE).enumerate() {
            for (column, text) in cells
                .iter()
                .enumerate()
                .filter(|(_, text)| !text.is_empty())
            {
                tab.set(row, column, Cell::text(*text));
            }
        }
        let tab = workbook.add_tab(TAB);
        for (number, cells) in [CAMPAIGN_HEADER, row].iter().enumerate() {
            for (column, text) in cells.iter().enumerate() {
                tab.set(number, column, Cell::text(*text));
            }
            for (column, (header, text)) in columns.iter().enumerate() {
                let text = if number == 0 { header } else { text };
                tab.set(number, cells.len() + column, Cell::text(*text));
            }
        }
        let (campaigns, more) = more.split_once("---\n").unwrap_or(("", more));
        let more = format!(
            "{more}[campaigns]\ntab = \"{TAB}\"\n{campaigns}[email]\nsmtp = \"smtp+plain://{}\"\nfrom = \"Queenland <crm@queenland.example>\"\n[telegram]\ntoken = {{ file = \"token.txt\" }}\napi_url = \"{}\"\n",
            smtp.addr(),
            bot.base_url()
        );
        let tabs = format!("[[workbook.tab]]\nname = \"{CUSTOMERS}\"\n");
        let company = Company::with(workbook, &tabs, &more, &[("token.txt", TOKEN)]).await;
        let templates = Arc::new(Templates::load(None, Language::default()).unwrap());
        let settings =
            SmtpSettings::new("127.0.0.1".to_owned(), smtp.addr().port(), Security::Plain);
        let client = Client::new(&TelegramSettings {
            token: TOKEN.to_owned().into(),
            api_url: Some(bot.base_url()),
            proxy: None,
        })
        .unwrap();
        let outbox = Outbox::new(
            company.roster.clone(),
            Arc::clone(&templates),
            Some(Arc::new(EmailCourier::new(settings))),
            Some(Arc::new(TelegramCourier::new(client.clone()))),
            Health::new(company.now, "test", false),
        );
        let campaigns = Campaigns::new(company.roster.clone(), templates);
        let mut post = Self {
            company,
            smtp,
            bot,
            outbox,
            campaigns,
            client,
        };
        post.settle().await;
        post
    }

    /// Polls until what stands in the tab has settled, and sees to it.
    async fn settle(&mut self) {
        self.company.poll_and_settle().await;
        self.campaigns.pass(self.company.now).unwrap();
        self.send().await;
    }

    /// Sends what is due, also what a chat's pace keeps back for a moment.
    async fn send(&self) {
        let stop = CancellationToken::new();
        for _ in 0..400 {
            for channel in [Channel::Email, Channel::Telegram] {
                while !self
                    .outbox
                    .pass(channel, self.company.now, &stop)
                    .await
                    .unwrap()
                    .is_empty()
                {}
            }
            let store = self.company.roster.store();
            let mut messages = store.scan::<Message>(prefix::MESSAGE).map(Result::unwrap);
            let waits = messages.any(|(_, message)| {
                message.channel == Channel::Telegram
                    && message.state == MessageState::Queued
                    && message.due <= self.company.now
            });
            if !waits {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }

    fn write(&self, column: &str, text: &str) {
        self.company.edit(Edit::Set {
            tab: TAB.into(),
            at: CellEdit::typed(2, column, text),
        });
    }

    fn desk(&self) -> Desk {
        Desk::new(self.company.roster.clone(), None)
    }

    fn line(&self) -> CampaignLine {
        let lines = self
            .desk()
            .campaign_list(&Who::CommandLine, self.company.now);
        lines.unwrap().remove(0)
    }

    fn manager(&self) -> Who {
        Who::of(
            self.company
                .roster
                .directory()
                .unwrap()
                .find("Hà Phạm")
                .unwrap(),
        )
    }

    /// Presses the newest button of this kind.
    fn press(&self, action: Action) -> Result<(), String> {
        let entries = self
            .company
            .roster
            .store()
            .scan::<ButtonAct>(prefix::BUTTON);
        let mut buttons: Vec<(Vec<u8>, ButtonAct)> = entries
            .map(Result::unwrap)
            .filter(|(_, act)| act.action == action)
            .collect();
        buttons.sort_by_key(|(_, act)| act.created);
        let (key, _) = buttons
            .last()
            .unwrap_or_else(|| panic!("no button {action:?}"));
        let id = String::from_utf8_lossy(&key[prefix::BUTTON.len()..]).into_owned();
        let data = format!("{}{id}", sheetbridge::commands::CALLBACK);
        let pressed = self.desk().press(&data, &self.manager(), self.company.now);
        pressed.map(|_| ()).map_err(|error| error.text)
    }

    /// What the manager reads.
    fn told(&self) -> Vec<String> {
        self.told_to(100_009)
    }

    fn told_to(&self, chat: i64) -> Vec<String> {
        let messages = self.bot.messages(chat).into_iter();
        messages
            .filter(|message| message.from_bot && message.document.is_none())
            .map(|message| message.text)
            // What the bot answers to `/start`, if it hears.
            .filter(|text| !text.starts_with("Các lệnh"))
            .collect()
    }

    fn mails(&self) -> Vec<(String, String)> {
        let mut mails: Vec<(String, String)> = self
            .smtp
            .messages()
            .iter()
            .map(|mail| {
                let view = mail.view();
                (view.to[0].address.clone(), view.subject.clone())
            })
            .collect();
        mails.sort();
        mails
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_asked_about_approved_and_mailed_once_to_each() {
    let mut post = Post::open(LAUNCH).await;
    let told = post.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Duyệt chiến dịch “Mở bán”"), "{}", told[0]);
    assert!(told[0].contains("2 khách sẽ nhận thư"), "{}", told[0]);
    assert!(told[0].contains("1 chưa đồng ý nhận tin"), "{}", told[0]);
    assert!(
        told[0].contains("1 đã đánh dấu không nhận tin trong bảng tính"),
        "{}",
        told[0]
    );
    assert_eq!(post.mails(), []);
    assert_eq!(post.line().state, State::Asked);

    post.press(Action::CampaignApprove).unwrap();
    let again = post
        .desk()
        .campaign_approve("mo-ban", &Who::CommandLine, post.company.now)
        .unwrap_err();
    assert!(
        again.text.contains("Hà Phạm has already approved it"),
        "{again}"
    );
    for _ in 0..2 {
        post.company.wait(30);
        post.campaigns.pass(post.company.now).unwrap();
        post.send().await;
    }
    let expected = [
        ("an@example.com", "[QC] Mở bán dành cho Nguyễn Văn An"),
        ("binh@example.com", "[QC] Mở bán dành cho Trần Thị Bình"),
    ]
    .map(|(to, subject)| (to.to_owned(), subject.to_owned()));
    assert_eq!(post.mails(), expected);
    let raw = String::from_utf8_lossy(&post.smtp.messages()[0].raw).into_owned();
    assert!(raw.contains("List-Unsubscribe"), "{raw}");
    post.company.wait(30);
    post.campaigns.pass(post.company.now).unwrap();
    post.send().await;
    assert_eq!(post.line().state, State::Done);
    let last = post.told().pop().unwrap();
    assert!(
        last.contains("đã gửi xong") && last.contains("Đã gửi: 2/2"),
        "{last}"
    );
    // The row stands there for ever, and is moved about; nobody gets it twice.
    post.write("Tiêu đề", "Một tiêu đề khác");
    post.settle().await;
    assert_eq!(post.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_text_is_told_with_its_cell_and_nobody_is_asked() {
    let mut row = LAUNCH;
    row[3] = "Kính chào {{Họ tênn}}";
    let mut post = Post::open(row).await;
    let told = post.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("cần sửa") && told[0].contains("D2"),
        "{}",
        told[0]
    );
    assert!(told[0].contains("Họ tên"), "{}", told[0]);
    assert_eq!(post.line().state, State::Faulty);
    post.write("Nội dung", "Kính chào {{Họ tên}}");
    post.settle().await;
    assert_eq!(post.line().state, State::Asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_a_value_stops_the_campaign_and_is_named() {
    let mut row = LAUNCH;
    row[3] = "Quản lý của anh/chị: {{Khu vực}}";
    let post = Post::open(row).await;
    let told = post.told();
    assert!(told[0].contains("cần sửa"), "{}", told[0]);
    assert_eq!(post.mails(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_before_the_hour_asks_again_and_the_rest_gets_what_was_approved_last() {
    let mut post = Post::open(LAUNCH).await;
    post.write("Tiêu đề", "Bản mới cho {{Họ tên}}");
    post.settle().await;
    let old = post
        .desk()
        .campaign_approve("mo-ban#1", &Who::CommandLine, post.company.now);
    assert!(old.unwrap_err().text.contains("no longer open"));
    assert!(post.told().pop().unwrap().contains("Duyệt chiến dịch"));
    post.press(Action::CampaignApprove).unwrap();
    for _ in 0..2 {
        post.company.wait(30);
        post.campaigns.pass(post.company.now).unwrap();
        post.send().await;
    }
    assert!(
        post.mails()
            .iter()
            .all(|(_, subject)| subject.starts_with("[QC] Bản mới cho"))
    );
    assert_eq!(post.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_anew_takes_the_place_of_what_waits_before_any_of_it_goes() {
    let mut post = Post::open(LAUNCH).await;
    let everyone = Who::CommandLine;
    post.desk()
        .campaign_approve("mo-ban", &everyone, post.company.now)
        .unwrap();
    // Approved, and not a message of it is written down yet.
    post.send().await;
    post.campaigns.pass(post.company.now).unwrap();
    post.desk()
        .campaign_steer("mo-ban", Steer::Pause, &everyone, post.company.now)
        .unwrap();
    post.write("Giai đoạn", "Đã đặt cọc");
    post.settle().await;
    post.desk()
        .campaign_approve("mo-ban", &everyone, post.company.now)
        .unwrap();
    post.company.wait(30);
    post.send().await;
    assert_eq!(
        post.mails(),
        [],
        "nothing of the older version goes any more"
    );
    for _ in 0..2 {
        post.campaigns.pass(post.company.now).unwrap();
        post.company.wait(30);
        post.send().await;
    }
    let subject = "[QC] Mở bán dành cho Phạm Dũng";
    assert_eq!(
        post.mails(),
        [("dung@example.com".to_owned(), subject.to_owned())]
    );
    let messages = post.line().messages;
    assert_eq!(messages.get("cancelled"), Some(&2), "{messages:?}");
}

/// A campaign to An and Bình whose messages are written down, and not one has gone.
async fn frozen() -> Post {
    let mut post = Post::open(LAUNCH).await;
    post.desk()
        .campaign_approve("mo-ban", &Who::CommandLine, post.company.now)
        .unwrap();
    for _ in 0..2 {
        post.company.wait(3);
        post.campaigns.pass(post.company.now).unwrap();
    }
    assert_eq!(post.line().messages.get("queued"), Some(&2));
    post
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_segment_gets_none_and_a_corrected_address_gets_it_once() {
    let mut post = frozen().await;
    post.company.type_into(2, "Giai đoạn", "Đã đặt cọc");
    post.company.type_into(3, "Email", "binh.moi@example.com");
    post.company.poll_and_settle().await;
    for _ in 0..2 {
        post.campaigns.pass(post.company.now).unwrap();
        post.send().await;
    }
    let subject = "[QC] Mở bán dành cho Trần Thị Bình".to_owned();
    assert_eq!(post.mails(), [("binh.moi@example.com".to_owned(), subject)]);
    let why: Vec<String> = post
        .company
        .roster
        .store()
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .filter(|message| message.state == MessageState::Cancelled)
        .map(|message| message.why)
        .collect();
    assert!(
        why.contains(&"the customer has left the segment of the campaign".to_owned()),
        "{why:?}"
    );
    assert_eq!(why.len(), 2, "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_another_recipient_s_gets_one_mail() {
    let mut post = frozen().await;
    post.company.type_into(3, "Email", "an@example.com");
    // Of one who is half typed nothing is concluded.
    post.company.poll().await;
    post.company.type_into(2, "Giai đoạn", "Đã đặt");
    post.company.wait(21);
    post.company.poll().await;
    post.send().await;
    let to: Vec<String> = post.mails().into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["an@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_and_a_file_of_one_name_are_one_campaign_of_whichever_was_first() {
    let mut post = Post::open(LAUNCH).await;
    let what = |line: CampaignLine| (line.name, line.question, line.recipients);
    let asked = what(post.line());
    let folder = post.company.dir.path().join("campaigns");
    std::fs::create_dir(&folder).unwrap();
    let text = "name = \"Khác\"\nstate = \"Sẵn sàng\"\nstage = [\"Đã đặt cọc\"]\nsubject = \"Khác\"\ntext = \"Khác\"\n";
    std::fs::write(folder.join("mo-ban.toml"), text).unwrap();
    for _ in 0..3 {
        post.settle().await;
    }
    assert_eq!(what(post.line()), asked, "the row was first");
    // By another name the file is a campaign as well.
    std::fs::rename(folder.join("mo-ban.toml"), folder.join("khac.toml")).unwrap();
    post.settle().await;
    let lines = post
        .desk()
        .campaign_list(&Who::CommandLine, post.company.now)
        .unwrap();
    let ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids, ["khac", "mo-ban"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_goes_to_whoever_asks_and_to_no_customer() {
    let post = Post::open(LAUNCH).await;
    post.press(Action::CampaignTest).unwrap();
    post.send().await;
    let mails = post.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].0, "ha.pham@congty.example");
    assert!(mails[0].1.contains("Mở bán dành cho"), "{mails:?}");
    assert_eq!(post.line().state, State::Asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_sent_back_paused_or_stopped_sends_nothing() {
    let mut post = Post::open(LAUNCH).await;
    post.press(Action::CampaignReturn).unwrap();
    assert_eq!(post.line().state, State::Returned);
    post.write("Tiêu đề", "Sửa lại theo ý quản lý");
    post.settle().await;
    let now = post.company.now;
    let desk = post.desk();
    desk.campaign_approve("Mở bán", &Who::CommandLine, now)
        .unwrap();
    let paused = desk
        .campaign_steer("mo-ban", Steer::Pause, &Who::CommandLine, now)
        .unwrap();
    assert_eq!(paused.state, State::Paused);
    post.company.wait(30);
    post.campaigns.pass(post.company.now).unwrap();
    post.send().await;
    assert_eq!(post.mails(), []);
    // Its row says stop: that counts at the next poll, settled or not.
    post.write("Trạng thái", "Dừng");
    post.company.poll().await;
    post.campaigns.pass(post.company.now).unwrap();
    post.campaigns.pass(post.company.now).unwrap();
    post.send().await;
    assert_eq!(post.mails(), []);
    let line = post.line();
    assert_eq!(line.state, State::Stopped);
    assert_eq!(
        line.messages.get("cancelled"),
        Some(&2),
        "{:?}",
        line.messages
    );
    let shown = post
        .desk()
        .campaign_show("mo-ban", &Who::CommandLine, post.company.now)
        .unwrap();
    assert_eq!(shown.samples.len(), 2);
    assert!(
        shown
            .aside
            .iter()
            .any(|one| one.why == "no_consent" && one.name == "Lê Chi")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_frozen_twice_has_the_same_messages() {
    let post = Post::open(LAUNCH).await;
    let desk = post.desk();
    desk.campaign_approve("mo-ban", &Who::CommandLine, post.company.now)
        .unwrap();
    // Frozen twice, as after a crash: the same keys.
    let templates = Arc::new(Templates::load(None, Language::default()).unwrap());
    let again = Campaigns::new(post.company.roster.clone(), templates);
    post.campaigns.pass(post.company.now).unwrap();
    again.pass(post.company.now).unwrap();
    let waiting = post.line().messages;
    assert_eq!(waiting.get("queued"), Some(&2), "{waiting:?}");
    let who = Who::Colleague {
        name: "Lan Anh".into(),
        role: sheetbridge::core::people::Role::Staff,
    };
    let refused = desk.campaign_list(&who, post.company.now).unwrap_err();
    assert!(
        refused.text.contains("your role may not do this"),
        "{refused}"
    );
    let unknown = desk
        .campaign_show("tet", &Who::CommandLine, post.company.now)
        .unwrap_err();
    assert!(
        unknown
            .text
            .contains("there is no campaign \"tet\"; there are mo-ban"),
        "{unknown}"
    );
}
