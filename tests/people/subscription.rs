//! `/bantin`: each manager's own times for the digests; who says nothing gets them at the rule's.

use crate::chat::{BOSS, Chat};

const SECOND: i64 = 100_003;

const RULES: &str = r#"
[[staff]]
name = "Sếp Hai"
role = "manager"
telegram = 100010
[[rule]]
id = "morning"
on = { schedule = "Mon-Sat 08:00" }
send = { channel = "telegram", to = "managers", template = "digest-daily" }
"#;

const ROWS: [&[&str]; 1] = [&["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"]];

const OTHER: i64 = 100_010;

fn digests(chat: &Chat, who: i64) -> usize {
    chat.count(who, "☀️")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_has_a_time_of_their_own_and_the_others_the_usual_one() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    let other = sheetbridge::sandbox::telegram::Person::new(OTHER, "Sếp Hai");
    chat.bot.create_person(other).unwrap();
    chat.bot.press_start(OTHER, None).unwrap();
    let now = chat
        .says(BOSS, "/bantin", "Bản tin ngày gửi anh/chị T2–T7 lúc 08:00")
        .await;
    let toast = chat.presses(BOSS, &now, "Sáng 7:30").await;
    assert_eq!(toast, "Đã đổi giờ bản tin");
    chat.reads(BOSS, "Bản tin ngày gửi anh/chị T2–T7 lúc 07:30")
        .await;
    // Monday, 7:31: theirs alone.
    chat.at("2026-11-23T00:31:00Z").await;
    assert_eq!((digests(&chat, BOSS), digests(&chat, OTHER)), (1, 0));
    // 8:01: the usual one, and nothing twice.
    chat.at("2026-11-23T01:01:00Z").await;
    assert_eq!((digests(&chat, BOSS), digests(&chat, OTHER)), (1, 1));
    chat.at("2026-11-24T01:01:00Z").await;
    assert_eq!((digests(&chat, BOSS), digests(&chat, OTHER)), (2, 2));

    // Another wish takes the place of the one before.
    let now = chat.says(BOSS, "/bantin", "T2–T7 lúc 07:30").await;
    chat.presses(BOSS, &now, "Chỉ thứ Hai").await;
    chat.at("2026-11-25T01:01:00Z").await;
    assert_eq!((digests(&chat, BOSS), digests(&chat, OTHER)), (2, 3));
    // A rule that is enforced anew, as after a restart, changes nothing.
    sheetbridge::alarms::enforce_rules(&chat.company.roster, chat.company.now).unwrap();
    chat.at("2026-11-30T01:01:00Z").await;
    assert_eq!(digests(&chat, BOSS), 3);

    let now = chat.says(BOSS, "/bantin", "T2 lúc 08:00").await;
    let toast = chat.presses(BOSS, &now, "Tắt").await;
    assert_eq!(toast, "Đã tắt bản tin");
    let before = digests(&chat, OTHER);
    chat.at("2026-12-01T01:01:00Z").await;
    assert_eq!(
        (digests(&chat, BOSS), digests(&chat, OTHER)),
        (3, before + 1)
    );
    let now = chat
        .says(BOSS, "/bantin", "Bản tin ngày: anh/chị đang tắt")
        .await;
    assert!(
        now.buttons
            .iter()
            .flatten()
            .all(|one| !one.text.contains("Tắt"))
    );
    chat.presses(BOSS, &now, "Như mặc định").await;
    chat.at("2026-12-02T01:01:00Z").await;
    assert_eq!(digests(&chat, BOSS), 4);
    // Nobody else has digests to choose.
    chat.says(SECOND, "/bantin", "chưa có quyền").await;
    chat.end().await;
}

const CONFIGURED: &str = r#"
[[staff]]
name = "Sếp Hai"
role = "manager"
telegram = 100010
digests = { morning = "Mon-Sat 07:30" }
[[staff]]
name = "Sếp Ba"
role = "manager"
telegram = 100011
digests = { morning = "off" }
[[rule]]
id = "morning"
on = { schedule = "Mon-Sat 08:00" }
send = { channel = "telegram", to = "managers", template = "digest-daily" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_says_when_until_a_button_does() {
    const THIRD: i64 = 100_011;
    let mut chat = Chat::open(&ROWS, CONFIGURED).await;
    for (id, name) in [(OTHER, "Sếp Hai"), (THIRD, "Sếp Ba")] {
        let person = sheetbridge::sandbox::telegram::Person::new(id, name);
        chat.bot.create_person(person).unwrap();
        chat.bot.press_start(id, None).unwrap();
    }
    chat.says(OTHER, "/bantin", "Bản tin ngày gửi anh/chị T2–T7 lúc 07:30")
        .await;
    let off = chat
        .says(THIRD, "/bantin", "Bản tin ngày: anh/chị đang tắt")
        .await;
    let all = |chat: &Chat| [BOSS, OTHER, THIRD].map(|who| digests(chat, who));
    chat.at("2026-11-23T00:31:00Z").await;
    assert_eq!(all(&chat), [0, 1, 0]);
    chat.at("2026-11-23T01:01:00Z").await;
    assert_eq!(all(&chat), [1, 1, 0]);
    // A button overrides it, and gives way to it again.
    chat.presses(THIRD, &off, "Sáng 7:30").await;
    let now = chat.says(OTHER, "/bantin", "T2–T7 lúc 07:30").await;
    chat.presses(OTHER, &now, "Tắt").await;
    chat.at("2026-11-24T00:31:00Z").await;
    assert_eq!(all(&chat), [1, 1, 1]);
    let now = chat
        .says(OTHER, "/bantin", "Bản tin ngày: anh/chị đang tắt")
        .await;
    chat.presses(OTHER, &now, "Như mặc định").await;
    chat.at("2026-11-25T00:31:00Z").await;
    assert_eq!(all(&chat), [1, 2, 2]);
    chat.end().await;
}
