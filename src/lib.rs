//! sheetbridge

pub mod clock;
pub mod config;
pub mod core;
pub mod courier;
pub mod cycle;
pub mod google;
pub mod random;
pub mod render;
pub mod roster;
pub mod sandbox;
pub mod store;
pub mod telegram;
