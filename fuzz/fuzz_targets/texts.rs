//! Any condition, and any template, over a customer's facts: an error or a bounded text, in bounded time.
//!
//! First byte: condition, mail, chat, or the text of a campaign in a cell.
#![no_main]

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sheetbridge::core::campaign::text::{Names, pieces};
use sheetbridge::core::condition::Condition;
use sheetbridge::core::sheet::FieldSpec;
use sheetbridge::render::{Language, Templates};

fn facts() -> Value {
    json!({
        "name": {"full": "Nguyễn Văn An", "given": "An", "title": "Anh"}, "greeting": "Anh An",
        "phone": ["+84901234567"], "email": ["an@example.org"], "area": "Quận 7, Thủ Đức",
        "budget": {"min": 3_000_000_000_i64, "max": 5_000_000_000_i64, "text": "3–5 tỷ"},
        "stage": "consulting", "owner": ["Lan Anh"], "note": "gọi lại <b>T7</b> & đưa gia đình",
        "received": "2026-11-20", "appointment": "2026-11-22T09:30:00", "now": "2026-11-21T09:00:00+07:00",
        "no_ads": false, "consent": true, "company": {"name": "Queenland"},
        "cells": {"Ghi chú": "x"}, "today": "2026-11-21",
    })
}

fn templates() -> &'static Templates {
    static TEMPLATES: OnceLock<Templates> = OnceLock::new();
    TEMPLATES.get_or_init(|| Templates::load(None, Language::Vietnamese).expect("shipped"))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let began = Instant::now();
    // A value that is doubled again and again is the admin's own affair (README).
    let doubles = text.contains('~')
        && (text.contains("set")
            || text.contains("with")
            || text.contains("for")
            || text.contains("macro"));
    if doubles && first % 4 != 3 {
        return;
    }
    match first % 4 {
        0 => {
            if let Ok(condition) = Condition::parse(text) {
                let _ = (
                    condition.names(),
                    condition.paths(),
                    condition.trial(&facts()),
                );
                let held = condition.holds(&facts());
                assert_eq!(held, condition.holds(&facts()));
                if let Ok(shown) = condition.evaluate(&facts()) {
                    assert!(shown.len() <= 64 << 10);
                }
            }
        }
        1 => {
            let parts = json!({"t/subject.txt": "x", "t/body.txt": text, "t/body.html": text});
            let bundle = json!({"name": "t", "language": "vi", "parts": parts}).to_string();
            if let Ok(mail) = templates().render_mail_from_bundle(&bundle, &facts()) {
                assert!(mail.text.len() <= 512 << 10 && mail.html.len() <= 1 << 20);
            }
        }
        3 => {
            // A campaign's text in a cell: values in braces and no commands.
            static NAMES: OnceLock<Names> = OnceLock::new();
            let names = NAMES.get_or_init(|| {
                let config = sheetbridge_fuzz::config();
                let fields = config.fields.iter();
                let specs: Vec<FieldSpec> = fields
                    .map(|field| FieldSpec {
                        id: field.id.clone(),
                        headers: field.headers.clone(),
                        kind: field.kind,
                        private: field.private,
                        since: field.since.clone(),
                    })
                    .collect();
                Names::new(&specs)
            });
            match pieces(text, names) {
                Ok(pieces) => assert!(pieces.len() <= 2 * text.len() + 1),
                Err(problems) => assert!(!problems.is_empty()),
            }
        }
        _ => {
            let parts = json!({"t.telegram.html": text, "t.buttons.txt": text});
            let bundle = json!({"name": "t", "language": "vi", "parts": parts}).to_string();
            if let Ok(chat) = templates().render_chat_from_bundle(&bundle, &facts()) {
                assert!(chat.parts.iter().all(|part| !part.is_empty()));
            }
        }
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it takes {:?}",
        began.elapsed()
    );
});
