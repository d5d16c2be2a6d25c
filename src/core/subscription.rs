//! Who wants which digest at what time: a manager's own wish in the place of a rule's schedule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calendar::Schedule;
use super::rule::{Audience, Rule, Trigger};

/// What somebody wants of one digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// None of it.
    Off,
    /// At times of their own, as a schedule is written: `Mon-Sat 07:30`.
    At(String),
}

/// Everybody's wishes, by rule and name. Who has none gets a digest at the rule's own time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions(BTreeMap<(String, String), Wish>);

impl Subscriptions {
    /// These wishes, each with its rule and name.
    pub fn new(wishes: impl IntoIterator<Item = ((String, String), Wish)>) -> Self {
        Self(wishes.into_iter().collect())
    }

    /// These wishes, and where somebody has none of their own, those of the configuration.
    #[must_use]
    pub fn over(self, configured: &Self) -> Self {
        let mut all = configured.0.clone();
        all.extend(self.0);
        Self(all)
    }

    /// What somebody wants of a rule's digest.
    pub fn wish(&self, rule: &str, name: &str) -> Option<&Wish> {
        self.0.get(&(rule.to_owned(), name.to_owned()))
    }

    /// The times of somebody's own for a rule's digest.
    pub fn schedule(&self, rule: &str, name: &str) -> Option<Schedule> {
        match self.wish(rule, name)? {
            Wish::Off => None,
            Wish::At(text) => Schedule::parse(text).ok(),
        }
    }

    /// All times of their own: rule, name, schedule as written.
    pub fn times(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().filter_map(|((rule, name), wish)| match wish {
            Wish::Off => None,
            Wish::At(text) => Some((rule.as_str(), name.as_str(), text.as_str())),
        })
    }
}

/// The schedule and the template of a digest that a rule sends to somebody among the managers.
pub fn digest_of<'a>(rule: &'a Rule, name: &str) -> Option<(&'a Schedule, &'a str)> {
    let Trigger::Schedule(schedule) = &rule.on else {
        return None;
    };
    let step = rule.send.iter().find(|step| {
        let theirs = match &step.to {
            Audience::Managers => true,
            Audience::Staff(one) => one == name,
            Audience::Customer | Audience::Owner | Audience::Duty | Audience::Next => false,
        };
        theirs && step.template.starts_with("digest")
    })?;
    Some((schedule, &step.template))
}

/// The same days at another time: `Mon-Sat 08:00` and `07:30` make `Mon-Sat 07:30`.
pub fn at_time(schedule: &str, time: &str) -> String {
    match days_of(schedule) {
        Some(days) => format!("{days} {time}"),
        None => time.to_owned(),
    }
}

/// The days of a schedule as written; none if it comes every day, or every so many minutes.
fn days_of(schedule: &str) -> Option<&str> {
    let (days, _) = schedule.rsplit_once(' ')?;
    Some(days).filter(|days| *days != "every")
}

/// A schedule as a Vietnamese colleague says it: `T2–T7 lúc 07:30`, `mỗi ngày lúc 08:00`.
pub fn vietnamese(schedule: &str) -> String {
    const DAYS: [(&str, &str); 7] = [
        ("Mon", "T2"),
        ("Tue", "T3"),
        ("Wed", "T4"),
        ("Thu", "T5"),
        ("Fri", "T6"),
        ("Sat", "T7"),
        ("Sun", "CN"),
    ];
    let Some((days, time)) = schedule.rsplit_once(' ') else {
        return format!("mỗi ngày lúc {schedule}");
    };
    if days == "every" {
        return format!("mỗi {time}");
    }
    if days.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("ngày {days} hằng tháng lúc {time}");
    }
    let mut said = days.replace('-', "–");
    for (english, vietnamese) in DAYS {
        said = said.replace(english, vietnamese);
    }
    format!("{said} lúc {time}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_time_keeps_the_days() {
        for (schedule, time, made, said) in [
            ("Mon-Sat 08:00", "07:30", "Mon-Sat 07:30", "T2–T7 lúc 07:30"),
            ("08:00", "17:00", "17:00", "mỗi ngày lúc 17:00"),
            ("Mon,Wed 08:00", "07:30", "Mon,Wed 07:30", "T2,T4 lúc 07:30"),
            ("1 09:00", "08:00", "1 08:00", "ngày 1 hằng tháng lúc 08:00"),
            ("every 30m", "08:00", "08:00", "mỗi ngày lúc 08:00"),
        ] {
            let at = at_time(schedule, time);
            assert_eq!(at, made);
            assert!(Schedule::parse(&at).is_ok(), "{at}");
            assert_eq!(vietnamese(&at), said);
        }
    }

    #[test]
    fn a_wish_is_of_one_rule_and_one_person() {
        let key = |rule: &str, name: &str| (rule.to_owned(), name.to_owned());
        let wishes = Subscriptions::new([
            (key("morning", "Hà"), Wish::At("Mon 07:30".into())),
            (key("morning", "Nam"), Wish::Off),
        ]);
        assert_eq!(
            wishes.schedule("morning", "Hà").unwrap().to_string(),
            "Mon 07:30"
        );
        assert_eq!(wishes.schedule("morning", "Nam"), None);
        assert_eq!(wishes.wish("weekly", "Hà"), None);
        assert_eq!(
            wishes.times().collect::<Vec<_>>(),
            [("morning", "Hà", "Mon 07:30")]
        );
    }
}
