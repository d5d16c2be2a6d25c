//! Any cell, read as every kind of field, in the locales that Vietnamese workbooks have.
//!
//! First byte: which locale, and whether the rest is a text or JSON; then the cell.
#![no_main]

use std::sync::OnceLock;

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use sheetbridge::core::record::Cells;
use sheetbridge::core::sheet::fold::{canonical, canonical_phone, clean, fold};
use sheetbridge::core::sheet::stage::{Stage, StageTable};
use sheetbridge::core::sheet::typed::typed;
use sheetbridge::core::sheet::{Cell, FieldKind, FieldSpec, Schema, find_header, inert};
use sheetbridge_fuzz::config;

const LOCALES: [&str; 4] = ["vi_VN", "en_US", "en_GB", "fr_FR"];
const KINDS: [FieldKind; 14] = [
    FieldKind::Name,
    FieldKind::Phone,
    FieldKind::Email,
    FieldKind::Money,
    FieldKind::Date,
    FieldKind::Stage,
    FieldKind::Owner,
    FieldKind::OptOut,
    FieldKind::Consent,
    FieldKind::YesNo,
    FieldKind::Text,
    FieldKind::Number,
    FieldKind::Choice,
    FieldKind::Id,
];

fn schemas() -> &'static [Schema] {
    static SCHEMAS: OnceLock<Vec<Schema>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let fields: Vec<FieldSpec> = KINDS
            .iter()
            .map(|kind| FieldSpec {
                id: format!("{kind:?}"),
                headers: vec![format!("{kind:?}")],
                kind: *kind,
                private: false,
                since: None,
            })
            .collect();
        let stage = |stage: &sheetbridge::config::Stage| Stage {
            id: stage.id.clone(),
            label: stage.label.clone(),
            aliases: stage.aliases.clone(),
        };
        let stages: Vec<Stage> = config().stages.iter().map(stage).collect();
        let stages = StageTable::new(stages).expect("the company's stages");
        let schema = |locale: &&str| Schema {
            fields: fields.clone(),
            stages: stages.clone(),
            locale: (*locale).to_owned(),
            zone: TimeZone::get("Asia/Ho_Chi_Minh").expect("bundled"),
        };
        LOCALES.iter().map(schema).collect()
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let cell = match first & 4 == 0 {
        true => Cell::Text(text.into()),
        false => match serde_json::from_str::<Cell>(text) {
            Ok(cell) => cell,
            Err(_) => return,
        },
    };
    let schema = &schemas()[usize::from(first & 3)];
    let cells: Cells = KINDS
        .iter()
        .map(|kind| (format!("{kind:?}").as_str().into(), cell.clone()))
        .collect();
    let read = typed(&cells, schema);
    assert_eq!(
        read,
        typed(&cells, schema),
        "the same cell twice is not the same"
    );
    // What is compared must be the same for what is the same.
    assert_eq!(fold(&fold(text)), fold(text));
    assert_eq!(canonical(&cell), canonical(&cell.clone()));
    let _ = (canonical_phone(&cell), clean(text), cell.shown());
    let kept: Cell =
        serde_json::from_str(&serde_json::to_string(&cell).expect("JSON")).expect("ours");
    // An empty text is an empty cell.
    let same = kept == cell || kept.is_blank() && cell.is_blank();
    assert!(same, "what is stored comes back: {kept:?}, {cell:?}");
    let written = inert(text);
    assert_eq!(inert(&written), written);
    assert!(!written.trim_start().starts_with('='));
    let grid: Vec<Vec<Cell>> = text
        .lines()
        .take(20)
        .map(|line| line.split('\t').take(30).map(Cell::from_text).collect())
        .collect();
    let _ = find_header(&grid, &schema.fields, &[]);
});

/// A cell of a text.
trait FromText {
    fn from_text(text: &str) -> Self;
}

impl FromText for Cell {
    fn from_text(text: &str) -> Self {
        Self::Text(text.into())
    }
}
