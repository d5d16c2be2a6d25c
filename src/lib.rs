//! sheetbridge

pub mod core;
pub mod render;
pub mod sandbox;
