//! When a reminder is due, reckoned from what staff did: by hand, without a function of the program.

use jiff::civil::{Date, DateTime, Weekday, date, time};
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz};

use super::office::Told;

/// The days from November 2026 to March 2027 on which nobody works, beside Sundays: New Year, and Tết from the eve to
/// the fourth day, of which one is a Sunday that Wednesday makes up for.
const HOLIDAYS: [Date; 7] = [
    date(2027, 1, 1),
    date(2027, 2, 5),
    date(2027, 2, 6),
    date(2027, 2, 7),
    date(2027, 2, 8),
    date(2027, 2, 9),
    date(2027, 2, 10),
];

/// After Tết reminders that waited for the morning may be spread over some days.
const GENTLY: [Date; 2] = [date(2027, 2, 11), date(2027, 2, 18)];

/// Vietnam has had one offset since long.
const ZONE: tz::Offset = tz::offset(7);

pub(crate) fn wall(at: Timestamp) -> DateTime {
    ZONE.to_datetime(at)
}

pub(crate) fn at(wall: DateTime) -> Timestamp {
    ZONE.to_timestamp(wall).unwrap()
}

pub(crate) fn works(day: Date) -> bool {
    day.weekday() != Weekday::Sunday && !HOLIDAYS.contains(&day)
}

/// Working days later, at the same time of day.
fn later(from: Timestamp, days: u32) -> Timestamp {
    let from = wall(from);
    let mut day = from.date();
    let mut left = days;
    while left > 0 {
        day = day.tomorrow().unwrap();
        left -= u32::from(works(day));
    }
    at(day.to_datetime(from.time()))
}

/// When it may go to staff: Monday to Saturday from 8 to 18, but for holidays.
fn in_hours(from: Timestamp) -> Timestamp {
    let is = wall(from);
    let (opens, closes) = (time(8, 0, 0, 0), time(18, 0, 0, 0));
    if works(is.date()) && is.time() < opens {
        return at(is.date().to_datetime(opens));
    }
    if works(is.date()) && is.time() < closes {
        return from;
    }
    let mut day = is.date().tomorrow().unwrap();
    while !works(day) {
        day = day.tomorrow().unwrap();
    }
    at(day.to_datetime(opens))
}

/// What staff did to one customer.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Into this stage.
    Stage(&'static str),
    /// Anything that counts as work on the customer.
    Touched,
    /// Another owner.
    Owner(&'static str),
    /// Another date of appointment, or none.
    Appointment(Option<Date>),
    /// The row was deleted.
    Deleted,
}

/// A customer, and what became of them.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) name: String,
    pub(crate) born: Option<Date>,
    /// When their row was first seen.
    pub(crate) from: Timestamp,
    /// Since when there are the rules.
    pub(crate) rules: Timestamp,
    /// In the order of time; the first ones say how they came.
    pub(crate) deeds: Vec<(Timestamp, Deed)>,
    /// The last moment at which reminders went.
    pub(crate) end: Timestamp,
}

/// A reminder as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) who: String,
    pub(crate) what: &'static str,
    pub(crate) occasion: String,
    /// When it should reach the chat, but for the minutes to the next look.
    pub(crate) at: Timestamp,
    /// To whom.
    pub(crate) owner: &'static str,
}

impl Expected {
    pub(crate) fn name(&self) -> super::Name {
        (self.who.clone(), self.what, self.occasion.clone())
    }

    pub(crate) fn is_met_by(&self, told: &Told) -> bool {
        let day = wall(self.at).date();
        let gently = day >= GENTLY[0] && day < GENTLY[1];
        let slack = match gently {
            true => SignedDuration::from_hours(24 * 8),
            false => SignedDuration::from_mins(61),
        };
        told.at >= self.at && told.at <= self.at + slack && told.owner == self.owner
    }
}

impl Life {
    /// What is asserted of them, for whoever reads a failure.
    pub(crate) fn story(&self) -> String {
        let deeds = self.deeds.iter();
        let told = deeds.map(|(at, deed)| format!("{} {deed:?}", wall(*at)));
        told.collect::<Vec<_>>().join("; ")
    }

    fn deleted(&self) -> Timestamp {
        let gone = self
            .deeds
            .iter()
            .find(|(_, deed)| matches!(deed, Deed::Deleted));
        gone.map_or(Timestamp::MAX, |(at, _)| *at)
    }

    fn owner_at(&self, when: Timestamp) -> &'static str {
        let mut owners = self.deeds.iter().rev().filter_map(|(at, deed)| match deed {
            Deed::Owner(owner) if *at <= when => Some(*owner),
            _ => None,
        });
        owners.next().unwrap_or_default()
    }

    fn reminder(&self, what: &'static str, occasion: String, at: Timestamp) -> Option<Expected> {
        (at <= self.end && at < self.deleted()).then(|| Expected {
            who: self.name.clone(),
            what,
            occasion,
            at,
            owner: self.owner_at(at),
        })
    }

    /// Every reminder that should have gone.
    pub(crate) fn expected(&self) -> Vec<Expected> {
        let mut all = self.idle();
        all.extend(self.appointments());
        all.extend(self.birthdays());
        all
    }

    /// Three working days after the last thing that happened to them in consulting, then each second one, three times.
    fn idle(&self) -> Vec<Expected> {
        let mut found = Vec::new();
        let mut stage = "";
        let acts: Vec<_> = self
            .deeds
            .iter()
            .filter(|(_, deed)| !matches!(deed, Deed::Owner(_)))
            .collect();
        for (n, (at, deed)) in acts.iter().enumerate() {
            if let Deed::Stage(into) = deed {
                stage = into;
            }
            let over = acts.get(n + 1).map_or(Timestamp::MAX, |(next, _)| *next);
            if stage != "consulting" || over == *at {
                continue;
            }
            let mut due = later(*at, 3);
            for round in 0..3_u32 {
                let goes = in_hours(due);
                if goes < over {
                    let occasion = format!("{} round {round}", wall(*at));
                    found.extend(self.reminder("idle", occasion, goes));
                }
                due = later(due, 2);
            }
        }
        found
    }

    /// At nine on the day before, or at once if it was typed later than that and is still to come.
    fn appointments(&self) -> Vec<Expected> {
        let dates: Vec<_> = self
            .deeds
            .iter()
            .filter_map(|(at, deed)| match deed {
                Deed::Appointment(date) => Some((*at, *date)),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for (n, (typed, day)) in dates.iter().enumerate() {
            let Some(day) = day else { continue };
            let over = dates.get(n + 1).map_or(Timestamp::MAX, |(next, _)| *next);
            let due = at(day.yesterday().unwrap().to_datetime(time(9, 0, 0, 0)));
            let ends = at(day.to_datetime(time(23, 59, 59, 0)));
            // What fell due before its rule was there is nobody's.
            if due < self.rules {
                continue;
            }
            let goes = match (due > *typed, ends > *typed) {
                (true, _) => in_hours(due),
                (false, true) => in_hours(*typed),
                (false, false) => continue,
            };
            if goes < over {
                found.extend(self.reminder("appointment", day.to_string(), goes));
            }
        }
        found
    }

    fn birthdays(&self) -> Vec<Expected> {
        let Some(born) = self.born else {
            return Vec::new();
        };
        [2026, 2027]
            .into_iter()
            .filter_map(|year| {
                let day = date(year, born.month(), born.day());
                let due = at(day.to_datetime(time(8, 30, 0, 0)));
                if due < self.from {
                    return None;
                }
                self.reminder("birthday", day.to_string(), in_hours(due))
            })
            .collect()
    }
}

/// The days of a span, for whoever plays it.
pub(crate) fn days(from: Date, count: u32) -> impl Iterator<Item = Date> {
    (0..i64::from(count)).map(move |day| from.checked_add(day.days()).unwrap())
}
