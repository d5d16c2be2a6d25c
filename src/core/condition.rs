//! Conditions: minijinja expressions over the facts of a record.

/// A compiled condition and its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As written.
    pub source: String,
}
