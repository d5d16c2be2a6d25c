//! Who gets a mail, as text: `An>1` with the second text, `Bình:no_consent` left out.

use std::convert::Infallible;

use super::*;
use crate::core::campaign::segment::{Customer, Synonyms};
use crate::core::campaign::testing::{definition, record, schema, surroundings};
use crate::core::campaign::{Choice, Place, Whom};
use crate::core::record::Record;

fn fold_of(
    records: &[Record],
    campaign: &Definition,
    against: impl Fn(&str) -> Option<Reason>,
) -> Outcome {
    let now = "2026-11-22T02:00:00Z".parse().unwrap();
    let segment = Segment::new(campaign, &Synonyms::default(), now).unwrap();
    let (schema, around) = (schema(), surroundings());
    let mut audience = Audience::new(&segment, campaign.order);
    for record in records {
        let customer = Customer {
            record,
            cells: &record.seen,
            row: record.place.row,
            schema: &schema,
            surroundings: &around,
        };
        let taken = audience.take(
            &customer,
            || Ok::<_, Infallible>(History::default()),
            |address| Ok(against(address)),
        );
        assert_eq!(taken, Ok(()));
    }
    audience.finish(campaign)
}

fn shown(records: &[Record], outcome: &Outcome) -> String {
    let name = |id: &RecordId| {
        let record = records.iter().find(|record| record.id == *id).unwrap();
        let row = record.place.row;
        format!("{}{row}", record.seen["name"].shown())
    };
    let chosen = outcome.chosen.iter().map(|one| name(&one.record));
    let left = outcome
        .left_out
        .iter()
        .map(|one| format!("{}:{}", name(&one.record), one.reason.code()));
    chosen.chain(left).collect::<Vec<_>>().join(" ")
}

fn everyone() -> Definition {
    let mut campaign = definition("x");
    campaign.whom.everyone = true;
    campaign
}

fn check(cells: &[&str], expected: &str) {
    let records: Vec<Record> = cells
        .iter()
        .zip(1..)
        .map(|(cells, number)| record(number, "prospect", cells))
        .collect();
    let outcome = fold_of(&records, &everyone(), |_| None);
    assert_eq!(shown(&records, &outcome), expected, "{cells:?}");
    // In whichever order they come.
    let mut turned = records.clone();
    turned.reverse();
    let outcome = fold_of(&turned, &everyone(), |_| None);
    assert_eq!(shown(&records, &outcome), expected, "{cells:?} turned");
}

#[test]
fn one_mail_goes_to_an_address_by_the_newest_row() {
    check(
        &[
            "name=An|email=an@example.com|received=01/10/2026",
            "name=An|email=AN@example.com|received=03/10/2026",
            "name=An|email=an@example.com|received=02/10/2026",
        ],
        "An3 An2:duplicate An4:duplicate",
    );
    // Of two rows of the same day the one that came later.
    check(
        &[
            "name=An|email=an@example.com",
            "name=An|email=an@example.com",
        ],
        "An3 An2:duplicate",
    );
}

#[test]
fn a_couple_on_one_phone_are_two_people_and_one_person_with_two_addresses_is_one() {
    check(
        &[
            "name=Nam|phone=0901234567|email=nam@example.com|received=01/10/2026",
            "name=Lan|phone=0901 234 567|email=lan@example.com|received=02/10/2026",
        ],
        "Lan3 Nam2",
    );
    check(
        &[
            "name=Anh Nam|phone=0901234567|email=nam@example.com|received=01/10/2026",
            "name=nam|phone=+84 901 234 567|email=nam2@example.com|received=02/10/2026",
        ],
        "nam3 Anh Nam2:duplicate",
    );
    // Without a name nobody can tell: two addresses are two people.
    check(
        &[
            "name=-|phone=0901234567|email=a@example.com",
            "name=-|phone=0901234567|email=b@example.com",
        ],
        "-3 -2",
    );
}

#[test]
fn who_has_no_address_is_left_out_with_the_reason() {
    check(
        &[
            "name=An",
            "name=Bình|email=chưa có",
            "name=Chi|email=chi@gmail",
            "name=Dũng|email=dung@example.com|no_ads=x",
            "name=Em|email=em@example.com / x",
        ],
        "Em6 An2:no_address Bình3:no_address Chi4:unreadable_address Dũng5:opted_out",
    );
}

#[test]
fn what_the_store_knows_counts_for_the_person_not_for_the_row() {
    let records = [
        record(
            1,
            "prospect",
            "name=An|phone=0901234567|email=old@example.com|received=01/10/2026",
        ),
        record(
            2,
            "prospect",
            "name=An|phone=0901234567|email=new@example.com|received=02/10/2026",
        ),
        record(3, "prospect", "name=Bình|email=binh@example.com"),
    ];
    let outcome = fold_of(&records, &everyone(), |address| match address {
        "new@example.com" => Some(Reason::Suppressed),
        "binh@example.com" => Some(Reason::NoConsent),
        _ => None,
    });
    // An older address is no way around a refusal.
    assert_eq!(
        shown(&records, &outcome),
        "An2:duplicate An3:suppressed Bình4:no_consent"
    );
    assert_eq!(
        outcome.counts(),
        [("duplicate", 1), ("no_consent", 1), ("suppressed", 1)].into()
    );
}

#[test]
fn unclear_and_missing_rows_are_left_out_and_removed_ones_are_not_there() {
    let mut records = [
        record(1, "prospect", "name=An|email=a@example.com"),
        record(2, "prospect", "name=Bình|email=b@example.com"),
        record(3, "prospect", "name=Chi|email=c@example.com"),
    ];
    records[0].ambiguous_since = Some(records[0].first_seen);
    records[1].gone = Some(records[1].first_seen);
    records[2].removed = true;
    let outcome = fold_of(&records, &everyone(), |_| None);
    assert_eq!(shown(&records, &outcome), "An2:ambiguous Bình3:missing");
    assert_eq!(outcome.looked_at, 2);
}

#[test]
fn the_order_is_the_campaigns() {
    let records = [
        record(
            1,
            "prospect",
            "name=An|email=a@example.com|received=02/10/2026|budget=2 tỷ",
        ),
        record(
            2,
            "prospect",
            "name=Bình|email=b@example.com|received=03/10/2026|budget=9 tỷ",
        ),
        record(
            3,
            "prospect",
            "name=Chi|email=c@example.com|received=01/10/2026|budget=4-5 tỷ",
        ),
    ];
    for (order, expected) in [
        (Order::Newest, "Bình3 An2 Chi4"),
        (Order::Oldest, "Chi4 An2 Bình3"),
        (Order::Budget, "Bình3 Chi4 An2"),
        (Order::Sheet, "An2 Bình3 Chi4"),
    ] {
        let mut campaign = everyone();
        campaign.order = order;
        let outcome = fold_of(&records, &campaign, |_| None);
        assert_eq!(shown(&records, &outcome), expected);
    }
}

#[test]
fn a_word_that_no_row_has_is_a_problem_with_its_cell_and_mend() {
    let records = [record(
        1,
        "prospect",
        "name=An|email=a@example.com|area=Quận 7|source=Facebook",
    )];
    let mut campaign = definition("x");
    campaign.whom = Whom {
        areas: Choice {
            any: vec!["Quận 7".into()],
            none: Vec::new(),
        },
        sources: Choice {
            any: vec!["Facebok".into(), "Zalo".into()],
            none: Vec::new(),
        },
        ..Whom::default()
    };
    campaign.places.insert(
        "source".to_owned(),
        Place::Cell {
            tab: "Chiến dịch".into(),
            cell: "K3".into(),
            header: "Nguồn".into(),
        },
    );
    let outcome = fold_of(&records, &campaign, |_| None);
    let texts: Vec<String> = outcome
        .problems
        .iter()
        .map(|problem| problem.text(true))
        .collect();
    assert_eq!(
        texts,
        [
            "Trang “Chiến dịch”, ô K3 (Nguồn): không dòng khách hàng nào có “Facebok”. Có phải ý bạn là “Facebook”? Hãy sửa lại ô này.",
            "Trang “Chiến dịch”, ô K3 (Nguồn): không dòng khách hàng nào có “Zalo”. Hãy sửa lại cho khớp với bảng tính, hoặc xoá giá trị này; cách viết khác có thể khai báo trong [aliases]",
        ]
    );
    assert!(
        outcome.problems[0]
            .text(false)
            .contains("no customer's row has “Facebok”. Did you mean “Facebook”?")
    );
}
