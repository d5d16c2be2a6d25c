//! The shipped templates, from outside: both languages, full facts and next to none, what an
//! author's mistakes are told, and that a frozen template stays what it was.

#![allow(clippy::unwrap_used)] // A test's helpers may fail the test, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use sheetbridge::core::facts::{self, FactsInput, RecordFacts};
use sheetbridge::core::insight::facts::{Counts, InsightFacts};
use sheetbridge::core::insight::goals::Target;
use sheetbridge::core::insight::{
    EngagementCounts, Forecast, Insight, OwnerFigures, SourceFigures, Speed, StageFigures,
};
use sheetbridge::core::record::{Cells, RecordId};
use sheetbridge::core::rule::Channel;
use sheetbridge::core::sheet::Cell;
use sheetbridge::render::chart::{Chart, Panel};
use sheetbridge::render::{ButtonKind, Language, Templates};

fn company() -> Value {
    json!({
        "name": "Công ty CP Queenland", "address": "12 Nguyễn Huệ, Phường Sài Gòn, TP.HCM",
        "phone": "028 3822 9999", "email": "lienhe@queenland.example", "website": "https://queenland.example",
    })
}

fn full() -> Value {
    let values = json!({
        "name": {"full": "Nguyễn Văn An", "given": "An", "title": "Anh"},
        "phone": {"e164": ["+84901234567"]},
        "email": ["an.nguyen@gmail.example"],
        "budget": {"min": 3_000_000_000_i64, "max": 5_000_000_000_i64},
        "stage": "consulting", "owner": ["Lan Anh", "Minh Tuấn"],
        "area": "Quận 7", "interest": "Căn hộ 2PN <view sông>", "source": "Facebook Ads",
        "note": "Hẹn T7 tuần sau; đưa gia đình đi cùng", "received": "2026-11-20",
        "appointment": "2026-11-22T09:30:00", "birthday": "1985-08-15", "no_ads": false, "consent": true,
    });
    record(
        &values,
        json!({
            "event": {"since": "2026-11-20T08:10:00", "round": 2, "rounds": 3, "told": ["Lan Anh"],
                      "stage_before": "Khách hàng tiềm năng", "date": "2026-11-22T09:30:00", "project": "Sunrise Riverside"},
            "hold": {"subject": "Cảm ơn Anh An", "to": "a…@gmail.example", "until": "2026-11-21T09:20:00"},
            "held": {"id": "h-3", "workbook": "CRM KD2", "tab": "Khách hàng", "since": "2026-11-21T08:55:00",
                     "reasons": ["Mất 240 trên 300 dòng trong một lần đọc"], "removed": 240, "messages": 12,
                     "samples": ["Xoá: Nguyễn Văn An (dòng 17)"], "url": "https://docs.google.com/spreadsheets/d/1AbC"},
            "trial_kept": {"open": 12, "rules": [{"rule": "welcome", "open": 9}, {"rule": "deposited", "open": 3}]},
            "resting": {"name": "Lan Anh", "until": "2026-11-21T11:00:00"},
            "handing_over": {"id": "lan-anh-1", "from": "Lan Anh", "by": "Hà Phạm", "customers": 12,
                         "shares": [{"to": "Minh Tuấn", "customers": 7}, {"to": "Thu Hà", "customers": 5}]},
            "flood": {"count": 12, "items": [{"template": "lead-alert", "name": "Nguyễn Văn An"}, {"template": "idle", "name": null}], "more": 10},
            "doubt": {"id": "0123456789abcdef#1", "key": "01234567", "name": "Nguyễn Văn An", "to": "a…@gmail.example",
                      "subject": "Chào Anh An", "at": "2026-11-21T08:59:00", "said": "connection reset by peer", "url": "https://docs.google.com/x"},
            "earlier": {"count": 2, "since": "2026-03-14", "month": 3, "year": 2026, "or_before": true, "stage": "Đang tư vấn",
                        "owners": ["Minh Tuấn"], "own": false, "url": "https://docs.google.com/x"},
            "claim": claim(),
            "proposal": {"names": ["Lan Anh", "Minh Tuấn", "Thu Hà"], "by_area": true, "by": "Hà Phạm"},
            "trouble": {"service": "google", "detail": "Google trả lời 403: chưa được chia sẻ.",
                        "mend": "Chia sẻ bảng tính cho crm@du-an.iam.gserviceaccount.com.", "since": "2026-11-21T08:40:00", "waiting": 4},
            "findings": {"problems": [{"tab": "Khách hàng", "cell": "C19", "header": "Email", "value": "nguyen@gmail",
                                       "why": "thiếu đuôi tên miền", "url": "https://docs.google.com/x"}], "problems_total": 7,
                         "ambiguous": [{"tab": "Khách hàng", "rows": [31, 32], "why": "cùng số điện thoại, cả hai đều đổi"}], "ambiguous_total": 1},
            "digest": digest(),
            "insight": insight(),
            "staff": {"name": "Hồng Nhung"},
            "mailing": {"id": "mo-ban", "name": "Mở bán T12", "author": "Thu Hà", "question": "mo-ban#1", "recipients": 128,
                        "left_out": ["3 chưa đồng ý nhận tin"], "send_at": "2026-11-21T09:00:00",
                        "samples": ["Nguyễn Văn An <a…@gmail.example>\nMở bán căn hộ\nChào Anh An"], "differs": ["Tiêu đề: “A” → “B”"],
                        "problems": ["Trang “Chiến dịch”, ô E7 (Nội dung): không có cột “Họ tênn”. Hãy sửa"], "why": "12 trong 40 thư đã gửi không tới nơi", "by": "Hà Phạm", "decides": true, "hour": "9:00",
                        "delivered": 120, "failed": 3, "in_doubt": 1, "dropped": 4, "stopped": "Ngọc Trâm"},
            "optout": {"url": "https://crm.queenland.example/o/x", "email": "lienhe@queenland.example", "phone": "028 3822 9999"},
        }),
    )
}

fn claim() -> Value {
    json!({
        "id": "c-01234567", "question": "c-01234567#1", "name": "Nguyễn Văn An", "contact": "0901 234 567",
        "sides": [
            {"names": "Lan Anh", "rows": [{"tab": "Khách hàng", "row": 17, "url": "https://docs.google.com/x", "seen": "2026-11-20T08:10:00",
                "received": "2026-11-20", "stage": "Đang tư vấn", "notes": 2, "last": "Lan Anh: đã hẹn", "last_at": "2026-11-20T09:00:00"}]},
            {"names": "Minh Tuấn", "rows": [{"tab": "Tháng 11", "row": 31, "url": "https://docs.google.com/x", "seen": "2026-11-21T08:10:00",
                "received": "2026-11-02"}]},
        ],
        "first_seen": "Lan Anh", "first_received": "Minh Tuấn", "kept": "Lan Anh", "by": "Hà Phạm", "yours": true,
    })
}

fn digest() -> Value {
    json!({
        "since": "2026-11-20T08:00:00", "total": 1187, "new": 6, "no_stage": 3,
        "stages": [{"id": "prospect", "label": "Khách hàng tiềm năng", "count": 640}, {"id": "consulting", "label": "Đang tư vấn", "count": 412},
                   {"id": "deposited", "label": "Đã đặt cọc", "count": 31}, {"id": "completed", "label": "Hoàn tất giao dịch", "count": 101}],
        "moved": [{"from": "Khách hàng tiềm năng", "to": "Đang tư vấn", "count": 4}, {"from": null, "to": "Đã đặt cọc", "count": 1}],
        "due_today": [{"at": "2026-11-21T14:30:00", "what": "Ngày hẹn", "name": "Trần Thị Mai", "owner": "Lan Anh", "url": "https://docs.google.com/x"},
                      {"at": "2026-11-21", "what": "Ngày sinh", "name": "Lê Hùng", "owner": null, "url": null}],
        "waiting": [{"owner": "Minh Tuấn", "count": 5, "records": [{"name": "Phạm Quốc Huy", "stage": "Đang tư vấn", "days": 12, "url": null}]},
                    {"owner": null, "count": 1, "records": []}],
        "held": [{"tab": "Khách hàng", "why": "mất cột SĐT"}], "ambiguous": 1, "problems": 7,
        "mend": [{"tab": "Khách hàng", "cell": "C19", "url": "https://docs.google.com/x"}], "unknown_age": 20,
        "sent": 38, "failed": 1, "in_doubt": 0, "queued": 2, "paused": ["Email"], "trial": true,
    })
}

/// The figures of a week, as `core::insight` reckons them.
fn insight() -> Value {
    let stage =
        |label: &str, count: u32, entered: u32, conversion: Option<f64>, days: Option<f64>| {
            StageFigures {
                label: label.into(),
                count,
                entered,
                conversion,
                median_days_ever: days,
                ..StageFigures::default()
            }
        };
    let period = Insight {
        from: "2026-11-16".into(),
        to: "2026-11-22".into(),
        customers: 1187,
        new: 21,
        forward: 14,
        deposits: 2,
        won: 1,
        lost: 5,
        pipeline: vec![
            stage("Khách hàng tiềm năng", 640, 21, Some(0.238), Some(4.4)),
            stage("Đang tư vấn", 412, 12, Some(0.1), None),
            stage("Hoàn tất giao dịch", 101, 1, None, None),
        ],
        owners: vec![OwnerFigures {
            owner: Some("Lan Anh".into()),
            new: 9,
            forward: 6,
            deposits: 2,
            waiting: 4,
            ..OwnerFigures::default()
        }],
        speed: Speed {
            leads: 21,
            open: 3,
            median_minutes: Some(190.0),
            ..Speed::default()
        },
        sources: vec![
            SourceFigures {
                source: Some("Facebook".into()),
                new: 12,
                deposits: 1,
                cost_per_lead: Some(583_333),
                ..SourceFigures::default()
            },
            SourceFigures {
                source: None,
                new: 9,
                ..SourceFigures::default()
            },
        ],
        forecast: Forecast {
            expected: 12_340_000_000,
            low: 9_000_000_000,
            high: 15_700_000_000,
            open: 1_083,
            no_budget: 212,
            ended: 7,
            small_history: true,
            ..Forecast::default()
        },
        engagement: EngagementCounts {
            cooling: 33,
            ..EngagementCounts::default()
        },
        ..Insight::default()
    };
    let before = Counts {
        new: 18,
        forward: 20,
        deposits: 3,
        ..Counts::default()
    };
    json!(InsightFacts {
        week: Counts::of(&period),
        week_before: before.clone(),
        before,
        month: Counts {
            from: "2026-11-01".into(),
            new: 60,
            deposits: 6,
            target: Target {
                new: Some(90.0),
                deposits: Some(12.0),
                won: None,
            },
            has_target: true,
            ..Counts::default()
        },
        period,
    })
}

/// Only what makes a row a customer: a name and a phone.
fn minimal() -> Value {
    let values = json!({"name": {"full": "Lan", "given": "Lan", "title": null}, "phone": {"e164": ["+842838229999"]}});
    record(&values, json!({}))
}

fn record(values: &Value, more: Value) -> Value {
    let values: BTreeMap<String, Value> = serde_json::from_value(values.clone()).unwrap();
    let mut extra: BTreeMap<String, Value> = serde_json::from_value(more).unwrap();
    // What the mail itself is about, which is there for every reader of it.
    extra.insert(
        "refusal".into(),
        json!({"at": "2026-11-21T09:00:00", "url": "https://crm.queenland.example/u/x"}),
    );
    let event = extra.remove("event").unwrap_or(Value::Null);
    let cells: Cells = [("note".into(), Cell::Text("x".into()))].into();
    facts::facts(&FactsInput {
        record: Some(RecordFacts {
            id: &RecordId::new("r-01"),
            cells: &cells,
            values: &values,
            stage: values.get("stage").and_then(Value::as_str),
            engagement: None,
            stage_since: values
                .get("stage")
                .map(|_| "2026-11-12T02:00:00Z".parse().unwrap()),
            row: 17,
            tab: "Khách hàng",
            sheet_url: values
                .get("stage")
                .map(|_| "https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0&range=A17"),
        }),
        headers: &[
            ("name".to_owned(), "Họ tên".to_owned()),
            ("note".to_owned(), "Ghi chú".to_owned()),
        ]
        .into(),
        private: &BTreeSet::new(),
        stage_labels: &[("consulting".to_owned(), "Đang tư vấn".to_owned())].into(),
        now: "2026-11-21T02:00:00Z".parse().unwrap(),
        zone: &TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        company: &company(),
        event: &event,
        extra,
    })
}

fn load(language: Language) -> Templates {
    Templates::load(None, language).unwrap()
}

/// Holes that a missing value would leave: doubled spaces, empty brackets, a mark with nothing before it, programmer's words.
fn assert_whole(name: &str, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let inner = line.trim_start();
        for bad in [
            "  ",
            "()",
            "“”",
            " ,",
            " .",
            ": ,",
            "None",
            "undefined",
            "null",
            "{{",
            "{%",
            "\u{E000}",
        ] {
            assert!(
                !inner.contains(bad),
                "{name} line {}: `{bad}` in: {line}",
                number + 1
            );
        }
        assert!(
            !inner.ends_with([':', '–', '(']) || text.lines().nth(number + 1).is_some(),
            "{name}: {line}"
        );
    }
    assert!(!text.contains("\n\n\n"), "{name}: a hole of empty lines");
}

#[test]
fn every_shipped_template_renders_with_everything_and_with_next_to_nothing() {
    for language in [Language::Vietnamese, Language::English] {
        let templates = load(language);
        for (kind, values) in [("full", full()), ("minimal", minimal())] {
            for name in templates.names(Channel::Email) {
                let mail = templates
                    .render_mail(&name, &values)
                    .unwrap_or_else(|e| panic!("{kind}: {e}"));
                assert!(!mail.subject.contains('\n') && !mail.subject.is_empty());
                assert_whole(&name, &mail.subject);
                assert_whole(&name, &mail.text);
                assert!(mail.html.starts_with("<!DOCTYPE html>"));
                assert!(
                    !mail.html.contains("src=") && !mail.html.contains("url("),
                    "{name} loads something"
                );
            }
            for name in templates.names(Channel::Telegram) {
                let chat = templates
                    .render_chat(&name, &values)
                    .unwrap_or_else(|e| panic!("{kind}: {e}"));
                assert_eq!(chat.parts.len(), 1);
                assert_whole(&name, &chat.plain());
                // And every one of them can go by mail when Telegram is out of reach.
                let mail = templates.render_mail(&name, &values).unwrap();
                assert_eq!(mail.subject, chat.plain().lines().next().unwrap());
                assert!(mail.html.contains("<!DOCTYPE html>"));
            }
        }
    }
}

#[test]
fn the_shipped_files_are_all_compiled_in_and_use_only_known_names() {
    for (folder, language) in [("vi", Language::Vietnamese), ("en", Language::English)] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("templates")
            .join(folder);
        // Loading the folder as an override of itself changes nothing, if everything in it is compiled in.
        let shipped = load(language);
        let read = Templates::load(Some(&root), language).unwrap();
        let known = facts::known_names(&BTreeSet::new(), &BTreeSet::new());
        for channel in [Channel::Email, Channel::Telegram] {
            assert_eq!(shipped.names(channel), read.names(channel));
            for name in shipped.names(channel) {
                assert_eq!(shipped.hash(&name), read.hash(&name), "{name}");
                assert_eq!(shipped.check_names(&name, &known), [], "{name}");
            }
        }
        let both: BTreeSet<String> = load(Language::Vietnamese).names(Channel::Telegram);
        assert_eq!(shipped.names(Channel::Telegram), both);
    }
}

#[test]
fn a_lead_alert_reads_like_this() {
    let chat = load(Language::Vietnamese)
        .render_chat("lead-alert", &full())
        .unwrap();
    assert_eq!(
        chat.html(),
        "🔔 <b>Khách mới: Nguyễn Văn An</b>

🔁 <b>Khách này đã có từ tháng 3/2026 hoặc trước đó</b> (2 dòng), gần nhất: Đang tư vấn, phụ trách: Minh Tuấn (<a href=\"https://docs.google.com/x\">mở dòng cũ</a>)
📞 <b>0901 234 567</b> · +84901234567
✉️ an.nguyen@gmail.example
🏠 Nhu cầu: Căn hộ 2PN &lt;view sông&gt;
📍 Khu vực: Quận 7
💰 Ngân sách: 3–5 tỷ
🔎 Nguồn: Facebook Ads
📝 Hẹn T7 tuần sau; đưa gia đình đi cùng
👤 Phụ trách: Lan Anh, Minh Tuấn

<i>Trang “Khách hàng”, dòng 17</i>"
    );
    let labels: Vec<Vec<&str>> = chat
        .buttons
        .iter()
        .map(|row| row.iter().map(|b| b.label.as_str()).collect())
        .collect();
    assert_eq!(
        labels,
        [
            vec!["📋 Chép số 0901 234 567", "💬 Zalo"],
            vec!["📄 Mở trên Sheet"],
            vec!["📝 Chép lời chào Zalo"],
            vec!["✅ Đã liên hệ"],
            vec!["📅 Đã hẹn", "📵 Không nghe máy"],
            vec!["📞 Gọi lại lúc…", "🚫 Hết nhu cầu"],
        ]
    );
    assert_eq!(
        chat.buttons[0][0].kind,
        ButtonKind::Copy("+84901234567".into())
    );
    assert_eq!(
        chat.buttons[0][1].kind,
        ButtonKind::Url("https://zalo.me/84901234567".into())
    );
    assert_eq!(
        chat.buttons[3][0].kind,
        ButtonKind::Action {
            name: "done".into()
        }
    );
}

#[test]
fn a_digest_reads_like_this() {
    let chat = load(Language::Vietnamese)
        .render_chat("digest-daily", &full())
        .unwrap();
    assert_eq!(
        chat.plain(),
        "☀️ Báo cáo thứ Bảy 21/11/2026
Đang chạy thử: thư cho khách được gửi về hộp thư thử.
⏸ Đang tạm dừng: Email

Khách hàng: 1.187 (+6 mới)
• Khách hàng tiềm năng: 640
• Đang tư vấn: 412
• Đã đặt cọc: 31
• Hoàn tất giao dịch: 101
• Chưa rõ giai đoạn: 3

7 ngày qua: mới 21 (7 ngày trước đó 18), đặt cọc 2 (3), hoàn tất 1 (0)

Chuyển giai đoạn
• Khách hàng tiềm năng → Đang tư vấn: 4
• (trống) → Đã đặt cọc: 1

Hôm nay (2)
• 14:30 Trần Thị Mai – Ngày hẹn (Lan Anh)
• Lê Hùng – Ngày sinh

Chờ quá lâu
👤 Minh Tuấn: 5
   – Phạm Quốc Huy, Đang tư vấn, 12 ngày
👤 Chưa có người phụ trách: 1

🛑 Tạm giữ chờ duyệt
• Khách hàng: mất cột SĐT

Cần xem lại trong bảng
• Chưa chắc cùng khách: 1
• Ô cần sửa: 7: Khách hàng C19
• Chưa rõ vào giai đoạn từ ngày nào: 20

Thư và tin nhắn: đã gửi 38, không tới 1, đang chờ 2"
    );
}

/// A group reads who has sold and what: nothing of the customer.
#[test]
fn good_news_for_a_group_names_no_customer() {
    let mut values = full();
    values["stage_label"] = json!("Đã đặt cọc");
    for language in [Language::Vietnamese, Language::English] {
        let said = load(language)
            .render_chat("deposited-group", &values)
            .unwrap();
        let text = said.plain();
        for private in [
            "Nguyễn",
            "An,",
            "090",
            "tỷ",
            "billion",
            "gmail",
            "docs.google",
        ] {
            assert!(!text.contains(private), "{private}: {text}");
        }
        assert!(said.buttons.is_empty());
        if language == Language::Vietnamese {
            assert_eq!(
                text,
                "🎉 Tin vui: thêm một khách đã đặt cọc!\n👏 Chúc mừng Lan Anh, Minh Tuấn\n🏠 Căn hộ 2PN <view sông>, Quận 7"
            );
        }
    }
}

#[test]
fn a_digest_for_a_group_names_no_customer() {
    let values = full();
    for language in [Language::Vietnamese, Language::English] {
        let said = load(language).render_chat("digest-group", &values).unwrap();
        let text = said.plain();
        for private in [
            "Trần Thị Mai",
            "Lê Hùng",
            "Phạm Quốc Huy",
            "090",
            "docs.google",
        ] {
            assert!(!text.contains(private), "{private}: {text}");
        }
        assert!(text.contains("1.187") || text.contains("1,187"), "{text}");
        assert!(text.contains("Minh Tuấn: 5"), "{text}");
    }
}

/// What the picture of a digest is made of, with names that would like to be more than names.
#[test]
fn the_picture_of_a_digest_shows_what_its_text_says() {
    let mut values = full();
    values["digest"]["waiting"][0]["owner"] = json!("# Tuấn | 9 \n== pie");
    for language in [Language::Vietnamese, Language::English] {
        let templates = load(language);
        let page = templates
            .render_chart("digest-daily", None, &values)
            .unwrap()
            .unwrap();
        let rows = |at: usize| match &page.panels[at].chart {
            Chart::Bars { rows, .. } => rows.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(page.panels.len(), 4, "{page:?}");
        let counts: Vec<f64> = rows(0).iter().map(|row| row.value).collect();
        assert_eq!(counts, [640.0, 412.0, 31.0, 101.0, 3.0]);
        let waiting = rows(1);
        assert_eq!(waiting[0].label, "# Tuấn | 9  == pie");
        assert_eq!((waiting[0].value, waiting[1].value), (5.0, 1.0));
        assert!(
            !waiting[0].highlighted && waiting[1].highlighted,
            "nobody in charge"
        );
        assert_eq!((rows(2).len(), rows(3).len()), (2, 2));
        if language == Language::Vietnamese {
            assert_eq!(page.title, "Báo cáo thứ Bảy 21/11/2026");
            assert_eq!(
                page.subtitle,
                "Công ty CP Queenland: 1.187 khách, thêm 6 khách mới"
            );
            assert_eq!(waiting[0].note.as_deref(), Some("lâu nhất 12 ngày"));
            assert_eq!(waiting[1].label, "Chưa có người phụ trách");
            assert_eq!(rows(3)[1].label, "(trống) → Đã đặt cọc");
        }
        // The text says it all without the picture, and the other templates have none.
        assert!(!templates.has_chart("welcome"));
        let mut aged = values.clone();
        aged["digest"]["aged"] = json!(9);
        for stage in aged["digest"]["stages"].as_array_mut().unwrap() {
            stage["ages"] = json!([1, 2, 3, 0, 3]);
        }
        let page = templates.render_chart("digest-daily", None, &aged);
        let page = page.unwrap().unwrap();
        let Chart::Stacked { legend, rows } = &page.panels[1].chart else {
            panic!("{page:?}");
        };
        assert_eq!((legend.len(), rows.len()), (5, 4));
        assert_eq!(rows[0].parts, [1.0, 2.0, 3.0, 0.0, 3.0]);
        assert!(
            page.panels[1].note.as_ref().unwrap().contains("1.175")
                || language == Language::English
        );
        assert_eq!(
            templates.render_chart("lead-alert", None, &values),
            Ok(None)
        );
        let nothing = record(&json!({}), json!({"digest": {}}));
        let page = templates.render_chart("digest-daily", None, &nothing);
        assert_eq!(page.unwrap().unwrap().panels.len(), 1);
    }
}

/// `report --png`: every panel, from figures as `report --json` has them.
#[test]
fn the_picture_of_a_report_shows_stages_sources_people_and_a_forecast() {
    let stage = |label: &str, entered: u32, conversion: Value, age: Value| {
        json!({"stage": label, "label": label, "entered": entered, "conversion": conversion, "count": 7,
               "age_median_days": age})
    };
    let figures = json!({
        "from": "2026-11-01", "to": "2026-11-30", "customers": 312, "new": 41, "deposits": 3, "won": 1,
        "pipeline": [stage("Mới", 41, json!(0.3846), json!(4.5)), stage("Đặt cọc", 3, Value::Null, Value::Null),
                     {"stage": "lost", "label": "Mất khách", "is_lost": true, "entered": 9, "count": 9}],
        "sources": [{"source": "Facebook | Ads", "new": 30, "deposits": 2}, {"source": null, "new": 11, "deposits": 0}],
        "owners": [{"owner": "Lan Anh", "new": 30, "deposits": 2, "waiting": 4, "target": {"new": 40.0, "deposits": 3.5, "won": null}},
                   {"owner": null, "new": 11, "deposits": 1, "waiting": 0, "target": {"new": null, "deposits": null, "won": null}}],
        "forecast": {"open": 99, "expected": 12_500_000_000_i64, "low": 9_000_000_000_i64, "high": 16_000_000_000_i64, "small_history": true},
    });
    for language in [Language::Vietnamese, Language::English] {
        let page = load(language)
            .render_chart("report", None, &json!({ "insight": figures }))
            .unwrap()
            .unwrap();
        let [funnel, ages, sources, new, deposits, forecast] = page.panels.as_slice() else {
            panic!("{page:?}");
        };
        let Chart::Funnel(steps) = &funnel.chart else {
            panic!("{funnel:?}");
        };
        assert_eq!((steps[0].rate, steps[1].rate), (None, Some(38.46)));
        let rows = |panel: &Panel| match &panel.chart {
            Chart::Bars { rows, .. } => rows.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((rows(ages).len(), rows(ages)[0].value), (1, 4.5));
        assert_eq!(rows(sources)[0].label, "Facebook | Ads");
        assert_eq!(rows(new)[0].target, Some(40.0));
        assert_eq!(
            (rows(deposits)[0].target, rows(deposits)[1].target),
            (Some(3.5), None)
        );
        let Chart::Figure(estimate) = &forecast.chart else {
            panic!("{forecast:?}");
        };
        assert_eq!(
            (estimate.value, estimate.interval),
            (12.5e9, Some((9e9, 16e9)))
        );
        assert!(forecast.note.as_ref().unwrap().contains(match language {
            Language::Vietnamese => "phỏng đoán",
            Language::English => "guess",
        }));
        // Nothing is known yet: it says so, panel by panel.
        let empty = json!({ "insight": {"from": "2026-11-01", "to": "2026-11-30"} });
        let page = load(language).render_chart("report", None, &empty);
        assert_eq!(page.unwrap().unwrap().panels.len(), 1);
    }
}

/// The week's figures are drawn as a report's are, under a headline of their own.
#[test]
fn the_picture_of_a_week_shows_its_figures() {
    for language in [Language::Vietnamese, Language::English] {
        let templates = load(language);
        let page = templates.render_chart("digest-weekly", None, &full());
        let page = page.unwrap().unwrap();
        assert!(page.panels.len() >= 3, "{page:?}");
        assert!(matches!(page.panels[0].chart, Chart::Funnel(_)), "{page:?}");
        let nothing = record(&json!({}), json!({"digest": {}}));
        assert_eq!(
            templates.render_chart("digest-weekly", None, &nothing),
            Ok(None)
        );
    }
}

/// A picture is drawn by the template as it was when the message was first tried.
#[test]
fn a_picture_of_a_kept_template_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("digest-daily.chart.txt");
    std::fs::write(&file, "# Cũ\n== bars Khách\nTất cả | {{ digest.total }}\n").unwrap();
    let old = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let kept = old.source_bundle("digest-daily").unwrap().to_owned();
    let new = load(Language::Vietnamese);
    let page = new
        .render_chart("digest-daily", Some(&kept), &full())
        .unwrap()
        .unwrap();
    assert_eq!((page.title.as_str(), page.panels.len()), ("Cũ", 1));
}

#[test]
fn mistakes_in_the_description_of_a_picture_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("digest-daily.chart.txt");
    for (source, says) in [
        (
            "== pie Khách\n",
            "template digest-daily.chart.txt: line 1 of what it makes: `pie` is no kind of panel; there are bars, funnel, stacked and figure",
        ),
        (
            "== bars Khách\nTất cả | {{ digest.total | number }}\n",
            "line 2 of what it makes: `Tất cả | 1.187…` has no number",
        ),
        (
            "== bars Khách\nTất cả | {{ digest.totl }}\n",
            "template digest-daily.chart.txt, line 2: `digest.totl` has no value",
        ),
    ] {
        std::fs::write(&file, source).unwrap();
        let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
        let mut values = full();
        values["digest"]["total"] = json!(1_187_000);
        let error = templates.render_chart("digest-daily", None, &values);
        let error = error.unwrap_err().to_string();
        let says = says.replace('…', ".000");
        assert!(error.contains(&says), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::write(folder.path().join("quy.chart.txt"), "== bars x\n").unwrap();
    let error = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("there is a chart, but no message quy.telegram.html"),
        "{error}"
    );
}

#[test]
fn a_week_is_drawn_in_both_languages() {
    for language in [Language::Vietnamese, Language::English] {
        let page = load(language)
            .render_chart("digest-weekly", None, &full())
            .unwrap()
            .unwrap();
        assert_eq!(page.panels.len(), 5, "{page:?}");
        let page = load(language)
            .render_chart("digest-weekly", None, &minimal())
            .unwrap();
        assert!(page.is_none_or(|page| page.panels.len() <= 1));
    }
}

#[test]
fn a_week_reads_like_this() {
    let chat = load(Language::Vietnamese)
        .render_chat("digest-weekly", &full())
        .unwrap();
    assert_eq!(
        chat.plain(),
        "📅 Báo cáo tuần 16/11/2026 – 22/11/2026
Đang chạy thử: thư cho khách được gửi về hộp thư thử.
⏸ Đang tạm dừng: Email

1.187 khách; trong tuần (tuần trước):
• Khách mới: 21 (18)
• Chuyển giai đoạn: 14 (20)
• Đặt cọc: 2 (3)
• Hoàn tất: 1 (0)
• Mất khách: 5 (0)
🎯 Tháng 11: mới 60/90, đặt cọc 6/12

Giai đoạn
• Khách hàng tiềm năng: 640 (vào 21, đi tiếp 24%), thường ở lại 4 ngày
• Đang tư vấn: 412 (vào 12, đi tiếp 10%)
• Hoàn tất giao dịch: 101

Nhân viên
👤 Lan Anh: mới 9, chuyển giai đoạn 6, cọc 2, chờ lâu 4

Nguồn khách mới
• Facebook: 12, cọc 1, 583.333 ₫ mỗi khách
• Chưa ghi nguồn: 9
⏱ Khách mới thường được liên hệ sau 3 giờ; 3 khách còn chờ

💰 Dự kiến thu về 12,34 tỷ, nhiều khả năng từ 9 tỷ đến 15,7 tỷ; 212 khách chưa rõ ngân sách nên chưa tính. Mới có 7 giao dịch đã kết thúc nên con số này chỉ để tham khảo
🌡 33 khách đang nguội dần, nên gọi lại sớm

Chờ quá lâu
👤 Minh Tuấn: 5 – Phạm Quốc Huy (12 ngày)
👤 Chưa có người phụ trách: 1

🛑 Tạm giữ chờ duyệt
• Khách hàng: mất cột SĐT

Cần xem lại trong bảng
• Chưa chắc cùng khách: 1
• Ô cần sửa: 7: Khách hàng C19

Thư và tin nhắn: đã gửi 38, không tới 1, đang chờ 2"
    );
    // One message of Telegram's.
    assert_eq!(chat.parts.len(), 1);
}

#[test]
fn a_welcome_mail_reads_like_this() {
    let mut values = full();
    values["optout"] = Value::Null;
    let mail = load(Language::Vietnamese)
        .render_mail("welcome", &values)
        .unwrap();
    assert_eq!(
        mail.subject,
        "Công ty CP Queenland cảm ơn Anh An đã quan tâm"
    );
    assert_eq!(
        mail.text,
        "Kính chào Anh An,

Cảm ơn anh đã quan tâm và để lại thông tin với Công ty CP Queenland.

Chúng tôi ghi nhận nhu cầu của anh:
- Loại bất động sản: Căn hộ 2PN <view sông>
- Khu vực: Quận 7

Lan Anh là người phụ trách hỗ trợ anh và sẽ liên hệ trong thời gian sớm nhất qua số 0901 234 567.

Nếu anh tiện trao đổi vào giờ nào, hoặc thông tin trên có chỗ chưa đúng, anh chỉ cần trả lời thư này.

Trân trọng,
Lan Anh

--
Công ty CP Queenland
12 Nguyễn Huệ, Phường Sài Gòn, TP.HCM
Điện thoại: 028 3822 9999
Email: lienhe@queenland.example
Website: https://queenland.example

Anh/Chị nhận thư này vì đã để lại thông tin liên hệ với Công ty CP Queenland. Nếu không muốn nhận thư nữa, Anh/Chị chỉ cần trả lời thư này, chúng tôi sẽ dừng ngay.
"
    );
    assert!(mail.html.contains("Căn hộ 2PN &lt;view sông&gt;"));
    let mail = load(Language::Vietnamese)
        .render_mail("welcome", &minimal())
        .unwrap();
    assert!(
        mail.text
            .starts_with("Kính chào Anh/Chị Lan,\n\nCảm ơn anh/chị đã"),
        "{}",
        mail.text
    );
}

#[test]
fn advertising_says_how_to_refuse_it() {
    for language in [Language::Vietnamese, Language::English] {
        let mail = load(language).render_mail("welcome", &full()).unwrap();
        assert!(mail.text.contains("https://crm.queenland.example/o/x"));
        assert!(
            mail.html
                .contains("href=\"https://crm.queenland.example/o/x\"")
        );
    }
}

/// A folder of an admin, with these files.
fn own(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, source) in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, source).unwrap();
    }
    folder
}

fn error_of(files: &[(&str, &str)], name: &str) -> String {
    let folder = own(files);
    let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let mail = templates.has(name, Channel::Telegram);
    let error = match mail {
        true => templates.render_chat(name, &minimal()).map(|_| ()),
        false => templates.render_mail(name, &minimal()).map(|_| ()),
    };
    error.unwrap_err().to_string()
}

#[test]
fn a_missing_value_is_never_a_blank() {
    for (source, error) in [
        (
            "Chào\n{{ email }}",
            "template t.telegram.html, line 2: `email` has no value for this record; give a fallback: {{ email | default('…') }}",
        ),
        (
            "{{ owner | upper }}",
            "template t.telegram.html, line 1: `owner` has no value for this record; give a fallback: {{ owner | default('…') }}",
        ),
        (
            "{{ budget }}",
            "template t.telegram.html, line 1: `budget` has no value for this record; give a fallback: {{ budget | default('…') }}",
        ),
        (
            "{{ budget | money }}",
            "template t.telegram.html, line 1: `budget` has no value for this record; give a fallback: {{ budget | default('…') }}",
        ),
        (
            "x {{ budget.min | vnd }}",
            "template t.telegram.html, line 1: `budget.min` has no value for this record; give a fallback: {{ budget.min | default('…') }}",
        ),
        (
            "{{ budget | upper }}",
            "template t.telegram.html, line 1: `budget` has no value for this record; give a fallback: {{ budget | default('…') }}",
        ),
        (
            "{{ cells['Ghi chú'] }} {{ name.title }}",
            "template t.telegram.html, line 1: `name.title` has no value for this record; give a fallback: {{ name.title | default('…') }}",
        ),
        (
            "{{ emial }}",
            "template t.telegram.html, line 1: unknown field `emial`; did you mean `email`?",
        ),
        (
            "{{ zzz }}",
            "template t.telegram.html, line 1: unknown field `zzz`; the fields are those under [columns] and the names listed in templates/README.md",
        ),
        (
            "{{ area | default('') }}",
            "template t.telegram.html: the message is empty",
        ),
        (
            "<h1>x</h1>",
            "template t.telegram.html: Telegram has no tag <h1>; it knows b, i, u, s, a, code, pre, blockquote and tg-spoiler",
        ),
        (
            "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
            "template t.telegram.html, line 1: it runs too long; look for a loop that is too large",
        ),
        (
            "{{ 'x' * 900000 }}",
            "template t.telegram.html: the text is longer than 512 KiB; shorten what is repeated",
        ),
        (
            "{{ row | date }}",
            "template t.telegram.html, line 1: `row` is not a date",
        ),
    ] {
        assert_eq!(
            error_of(&[("t.telegram.html", source)], "t"),
            error,
            "{source}"
        );
    }
}

#[test]
fn asking_for_a_missing_value_is_allowed() {
    let source = "{% if email %}x{% endif %}{% if budget.min %}x{% endif %}{% if not owner %}ai?{% endif %}
{{ email | default('không có') }} {{ name.title | default('Anh/Chị') }} {{ budget.max | default('?') }} {{ name }} {{ cells['Họ tên'] | default('-') }}";
    let folder = own(&[("t.telegram.html", source)]);
    let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let chat = templates.render_chat("t", &minimal()).unwrap();
    assert_eq!(chat.html(), "ai?\nkhông có Anh/Chị ? Lan -");
}

#[test]
fn mistakes_in_own_files_come_all_at_once() {
    let folder = own(&[
        ("bad.telegram.html", "a\n{% if x %}"),
        ("half/subject.txt", "Chào"),
        ("lonely.buttons.txt", "[x](action:done)"),
        ("welcome/body.htm", "x"),
        ("README.md", "notes"),
        (".hidden", "x"),
    ]);
    std::fs::write(folder.path().join("latin.telegram.html"), b"Ch\xe0o").unwrap();
    let errors = Templates::load(Some(folder.path()), Language::Vietnamese)
        .unwrap_err()
        .to_string();
    for error in [
        "template bad.telegram.html, line 2: syntax error: unexpected end of input, expected end of block",
        "template half/body.txt: the mail has no such file; a mail needs subject.txt and body.txt",
        "template lonely.buttons.txt: there are buttons, but no message lonely.telegram.html",
        "template welcome/body.htm: no template has a file of this name; a mail is NAME/subject.txt",
        "template latin.telegram.html: the file is not UTF-8; save it as UTF-8",
    ] {
        assert!(errors.contains(error), "{error}\n--- in\n{errors}");
    }
    assert_eq!(errors.lines().count(), 5, "{errors}");
}

#[test]
fn unknown_names_are_found_before_anything_is_sent() {
    let folder = own(&[(
        "t.telegram.html",
        "{% if nmae %}x{% endif %}\n{{ name.givn | default('') }}\n{{ project }} {{ handover | dat }}\n{% for p in phones %}{{ p }}{% endfor %}",
    )]);
    let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let known = facts::known_names(
        &[
            "project".to_owned(),
            "handover".to_owned(),
            "commission".to_owned(),
        ]
        .into(),
        &["commission".to_owned()].into(),
    );
    let problems: Vec<String> = templates
        .check_names("t", &known)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems,
        [
            "template t.telegram.html, line 2: unknown field `name.givn`; `name` has the parts full, given, title",
            "template t.telegram.html, line 1: unknown field `nmae`; did you mean `name`?",
            "template t.telegram.html, line 3: unknown filter `dat`; the filters are listed in templates/README.md",
        ]
    );
    assert!(!known.contains("commission"));
    let none = templates.check_names("welcom", &known)[0].to_string();
    assert!(
        none.starts_with("template welcom: there is no such template; there are: after-sale-1, "),
        "{none}"
    );
}

#[test]
fn an_own_file_takes_the_place_of_the_shipped_one() {
    let folder = own(&[(
        "welcome/subject.txt",
        "Chào {{ greeting }}\r\nBcc: x@y.example\r\n",
    )]);
    let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let mail = templates.render_mail("welcome", &full()).unwrap();
    assert_eq!(mail.subject, "Chào Anh An Bcc: x@y.example");
    assert!(mail.text.starts_with("Kính chào Anh An"));
    assert_ne!(
        templates.hash("welcome"),
        load(Language::Vietnamese).hash("welcome")
    );
}

#[test]
fn a_frozen_template_stays_what_it_was() {
    let first = own(&[
        ("t/subject.txt", "Một"),
        ("t/body.txt", "{{ name }}: {{ received | default('?') }}"),
        ("t.telegram.html", "một"),
        ("t.buttons.txt", "[x](action:done)"),
    ]);
    let templates = Templates::load(Some(first.path()), Language::Vietnamese).unwrap();
    let (bundle, hash) = (
        templates.source_bundle("t").unwrap().to_owned(),
        templates.hash("t").unwrap().to_owned(),
    );
    let mail = templates.render_mail("t", &full()).unwrap();
    assert_eq!(
        templates.render_mail_from_bundle(&bundle, &full()).unwrap(),
        mail
    );

    let second = own(&[("t/subject.txt", "Hai"), ("t/body.txt", "khác")]);
    for later in [
        Templates::load(Some(second.path()), Language::English).unwrap(),
        load(Language::Vietnamese),
    ] {
        assert_ne!(later.hash("t"), Some(hash.as_str()));
        assert_eq!(
            later.render_mail_from_bundle(&bundle, &full()).unwrap(),
            mail
        );
        let chat = later.render_chat_from_bundle(&bundle, &full()).unwrap();
        assert_eq!((chat.html().as_str(), chat.buttons.len()), ("một", 1));
    }
    // The layout belongs to it, so that a new layout does not change an old mail.
    assert!(
        templates
            .source_bundle("welcome")
            .unwrap()
            .contains("layout/mail.html")
    );
    assert!(
        templates
            .source_bundle("welcome")
            .unwrap()
            .contains("layout/footer.txt")
    );
    assert!(
        templates
            .source_bundle("lead-alert")
            .unwrap()
            .contains("layout/lead.buttons.txt")
    );
    let error = templates.render_mail_from_bundle("x", &full()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the kept template cannot be read")
    );
}

/// What the button for Zalo copies, with these values in the place of those of a full row.
fn greeting_for_zalo(change: impl FnOnce(&mut Value)) -> String {
    let mut values = full();
    change(&mut values);
    let chat = Templates::load(None, Language::Vietnamese)
        .unwrap()
        .render_chat("lead-alert", &values)
        .unwrap();
    let mut buttons = chat.buttons.into_iter().flatten();
    let button = buttons.find(|button| button.label.contains("lời chào"));
    match button.unwrap().kind {
        ButtonKind::Copy(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_greeting_for_zalo_is_ready_to_paste() {
    assert_eq!(
        greeting_for_zalo(|_| ()),
        "Dạ em chào anh An ạ, em là Lan Anh bên Công ty CP Queenland.\n\
         Em nhận được thông tin anh đang quan tâm Căn hộ 2PN <view sông> khu vực Quận 7.\n\
         Anh tiện lúc nào để em gọi tư vấn thêm ạ?"
    );
    let unknown = greeting_for_zalo(|values| {
        values["pronoun"] = json!("anh/chị");
        values["name"] = json!({});
        values["interest"] = Value::Null;
        values["area"] = json!("Thủ Đức (gần [Vincom])\nhoặc Quận 9");
    });
    // Brackets of a cell stay what they are, and make no button.
    assert!(
        unknown.starts_with("Dạ em chào anh/chị ạ, em là Lan Anh")
            && unknown.contains("quan tâm bất động sản khu vực Thủ Đức (gần [Vincom])")
            && unknown.contains("\nAnh/chị tiện lúc nào"),
        "{unknown}"
    );
    let long = greeting_for_zalo(|values| {
        values["owner"] = json!("😀".repeat(300));
    });
    assert!(long.encode_utf16().count() <= 256, "{long}");
}

#[test]
fn a_claim_shows_the_managers_who_was_first_and_by_what() {
    let chat = load(Language::Vietnamese)
        .render_chat("claim", &full())
        .unwrap();
    assert_eq!(
        chat.plain(),
        "⚖️ Nhiều người cùng nhận một khách: Nguyễn Văn An · 0901 234 567

Lan Anh
• Khách hàng, dòng 17: bot đọc thấy lần đầu 08:10, thứ Sáu 20/11/2026, ô ngày nhận 20/11/2026, Đang tư vấn; 2 lần ghi nhận, gần nhất: Lan Anh: đã hẹn (20/11/2026)

Minh Tuấn
• Tháng 11, dòng 31: bot đọc thấy lần đầu 08:10, thứ Bảy 21/11/2026, ô ngày nhận 02/11/2026; chưa ghi nhận lần liên hệ nào

⚠️ Bot đọc thấy dòng của Lan Anh trước, nhưng ô ngày nhận của Minh Tuấn lại sớm hơn.

Anh/chị quyết định giúp ai phụ trách khách này. Xem lại lúc nào cũng được: /trung"
    );
    let labels: Vec<(&str, &ButtonKind)> = chat
        .buttons
        .iter()
        .flatten()
        .map(|button| (button.label.as_str(), &button.kind))
        .collect();
    let action = |name: &str| ButtonKind::Action { name: name.into() };
    assert_eq!(
        labels,
        [
            ("✅ Giữ cho Lan Anh", &action("claim-keep-1")),
            ("✅ Giữ cho Minh Tuấn", &action("claim-keep-2")),
            ("🤝 Cùng chăm", &action("claim-together")),
        ]
    );
}

#[test]
fn a_value_cannot_make_markup_or_buttons() {
    let folder = own(&[
        ("t.telegram.html", "{{ note }}"),
        ("t.buttons.txt", "[{{ note }}](action:done)"),
    ]);
    let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let mut values = minimal();
    values["note"] = "<b>x</b> & ](https://evil.example) [y\n{{ phone }}".into();
    let chat = templates.render_chat("t", &values).unwrap();
    assert_eq!(chat.plain(), values["note"].as_str().unwrap());
    assert_eq!(chat.buttons.len(), 1);
    assert_eq!(chat.buttons[0].len(), 1);
    assert_eq!(
        chat.buttons[0][0].kind,
        ButtonKind::Action {
            name: "done".into()
        }
    );
}

/// Appends to every text that a person may have written; what is left are times, addresses, ids and numbers of ours,
/// and the HTML that `render` made of a campaign's text, whose own tests look at its escaping.
/// Says how many there were.
fn append_to_texts(key: &str, value: &mut Value, more: &str) -> usize {
    match value {
        Value::String(text) => {
            let of_ours = text.starts_with('<')
                || text.contains("://")
                || text.starts_with(|c: char| c == '+' || c.is_ascii_digit());
            let written =
                text.contains(' ') || !text.is_ascii() || matches!(key, "full" | "given" | "name");
            if of_ours || !written {
                return 0;
            }
            *text = format!("{text} {more}");
            1
        }
        Value::Array(items) => items
            .iter_mut()
            .map(|item| append_to_texts(key, item, more))
            .sum(),
        Value::Object(parts) => parts
            .iter_mut()
            .map(|(key, part)| append_to_texts(key, part, more))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[test]
fn nothing_that_people_type_is_markup_in_any_shipped_template() {
    const HOSTILE: &str = "<script>alert(1)</script><b onclick='x'>&lt;\"](https://evil.example) [x](action:done) {{ company.email }}";
    for language in [Language::Vietnamese, Language::English] {
        let templates = load(language);
        let mut values = full();
        let texts = append_to_texts("", &mut values, HOSTILE);
        assert!(texts > 40, "{texts} texts");
        for name in templates.names(Channel::Email) {
            let (mail, plain) = (
                templates.render_mail(&name, &values).unwrap(),
                templates.render_mail(&name, &full()).unwrap(),
            );
            let tags = |html: &str| html.matches('<').count();
            assert_eq!(tags(&mail.html), tags(&plain.html), "{name}: {}", mail.html);
            assert!(!mail.html.contains("onclick='"), "{name}");
            assert!(!mail.html.contains("href=\"https://evil"), "{name}");
            assert!(!mail.subject.contains(['\r', '\n']), "{name}");
        }
        for name in templates.names(Channel::Telegram) {
            // What renders is markup that Telegram takes: the checker of `render` has looked at each tag.
            let (chat, plain) = (
                templates.render_chat(&name, &values).unwrap(),
                templates.render_chat(&name, &full()).unwrap(),
            );
            let tags = |html: &str| html.matches('<').count();
            assert_eq!(
                tags(&chat.html()),
                tags(&plain.html()),
                "{name}: {}",
                chat.html()
            );
            let kinds = |rows: &[Vec<sheetbridge::render::Button>]| -> Vec<Vec<ButtonKind>> {
                // What is to be pasted into another chat is as people type it.
                let pasted = |label: &str| label.contains("Zalo");
                let row = |row: &Vec<sheetbridge::render::Button>| {
                    let kind = |button: &sheetbridge::render::Button| match &button.kind {
                        ButtonKind::Copy(_) if pasted(&button.label) => {
                            ButtonKind::Copy(String::new())
                        }
                        kind => kind.clone(),
                    };
                    row.iter().map(kind).collect()
                };
                rows.iter().map(row).collect()
            };
            assert_eq!(kinds(&chat.buttons), kinds(&plain.buttons), "{name}");
        }
    }
}

/// What a template that wants to do harm is told; the time it may take is the test's.
fn harm(source: &str) -> String {
    let began = std::time::Instant::now();
    let bundle = json!({
        "name": "t", "language": "vi",
        "parts": {"t/subject.txt": "x", "t/body.txt": source, "t/body.html": source},
    });
    let error = load(Language::Vietnamese)
        .render_mail_from_bundle(&bundle.to_string(), &full())
        .unwrap_err();
    assert!(
        began.elapsed() < std::time::Duration::from_secs(20),
        "{source}"
    );
    error.to_string()
}

#[test]
fn a_template_reads_no_file_and_ends_whatever_it_does() {
    // No file but those it was frozen with: there is no loader.
    for file in [
        "/etc/passwd",
        "../../etc/passwd",
        "layout/mail.html",
        "file:///etc/passwd",
    ] {
        for tag in ["include", "extends", "import"] {
            let source = match tag {
                "import" => format!("{{% import '{file}' as x %}}{{{{ x }}}}"),
                tag => format!("{{% {tag} '{file}' %}}"),
            };
            let said = harm(&source);
            assert!(
                said.contains("a file that is not there"),
                "{source}: {said}"
            );
        }
    }
    let runs = "it runs too long";
    let long = "the text is longer than 512 KiB";
    for (source, why) in [
        (
            "{% for a in range(100000) %}{% for b in range(100000) %}{{ '' ~ b }}{% endfor %}{% endfor %}",
            "",
        ),
        (
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            runs,
        ),
        (
            "{% for a in range(99999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
            long,
        ),
        ("{{ 'x' * 100000000 }}", long),
        ("{{ 'x' * 100000001 }}", "too large"),
        ("{{ 'x' * 100000000 * 100 }}", "too large"),
        ("{{ [1] * 1000000000 }}", "too large"),
        ("{{ range(10000000) }}", "range"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ""),
        (
            "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
            "",
        ),
        ("{% include 't/body.txt' %}", ""),
        ("{% extends 't/body.txt' %}", ""),
        ("{{ caller() }}", ""),
        ("{{ name.__class__ }}", ""),
        ("{{ self.x() }}", ""),
    ] {
        let said = harm(source);
        assert!(said.contains(why), "{source}: {said}");
    }
}

/// The daemon shares one set of templates between its tasks.
#[test]
fn templates_are_shared_between_tasks() {
    fn shared<T: Send + Sync>() {}
    shared::<Templates>();
}

/// What a mail to a customer keeps of what is known of them is what its template may ask for.
#[test]
fn a_mail_says_the_same_with_only_those_facts_that_its_template_may_ask_for() {
    for language in [Language::Vietnamese, Language::English] {
        let templates = load(language);
        for name in templates.names(Channel::Email) {
            let mut kept = full();
            let facts = kept.as_object_mut().unwrap();
            let before = facts.len();
            facts.retain(|fact, _| templates.may_ask_for(&name, fact));
            assert!(facts.len() < before, "{name}");
            let said = templates.render_mail(&name, &kept);
            assert_eq!(said, templates.render_mail(&name, &full()), "{name}");
        }
    }
    let own = own(&[
        ("t/subject.txt", "Một"),
        ("t/body.txt", "Anh/Chị\n{{ greeting }}{{cells['Ngày hẹn']}}"),
    ]);
    let templates = Templates::load(Some(own.path()), Language::Vietnamese).unwrap();
    for asked in ["greeting", "cells"] {
        assert!(templates.may_ask_for("t", asked), "{asked}");
    }
    for another in ["birthday", "stage_since", "consent"] {
        assert!(!templates.may_ask_for("t", another), "{another}");
    }
    assert!(templates.may_ask_for("gone", "birthday"), "nobody knows");
}
