//! From a grid of cells to typed rows: header finding, column binding, and which rows are customers.
//!
//! What one kind of cell means is each in its own module; this one only knows grids.

pub mod date;
pub mod email;
pub mod fold;
pub mod money;
pub mod person;
pub mod phone;
pub mod stage;

use serde::{Deserialize, Serialize};

/// One cell as Google gives it with `UNFORMATTED_VALUE` and `SERIAL_NUMBER`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing in it, or cut off behind the last filled cell.
    #[default]
    Empty,
    /// A tick box, ticked or not.
    Bool(bool),
    /// A number, also a date as a serial number.
    Number(f64),
    /// Text, also the error texts `#REF!`, `#N/A`, … and `Loading...` (see [`Cell::error`]).
    Text(String),
}

/// What came of reading one cell as one kind of value.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading<T> {
    /// Nothing is meant: empty, or a placeholder such as `-` or `chưa rõ`.
    Nothing,
    /// A value.
    Value(T),
    /// Something is meant that is not a value of this kind; the text says why, in English, for a data problem.
    Bad(String),
    /// A value is meant, but a person could not settle which.
    Ambiguous(String),
}

/// How the cells of a field are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A person's name with title.
    Name,
    /// Phone numbers.
    Phone,
    /// E-mail addresses.
    Email,
    /// An amount or interval in VND.
    Money,
    /// A date, with or without a time.
    Date,
    /// A stage of the deal.
    Stage,
    /// The staff in charge.
    Owner,
    /// `no_ads`: unclear text leans to "opted out".
    OptOut,
    /// `consent`: unclear text is no consent.
    Consent,
    /// Yes or no.
    YesNo,
    /// Text.
    Text,
    /// A number.
    Number,
    /// One of a few words.
    Choice,
    /// A column that identifies the customer for good.
    Id,
}
