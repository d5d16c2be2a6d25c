//! sheetbridge

pub mod core;
pub mod courier;
pub mod sandbox;
pub mod telegram;
