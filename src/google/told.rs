//! Answers without a network: the simulation's workbook, read by the real reader.

use super::{GoogleError, Metadata};

/// Somebody who answers in Google's place.
pub trait Told: Send + Sync {
    /// What the workbook says about itself.
    ///
    /// # Errors
    /// Whatever Google may fail with.
    fn metadata(&self, workbook: &str) -> Result<Metadata, GoogleError>;

    /// The body of a `values:batchGet` for these ranges, as bytes; it may be cut off.
    ///
    /// # Errors
    /// Whatever Google may fail with.
    fn values(&self, workbook: &str, ranges: &[String]) -> Result<Vec<u8>, GoogleError>;
}
