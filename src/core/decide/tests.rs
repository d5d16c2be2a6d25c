//! The lines of SEMANTICS that deciding alone answers for. Keys are shown without the record, times as local wall time.

use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::core::calendar::{Holidays, Hours, Schedule, Turn};
use crate::core::condition::Condition;
use crate::core::message::Recipient;
use crate::core::people::{Colleague, Role};
use crate::core::record::{Place, RecordId};
use crate::core::rule::{Fallback, Offset};
use crate::core::sheet::Cell;

/// A Wednesday, in the morning, in Ho Chi Minh City.
const NOW: &str = "2026-11-18T10:00";

fn at(local: &str) -> Timestamp {
    let wall: jiff::civil::DateTime = local.parse().unwrap();
    wall.to_zoned(zone()).unwrap().timestamp()
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Ho_Chi_Minh").unwrap()
}

/// A company, its rules, and a clock that only the test moves.
struct Office {
    now: Timestamp,
    calendar: Calendar,
    rules: Vec<Rule>,
    in_force: BTreeMap<String, Timestamp>,
    directory: Directory,
    stand_ins: StandIns,
    subscriptions: Subscriptions,
    headers: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    private: BTreeSet<String>,
}

impl Office {
    fn with(rule: Rule) -> Self {
        let person = |name: &str, role| Colleague {
            name: name.into(),
            role,
            team: None,
            aliases: vec![format!("{name} (KD)")],
            email: None,
            telegram: None,
        };
        Self {
            now: at(NOW),
            calendar: Calendar {
                zone: zone(),
                work: Hours::parse("Mon-Sat 08:00-18:00").unwrap(),
                ads: Hours::parse("07:30-21:00").unwrap(),
                holidays: Holidays::parse(&["vn".to_owned()]).unwrap(),
                duty: Vec::new(),
            },
            in_force: BTreeMap::from([(rule.id.clone(), at("2026-01-01T00:00"))]),
            rules: vec![rule],
            directory: Directory::new(vec![
                person("Lan Anh", Role::Staff),
                person("Minh Tuấn", Role::Staff),
                person("Hà Phạm", Role::Manager),
            ]),
            stand_ins: StandIns::default(),
            subscriptions: Subscriptions::default(),
            headers: BTreeMap::from([("note".to_owned(), "Ghi chú".to_owned())]),
            labels: BTreeMap::new(),
            private: BTreeSet::from(["commission".to_owned()]),
        }
    }

    fn cx(&self) -> Context<'_> {
        Context {
            now: self.now,
            calendar: &self.calendar,
            rules: &self.rules,
            in_force: &self.in_force,
            directory: &self.directory,
            stand_ins: &self.stand_ins,
            subscriptions: &self.subscriptions,
            fresh: Span::days(2),
            trial: false,
            headers: &self.headers,
            stage_labels: &self.labels,
            private: &self.private,
        }
    }

    fn event(&self, record: &Record, event: &Event, facts: &Value) -> Decision {
        on_event(&self.cx(), record, event, facts)
    }

    /// Rings timers as they come due until `until`, as the alarms do; what each decided.
    fn ring(
        &mut self,
        record: &Record,
        facts: &Value,
        mut timers: Vec<Timer>,
        until: &str,
    ) -> Vec<String> {
        let mut told = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            timers.sort_by_key(|timer| timer.due);
            if timers.first().is_none_or(|timer| timer.due > at(until)) {
                return told;
            }
            let timer = timers.remove(0);
            self.now = self.now.max(timer.due);
            let decision = on_timer(&self.cx(), &timer, Some(record), facts);
            for message in &decision.messages {
                if seen.insert(message.key.clone()) {
                    told.push(format!("{} {}", self.wall(message.due), short(message)));
                }
            }
            timers.extend(decision.timers);
        }
    }

    fn wall(&self, at: Timestamp) -> String {
        at.to_zoned(zone()).strftime("%a %d/%m %H:%M").to_string()
    }

    fn due(&self, decision: &Decision) -> Vec<String> {
        let mut timers = decision.timers.clone();
        timers.sort_by_key(|timer| timer.due);
        timers.iter().map(|timer| self.wall(timer.due)).collect()
    }
}

fn short(message: &Message) -> String {
    let parts: Vec<&str> = message.key.as_str().splitn(5, '/').collect();
    [parts[0], parts[1], parts[3], parts[4]].join("/")
}

fn keys(decision: &Decision) -> Vec<String> {
    decision.messages.iter().map(short).collect()
}

fn record(stage: Option<&str>) -> Record {
    Record {
        id: RecordId::new("r-01J"),
        kind: Kind::Customer,
        place: Place {
            workbook: "w".into(),
            sheet: 0,
            row: 5,
        },
        seen: BTreeMap::new(),
        settled: Some(BTreeMap::new()),
        first_seen: at(NOW),
        changed_at: at(NOW),
        pending_since: None,
        events: 1,
        stage: stage.map(str::to_owned),
        stage_since: Some(at(NOW)),
        stage_after: None,
        stage_seen: None,
        stage_event: 1,
        active_at: at(NOW),
        gone: None,
        removed: false,
        open_rules: BTreeMap::new(),
        baseline: false,
        ambiguous_since: None,
        own: BTreeMap::new(),
        known_before: None,
    }
}

fn step(number: u32, to: Audience) -> Step {
    Step {
        number,
        channel: if to == Audience::Customer {
            Channel::Email
        } else {
            Channel::Telegram
        },
        to,
        otherwise: Vec::new(),
        template: "t".into(),
        urgent: false,
        ad: false,
        hold: None,
        after: None,
    }
}

fn rule(on: Trigger, send: &[Audience]) -> Rule {
    let steps = (1..).zip(send).map(|(number, to)| step(number, to.clone()));
    Rule {
        id: "r".into(),
        on,
        when: None,
        send: steps.collect(),
        escalate: Vec::new(),
        series: Vec::new(),
        ends: None,
        valid_for: None,
        settle: None,
        at: "test".into(),
    }
}

fn when(rule: Rule, source: &str) -> Rule {
    Rule {
        when: Some(Condition::parse(source).unwrap()),
        ..rule
    }
}

fn after(number: u32, to: Audience, span: &str) -> Step {
    Step {
        after: Some(Span::parse(span).unwrap()),
        ..step(number, to)
    }
}

fn change(field: &str, before: &str, after: &str) -> FieldChange {
    FieldChange {
        field: field.into(),
        before: Cell::from(before),
        after: Cell::from(after),
    }
}

fn changed(changes: &[FieldChange]) -> Event {
    Event::Changed {
        changes: changes.to_vec(),
        left: None,
    }
}

fn lan_anh() -> Value {
    json!({ "owners": ["Lan Anh"] })
}

#[test]
fn s08_a_return_after_a_month_alerts_staff_and_never_the_customer_again() {
    let mut welcome = rule(Trigger::Added, &[Audience::Customer, Audience::Owner]);
    welcome.series = vec![after(3, Audience::Customer, "1d")];
    welcome.escalate = vec![after(4, Audience::Managers, "15m")];
    let office = Office::with(welcome);
    let back = |days: i64| Event::Returned {
        away: SignedDuration::from_hours(24 * days),
    };
    let decision = office.event(&record(None), &back(30), &lan_anh());
    assert_eq!(keys(&decision), ["r/2/owner/returned 2026-11-18"]);
    assert_eq!(
        office.due(&decision),
        ["Wed 18/11 10:15"],
        "the escalation, and no series"
    );
    assert!(keys(&office.event(&record(None), &back(29), &lan_anh())).is_empty());
}

#[test]
fn s08_nothing_that_was_missed_fires_late_on_a_return() {
    let idle = rule(
        Trigger::Idle {
            stage: "consulting".into(),
            after: Span::days(3),
            every: Some(Span::days(2)),
            times: 3,
        },
        &[Audience::Owner],
    );
    let office = Office::with(idle);
    // Days 3 (Fri 13/11) and 5 (Mon 16/11) went by while the row was away; day 7 has come at this very time.
    let mut back = record(Some("consulting"));
    back.active_at = at("2026-11-10T10:00");
    let away = SignedDuration::from_hours(24 * 6);
    let decision = office.event(&back, &Event::Returned { away }, &lan_anh());
    assert_eq!(office.due(&decision), ["Wed 18/11 10:00"]);
    back.active_at = at("2026-11-01T10:00");
    let decision = office.event(&back, &Event::Returned { away }, &lan_anh());
    assert!(decision.timers.is_empty(), "{:?}", office.due(&decision));
}

#[test]
fn s08_a_timer_that_rings_between_cut_and_paste_rings_again() {
    let office = Office::with(rule(
        Trigger::Idle {
            stage: "consulting".into(),
            after: Span::days(3),
            every: None,
            times: 1,
        },
        &[Audience::Owner],
    ));
    let mut cut = record(Some("consulting"));
    cut.active_at = at("2026-11-14T10:00");
    cut.gone = Some(at("2026-11-18T09:58"));
    let timer = Timer {
        due: at(NOW),
        rule: "r".into(),
        record: Some(cut.id.clone()),
        kind: TimerKind::Idle {
            since: cut.active_at,
            round: 0,
        },
    };
    let decision = on_timer(&office.cx(), &timer, Some(&cut), &lan_anh());
    assert!(decision.messages.is_empty());
    assert_eq!(office.due(&decision), ["Wed 18/11 10:01"]);
    cut.removed = true;
    assert!(
        on_timer(&office.cx(), &timer, Some(&cut), &lan_anh())
            .timers
            .is_empty()
    );
}

#[test]
fn s12_a_change_of_owner_tells_the_new_one_and_only_them() {
    let mut office = Office::with(rule(Trigger::Removed, &[Audience::Owner]));
    office.rules.clear();
    let told = |before: &str, after: &str, owners: &Value| {
        keys(&office.event(
            &record(None),
            &changed(&[change("owner", before, after)]),
            owners,
        ))
    };
    let tuan = json!({ "owners": ["Minh Tuấn"] });
    assert_eq!(
        told("Lan Anh", "Minh Tuấn", &tuan),
        ["owner-changed/1/owner/owner #1"]
    );
    assert!(
        told("lan anh", "Lan Anh", &lan_anh()).is_empty(),
        "the same person, written differently"
    );
    assert!(
        told("Lan Anh (KD)", "Lan Anh", &lan_anh()).is_empty(),
        "an alias"
    );
    let both = json!({ "owners": ["Lan Anh", "Minh Tuấn"] });
    assert_eq!(
        told("Lan Anh", "Lan Anh + Minh Tuấn", &both),
        ["owner-changed/1/owner+1/owner #1"]
    );
    assert!(told("Lan Anh", "Ai đó", &json!({ "owners": ["Ai đó"] })).is_empty());
}

#[test]
fn s12_the_role_of_an_owner_names_nobody() {
    let office = Office::with(rule(Trigger::Added, &[Audience::Owner]));
    let mine = keys(&office.event(&record(None), &Event::Added, &lan_anh()));
    let yours = keys(&office.event(
        &record(None),
        &Event::Added,
        &json!({ "owners": ["Minh Tuấn"] }),
    ));
    assert_eq!(mine, ["r/1/owner/added"]);
    assert_eq!(
        mine, yours,
        "a step that was sent is not sent again to the next owner"
    );
}

#[test]
fn s13_occasions_are_those_of_the_table() {
    let check = |on: Trigger, record: &Record, event: &Event, expected: &[&str]| {
        let office = Office::with(rule(on, &[Audience::Managers]));
        let found: Vec<String> = office
            .event(record, event, &lan_anh())
            .messages
            .iter()
            .map(|message| {
                message
                    .key
                    .as_str()
                    .splitn(5, '/')
                    .nth(4)
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(found, expected);
    };
    let mut moved = record(Some("deposited"));
    (moved.events, moved.stage_event) = (7, 7);
    let stage = || Trigger::Stage {
        stage: "deposited".into(),
    };
    let to_deposited = changed(&[change("stage", "Đang tư vấn", "Đã cọc")]);
    let any = || Trigger::Changed { fields: Vec::new() };
    check(Trigger::Added, &moved, &Event::Added, &["added"]);
    check(stage(), &moved, &to_deposited, &["deposited #7"]);
    check(any(), &moved, &to_deposited, &["stage #7"]);
    check(Trigger::Removed, &moved, &Event::Removed, &["removed #7"]);
    // Another change in the same stage is no entry.
    moved.events = 8;
    check(
        stage(),
        &moved,
        &changed(&[change("note", "", "gọi lại")]),
        &[],
    );
    let budget = Trigger::Changed {
        fields: vec!["budget".into()],
    };
    check(
        budget,
        &moved,
        &changed(&[change("note", "", "gọi lại")]),
        &[],
    );
}

#[test]
fn s14_a_condition_may_become_true_within_a_day() {
    let mut office = Office::with(when(rule(Trigger::Added, &[Audience::Customer]), "email"));
    let mut row = record(None);
    let first = office.event(&row, &Event::Added, &json!({}));
    assert!(first.messages.is_empty());
    assert_eq!(
        first.open_rules,
        BTreeMap::from([("r".to_owned(), at("2026-11-19T10:00"))])
    );
    row.open_rules = first.open_rules;
    let typed = changed(&[change("email", "", "an@example.com")]);
    let known = json!({ "email": "an@example.com" });
    let still = office.event(&row, &changed(&[change("note", "", "x")]), &json!({}));
    assert!(
        still.messages.is_empty() && still.open_rules == row.open_rules,
        "open as long as it was"
    );
    office.now = at("2026-11-19T09:59");
    let in_time = office.event(&row, &typed, &known);
    assert_eq!(keys(&in_time), ["r/1/customer/added"]);
    assert!(in_time.open_rules.is_empty(), "once");
    office.now = at("2026-11-19T10:01");
    let late = office.event(&row, &typed, &known);
    assert!(late.messages.is_empty() && late.open_rules.is_empty());
}

#[test]
fn s14_an_old_list_is_no_flood_of_leads() {
    let office = Office::with(rule(Trigger::Added, &[Audience::Customer]));
    let fires = |received: &Value| {
        let facts = json!({ "received": received });
        !office
            .event(&record(None), &Event::Added, &facts)
            .messages
            .is_empty()
    };
    assert!(fires(&Value::Null), "empty");
    assert!(fires(&json!("2026-11-18")) && fires(&json!("2026-11-16")));
    assert!(!fires(&json!("2026-11-15")) && !fires(&json!("2025-11-18")));
    assert!(
        fires(&json!("2026-11-19")),
        "a slip of the pen, or tomorrow's lead"
    );
}

#[test]
fn s15_a_rule_on_times_sees_only_what_is_due_after_it_came_into_force() {
    let mut office = Office::with(rule(
        Trigger::Idle {
            stage: "consulting".into(),
            after: Span::days(3),
            every: Some(Span::days(2)),
            times: 3,
        },
        &[Audience::Owner],
    ));
    office.in_force.insert("r".into(), at(NOW));
    let mut row = record(Some("consulting"));
    // Working days 3, 5 and 7 are Sat 14/11, Tue 17/11 and Thu 19/11.
    row.active_at = at("2026-11-11T09:00");
    let timers = timers_for(&office.cx(), &row, &lan_anh());
    assert_eq!(timers.len(), 1);
    assert_eq!(office.wall(timers[0].due), "Thu 19/11 09:00");
    assert!(matches!(timers[0].kind, TimerKind::Idle { round: 2, .. }));
}

fn three_rounds() -> Office {
    let mut idle = rule(
        Trigger::Idle {
            stage: "consulting".into(),
            after: Span::days(3),
            every: Some(Span::days(2)),
            times: 3,
        },
        &[Audience::Owner],
    );
    idle.escalate = vec![after(2, Audience::Managers, "9d")];
    Office::with(idle)
}

#[test]
fn s17_reminders_come_on_working_days_3_5_and_7_and_the_escalation_from_the_same_start() {
    let mut office = three_rounds();
    let row = record(Some("consulting"));
    let timers = timers_for(&office.cx(), &row, &lan_anh());
    // Sunday 22/11 and 29/11 are no working days.
    assert_eq!(
        office.ring(&row, &lan_anh(), timers, "2026-12-31T00:00"),
        [
            "Sat 21/11 10:00 r/1/owner/consulting idle since 2026-11-18T03:00:00Z #1",
            "Tue 24/11 10:00 r/1/owner/consulting idle since 2026-11-18T03:00:00Z #2",
            "Thu 26/11 10:00 r/1/owner/consulting idle since 2026-11-18T03:00:00Z #3",
            "Sat 28/11 10:00 r/2/managers:Hà Phạm/consulting idle since 2026-11-18T03:00:00Z #1",
        ]
    );
}

#[test]
fn s17_any_activity_ends_the_round_and_starts_the_next() {
    let mut office = three_rounds();
    let mut row = record(Some("consulting"));
    let mut timers = timers_for(&office.cx(), &row, &lan_anh());
    row.active_at = at("2026-11-20T16:00");
    row.events = 2;
    office.now = row.active_at;
    timers.extend(
        office
            .event(&row, &changed(&[change("note", "", "đã gọi")]), &lan_anh())
            .timers,
    );
    let told = office.ring(&row, &lan_anh(), timers, "2026-11-25T00:00");
    assert_eq!(
        told,
        ["Tue 24/11 16:00 r/1/owner/consulting idle since 2026-11-20T09:00:00Z #1"]
    );
    // Another stage: nothing.
    let timers = timers_for(&office.cx(), &row, &lan_anh());
    row.stage = Some("deposited".into());
    assert!(
        office
            .ring(&row, &lan_anh(), timers, "2026-12-31T00:00")
            .is_empty()
    );
}

#[test]
fn s16_working_time_pauses_over_holidays() {
    let mut office = three_rounds();
    // Thu 31/12/2026; 1 January is a holiday, 2 January a Saturday, 3 January a Sunday.
    office.now = at("2026-12-31T10:00");
    let mut row = record(Some("consulting"));
    row.active_at = office.now;
    let timers = timers_for(&office.cx(), &row, &lan_anh());
    assert_eq!(office.wall(timers[0].due), "Tue 05/01 10:00");
}

#[test]
fn s17_the_stopwatch_of_a_lead_alert_counts_from_the_event_and_stops_at_any_activity() {
    let mut lead = rule(Trigger::Added, &[Audience::Owner]);
    lead.escalate = vec![after(2, Audience::Managers, "15m")];
    let mut office = Office::with(lead);
    let mut row = record(None);
    let timers = office.event(&row, &Event::Added, &lan_anh()).timers;
    assert_eq!(
        office.ring(&row, &lan_anh(), timers.clone(), "2026-11-19T00:00"),
        ["Wed 18/11 10:15 r/2/managers:Hà Phạm/added"]
    );
    office.now = at(NOW);
    row.active_at = at("2026-11-18T10:05");
    assert!(
        office
            .ring(&row, &lan_anh(), timers, "2026-11-19T00:00")
            .is_empty()
    );
}

#[test]
fn outside_of_working_hours_a_lead_goes_to_whoever_is_on_duty_as_well() {
    let mut office = Office::with(rule(Trigger::Added, &[Audience::Owner]));
    let turn = |days, hours: Option<&str>, name: &str| {
        let hours = hours.map(|hours| Hours::parse(hours).unwrap());
        Turn::new(Some(days), hours, vec![name.to_owned()]).unwrap()
    };
    office.calendar.duty = vec![
        turn("Sat-Sun", None, "Minh Tuấn"),
        turn("T2-T6", Some("18:00-22:00"), "Hà Phạm"),
    ];
    let nobody = json!({"owners": []});
    for (now, facts, told) in [
        (
            "2026-11-22T10:00",
            &lan_anh(),
            &["r/1/owner/added", "r/1/duty:Minh Tuấn/added"][..],
        ),
        ("2026-11-22T10:00", &nobody, &["r/1/duty:Minh Tuấn/added"]),
        (
            "2026-11-18T19:00",
            &lan_anh(),
            &["r/1/owner/added", "r/1/duty:Hà Phạm/added"],
        ),
        ("2026-11-18T23:00", &lan_anh(), &["r/1/owner/added"]),
        ("2026-11-18T23:00", &nobody, &["r/1/managers:Hà Phạm/added"]),
        // Saturday morning is worked.
        ("2026-11-21T10:00", &lan_anh(), &["r/1/owner/added"]),
    ] {
        office.now = at(now);
        let decision = office.event(&record(None), &Event::Added, facts);
        let keys: Vec<String> = decision.messages.iter().map(short).collect();
        assert_eq!(keys, told, "{now}");
        assert!(decision.messages.iter().all(|message| message.urgent));
    }
}

#[test]
fn a_lead_to_which_nobody_reacts_goes_round_the_team_and_then_to_the_managers() {
    let mut lead = rule(Trigger::Added, &[Audience::Owner]);
    lead.escalate = vec![
        after(2, Audience::Next, "15m"),
        after(3, Audience::Next, "30m"),
        after(4, Audience::Managers, "45m"),
    ];
    let mut office = Office::with(lead);
    let person = |name: &str, role, team: &str| Colleague {
        name: name.into(),
        role,
        team: Some(team.into()),
        aliases: Vec::new(),
        email: None,
        telegram: None,
    };
    office.directory = Directory::new(vec![
        person("Minh Tuấn", Role::Staff, "KD1"),
        person("Quốc Bảo", Role::Staff, "KD2"),
        person("Lan Anh", Role::Staff, "KD1"),
        person("Thu Hà", Role::Leader, "KD1"),
        person("Hà Phạm", Role::Manager, "KD1"),
    ]);
    let row = record(None);
    let timers = office.event(&row, &Event::Added, &lan_anh()).timers;
    assert_eq!(
        office.ring(&row, &lan_anh(), timers, "2026-11-19T00:00"),
        [
            "Wed 18/11 10:15 r/2/next:Thu Hà/added",
            "Wed 18/11 10:30 r/3/next:Minh Tuấn/added",
            "Wed 18/11 10:45 r/4/managers:Hà Phạm/added",
        ]
    );
}

#[test]
fn s18_a_held_mail_tells_the_owner_and_staff_hear_at_once() {
    let mut deposited = rule(
        Trigger::Stage {
            stage: "deposited".into(),
        },
        &[Audience::Managers, Audience::Customer],
    );
    deposited.send[1].hold = Some(Span::seconds(1_200));
    let office = Office::with(deposited);
    let decision = office.event(&record(Some("deposited")), &Event::Added, &lan_anh());
    let due: Vec<String> = decision
        .messages
        .iter()
        .map(|message| format!("{} {}", office.wall(message.due), short(message)))
        .collect();
    assert_eq!(
        due,
        [
            "Wed 18/11 10:00 r/1/managers:Hà Phạm/deposited #1",
            "Wed 18/11 10:20 r/2/customer/deposited #1",
            "Wed 18/11 10:00 r/2/notice-owner/deposited #1",
        ]
    );
    let (mail, notice) = (&decision.messages[1], &decision.messages[2]);
    assert_eq!(mail.held_until, Some(mail.due));
    assert_eq!(notice.event["hold"]["key"], json!(mail.key));
    assert_eq!(notice.expires, mail.due, "pointless once the mail has gone");
    let wanted = Wanted::Stage {
        stage: "deposited".into(),
        event: 1,
    };
    assert_eq!((&mail.wanted, &notice.wanted), (&wanted, &wanted));
}

#[test]
fn s19_what_must_still_be_so_is_kept_with_each_message() {
    let wanted = |on: Trigger, event: &Event| {
        let office = Office::with(rule(on, &[Audience::Customer, Audience::Managers]));
        let messages = office
            .event(&record(Some("deposited")), event, &lan_anh())
            .messages;
        let days = |message: &Message| message.expires.duration_since(message.due).as_hours() / 24;
        assert_eq!(
            (days(&messages[0]), days(&messages[1])),
            (14, 3),
            "valid_for by default"
        );
        messages[0].wanted.clone()
    };
    assert_eq!(wanted(Trigger::Added, &Event::Added), Wanted::Row);
    assert_eq!(wanted(Trigger::Removed, &Event::Removed), Wanted::Always);
    let mut short_lived = rule(Trigger::Added, &[Audience::Customer]);
    short_lived.valid_for = Some(Span::days(1));
    let office = Office::with(short_lived);
    let message = &office
        .event(&record(None), &Event::Added, &lan_anh())
        .messages[0];
    assert_eq!(message.expires, at("2026-11-19T10:00"));
}

#[test]
fn s20_alerts_of_new_leads_go_at_any_time_and_their_escalation_in_working_hours() {
    let urgent = |on: Trigger, event: &Event| -> Vec<bool> {
        let office = Office::with(rule(on, &[Audience::Owner, Audience::Customer]));
        let decision = office.event(&record(Some("deposited")), event, &lan_anh());
        decision
            .messages
            .iter()
            .map(|message| message.urgent)
            .collect()
    };
    assert_eq!(urgent(Trigger::Added, &Event::Added), [true, false]);
    assert_eq!(urgent(Trigger::Removed, &Event::Removed), [false, false]);
    let mut lead = rule(Trigger::Added, &[]);
    lead.escalate = vec![after(1, Audience::Managers, "15m")];
    let mut office = Office::with(lead);
    let row = record(None);
    let timer = office
        .event(&row, &Event::Added, &lan_anh())
        .timers
        .remove(0);
    office.now = timer.due;
    let decision = on_timer(&office.cx(), &timer, Some(&row), &lan_anh());
    assert!(!decision.messages[0].urgent);
}

fn birthday(offset: Offset) -> Rule {
    rule(
        Trigger::Date {
            field: "appointment".into(),
            yearly: false,
            offset,
            at: Some(jiff::civil::time(9, 0, 0, 0)),
        },
        &[Audience::Owner],
    )
}

#[test]
fn s13_a_date_fires_for_each_date_once_and_only_if_the_cell_still_says_so() {
    let mut office = Office::with(birthday(Offset::Before(Span::days(1))));
    let row = record(None);
    let says = |value: &str| json!({ "owners": ["Lan Anh"], "appointment": value });
    let typed = changed(&[change("appointment", "", "20/11/2026")]);
    let timers = office.event(&row, &typed, &says("2026-11-20")).timers;
    let told = office.ring(
        &row,
        &says("2026-11-20"),
        timers.clone(),
        "2026-12-31T00:00",
    );
    assert_eq!(told, ["Thu 19/11 09:00 r/1/owner/2026-11-20"]);
    office.now = at(NOW);
    assert!(
        office
            .ring(&row, &says("2026-11-25"), timers, "2026-11-19T12:00")
            .is_empty(),
        "put off"
    );
}

#[test]
fn s15_a_date_typed_late_is_still_told_but_not_one_that_was_there() {
    let office = Office::with(birthday(Offset::Before(Span::days(1))));
    let row = record(None);
    let says = |value: &str| json!({ "owners": ["Lan Anh"], "appointment": value });
    let tomorrow = says("2026-11-19T15:00:00");
    let due = |event: &Event, facts: &Value| office.event(&row, event, facts).timers.len();
    assert_eq!(
        due(
            &changed(&[change("appointment", "", "19/11 15h")]),
            &tomorrow
        ),
        1,
        "due at 09:00, typed at 10:00"
    );
    assert_eq!(due(&Event::Added, &tomorrow), 1);
    assert_eq!(
        due(&changed(&[change("note", "", "x")]), &tomorrow),
        0,
        "typed long ago"
    );
    let away = SignedDuration::from_hours(400);
    assert_eq!(due(&Event::Returned { away }, &tomorrow), 0, "SEMANTICS 8");
    assert!(
        timers_for(&office.cx(), &row, &tomorrow).is_empty(),
        "a first look"
    );
    assert_eq!(due(&Event::Added, &says("2026-11-17")), 0, "over");
    let past = Office::with(birthday(Offset::After(Span::days(7))));
    assert!(
        timers_for(&past.cx(), &row, &says("2026-11-01")).is_empty(),
        "due on 8/11"
    );
    assert!(
        past.event(&row, &Event::Added, &says("2026-11-01"))
            .timers
            .is_empty()
    );
    assert_eq!(
        past.event(&row, &Event::Added, &says("2026-11-14"))
            .timers
            .len(),
        1
    );
}

#[test]
fn s13_a_birthday_comes_every_year_under_a_key_of_its_own() {
    let mut office = Office::with(rule(
        Trigger::Date {
            field: "birthday".into(),
            yearly: true,
            offset: Offset::On,
            at: Some(jiff::civil::time(8, 30, 0, 0)),
        },
        &[Audience::Customer],
    ));
    let row = record(None);
    let facts = json!({ "birthday": "1988-02-29" });
    let timers = timers_for(&office.cx(), &row, &facts);
    assert_eq!(
        office.ring(&row, &facts, timers, "2028-12-31T00:00"),
        [
            "Sun 28/02 08:30 r/1/customer/2027",
            "Tue 29/02 08:30 r/1/customer/2028"
        ]
    );
}

#[test]
fn s36_a_rule_with_another_time_waits_for_that() {
    let mut office = three_rounds();
    let row = record(Some("consulting"));
    let timers = timers_for(&office.cx(), &row, &lan_anh());
    office.rules[0].on = Trigger::Idle {
        stage: "consulting".into(),
        after: Span::days(5),
        every: None,
        times: 1,
    };
    let told = office.ring(&row, &lan_anh(), timers, "2026-11-25T00:00");
    assert_eq!(
        told,
        ["Tue 24/11 10:00 r/1/owner/consulting idle since 2026-11-18T03:00:00Z #1"]
    );
}

#[test]
fn s21_schedules_are_caught_up_once_within_half_the_period() {
    let office = |now: &str| {
        let schedule = Schedule::parse("Mon-Sat 08:00").unwrap();
        let mut office = Office::with(rule(Trigger::Schedule(schedule), &[Audience::Managers]));
        office.now = at(now);
        office
    };
    let check = |now: &str, fired: &[&str], missed: &str, next: &str| {
        let office = office(now);
        let timer = Timer {
            due: at("2026-11-16T08:00"),
            rule: "r".into(),
            record: None,
            kind: TimerKind::Schedule,
        };
        let decision = on_timer(&office.cx(), &timer, None, &json!({}));
        assert_eq!(keys(&decision), fired, "{now}");
        assert_eq!(office.due(&decision), [next], "{now}");
        let said: Vec<&String> = decision.considered.iter().map(|(_, why)| why).collect();
        assert!(
            said.iter().any(|why| why.starts_with(missed)),
            "{now}: {said:?}"
        );
    };
    let fired = |day: &str| format!("r/1/managers:Hà Phạm/2026-11-{day}T08:00:00");
    check(
        "2026-11-16T08:00",
        &[&fired("16")],
        "fired",
        "Tue 17/11 08:00",
    );
    check(
        "2026-11-16T19:59",
        &[&fired("16")],
        "fired",
        "Tue 17/11 08:00",
    );
    check("2026-11-16T20:01", &[], "missed 1 times", "Tue 17/11 08:00");
    // Two days without the daemon: Monday's and Tuesday's are missed, Wednesday's is caught up.
    check(
        "2026-11-18T09:00",
        &[&fired("18")],
        "missed 2 times",
        "Thu 19/11 08:00",
    );
}

#[test]
fn s25_nobody_loses_a_message() {
    let check = |owners: &Value, otherwise: &[Fallback], expected: &[&str]| {
        let mut lead = rule(Trigger::Added, &[Audience::Owner]);
        lead.send[0].otherwise = otherwise.to_vec();
        let office = Office::with(lead);
        let decision = office.event(&record(None), &Event::Added, &json!({ "owners": owners }));
        let roles: Vec<String> = decision
            .messages
            .iter()
            .map(|message| message.key.as_str().split('/').nth(3).unwrap().to_owned())
            .collect();
        assert_eq!(roles, expected, "{owners}");
    };
    check(&json!(["LAN ANH"]), &[], &["owner"]);
    check(
        &json!(["Minh Tuan", "Lan Anh (KD)"]),
        &[],
        &["owner", "owner+1"],
    );
    check(&json!(["Ai đó", "Lan Anh"]), &[], &["owner"]);
    check(&json!(["Ai đó"]), &[], &["managers:Hà Phạm"]);
    check(&Value::Null, &[], &["managers:Hà Phạm"]);
    let other = Fallback::To(Audience::Staff("Minh Tuấn".into()));
    check(
        &json!(["Ai đó"]),
        &[Fallback::By(Channel::Email), other],
        &["staff:Minh Tuấn"],
    );
    let mut alone = Office::with(rule(Trigger::Added, &[Audience::Owner]));
    alone.directory = Directory::new(Vec::new());
    let message = alone
        .event(&record(None), &Event::Added, &json!({}))
        .messages
        .remove(0);
    assert_eq!(
        (message.to, message.channel),
        (Recipient::Alerts, Channel::Email)
    );
}

#[test]
fn s28_private_cells_are_in_no_event() {
    let office = Office::with(rule(
        Trigger::Changed { fields: Vec::new() },
        &[Audience::Managers],
    ));
    let changes = [
        change("commission", "40 triệu", "50 triệu"),
        change("note", "", "đã gọi"),
    ];
    let decision = office.event(&record(None), &changed(&changes), &lan_anh());
    let kept = serde_json::to_string(&decision.messages).unwrap();
    assert!(
        kept.contains("đã gọi") && kept.contains("Ghi chú"),
        "{kept}"
    );
    assert!(!kept.contains("triệu"), "{kept}");
}
