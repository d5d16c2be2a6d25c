//! sheetbridge

pub mod clock;
pub mod config;
pub mod core;
pub mod google;
pub mod random;
pub mod render;
pub mod sandbox;
pub mod store;
