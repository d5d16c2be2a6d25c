//! Zone, working days, quiet hours, holidays, and "next Monday 09:00".

/// A time of the week, such as `Mon-Sat 08:00`.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {}
