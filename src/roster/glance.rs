//! What lists choose and count by: some fifty bytes of every row that is there, kept in memory. It is what the store
//! has, neither more nor older: whichever record was written since is looked at again before anybody is answered. What
//! is shown of a row is read from the store all the same.

mod basis;
mod ids;
mod kept;

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

pub(super) use basis::Basis;
pub use basis::Said;
use ids::Ids;
pub(super) use kept::Kept;

use crate::core::record::{Kind, RecordId};

/// No stage of the configuration.
const NO_STAGE: u8 = u8::MAX;
/// No date.
const NO_DAY: i32 = i32::MIN;
/// Bytes of names that may lie about before they are swept out.
const WASTE: usize = 1 << 20;

/// Every row that is there, of customers and of appointments.
#[derive(Debug, Default)]
pub struct Glance {
    ids: Ids,
    rows: Vec<Row>,
    /// What the rows are called, in no order; `wasted` bytes of it are nobody's any more.
    names: String,
    wasted: usize,
    /// Each way in which people are in charge.
    owners: Numbers<Vec<String>>,
    /// Workbook and tab.
    places: Numbers<(String, i64)>,
    /// By date that the rules go by, the day in each row, counted from 1970.
    days: Vec<Vec<i32>>,
}

/// A row; 24 bytes.
#[derive(Clone, Copy, Debug)]
struct Row {
    active_ns: i64,
    name_at: u32,
    owners: u32,
    name_len: u16,
    place: u16,
    /// A bit for each rule whose condition is true.
    wanted: u16,
    stage: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Gone,
    Customer,
    Appointment,
}

/// What is seen of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kind: Kind,
    pub(super) stage: Option<usize>,
    pub(super) active_at: Timestamp,
    pub(super) owners: Vec<String>,
    pub(super) name: String,
    pub(super) place: (String, i64),
    pub(super) days: Vec<Option<Date>>,
    pub(super) wanted: u16,
}

/// One row of a [`Glance`].
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'g> {
    glance: &'g Glance,
    at: usize,
}

impl Glance {
    /// Nothing yet; `dates` are noted of each row.
    pub(super) fn new(dates: usize) -> Self {
        Self {
            days: vec![Vec::new(); dates],
            ..Self::default()
        }
    }

    /// Takes note of a record as it stands, or that it is gone.
    pub(super) fn note(&mut self, id: u128, seen: Option<Seen>) {
        let at = self.ids.find(id);
        let Some(seen) = seen else {
            if let Some(at) = at {
                self.drop_name(at);
                self.rows[at].state = State::Gone;
            }
            return;
        };
        // Beyond four thousand million of anything nobody is listed.
        let Ok(name_at) = u32::try_from(self.names.len()) else {
            return;
        };
        let name = up_to(&seen.name, usize::from(u16::MAX));
        let (Some(owners), Some(place)) = (
            self.owners.of(seen.owners),
            self.places.of(seen.place).and_then(|n| n.try_into().ok()),
        ) else {
            return;
        };
        let row = Row {
            active_ns: nanoseconds(seen.active_at),
            name_at,
            owners,
            name_len: u16::try_from(name.len()).unwrap_or(u16::MAX),
            place,
            wanted: seen.wanted,
            stage: seen
                .stage
                .and_then(|stage| u8::try_from(stage).ok())
                .unwrap_or(NO_STAGE),
            state: match seen.kind {
                Kind::Customer => State::Customer,
                Kind::Appointment => State::Appointment,
            },
        };
        self.names.push_str(name);
        let at = match at {
            Some(at) => {
                self.drop_name(at);
                self.rows[at] = row;
                at
            }
            None => {
                let at = self.rows.len();
                self.ids.push(id, at);
                self.rows.push(row);
                for days in &mut self.days {
                    days.push(NO_DAY);
                }
                at
            }
        };
        for (days, day) in self.days.iter_mut().zip(seen.days) {
            days[at] = day.map_or(NO_DAY, day_number);
        }
        self.sweep();
    }

    /// Gives back what a walk took too much.
    pub(super) fn shrink(&mut self) {
        self.rows.shrink_to_fit();
        self.names.shrink_to_fit();
        for days in &mut self.days {
            days.shrink_to_fit();
        }
    }

    fn drop_name(&mut self, at: usize) {
        let row = &mut self.rows[at];
        self.wasted += usize::from(row.name_len);
        row.name_len = 0;
    }

    fn sweep(&mut self) {
        if self.wasted < WASTE || self.wasted < self.names.len() / 2 {
            return;
        }
        let mut names = String::with_capacity(self.names.len() - self.wasted);
        for row in &mut self.rows {
            let from = row.name_at as usize;
            let name = &self.names[from..from + usize::from(row.name_len)];
            row.name_at = u32::try_from(names.len()).unwrap_or(u32::MAX);
            names.push_str(name);
        }
        self.names = names;
        self.wasted = 0;
    }

    /// Every row that is there, in no certain order.
    pub fn rows(&self) -> impl Iterator<Item = Glimpse<'_>> {
        let all = (0..self.rows.len()).map(|at| Glimpse { glance: self, at });
        all.filter(|row| row.row().state != State::Gone)
    }

    /// The row at a place that [`Glimpse::at`] said.
    pub fn row(&self, at: usize) -> Glimpse<'_> {
        Glimpse { glance: self, at }
    }

    /// How many customers there are.
    pub fn customers(&self) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row.state == State::Customer).count()
    }

    /// Each way in which people are in charge, by its number.
    pub fn owners(&self) -> &[Vec<String>] {
        &self.owners.all
    }

    /// Each workbook and tab in which there are rows, by its number.
    pub fn places(&self) -> &[(String, i64)] {
        &self.places.all
    }
}

impl<'g> Glimpse<'g> {
    fn row(self) -> &'g Row {
        &self.glance.rows[self.at]
    }

    /// Its place, while nothing changes.
    pub fn at(self) -> usize {
        self.at
    }

    /// Its record.
    pub fn id(self) -> RecordId {
        RecordId::from_number(self.number())
    }

    /// The number of its record's id.
    pub fn number(self) -> u128 {
        self.glance.ids.of(self.at)
    }

    /// What it is a row of.
    pub fn kind(self) -> Kind {
        match self.row().state {
            State::Appointment => Kind::Appointment,
            State::Customer | State::Gone => Kind::Customer,
        }
    }

    /// The place of its stage in the configuration; none if it has none of those.
    pub fn stage(self) -> Option<usize> {
        Some(usize::from(self.row().stage)).filter(|stage| *stage != usize::from(NO_STAGE))
    }

    /// The start of its idle clock, in nanoseconds since 1970.
    pub fn active_ns(self) -> i64 {
        self.row().active_ns
    }

    /// What it is called in lists.
    pub fn name(self) -> &'g str {
        let from = self.row().name_at as usize;
        &self.glance.names[from..from + usize::from(self.row().name_len)]
    }

    /// Who is in charge by its cell: a place in [`Glance::owners`].
    pub fn owners(self) -> usize {
        self.row().owners as usize
    }

    /// Where it stands: a place in [`Glance::places`].
    pub fn place(self) -> usize {
        usize::from(self.row().place)
    }

    /// The days of the dates that rules go by, in the order of [`super::Roster::dated`].
    pub fn days(self) -> impl Iterator<Item = Option<Date>> + 'g {
        let days = self.glance.days.iter().map(move |days| days[self.at]);
        days.map(|day| (day != NO_DAY).then(|| date_of(day)).flatten())
    }

    /// Whether the condition was true that has this number, by [`Said::Noted`].
    pub fn wanted(self, bit: u32) -> bool {
        self.row().wanted >> bit & 1 == 1
    }
}

/// As nanoseconds since 1970; times before 1678 and after 2262 are those.
pub fn nanoseconds(at: Timestamp) -> i64 {
    let number = at.as_nanosecond();
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

const FIRST_DAY: Date = Date::constant(1970, 1, 1);

fn day_number(date: Date) -> i32 {
    let since = date.duration_since(FIRST_DAY).as_hours() / 24;
    i32::try_from(since).unwrap_or(NO_DAY)
}

fn date_of(number: i32) -> Option<Date> {
    let since = jiff::SignedDuration::from_hours(i64::from(number) * 24);
    FIRST_DAY.checked_add(since).ok()
}

fn up_to(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Numbers for what many rows have in common.
#[derive(Debug)]
struct Numbers<T> {
    all: Vec<T>,
    known: HashMap<T, u32>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            known: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn of(&mut self, what: T) -> Option<u32> {
        if let Some(number) = self.known.get(&what) {
            return Some(*number);
        }
        let number = u32::try_from(self.all.len()).ok()?;
        self.all.push(what.clone());
        self.known.insert(what, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, owner: &str, day: Option<&str>) -> Seen {
        Seen {
            kind: Kind::Customer,
            stage: Some(1),
            active_at: "2026-11-22T01:02:03.000000004Z".parse().unwrap(),
            owners: vec![owner.to_owned()],
            name: name.to_owned(),
            place: ("w".to_owned(), 7),
            days: vec![day.map(|day| day.parse().unwrap())],
            wanted: 0b10,
        }
    }

    fn names(glance: &Glance) -> Vec<(u128, &str)> {
        let rows = glance.rows();
        rows.map(|row| (row.number(), row.name())).collect()
    }

    #[test]
    fn rows_are_as_they_were_noted_last() {
        let mut glance = Glance::new(1);
        glance.note(100, Some(seen("Đỗ Thị Ái", "Lan", Some("1958-02-28"))));
        glance.note(101, Some(seen("An", "Minh", None)));
        glance.note(7, Some(seen("Bình", "Lan", Some("2199-12-31"))));
        glance.note(500, None);
        assert_eq!(
            names(&glance),
            [(100, "Đỗ Thị Ái"), (101, "An"), (7, "Bình")]
        );
        glance.note(101, Some(seen("Ân", "Lan", Some("2026-11-22"))));
        glance.note(100, None);
        assert_eq!(names(&glance), [(101, "Ân"), (7, "Bình")]);
        let row = glance.rows().next().unwrap();
        assert_eq!(row.stage(), Some(1));
        assert_eq!(row.active_ns(), nanoseconds(seen("", "", None).active_at));
        assert_eq!(glance.owners()[row.owners()], ["Lan"]);
        assert_eq!(glance.places()[row.place()], ("w".to_owned(), 7));
        assert!(row.wanted(1) && !row.wanted(0));
        let days: Vec<_> = glance.rows().flat_map(Glimpse::days).collect();
        assert_eq!(
            days,
            [Some("2026-11-22"), Some("2199-12-31")].map(|day| day.map(|day| day.parse().unwrap()))
        );
        glance.note(100, Some(seen("Ái", "Lan", None)));
        assert_eq!(glance.customers(), 3);
        assert_eq!(glance.rows().next().unwrap().days().next(), Some(None));
    }

    #[test]
    fn names_that_are_nobodys_are_swept_out() {
        let mut glance = Glance::new(0);
        let long = "x".repeat(60_000);
        for turn in 0..100 {
            glance.note(1, Some(seen(&format!("{turn}{long}"), "", None)));
            glance.note(2, Some(seen("An", "", None)));
        }
        assert!(glance.names.len() < 3 * WASTE, "{}", glance.names.len());
        let expected = format!("99{long}");
        assert_eq!(names(&glance), [(1, expected.as_str()), (2, "An")]);
    }
}
