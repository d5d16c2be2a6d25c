//! One installation: its configuration, and the way to its state, by the daemon or without it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::Call;
use super::failure::{Failure, Kind};
use crate::clock;
use crate::commands::{Desk, Request, Who};
use crate::config::{Config, ConfigErrors, Language};
use crate::control;
use crate::core::rule::Channel;
use crate::render::{self, Templates};
use crate::roster::Roster;
use crate::store::{Store, StoreError};

/// A checked configuration and where it came from.
#[derive(Debug)]
pub(crate) struct Site {
    /// The configuration.
    pub(crate) config: Arc<Config>,
    /// The file it was read from.
    pub(crate) path: PathBuf,
}

impl Site {
    /// Finds and reads the configuration of this call.
    ///
    /// # Errors
    /// Every mistake in it.
    pub(crate) fn load(call: &Call) -> Result<Self, ConfigErrors> {
        let path = call
            .environment
            .find_config(call.global.config.as_deref())?;
        let names = shipped_templates();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let config = Arc::new(Config::load(&path, &call.environment, &names)?);
        Ok(Self { config, path })
    }

    /// Asks the running daemon.
    ///
    /// # Returns
    /// The answer, or none if no daemon runs.
    ///
    /// # Errors
    /// A refusal, or a socket that cannot be used.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Option<Value>, Failure> {
        Ok(control::ask(&self.config.state_dir, request).await?)
    }

    /// Asks the running daemon, else the store itself.
    ///
    /// # Errors
    /// A refusal, a socket that cannot be used, or a store that cannot be opened.
    pub(crate) async fn answer(&self, request: &Request) -> Result<Value, Failure> {
        if let Some(answer) = self.ask(request).await? {
            return Ok(answer);
        }
        let store = match self.open() {
            // A daemon that is just starting holds the store before it listens.
            Err(StoreError::Locked { dir }) => match self.ask(request).await? {
                Some(answer) => return Ok(answer),
                None => return Err(StoreError::Locked { dir }.into()),
            },
            other => other?,
        };
        let desk = Desk::new(self.roster(store), None);
        let answer =
            tokio::task::block_in_place(|| desk.answer(request, &Who::CommandLine, clock::now()));
        Ok(answer?)
    }

    /// Opens the store of this installation.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn open(&self) -> Result<Store, StoreError> {
        tokio::task::block_in_place(|| Store::open(&self.config.state_dir))
    }

    /// The roster over a store.
    pub(crate) fn roster(&self, store: Store) -> Roster {
        Roster::new(Arc::clone(&self.config), store)
    }

    /// The language of texts for people, as templates know it.
    pub(crate) fn language(&self) -> render::Language {
        match self.config.language {
            Language::Vi => render::Language::Vietnamese,
            Language::En => render::Language::English,
        }
    }
}

/// The names of the templates that the program carries.
///
/// # Panics
/// Never: the shipped templates are part of the program, and their tests compile them.
pub(crate) fn shipped_templates() -> BTreeSet<String> {
    let shipped =
        Templates::load(None, render::Language::Vietnamese).expect("the shipped templates compile");
    [Channel::Email, Channel::Telegram]
        .iter()
        .flat_map(|channel| shipped.names(*channel))
        .collect()
}

/// The answer to a request of a call, from the daemon or the store.
///
/// # Errors
/// The configuration, a refusal, a socket or a store that cannot be used.
pub(crate) async fn answer(call: &Call, request: &Request) -> Result<Value, Failure> {
    Site::load(call)?.answer(request).await
}

/// An answer as what it is.
///
/// # Errors
/// An answer that is something else, from a daemon of another version.
pub(crate) fn understood<T: serde::de::DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    serde_json::from_value(answer.clone()).map_err(|_| {
        Failure::new(
            Kind::Unavailable,
            "the daemon's answer was not understood: is it of another version? Restart it",
        )
    })
}

/// A list that a request answers with.
///
/// # Errors
/// An answer that is none, from a daemon of another version.
pub(crate) fn list(answer: Value) -> Result<Vec<Value>, Failure> {
    match answer {
        Value::Array(entries) => Ok(entries),
        _ => Err(Failure::new(
            Kind::Unavailable,
            "the daemon's answer was not understood: is it of another version? Restart it",
        )),
    }
}
