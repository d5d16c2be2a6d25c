//! Who is on duty outside of working hours (lịch trực): evenings, week-ends, holidays.

use jiff::civil::{Date, Time};

use super::days::Days;
use super::hours::Hours;

/// One line of the rota.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    days: Days,
    hours: Option<Hours>,
    /// Names as in `[[staff]]`.
    pub staff: Vec<String>,
}

impl Turn {
    /// Of these days (`Sat-Sun`; none: every day) and hours (`18:00-22:00`; none: the whole day).
    ///
    /// # Errors
    /// A sentence that says which word is no day.
    pub fn new(
        days: Option<&str>,
        hours: Option<Hours>,
        staff: Vec<String>,
    ) -> Result<Self, String> {
        let days = days.map_or(Ok(Days::ALL), Days::parse)?;
        Ok(Self { days, hours, staff })
    }

    /// Whether it covers that moment of the wall clock.
    pub(super) fn covers(&self, date: Date, time: Time) -> bool {
        let minute = i16::from(time.hour()) * 60 + i16::from(time.minute());
        self.days.contains(date.weekday())
            && self.hours.as_ref().is_none_or(|hours| {
                let mut windows = hours.on(date.weekday()).iter();
                windows.any(|(from, to)| (*from..*to).contains(&minute))
            })
    }
}
