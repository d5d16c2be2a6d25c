//! Whose customer a person is: what staff read of earlier rows, and how managers decide between two who have one
//! customer, over the sandbox's Bot API.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[path = "support/chat.rs"]
mod chat;
mod support;

use chat::{BOSS, BUI, Chat, LAN, MINH};
use sheetbridge::commands::{Desk, ErrorKind, Request, Who};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Message, Recipient};
use sheetbridge::core::people::Role;
use sheetbridge::sandbox::google::{Cell, CellEdit, Edit, Role as Share, Workbook};
use sheetbridge::store::keys::prefix;
use support::Company;

const BOSS_TOO: &str = r#"
[[staff]]
name = "Bùi Sếp"
role = "manager"
telegram = 100032
"#;

const ALERT: &str = r#"
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", else = ["managers"], template = "lead-alert", urgent = true }
"#;

/// Name, phone, e-mail, stage, owner, received.
const ROWS: [&[&str]; 2] = [
    &[
        "Trần Văn Bình",
        "0912345678",
        "",
        "Đang tư vấn",
        "Lan Anh",
        "03/03/2026",
    ],
    &["Lê Cúc", "0987654321", "", "Đang tư vấn", "Lan Anh"],
];

/// Polls until what stands in the sheet has settled, and sends what is due.
async fn settle(chat: &mut Chat) {
    chat.company.wait(60);
    chat.company.poll_and_settle().await;
    send(chat).await;
}

async fn send(chat: &mut Chat) {
    // What was decided by a button was so a moment ago.
    chat.company.wait(1);
    chat.sends().await;
    chat.amends().await;
}

async fn open(more: &str) -> Chat {
    Chat::open(&ROWS, &format!("{BOSS_TOO}{ALERT}{more}")).await
}

fn desk(company: &Company) -> Desk {
    Desk::new(company.roster.clone(), None)
}

fn colleague(name: &str, role: Role) -> Who {
    Who::Colleague {
        name: name.into(),
        role,
    }
}

/// To whom which question was decided to go, sorted.
fn questions(company: &Company) -> Vec<String> {
    let store = company.roster.store();
    let mut found: Vec<String> = store
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .filter(|message| message.rule == "claim" && message.state != State::Cancelled)
        .map(|message| match message.to {
            Recipient::Staff(name) => {
                let occasion = message.key.as_str().rsplit('#').next().unwrap().to_owned();
                format!("{name} #{occasion}")
            }
            other => format!("{other:?}"),
        })
        .collect();
    found.sort();
    found
}

fn new_row(company: &Company, name: &str, phone: &str, stage: &str, owner: &str) -> usize {
    company.add_customer(&[
        ("Họ tên", name),
        ("SĐT", phone),
        ("Giai đoạn", stage),
        ("NV phụ trách", owner),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_who_is_known_is_told_as_such_and_managers_decide_whose_they_are() {
    let mut chat = open("").await;
    new_row(
        &chat.company,
        "anh Bình",
        "+84 912 345 678",
        "",
        "Minh Tuấn",
    );
    settle(&mut chat).await;

    // The owner reads since when, and not whose; the greeting can be copied.
    let alert = chat.shown(MINH, "Khách mới: Bình");
    assert!(
        alert
            .text
            .contains("Khách này đã có từ tháng 3/2026, gần nhất: Đang tư vấn\n"),
        "{}",
        alert.text
    );
    assert!(!alert.text.contains("Lan Anh"), "{}", alert.text);

    // Both managers are asked, once.
    for manager in [BOSS, BUI] {
        assert_eq!(chat.count(manager, "Nhiều người cùng nhận một khách"), 1);
    }
    let question = chat.shown(BUI, "Nhiều người cùng nhận một khách");
    for part in [
        "Trần Văn Bình · 0912 345 678",
        "Lan Anh\n• Khách hàng, dòng 2: có từ trước khi dùng bot, ô ngày nhận 03/03/2026, Đang tư vấn",
        "Minh Tuấn\n• Khách hàng, dòng 4: bot đọc thấy lần đầu 09:01, thứ Bảy 21/11/2026",
        "Lan Anh nhập trước, tính theo lúc bot đọc thấy dòng.",
    ] {
        assert!(question.text.contains(part), "{part}: {}", question.text);
    }
    // What Minh says of the customer in the chat is evidence, too.
    let toast = chat.presses(MINH, &alert, "Không nghe máy").await;
    assert_eq!(toast, "Đã ghi: không nghe máy");
    let listed = chat.says(BOSS, "/trùng", "Nhiều người cùng nhận").await;
    assert!(
        listed
            .text
            .contains("1 lần ghi nhận, gần nhất: Minh Tuấn: không nghe máy (21/11/2026)"),
        "{}",
        listed.text
    );
    assert_eq!(listed.buttons.len(), 3);
    chat.says(
        BOSS,
        "/khach 0912345678",
        "Nhiều người cùng nhận: Lan Anh, Minh Tuấn",
    )
    .await;
    // Those concerned do not read of each other before it is decided.
    let own = chat.says(LAN, "/khach Bình", "0912 345 678").await;
    assert!(!own.text.contains("Minh"), "{}", own.text);
    assert_eq!(chat.count(LAN, "Nhiều người"), 0);

    let toast = chat.presses(BUI, &question, "Giữ cho Lan Anh").await;
    assert_eq!(toast, "Đã ghi: giữ cho Lan Anh");
    send(&mut chat).await;
    let yours = chat.shown(LAN, "Khách của bạn: Trần Văn Bình");
    assert!(
        yours
            .text
            .contains("Bùi Sếp đã quyết định bạn là người phụ trách"),
        "{}",
        yours.text
    );
    let theirs = chat.shown(MINH, "Về khách Trần Văn Bình");
    assert!(
        theirs
            .text
            .contains("Bùi Sếp đã xem và quyết định Lan Anh phụ trách"),
        "{}",
        theirs.text
    );
    // The other manager's question says so, and a button of the list comes too late.
    let other = chat.shown(BOSS, "Nhiều người cùng nhận một khách");
    assert!(
        other
            .text
            .contains("✔️ Bùi Sếp đã quyết định: giữ cho Lan Anh"),
        "{}",
        other.text
    );
    assert!(other.buttons.is_empty(), "{:?}", other.buttons);
    let late = chat.presses(BOSS, &listed, "Cùng chăm").await;
    assert!(
        late.starts_with("Bùi Sếp đã quyết định lúc 09:01 21/11: giữ cho Lan Anh."),
        "{late}"
    );

    chat.says(
        BOSS,
        "/trung",
        "Không có khách nào đang bị nhiều người cùng nhận",
    )
    .await;
    chat.says(
        LAN,
        "/khach Bình",
        "Giữ cho Lan Anh (Bùi Sếp quyết định ngày 21/11/2026)",
    )
    .await;
    chat.says(MINH, "/trung", "chưa có quyền").await;
    let story = desk(&chat.company)
        .explain("Trần Văn Bình", &Who::CommandLine, chat.company.now)
        .unwrap();
    let story = serde_json::to_string(&story).unwrap();
    assert!(
        story.contains("Bùi Sếp: decided that the customer is Lan Anh's"),
        "{story}"
    );
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_read_with_whom_a_lead_was() {
    let mut chat = open("").await;
    new_row(&chat.company, "Trần Văn Bình", "0912345678", "", "");
    settle(&mut chat).await;
    let alert = chat.shown(BOSS, "Khách mới: Trần Văn Bình");
    assert!(
        alert.text.contains("Khách này đã có từ tháng 3/2026, gần nhất: Đang tư vấn, phụ trách: Lan Anh (mở dòng cũ)"),
        "{}",
        alert.text
    );
    // Her own customer, who comes again: she may open the row.
    new_row(&chat.company, "Cúc", "0987 654 321", "", "Lan Anh");
    settle(&mut chat).await;
    // Told by whatever row, it is the story of one person.
    for (name, rows) in [("Cúc", 2), ("Trần Văn Bình", 2)] {
        let told = desk(&chat.company)
            .explain(name, &Who::CommandLine, chat.company.now)
            .unwrap();
        assert_eq!(told.story.unwrap().records.len(), rows, "{name}");
    }
    let alert = chat.shown(LAN, "Khách mới: Cúc");
    assert!(
        alert.text.contains("Khách này đã có từ tháng 11/2026 hoặc trước đó, gần nhất: Đang tư vấn, là khách cũ của bạn (mở dòng cũ)"),
        "{}",
        alert.text
    );
    assert_eq!(questions(&chat.company), Vec::<String>::new());
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn couples_colleagues_who_share_and_deals_that_are_off_claim_nobody() {
    let mut company = Company::small(&ROWS, BOSS_TOO).await;
    company.poll().await;
    for (name, phone, stage, owner) in [
        // A couple on one number.
        ("Phạm Thị Mai", "0912345678", "", "Minh Tuấn"),
        // The same owner again, and nobody.
        ("Lê Cúc", "0987654321", "", "Lan Anh"),
        ("Lê Cúc", "0987654321", "", ""),
        // Both are in charge, and one of them alone.
        ("Vũ Dũng", "0909000111", "", "Minh Tuấn + Thu Hà"),
        ("Vũ Dũng", "0909000111", "", "Thu Hà"),
        // Not in the staff list.
        ("Lê Cúc", "0987654321", "", "Trang"),
        // The deal is off.
        ("Lê Cúc", "0987654321", "Không còn nhu cầu", "Quốc Bảo"),
    ] {
        new_row(&company, name, phone, stage, owner);
    }
    company.poll_and_settle().await;
    assert_eq!(questions(&company), Vec::<String>::new());
    // The deal is on again: now two have one customer.
    let row = company.last_row();
    company.type_into(row, "Giai đoạn", "Đang tư vấn");
    company.poll_and_settle().await;
    assert_eq!(questions(&company), ["Bùi Sếp #1", "Hà Phạm #1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_once_outlives_a_restart_and_is_asked_anew_for_a_new_owner() {
    let mut company = Company::small(&ROWS, BOSS_TOO).await;
    company.poll().await;
    let row = new_row(&company, "Trần Văn Bình", "0912345678", "", "Minh Tuấn");
    company.poll_and_settle().await;
    company.reopen().await;
    company.type_into(row, "Email", "binh@example.org");
    company.poll_and_settle().await;
    new_row(&company, "Bình", "0912345678", "", "Minh Tuấn");
    company.poll_and_settle().await;
    assert_eq!(questions(&company), ["Bùi Sếp #1", "Hà Phạm #1"]);

    let boss = colleague("Bùi Sếp", Role::Manager);
    let claims = desk(&company).claims(false, &boss).unwrap();
    assert_eq!(claims.len(), 1);
    let sides: Vec<(&str, usize)> = claims[0]
        .claim
        .sides
        .iter()
        .map(|side| (side.names.as_str(), side.rows.len()))
        .collect();
    assert_eq!(sides, [("Lan Anh", 1), ("Minh Tuấn", 2)]);
    let id = claims[0].claim.id.clone();

    let status = desk(&company).status(&boss, company.now).unwrap();
    let next: Vec<&str> = status
        .next
        .iter()
        .map(|mend| mend.shown(sheetbridge::config::Language::Vi))
        .collect();
    assert!(
        next.contains(&"1 khách có nhiều người cùng nhận: bấm /trung để quyết định."),
        "{next:#?}"
    );

    // Who may not, and whom nobody meant.
    let error = desk(&company)
        .claim_decide(
            &id,
            Some("Lan Anh"),
            None,
            &colleague("Lan Anh", Role::Staff),
            company.now,
        )
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotAllowed);
    let error = desk(&company)
        .claim_decide(&id, Some("Thu Hà"), None, &boss, company.now)
        .unwrap_err();
    assert_eq!(
        error.text,
        "\"Thu Hà\" does not claim this customer; there are Lan Anh, Minh Tuấn"
    );
    let error = desk(&company)
        .claim_decide("c-none", None, None, &boss, company.now)
        .unwrap_err();
    assert_eq!(
        error.text,
        "there is no claim \"c-none\": `sheetbridge claims list` shows them"
    );

    let decide = Request::ClaimDecide {
        id: id.clone(),
        keep: None,
    };
    let answer = desk(&company)
        .answer(&decide, &Who::CommandLine, company.now)
        .unwrap();
    assert_eq!(
        (answer["kept"].as_str(), &answer["together"]),
        (Some("Lan Anh + Minh Tuấn"), &true.into())
    );
    let again = desk(&company)
        .answer(&decide, &Who::CommandLine, company.now)
        .unwrap_err();
    assert!(
        again.text.contains("the command line has decided") && again.text.contains("together"),
        "{again}"
    );
    // What had not gone of the question does not go.
    assert_eq!(questions(&company), Vec::<String>::new());

    // Decided is decided: also another row of theirs, and after a restart.
    company.reopen().await;
    new_row(&company, "Trần Văn Bình", "0912345678", "", "Lan Anh");
    company.poll_and_settle().await;
    assert_eq!(questions(&company), Vec::<String>::new());
    // Somebody of whom it was not decided.
    new_row(&company, "Trần Bình", "0912345678", "", "Thu Hà");
    company.poll_and_settle().await;
    assert_eq!(questions(&company), ["Bùi Sếp #2", "Hà Phạm #2"]);
    let error = desk(&company)
        .claim_decide(&format!("{id}#1"), None, None, &boss, company.now)
        .unwrap_err();
    assert!(
        error
            .text
            .contains("somebody else claims this customer by now"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_names_one_side_again_ends_the_question() {
    let mut company = Company::small(&ROWS, BOSS_TOO).await;
    company.poll().await;
    let row = new_row(&company, "Trần Văn Bình", "0912345678", "", "Minh Tuấn");
    company.poll_and_settle().await;
    let boss = colleague("Bùi Sếp", Role::Manager);
    let id = desk(&company).claims(false, &boss).unwrap()[0]
        .claim
        .id
        .clone();
    company.type_into(row, "NV phụ trách", "Lan Anh");
    company.poll_and_settle().await;
    assert!(desk(&company).claims(false, &boss).unwrap().is_empty());
    assert_eq!(desk(&company).claims(true, &boss).unwrap()[0].state, "over");
    assert_eq!(questions(&company), Vec::<String>::new());
    let error = desk(&company)
        .claim_decide(&id, Some("Lan Anh"), None, &boss, company.now)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLate);
    assert!(
        error.text.contains("the sheet names one side only now"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_the_first_look_are_found_when_somebody_asks_for_them() {
    let rows: [&[&str]; 3] = [
        &[
            "Trần Văn Bình",
            "0912345678",
            "",
            "Đang tư vấn",
            "Lan Anh",
            "03/03/2026",
        ],
        &[
            "Bình",
            "0912 345 678",
            "",
            "Đang tư vấn",
            "Minh Tuấn",
            "02/03/2026",
        ],
        &["Lê Cúc", "0912345678", "", "Đang tư vấn", "Thu Hà"],
    ];
    let mut company = Company::small(&rows, BOSS_TOO).await;
    company.poll().await;
    let boss = colleague("Bùi Sếp", Role::Manager);
    assert!(desk(&company).claims(true, &boss).unwrap().is_empty());
    let find = || {
        desk(&company)
            .answer(&Request::ClaimFind {}, &Who::CommandLine, company.now)
            .unwrap()
    };
    assert_eq!(find(), serde_json::json!({"new": 1, "open": 1}));
    assert_eq!(find(), serde_json::json!({"new": 0, "open": 1}));
    // Nobody was told.
    assert_eq!(questions(&company), Vec::<String>::new());
    let claims = desk(&company).claims(false, &boss).unwrap();
    let claim = &claims[0].claim;
    assert_eq!(claim.first_seen, None);
    assert_eq!(claim.first_received.as_deref(), Some("Minh Tuấn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_who_do_not_want_to_be_asked_are_not() {
    let more = format!("{BOSS_TOO}\n[owners]\nclaims = false\n");
    let mut company = Company::small(&ROWS, &more).await;
    company.poll().await;
    new_row(&company, "Trần Văn Bình", "0912345678", "", "Minh Tuấn");
    company.poll_and_settle().await;
    assert_eq!(questions(&company), Vec::<String>::new());
}

const PROPOSE: &str = "\n[owners]\npropose = \"round-robin\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_without_an_owner_is_given_by_a_button_and_reaches_whoever_is_chosen() {
    let mut chat = open(PROPOSE).await;
    new_row(&chat.company, "Vũ Dũng", "0909000111", "", "");
    settle(&mut chat).await;
    let question = chat.shown(BOSS, "Giao khách mới cho ai? Vũ Dũng");
    assert!(
        question.text.contains("Đến lượt Lan Anh."),
        "{}",
        question.text
    );
    let listed = chat.shown(BUI, "Giao khách mới cho ai? Vũ Dũng");
    let toast = chat.presses(BOSS, &question, "Giao Minh Tuấn").await;
    assert_eq!(toast, "Đã giao cho Minh Tuấn");
    // Before the other chat is told.
    let late = chat.presses(BUI, &listed, "Giao Lan Anh").await;
    assert!(
        late.starts_with("Hà Phạm đã giao khách này cho Minh Tuấn lúc 09:01."),
        "{late}"
    );
    send(&mut chat).await;
    let told = chat.shown(MINH, "Hà Phạm giao khách cho bạn: Vũ Dũng");
    assert!(
        told.text.contains("ghi tên mình vào ô phụ trách"),
        "{}",
        told.text
    );
    assert!(told.buttons.len() > 2, "{:?}", told.buttons);
    // The sheet does not say so yet, and the lead is Minh's all the same.
    chat.says(MINH, "/khach Dũng", "Hà Phạm đã giao cho Minh Tuấn")
        .await;
    chat.says(LAN, "/khach Dũng", "Không tìm thấy khách").await;
    let other = chat.shown(BUI, "Giao khách mới cho ai? Vũ Dũng");
    assert!(
        other.text.contains("✔️ Hà Phạm đã giao cho Minh Tuấn"),
        "{}",
        other.text
    );

    // The next one; somebody writes a name into the sheet before anybody presses.
    let row = new_row(&chat.company, "Đỗ Hạnh", "0909000222", "", "");
    settle(&mut chat).await;
    let question = chat.shown(BOSS, "Giao khách mới cho ai? Đỗ Hạnh");
    assert!(
        question.text.contains("Đến lượt Minh Tuấn."),
        "{}",
        question.text
    );
    chat.company.type_into(row, "NV phụ trách", "Thu Hà");
    settle(&mut chat).await;
    let late = chat.presses(BOSS, &question, "Giao Minh Tuấn").await;
    assert_eq!(late, "Ô phụ trách trên bảng nay đã ghi Thu Hà.");
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_proposed_for_a_pasted_old_list_nor_unless_the_configuration_wants_it() {
    let proposals = |company: &Company| {
        let store = company.roster.store();
        let all = store
            .scan::<Message>(prefix::MESSAGE)
            .map(|entry| entry.unwrap().1);
        all.filter(|message| message.rule == "owner-proposed")
            .count()
    };
    for (more, expected) in [("", 0), (PROPOSE, 2)] {
        let mut company = Company::small(&ROWS, &format!("{BOSS_TOO}{more}")).await;
        company.poll().await;
        let row = new_row(&company, "Vũ Dũng", "0909000111", "", "");
        company.type_into(row, "Ngày tiếp nhận", "21/11/2026");
        let row = new_row(&company, "Đỗ Hạnh", "0909000222", "", "");
        company.type_into(row, "Ngày tiếp nhận", "01/09/2026");
        new_row(&company, "Mã Lương", "0909000333", "", "Lan Anh");
        company.poll_and_settle().await;
        assert_eq!(proposals(&company), expected, "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_took_over_for_somebody_does_not_claim_the_customers_from_themselves() {
    let mut company = Company::small(&ROWS, &format!("{BOSS_TOO}{PROPOSE}")).await;
    company.poll().await;
    let boss = colleague("Bùi Sếp", Role::Manager);
    let row = new_row(&company, "Trần Văn Bình", "0912345678", "", "Thu Hà");
    company.poll_and_settle().await;
    assert_eq!(desk(&company).claims(false, &boss).unwrap().len(), 1);
    desk(&company)
        .hand_over("Lan Anh", Some("Minh Tuấn"), None, &boss, company.now)
        .unwrap();
    let claims = desk(&company).claims(false, &boss).unwrap();
    let names: Vec<&str> = claims[0]
        .claim
        .sides
        .iter()
        .map(|side| side.names.as_str())
        .collect();
    assert_eq!(names, ["Minh Tuấn", "Thu Hà"]);
    // The other row comes to Minh as well.
    company.type_into(row, "NV phụ trách", "Minh Tuấn");
    company.poll_and_settle().await;
    assert!(desk(&company).claims(false, &boss).unwrap().is_empty());
    // Whoever has left is not proposed for a new lead.
    new_row(&company, "Vũ Dũng", "0909000111", "", "");
    company.poll_and_settle().await;
    let store = company.roster.store();
    let mut messages = store.scan::<Message>(prefix::MESSAGE).map(Result::unwrap);
    let (_, proposal) = messages
        .find(|(_, one)| one.rule == "owner-proposed")
        .unwrap();
    let named = proposal.event["proposal"]["names"].to_string();
    assert!(
        named.starts_with("[\"Minh Tuấn\"") && !named.contains("Lan Anh"),
        "{named}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_after_the_area_is_proposed_first() {
    let mut workbook = Workbook::new("1Area", "Khách theo khu vực");
    workbook.share.insert("*".into(), Share::Reader);
    let tab = workbook.add_tab("Khách hàng");
    for (column, text) in ["Họ tên", "SĐT", "Giai đoạn", "NV phụ trách", "Khu vực"]
        .iter()
        .enumerate()
    {
        tab.set(0, column, Cell::text(*text));
    }
    for (column, text) in ["Trần Văn Bình", "0912345678", "", "Lan Anh", "Quận 1"]
        .iter()
        .enumerate()
    {
        tab.set(1, column, Cell::text(*text));
    }
    let more = "[[staff]]\nname = \"Ngọc Mai\"\nareas = [\"Thủ Đức\", \"Quận 9\"]\n[owners]\npropose = \"area\"\n";
    let tabs = "[[workbook.tab]]\nname = \"Khách hàng\"\n";
    let mut company = Company::with(workbook, tabs, more, &[]).await;
    company.poll().await;
    for (row, name, phone, area) in [
        (3, "Vũ Dũng", "0909000111", "TP. Thủ Đức"),
        (4, "Đỗ Hạnh", "0909000222", "Quận 7"),
    ] {
        for (column, text) in [("Họ tên", name), ("SĐT", phone), ("Khu vực", area)] {
            company.edit(Edit::Set {
                tab: "Khách hàng".into(),
                at: CellEdit::typed(row, column, text),
            });
        }
    }
    company.poll_and_settle().await;
    let store = company.roster.store();
    let mut firsts: Vec<(String, bool)> = store
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .filter(|message| message.rule == "owner-proposed")
        .map(|message| {
            let proposal = &message.event["proposal"];
            let first = proposal["names"][0].as_str().unwrap().to_owned();
            (first, proposal["by_area"] == true)
        })
        .collect();
    firsts.sort();
    // Both rows came in one poll; the turn goes on from one to the other.
    assert_eq!(
        firsts,
        [("Lan Anh".to_owned(), false), ("Ngọc Mai".to_owned(), true)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_another_persons_leaves_the_claim_to_the_others() {
    let mut company = Company::small(&ROWS, BOSS_TOO).await;
    company.poll().await;
    let boss = colleague("Bùi Sếp", Role::Manager);
    let sides = |company: &Company| -> Vec<Vec<String>> {
        let claims = desk(company).claims(false, &boss).unwrap();
        let names = |claim: &sheetbridge::commands::ClaimLine| {
            let sides = claim.claim.sides.iter();
            sides.map(|side| side.names.clone()).collect()
        };
        claims.iter().map(names).collect()
    };
    let minh = new_row(&company, "Trần Văn Bình", "0912345678", "", "Minh Tuấn");
    company.poll_and_settle().await;
    new_row(&company, "Bình", "0912345678", "", "Thu Hà");
    company.poll_and_settle().await;
    assert_eq!(sides(&company), [["Lan Anh", "Minh Tuấn", "Thu Hà"]]);
    // The number was a slip: Minh's row is that of Lan's other customer, whom he claims now.
    company.type_into(minh, "SĐT", "0987654321");
    company.type_into(minh, "Họ tên", "Cúc");
    company.poll_and_settle().await;
    let mut left = sides(&company);
    left.sort();
    assert_eq!(left, [["Lan Anh", "Minh Tuấn"], ["Lan Anh", "Thu Hà"]]);
}
