//! Every line of SEMANTICS 18 to 20, 22 and 39 that policy decides.

use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::core::calendar::{Holidays, Hours};
use crate::core::delivery::By;
use crate::core::message::MessageKey;
use crate::core::record::{Place, RecordId};
use crate::core::rule::Channel;

/// A Wednesday, in the morning, in Ho Chi Minh City.
const NOW: &str = "2026-11-18T10:00:00+07:00";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Everything a test may turn; as it stands, the message may go.
struct Case {
    now: Timestamp,
    calendar: Calendar,
    message: Message,
    record: Option<Record>,
    dates: BTreeMap<String, Vec<String>>,
    suppressed: Option<Refusal>,
    opted_out: Option<Refusal>,
    consent: Option<bool>,
    ads_sent: Vec<Timestamp>,
    paused: Option<&'static str>,
    fixed_time: bool,
}

fn case(to: Recipient, wanted: Wanted) -> Case {
    let now = time(NOW);
    let id = RecordId::new("r-01J");
    Case {
        now,
        calendar: Calendar {
            zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            work: Hours::parse("Mon-Sat 08:00-18:00").unwrap(),
            ads: Hours::parse("07:30-21:00").unwrap(),
            holidays: Holidays::parse(&["vn".to_owned()]).unwrap(),
            duty: Vec::new(),
        },
        message: Message {
            key: MessageKey::new("welcome", 1, Some(&id), "customer", "added"),
            rule: "welcome".to_owned(),
            step: 1,
            record: Some(id.clone()),
            to,
            channel: Channel::Email,
            otherwise: Vec::new(),
            template: "welcome".to_owned(),
            event: json!({}),
            ad: false,
            urgent: false,
            held_until: None,
            wanted,
            created: now,
            due: now,
            expires: now + hours(14 * 24),
            state: State::Queued,
            why: String::new(),
            frozen: None,
            attempts: Vec::new(),
            hands: Vec::new(),
            trial: false,
        },
        record: Some(Record {
            id,
            kind: crate::core::record::Kind::Customer,
            place: Place {
                workbook: "1AbC".to_owned(),
                sheet: 0,
                row: 17,
            },
            seen: BTreeMap::new(),
            settled: None,
            first_seen: now - hours(200),
            changed_at: now - hours(100),
            pending_since: None,
            events: 4,
            stage: Some("consulting".to_owned()),
            stage_since: Some(now - hours(100)),
            stage_after: None,
            stage_seen: None,
            stage_event: 3,
            active_at: now - hours(90),
            gone: None,
            removed: false,
            open_rules: BTreeMap::new(),
            baseline: false,
            ambiguous_since: None,
            own: BTreeMap::new(),
            known_before: None,
        }),
        dates: BTreeMap::new(),
        suppressed: None,
        opted_out: None,
        consent: None,
        ads_sent: Vec::new(),
        paused: None,
        fixed_time: false,
    }
}

fn customer() -> Case {
    case(Recipient::Customer, Wanted::Row)
}

fn staff() -> Case {
    case(Recipient::Staff("Lan Anh".to_owned()), Wanted::Row)
}

/// A campaign's message to somebody who has agreed.
fn campaign() -> Case {
    let mut case = customer();
    case.message.ad = true;
    case.consent = Some(true);
    case
}

impl Case {
    fn with(mut self, turn: impl FnOnce(&mut Self)) -> Self {
        turn(&mut self);
        self
    }

    fn at(self, now: &str) -> Self {
        let now = time(now);
        self.with(|case| {
            case.now = now;
            case.message.expires = now + hours(14 * 24);
        })
    }

    fn record(self, turn: impl FnOnce(&mut Record)) -> Self {
        self.with(|case| turn(case.record.as_mut().unwrap()))
    }

    fn look(&self) -> Answer {
        look(&PolicyInput {
            now: self.now,
            calendar: &self.calendar,
            message: &self.message,
            record: self.record.as_ref(),
            dates: &self.dates,
            suppressed: self.suppressed.as_ref(),
            opted_out: self.opted_out.as_ref(),
            consent: self.consent,
            ads_sent: &self.ads_sent,
            paused: self.paused,
            fixed_time: self.fixed_time,
        })
    }

    #[track_caller]
    fn goes(&self) {
        assert_eq!(self.look(), Answer::Go);
    }

    #[track_caller]
    fn never(&self, expected: State, says: &str) {
        match self.look() {
            Answer::Never { why, state } => {
                assert_eq!(state, expected, "{why}");
                assert!(why.contains(says), "{why}");
                assert!(State::Queued.may_become(state, By::Policy));
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn waits(&self, expected: &str, says: &str) {
        match self.look() {
            Answer::Wait { until, why } => {
                assert_eq!(until, time(expected), "{why}");
                assert!(until > self.now);
                assert!(why.contains(says), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}

// Semantics 19: still wanted.

#[test]
fn what_expired_is_not_sent() {
    let expires = |seconds| {
        staff().with(|case| {
            case.message.expires = case.now + SignedDuration::from_secs(seconds);
        })
    };
    expires(0).goes();
    expires(-1).never(State::Expired, "worth sending until 2026-11-18 09:59");
    // It comes before everything else.
    expires(-1)
        .with(|case| case.paused = Some("by Hà Phạm"))
        .never(State::Expired, "worth");
}

#[test]
fn waiting_ends_when_it_expires() {
    staff()
        .at("2026-11-21T20:00:00+07:00")
        .with(|case| case.message.expires = case.now + hours(3))
        .waits("2026-11-21T23:00:01+07:00", "working hours");
}

#[test]
fn a_message_about_a_row_needs_the_row() {
    for wanted in [
        Wanted::Row,
        Wanted::Stage {
            stage: "consulting".to_owned(),
            event: 3,
        },
        Wanted::Idle {
            stage: "consulting".to_owned(),
            since: time(NOW) - hours(90),
        },
        Wanted::Date {
            field: "appointment".to_owned(),
            value: "2026-11-19".to_owned(),
        },
        Wanted::Untouched {
            since: time(NOW) - hours(90),
        },
    ] {
        let case = || {
            case(Recipient::Customer, wanted.clone()).with(|case| {
                let dates = vec!["2026-11-19".to_owned()];
                case.dates.insert("appointment".to_owned(), dates);
            })
        };
        case().goes();
        case()
            .with(|case| case.record = None)
            .never(State::Cancelled, "row is gone");
        case()
            .record(|record| record.removed = true)
            .never(State::Cancelled, "removed");
        // Cut and not yet pasted: the removal has not settled.
        case()
            .record(|record| record.gone = Some(time(NOW)))
            .waits("2026-11-18T10:01:00+07:00", "cut and not yet pasted");
    }
}

#[test]
fn removals_and_schedules_are_always_wanted() {
    let always = || case(Recipient::Staff("Hà Phạm".to_owned()), Wanted::Always);
    always().record(|record| record.removed = true).goes();
    always().with(|case| case.record = None).goes();
}

#[test]
fn a_stage_that_was_left_cancels() {
    let stage = || {
        case(
            Recipient::Customer,
            Wanted::Stage {
                stage: "consulting".to_owned(),
                event: 3,
            },
        )
    };
    stage().goes();
    stage()
        .record(|record| record.stage = Some("deposited".to_owned()))
        .never(State::Cancelled, "left the stage consulting");
    stage()
        .record(|record| record.stage = None)
        .never(State::Cancelled, "left the stage consulting");
    // Left and entered again: that entry has a message of its own.
    stage()
        .record(|record| record.stage_event = 5)
        .never(State::Cancelled, "left the stage consulting");
}

#[test]
fn activity_ends_an_idle_round_and_a_stopwatch() {
    let since = time(NOW) - hours(90);
    let idle = || {
        let stage = "consulting".to_owned();
        case(Recipient::Customer, Wanted::Idle { stage, since })
    };
    idle().goes();
    idle()
        .record(|record| record.active_at = time("2026-11-17T15:30:00+07:00"))
        .never(State::Cancelled, "been at it since (2026-11-17 15:30)");
    idle()
        .record(|record| record.stage = Some("lost".to_owned()))
        .never(State::Cancelled, "left the stage consulting");
    let untouched = || case(Recipient::Customer, Wanted::Untouched { since });
    untouched().goes();
    untouched()
        .record(|record| record.active_at = since + hours(1))
        .never(State::Cancelled, "been at it");
}

#[test]
fn a_date_must_still_be_the_same() {
    let date = |now: &[&str]| {
        let wanted = Wanted::Date {
            field: "appointment".to_owned(),
            value: "2026-11-19T09:00".to_owned(),
        };
        case(Recipient::Customer, wanted).with(|case| {
            let now = now.iter().map(|&text| text.to_owned()).collect();
            case.dates.insert("appointment".to_owned(), now);
        })
    };
    date(&["2026-11-19T09:00"]).goes();
    date(&["2026-12-01", "2026-11-19T09:00"]).goes();
    date(&["2026-11-19T10:00"]).never(
        State::Cancelled,
        "appointment is 2026-11-19T10:00 now, no longer 2026-11-19T09:00",
    );
    date(&[]).never(State::Cancelled, "empty now");
    date(&[])
        .with(|case| case.dates.clear())
        .never(State::Cancelled, "empty now");
}

fn refusal(of: Refusing) -> Option<Refusal> {
    let why = "opted out by the link on 2026-11-03".to_owned();
    Some(Refusal { of, why })
}

#[test]
fn nothing_goes_to_a_suppressed_address() {
    for case in [customer(), staff(), campaign()] {
        case.with(|case| case.suppressed = refusal(Refusing::Everything))
            .never(State::Cancelled, "by the link on 2026-11-03");
    }
}

// Semantics 22: advertising and service mail.

#[test]
fn refusing_advertising_stops_advertising_and_refusing_all_stops_service_mail_too() {
    for refused in [Refusing::Ads, Refusing::Everything] {
        campaign()
            .with(|case| case.suppressed = refusal(refused))
            .never(State::Cancelled, "opted out");
        campaign()
            .with(|case| case.opted_out = refusal(refused))
            .never(State::Cancelled, "opted out");
    }
    customer()
        .with(|case| case.suppressed = refusal(Refusing::Ads))
        .goes();
    customer()
        .with(|case| case.opted_out = refusal(Refusing::Ads))
        .goes();
    customer()
        .with(|case| case.opted_out = refusal(Refusing::Everything))
        .never(State::Cancelled, "opted out");
    // Staff still hear of a customer who wants no mail.
    staff()
        .with(|case| case.opted_out = refusal(Refusing::Everything))
        .goes();
}

#[test]
fn advertising_needs_consent_and_service_mail_does_not() {
    campaign().goes();
    campaign()
        .with(|case| case.consent = Some(false))
        .never(State::Cancelled, "has not agreed");
    campaign()
        .with(|case| case.consent = None)
        .never(State::Cancelled, "nothing shows");
    for consent in [None, Some(false), Some(true)] {
        customer().with(|case| case.consent = consent).goes();
    }
}

#[test]
fn three_advertising_messages_in_any_24_hours() {
    let sent = |texts: &[&str]| {
        campaign().with(|case| case.ads_sent = texts.iter().map(|text| time(text)).collect())
    };
    let three = [
        "2026-11-18T09:00:00+07:00",
        "2026-11-17T11:00:00+07:00",
        "2026-11-17T20:00:00+07:00",
    ];
    sent(&three[..2]).goes();
    sent(&three).waits("2026-11-18T11:00:00+07:00", "3 advertising messages");
    // Exactly 24 hours later it goes; a second before, it waits.
    sent(&three).at("2026-11-18T11:00:00+07:00").goes();
    sent(&three)
        .at("2026-11-18T10:59:59+07:00")
        .waits("2026-11-18T11:00:00+07:00", "after 2026-11-18 11:00");
    // With a fourth in the window, the second oldest has to leave it as well.
    let four = [three[0], three[1], three[2], "2026-11-17T12:00:00+07:00"];
    sent(&four).waits("2026-11-18T12:00:00+07:00", "4 advertising messages");
    // When the cap opens at night, it waits for the morning.
    let evening = ["2026-11-18T20:59:00+07:00"; 3];
    sent(&evening)
        .at("2026-11-19T09:00:00+07:00")
        .with(|case| case.calendar.ads = Hours::parse("07:30-20:00").unwrap())
        .waits("2026-11-20T07:30:00+07:00", "after 2026-11-19 20:59");
    // Service mail does not count and is not counted.
    sent(&three).with(|case| case.message.ad = false).goes();
}

// Semantics 20: hours.

#[test]
fn staff_are_written_to_in_working_hours() {
    staff().at("2026-11-21T18:00:00+07:00").waits(
        "2026-11-23T08:00:00+07:00",
        "working hours (Mon-Sat 08:00-18:00)",
    );
    staff().at("2026-11-21T17:59:59+07:00").goes();
    // Over Tết 2027 and the day made up for.
    staff()
        .at("2027-02-06T09:00:00+07:00")
        .waits("2027-02-11T08:00:00+07:00", "2027-02-11 08:00");
}

#[test]
fn customers_are_written_to_in_their_hours_advertising_or_not() {
    for case in [customer, campaign] {
        case().at("2026-11-22T20:59:59+07:00").goes();
        case().at("2026-11-22T21:00:00+07:00").waits(
            "2026-11-23T07:30:00+07:00",
            "hours for writing to customers (07:30-21:00)",
        );
        // A Sunday, and a holiday.
        case().at("2027-02-06T10:00:00+07:00").goes();
    }
}

#[test]
fn urgent_goes_at_any_time_but_never_advertising() {
    let night = "2026-11-22T02:00:00+07:00";
    let urgent = |case: Case| case.at(night).with(|case| case.message.urgent = true);
    urgent(staff()).goes();
    urgent(customer()).goes();
    urgent(campaign()).waits("2026-11-22T07:30:00+07:00", "customers");
    urgent(staff())
        .with(|case| case.message.ad = true)
        .waits("2026-11-23T08:00:00+07:00", "working hours");
}

#[test]
fn trouble_is_told_at_any_time() {
    case(Recipient::Alerts, Wanted::Always)
        .at("2026-11-22T02:00:00+07:00")
        .goes();
}

#[test]
fn a_campaign_with_a_fixed_time_goes_on_a_holiday() {
    let tet = |fixed| {
        campaign().at("2027-02-06T10:00:00+07:00").with(|case| {
            case.calendar.ads = Hours::parse("Mon-Sat 07:30-21:00").unwrap();
            case.fixed_time = fixed;
        })
    };
    tet(false).waits("2027-02-10T07:30:00+07:00", "customers");
    tet(true).goes();
    // But not at night.
    tet(true)
        .at("2027-02-06T23:00:00+07:00")
        .waits("2027-02-08T07:30:00+07:00", "customers");
}

// Semantics 18 and 39: hold and pause.

#[test]
fn what_is_held_waits_for_its_holding_time() {
    let held = |seconds| {
        customer().with(|case| {
            case.message.held_until = Some(case.now + SignedDuration::from_secs(seconds));
        })
    };
    held(1_200).waits("2026-11-18T10:20:00+07:00", "held until 2026-11-18 10:20");
    held(0).goes();
    // Leaving the stage ends it before.
    held(1_200)
        .with(|case| {
            case.message.wanted = Wanted::Stage {
                stage: "deposited".to_owned(),
                event: 4,
            };
        })
        .never(State::Cancelled, "left the stage deposited");
}

#[test]
fn what_is_paused_waits_and_says_who_paused_it() {
    customer()
        .with(|case| case.paused = Some("all sending, by Hà Phạm at 09:58"))
        .waits("2026-11-18T10:05:00+07:00", "by Hà Phạm at 09:58");
    // Urgent or not.
    staff()
        .with(|case| {
            case.paused = Some("the channel telegram, by the admin");
            case.message.urgent = true;
        })
        .waits("2026-11-18T10:05:00+07:00", "the channel telegram");
}
