//! sheetbridge

pub mod alarms;
pub mod bot;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod control;
pub mod core;
pub mod courier;
pub mod daemon;
pub mod cycle;
pub mod google;
pub mod health;
pub mod outbox;
pub mod random;
pub mod render;
pub mod roster;
pub mod sandbox;
pub mod store;
pub mod telegram;
pub mod telemetry;
pub mod web;
