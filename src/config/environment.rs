//! The process environment, read once. Nothing else in the crate asks for a variable.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{ConfigErrors, ConfigProblem};

/// Where a configuration is looked for when none is named, after `$SHEETBRIDGE_CONFIG`.
const PLACES: [&str; 2] = [
    "/etc/sheetbridge/sheetbridge.toml",
    "config/sheetbridge.toml",
];

/// The variables of the process as they were at the start. `Debug` shows their names only.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub fn from_process() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        }
    }

    /// An environment of these variables and no other: for tests and for the demo.
    pub fn of<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// The value of a variable; `None` if it is unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// `$STATE_DIRECTORY`, as systemd sets it. It may name several folders, separated by `:`; the first counts.
    pub fn state_directory(&self) -> Option<PathBuf> {
        let folders = self.get("STATE_DIRECTORY")?;
        folders.split(':').next().map(PathBuf::from)
    }

    /// `$CREDENTIALS_DIRECTORY`, as systemd sets it for `LoadCredential=`.
    pub fn credentials_directory(&self) -> Option<PathBuf> {
        self.get("CREDENTIALS_DIRECTORY").map(PathBuf::from)
    }

    /// The configuration file: `given`, else `$SHEETBRIDGE_CONFIG`, else
    /// `/etc/sheetbridge/sheetbridge.toml`, else `config/sheetbridge.toml`.
    ///
    /// # Errors
    /// When none is named and none is there. A file that is named is not looked at here.
    pub fn find_config(&self, given: Option<&Path>) -> Result<PathBuf, ConfigErrors> {
        if let Some(path) = given {
            return Ok(path.to_path_buf());
        }
        if let Some(path) = self.get("SHEETBRIDGE_CONFIG") {
            return Ok(PathBuf::from(path));
        }
        if let Some(path) = PLACES.iter().find(|place| Path::new(place).is_file()) {
            return Ok(PathBuf::from(path));
        }
        Err(ConfigErrors::about_file(ConfigProblem {
            file: PathBuf::from(PLACES[1]),
            line: None,
            column: None,
            problem: format!(
                "no configuration: neither {} nor {} is there",
                PLACES[0], PLACES[1]
            ),
            mend: "name one with `--config FILE` or $SHEETBRIDGE_CONFIG; copy the shipped \
                   config/sheetbridge.toml to begin with"
                .to_owned(),
            span: None,
        }))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
