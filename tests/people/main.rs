//! What managers and staff settle about people in the chat, over the sandbox's Bot API: who takes a leaver's customers
//! over, whose notices rest, who gets which digest, and what becomes of a trial.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[path = "../support/chat.rs"]
mod chat;
mod handover;
mod rest;
mod slow;
mod subscription;
#[path = "../support/mod.rs"]
mod support;
mod todo;
mod trial;
