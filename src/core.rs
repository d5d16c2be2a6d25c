//! Everything that decides. Pure: no tokio, sled, network, files, environment, clock, randomness
//! or logging in here; ids, times and jitter come in as arguments.
//!
//! `ls src/core` reads like the story: a sheet becomes records, records are told apart, changes
//! are found and judged, settled into events, rules decide messages, and policy and delivery say
//! what may happen to a message.

pub mod calendar;
pub mod campaign;
pub mod change;
pub mod claim;
pub mod condition;
pub mod decide;
pub mod delivery;
pub mod facts;
pub mod handover;
pub mod identity;
pub mod insight;
pub mod message;
pub mod mute;
pub mod outcome;
pub mod pace;
pub mod people;
pub mod policy;
pub mod propose;
pub mod record;
pub mod rule;
pub mod settle;
pub mod sheet;
pub mod subscription;
