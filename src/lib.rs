//! sheetbridge makes the Google Sheets workbook in which a Vietnamese property company keeps its
//! customers act like a CRM, without its staff changing how they type in it.
//!
//! # The way through
//! ```text
//!                  poll                                                     due
//!  Google Sheets ───────▶ cycle ──────────────────────────────▶ store ◀──────────── outbox ───▶ couriers ──▶ people
//!                         fetch  bytes → rows                  (sled)               claim
//!                         read   rows → typed rows + problems                       may it go now?   (policy)
//!                         match  whose row is this?                                 deliver
//!                         diff   what changed? is it plausible?                     record
//!  clock ────▶ alarms ──▶ settle what counts now?
//!  bot, socket ─────────▶ decide events + timers + rules → messages
//!                         commit flushed and synced, in groups that are each whole
//! ```
//!
//! Two loops share only the store: the cycle never sends, the outbox never reads the sheet. What
//! decides is a pure function of values in [`core`]; what touches the world is a thin module
//! around one foreign crate.
//!
//! # The promises, and where they are kept
//! 1. A row is a person, not a position: [`core::identity`].
//! 2. Half-typed rows do nothing: [`core::settle`].
//! 3. Implausible input does nothing: the guard in [`core::change`], held batches in [`cycle`].
//! 4. The first look sends nothing: [`cycle`], [`alarms::enforce_rules`].
//! 5. One message per person, rule and occasion, for ever: [`core::message::MessageKey`], [`store::ledger`].
//! 6. Nothing is lost: [`store`], [`core::delivery`], [`outbox`].
//! 7. The staff's tabs are read-only: [`google`] asks for the read-only scope, and [`writeback`] knows only our own tabs.
//! 8. Lawful by default: [`core::policy`], [`store::suppression`], [`store::proof`].
//! 9. Personal data stays in: types that mask themselves, [`telemetry`].
//!
//! # The rooms, and whom each may ask
//! `tests/layers.rs` holds this table and fails when a module imports what it may not.
//!
//! | room | what it is | may import |
//! |---|---|---|
//! | [`core`] | everything that decides; pure | core |
//! | [`clock`], [`random`], [`telemetry`] | the wall clock; randomness; logs and metrics | nothing of ours |
//! | [`config`] | file → configuration, or every mistake in it; only reader of the environment | core |
//! | [`google`], [`store`], [`render`], [`courier`] | the sheet; sled; texts; providers | core, never each other |
//! | [`telegram`] | the bot's client and shared pace | core, config |
//! | [`roster`] | who everybody is, and what is known of each record | core, store, config |
//! | [`health`] | what the running daemon knows and no store keeps | core, config |
//! | [`cycle`] | one poll, fetch … commit; never sends | core, google, store, render, config, roster |
//! | [`alarms`] | due timers → decide → commit | core, store, render, config, roster |
//! | [`campaigns`] | rows of the campaign tab → audience, question, messages | core, store, render, roster, commands |
//! | [`writeback`] | our own tabs in the workbook, where writing is on | core, google, store, config, roster |
//! | [`outbox`] | due messages → policy → courier → ledger | core, store, render, courier, config, roster, health, commands |
//! | [`commands`] | every question and act a person can have, with role checks | core, store, config, roster, health, render, cycle's held batches |
//! | [`bot`], [`control`], [`web`] | Telegram conversation; the daemon's socket; health, metrics and the opt-out page | core, commands, config, and what the table in `tests/layers.rs` adds |
//! | [`sandbox`] | the outside world on loopback, and the demo page | nothing of ours |
//! | [`daemon`] | wiring, loops, signals, readiness, watchdog | all above but the sandbox |
//! | [`cli`] | one file a command | all above |
//!
//! # Absent on purpose
//! No database server, no message broker, no plug-in language beyond minijinja expressions, no
//! ORM, no web framework in the browser, and no write to the staff's tabs: one machine is always
//! enough for one company, and there is nothing to keep running but this.

pub mod alarms;
pub mod bot;
pub mod campaigns;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod control;
pub mod core;
pub mod courier;
pub mod cycle;
pub mod daemon;
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
pub mod writeback;
