//! sheetbridge binary
fn main() {}
