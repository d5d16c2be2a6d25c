//! A table of customers, and who of them is in which segment.

use std::convert::Infallible;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::*;
use crate::core::campaign::CampaignId;
use crate::core::campaign::testing::{customers, definition, schema, surroundings};

fn now() -> Timestamp {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

fn synonyms() -> Synonyms {
    Synonyms::new([(
        "area".to_owned(),
        ["Thủ Đức", "TP Thủ Đức", "Quận 9"].map(String::from).into(),
    )])
}

/// The names of the customers who are in, and with which variant.
fn who(whom: Whom, history: impl Fn(&str) -> History) -> String {
    let mut campaign = definition("x");
    campaign.whom = whom;
    let segment = Segment::new(&campaign, &synonyms(), now()).unwrap();
    let (schema, around) = (schema(), surroundings());
    let mut memo = Memo::default();
    let names = customers().into_iter().filter_map(|record| {
        let name = record.seen["name"].shown().into_owned();
        let customer = Customer {
            record: &record,
            cells: &record.seen,
            row: record.place.row,
            schema: &schema,
            surroundings: &around,
        };
        let judged = segment.judge(&customer, &mut memo, || Ok::<_, Infallible>(history(&name)));
        matches!(judged, Ok(Verdict::In { .. })).then_some(name)
    });
    names.collect::<Vec<_>>().join(" ")
}

fn nobody_knows(_: &str) -> History {
    History::default()
}

fn any(words: &[&str]) -> Choice {
    Choice {
        any: words.iter().map(|&word| word.to_owned()).collect(),
        none: Vec::new(),
    }
}

fn none(words: &[&str]) -> Choice {
    Choice {
        any: Vec::new(),
        none: words.iter().map(|&word| word.to_owned()).collect(),
    }
}

#[test]
fn words_are_found_without_accents_case_and_by_synonyms() {
    for (areas, expected) in [
        (any(&["Quận 7"]), "An Bình"),
        (any(&["q.7"]), "An Bình"),
        (any(&["Thủ Đức"]), "Chi Dũng"),
        (any(&["thu duc", "Quận 7"]), "An Bình Chi Dũng"),
        (none(&["Quận 7"]), "Chi Dũng Em Giang"),
        (any(&["Quận 70"]), ""),
        (any(&["Quận"]), "An Bình Dũng"),
    ] {
        let whom = Whom {
            areas,
            ..Whom::default()
        };
        assert_eq!(who(whom.clone(), nobody_knows), expected, "{whom:?}");
    }
}

#[test]
fn budgets_overlap_and_who_has_none_is_out() {
    let ty = |n: i64| Some(n * 1_000_000_000);
    for (min, max, expected) in [
        (ty(3), ty(5), "An Bình Dũng"),
        (ty(6), None, "Bình Dũng"),
        (None, ty(2), "Chi Dũng"),
        (ty(3), ty(3), "An Dũng"),
    ] {
        let whom = Whom {
            budget: Some(Budget { min, max }),
            ..Whom::default()
        };
        assert_eq!(who(whom, nobody_knows), expected, "{min:?} {max:?}");
    }
}

#[test]
fn stages_owners_and_conditions_must_all_fit() {
    let whom = |stages, owners, condition: Option<&str>| Whom {
        stages,
        owners,
        condition: condition.map(str::to_owned),
        ..Whom::default()
    };
    for (whom, expected) in [
        (
            whom(any(&["prospect", "consulting"]), Choice::default(), None),
            "An Bình Chi",
        ),
        (
            whom(none(&["lost"]), Choice::default(), None),
            "An Bình Chi Dũng Giang",
        ),
        (whom(Choice::default(), any(&["Lan Anh"]), None), "An Chi"),
        (whom(Choice::default(), any(&["Anh"]), None), ""),
        (
            whom(
                Choice::default(),
                Choice::default(),
                Some("budget.max >= 6 * ty"),
            ),
            "Bình",
        ),
        (
            whom(
                Choice::default(),
                Choice::default(),
                Some("stage == 'deposited' and 'vip' in note"),
            ),
            "Dũng",
        ),
        (
            whom(
                Choice::default(),
                any(&["lan anh"]),
                Some("stage_label == 'Đang tư vấn'"),
            ),
            "Chi",
        ),
        (
            whom(
                Choice::default(),
                Choice::default(),
                Some("cells['Họ tên'] == 'An'"),
            ),
            "An",
        ),
        (
            whom(
                Choice::default(),
                Choice::default(),
                Some("greeting == 'Anh/Chị Giang'"),
            ),
            "Giang",
        ),
    ] {
        assert_eq!(who(whom.clone(), nobody_knows), expected, "{whom:?}");
    }
}

#[test]
fn dealings_are_asked_of_the_row_first_and_of_the_store_then() {
    let history = |name: &str| History {
        reached: if name == "Em" {
            ["deposited".to_owned()].into()
        } else {
            BTreeSet::new()
        },
        mailed: match name {
            "An" => Some("2026-11-10T02:00:00Z".parse().unwrap()),
            "Bình" => Some("2026-06-01T02:00:00Z".parse().unwrap()),
            _ => None,
        },
    };
    let deposited = |ever| Dealing::Reached {
        stages: vec!["deposited".to_owned()],
        ever,
    };
    for (dealings, expected) in [
        // Dũng by the stage, Giang by the date in the column, Em by the store.
        (vec![deposited(true)], "Dũng Em Giang"),
        (vec![deposited(false)], "An Bình Chi"),
        (
            vec![Dealing::Mailed {
                days: 30,
                within: true,
            }],
            "An",
        ),
        (
            vec![Dealing::Mailed {
                days: 30,
                within: false,
            }],
            "Bình Chi Dũng Em Giang",
        ),
        (
            vec![Dealing::New {
                days: 30,
                within: true,
            }],
            "An",
        ),
        (
            vec![Dealing::New {
                days: 30,
                within: false,
            }],
            "Bình Chi Dũng Em Giang",
        ),
        (
            vec![
                Dealing::New {
                    days: 90,
                    within: false,
                },
                deposited(false),
            ],
            "Bình Chi",
        ),
    ] {
        let whom = Whom {
            dealings: dealings.clone(),
            ..Whom::default()
        };
        assert_eq!(who(whom, history), expected, "{dealings:?}");
    }
}

#[test]
fn the_store_is_asked_only_where_it_matters() {
    let whom = Whom {
        areas: any(&["Quận 7"]),
        dealings: vec![Dealing::Mailed {
            days: 30,
            within: false,
        }],
        ..Whom::default()
    };
    let asked = std::cell::RefCell::new(Vec::new());
    let found = who(whom, |name| {
        asked.borrow_mut().push(name.to_owned());
        History::default()
    });
    assert_eq!(found, "An Bình");
    assert_eq!(*asked.borrow(), ["An", "Bình"]);
}

#[test]
fn a_customer_gets_the_text_of_the_first_group_that_fits() {
    let mut campaign = definition("x");
    campaign.whom.everyone = true;
    let text = campaign.variants[0].clone();
    let group = |whom: Whom| crate::core::campaign::Variant {
        group: Some(whom),
        ..text.clone()
    };
    campaign.variants = vec![
        group(Whom {
            interests: any(&["đầu tư"]),
            ..Whom::default()
        }),
        group(Whom {
            stages: any(&["prospect"]),
            ..Whom::default()
        }),
    ];
    let judged = |campaign: &Definition| -> String {
        let segment = Segment::new(campaign, &synonyms(), now()).unwrap();
        let (schema, around) = (schema(), surroundings());
        let mut memo = Memo::default();
        let mut out = Vec::new();
        for record in customers() {
            let customer = Customer {
                record: &record,
                cells: &record.seen,
                row: 1,
                schema: &schema,
                surroundings: &around,
            };
            let verdict = segment.judge(&customer, &mut memo, || {
                Ok::<_, Infallible>(History::default())
            });
            match verdict.unwrap() {
                Verdict::In { variant: Some(at) } => out.push(at.to_string()),
                Verdict::In { variant: None } => out.push("-".to_owned()),
                Verdict::Out(criterion) => out.push(format!("{criterion:?}")),
            }
        }
        out.join(" ")
    };
    assert_eq!(judged(&campaign), "1 0 - - - -");
    campaign.variants.push(text);
    assert_eq!(judged(&campaign), "1 0 2 2 2 2");
}

#[test]
fn a_word_that_nobody_has_is_known_afterwards() {
    let mut campaign = definition("x");
    campaign.id = CampaignId::from_text("x");
    campaign.whom.areas = any(&["Quận 7", "Thủ Đúk", "Đà Lạt"]);
    campaign.whom.stages = any(&["completed"]);
    let segment = Segment::new(&campaign, &synonyms(), now()).unwrap();
    let (schema, around) = (schema(), surroundings());
    let mut memo = Memo::default();
    for record in customers() {
        let customer = Customer {
            record: &record,
            cells: &record.seen,
            row: 1,
            schema: &schema,
            surroundings: &around,
        };
        let verdict = segment.judge(&customer, &mut memo, || {
            Ok::<_, Infallible>(History::default())
        });
        assert!(matches!(verdict, Ok(Verdict::Out(_))));
    }
    let unmet: Vec<String> = segment
        .unmet(&memo)
        .into_iter()
        .map(|(_, criterion, unmet)| format!("{criterion:?} {} {:?}", unmet.word, unmet.near))
        .collect();
    assert_eq!(
        unmet,
        ["Area Thủ Đúk Some(\"Thu Duc\")", "Area Đà Lạt None"]
    );
}

#[test]
fn the_day_of_receipt_is_local() {
    let zone = TimeZone::fixed(Offset::constant(7));
    assert_eq!(schema().zone, zone);
    let record = &customers()[0];
    let (schema, around) = (schema(), surroundings());
    let customer = Customer {
        record,
        cells: &record.seen,
        row: 1,
        schema: &schema,
        surroundings: &around,
    };
    assert_eq!(
        customer.since(),
        Since::At("2026-11-14T17:00:00Z".parse().unwrap())
    );
}
