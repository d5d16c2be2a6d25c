//! The only place that names google-sheets4 and yup-oauth2: tokens, metadata, and bulk values.
//!
//! Metadata goes through the typed client; values are streamed by reqwest with the same token
//! (`read.rs`), because the typed client holds the whole sheet in memory and cannot be timed out
//! half-way (DEPENDENCIES.md, "google-sheets4 and yup-oauth2"). Only the read-only scope is asked for, until something
//! is written (`write.rs`), which the configuration must allow.

mod auth;
mod read;
mod told;
mod write;

use std::sync::Arc;
use std::time::Duration;

use google_sheets4::api::Spreadsheet;
use google_sheets4::hyper_util::client::legacy::Client;
use google_sheets4::hyper_util::rt::TokioExecutor;
use google_sheets4::{Error as ClientError, Sheets};
use secrecy::SecretString;

use crate::core::sheet::column_letter;

use auth::Connector;
pub use auth::KeyError;
pub use read::{RowSink, cells_of};
pub use told::Told;
pub use write::{Dropdown, HeaderCell, NewTab, Written};

/// The read-only scope: all that reading needs (Google's own list of scopes for `spreadsheets.get` and `values.*`).
const READ_SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets.readonly";

/// Google's limit for one service account (sheets.md, section 1).
const READS_A_MINUTE: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// A metadata call or a token takes this long at most; the typed client has no limit of its own.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// A read longer than this is ended by Google itself (sheets.md, section 1).
const READ_LIMIT: Duration = Duration::from_secs(180);

/// What is wrong with an exchange with Google, and what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoogleError {
    /// 403: the service account may not read it.
    #[error(
        "the workbook {workbook} is not shared with sheetbridge: open it in Google Sheets, press Share, and add {account} as a viewer"
    )]
    NotShared {
        /// The workbook's id.
        workbook: String,
        /// The service account's address.
        account: String,
    },
    /// 403 where it reads well.
    #[error(
        "{account} may read the workbook {workbook} but not write into it: open it in Google Sheets, press Share, and make {account} an editor, or write `write = false` under [google]"
    )]
    NotEditor {
        /// The workbook's id.
        workbook: String,
        /// The service account's address.
        account: String,
    },
    /// 404.
    #[error(
        "there is no workbook {workbook}, or it is not shared: copy the id from the address bar between /d/ and /edit, and share the workbook with {account}"
    )]
    NotFound {
        /// The workbook's id.
        workbook: String,
        /// The service account's address.
        account: String,
    },
    /// 403 with `SERVICE_DISABLED`.
    #[error(
        "the Google Sheets API is switched off for the project of {account}: switch it on in the Google Cloud console, APIs & Services"
    )]
    ApiDisabled {
        /// The service account's address.
        account: String,
    },
    /// 400 "Unable to parse range".
    #[error("Google does not know the range {range}: the tab was renamed or deleted")]
    UnknownRange {
        /// The range as asked for.
        range: String,
    },
    /// Any other 4xx.
    #[error("Google refused the request ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Google's own words.
        message: String,
    },
    /// The token endpoint refused the key.
    #[error(
        "Google refused the key of {account} ({message}): if the machine's clock is right, make a new key for the service account and replace the key file"
    )]
    KeyRefused {
        /// The service account's address.
        account: String,
        /// Google's own words.
        message: String,
    },
    /// 429.
    #[error("Google asks to slow down (429): {message}")]
    SlowDown {
        /// Google's own words.
        message: String,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// 5xx.
    #[error("Google is in trouble ({status}); sheetbridge tries again by itself")]
    Trouble {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// No connection, or it broke.
    #[error("Google cannot be reached at {url} ({why}); sheetbridge tries again by itself")]
    Unreachable {
        /// The address asked.
        url: String,
        /// What broke.
        why: String,
    },
    /// The answer was cut off or is not what Google sends.
    #[error(
        "the answer of Google was cut off or garbled ({why}); nothing of it was used, sheetbridge tries again by itself"
    )]
    Garbled {
        /// What is wrong with it.
        why: String,
    },
    /// The read took longer than Google allows.
    #[error(
        "reading the workbook took more than {limit_s} s: give each tab a workbook of its own, or take fewer tabs into the configuration"
    )]
    TooSlow {
        /// The limit, in seconds.
        limit_s: u64,
    },
}

impl GoogleError {
    /// Whether it may heal by itself, so that trying again makes sense.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::SlowDown { .. }
            | Self::Trouble { .. }
            | Self::Unreachable { .. }
            | Self::Garbled { .. }
            | Self::TooSlow { .. } => true,
            Self::NotShared { .. }
            | Self::NotEditor { .. }
            | Self::NotFound { .. }
            | Self::ApiDisabled { .. }
            | Self::UnknownRange { .. }
            | Self::Refused { .. }
            | Self::KeyRefused { .. } => false,
        }
    }

    /// Google's own wish how long to wait, in seconds.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::SlowDown { retry_after_s, .. } | Self::Trouble { retry_after_s, .. } => {
                *retry_after_s
            }
            _ => None,
        }
    }
}

/// What a workbook says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its title.
    pub title: String,
    /// Its locale, e.g. `vi_VN`.
    pub locale: String,
    /// Its time zone, a CLDR id.
    pub time_zone: String,
    /// Its tabs in order.
    pub tabs: Vec<TabInfo>,
}

/// One tab of a workbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabInfo {
    /// Google's id of the tab, which a renaming keeps.
    pub sheet: i64,
    /// Its title.
    pub title: String,
}

/// A service account's view of Google Sheets.
#[derive(Debug)]
pub struct Google {
    way: Way,
}

/// Where answers come from.
enum Way {
    /// The service; boxed, because it is big.
    Service(Box<Service>),
    /// Somebody in this process.
    Told(Arc<dyn Told>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(service) => service.fmt(f),
            Self::Told(_) => f.write_str("told"),
        }
    }
}

impl Google {
    /// A client for the service account whose key file has this content.
    ///
    /// `url` is the base of the Sheets API, `https://sheets.googleapis.com/` or a loopback address.
    ///
    /// # Errors
    /// The key is not a service-account key, or the system has no certificates to check Google's by.
    pub async fn new(key_json: &SecretString, url: &str) -> Result<Self, KeyError> {
        let service = Box::new(Service::new(key_json, url).await?);
        Ok(Self {
            way: Way::Service(service),
        })
    }

    /// Answers that need no network: for the simulation, which reads them by the real reader.
    pub fn told(by: Arc<dyn Told>) -> Self {
        Self { way: Way::Told(by) }
    }

    /// The service account's address, with which workbooks are shared.
    pub fn account(&self) -> &str {
        match &self.way {
            Way::Service(service) => service.account(),
            Way::Told(_) => "nobody",
        }
    }

    /// Title, locale, time zone and tabs of a workbook.
    ///
    /// # Errors
    /// See [`GoogleError`].
    pub async fn metadata(&self, workbook: &str) -> Result<Metadata, GoogleError> {
        match &self.way {
            Way::Service(service) => service.metadata(workbook).await,
            Way::Told(by) => by.metadata(workbook),
        }
    }

    /// Streams the values of whole ranges, row by row, into `sink`.
    ///
    /// Numbers are unformatted, dates serial numbers. Ranges come in the order asked for. On an
    /// error, what the sink has got is to be thrown away: no partial read is ever a snapshot.
    ///
    /// # Errors
    /// See [`GoogleError`].
    pub async fn values<S: RowSink>(
        &self,
        workbook: &str,
        ranges: &[String],
        sink: S,
    ) -> Result<S, GoogleError> {
        match &self.way {
            Way::Service(service) => service.values(workbook, ranges, sink).await,
            Way::Told(by) => read::whole(by.values(workbook, ranges)?, sink),
        }
    }

    /// Makes a tab, whole or not at all. Returns Google's id of it.
    ///
    /// # Errors
    /// See [`GoogleError`].
    pub async fn add_tab(&self, workbook: &str, tab: &NewTab) -> Result<i64, GoogleError> {
        match &self.way {
            Way::Service(service) => service.add_tab(workbook, tab).await,
            Way::Told(_) => Err(nothing_written()),
        }
    }

    /// Overwrites the cells of a tab of ours from its first row on, whole or not at all.
    ///
    /// # Errors
    /// See [`GoogleError`].
    pub async fn put_rows(
        &self,
        workbook: &str,
        sheet: i64,
        rows: &[Vec<Written>],
    ) -> Result<(), GoogleError> {
        match &self.way {
            Way::Service(service) => service.put_rows(workbook, sheet, rows).await,
            Way::Told(_) => Err(nothing_written()),
        }
    }
}

/// Who is only told answers writes nothing.
fn nothing_written() -> GoogleError {
    GoogleError::Refused {
        status: 501,
        message: "nothing is written here".into(),
    }
}

/// The service itself.
struct Service {
    hub: Sheets<Connector>,
    auth: auth::Tokens,
    http: reqwest::Client,
    url: String,
    /// When the last reads went out, oldest first.
    reads: tokio::sync::Mutex<std::collections::VecDeque<std::time::Instant>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Google")
            .field("url", &self.url)
            .field("account", &self.auth.account())
            .finish_non_exhaustive()
    }
}

impl Service {
    async fn new(key_json: &SecretString, url: &str) -> Result<Self, KeyError> {
        let url = format!("{}/", url.trim_end_matches('/'));
        let auth = auth::Tokens::new(key_json).await?;
        let client = Client::builder(TokioExecutor::new()).build(auth::connector()?);
        let mut hub = Sheets::new(client, auth.authenticator());
        hub.base_url(url.clone());
        hub.root_url(url.clone());
        // Google compresses only for a User-Agent that names gzip.
        let agent = concat!("sheetbridge/", env!("CARGO_PKG_VERSION"), " (gzip)");
        hub.user_agent(agent.to_owned());
        let http = reqwest::Client::builder()
            .user_agent(agent)
            .connect_timeout(Duration::from_secs(20))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| KeyError::Client(error.to_string()))?;
        Ok(Self {
            hub,
            auth,
            http,
            url,
            reads: tokio::sync::Mutex::default(),
        })
    }

    fn account(&self) -> &str {
        self.auth.account()
    }

    async fn metadata(&self, workbook: &str) -> Result<Metadata, GoogleError> {
        self.permit().await;
        self.auth.token().await?; // asked for once, so that a refusal is told apart from other trouble
        let mut watch = auth::Watch::default();
        let call = self
            .hub
            .spreadsheets()
            .get(workbook)
            .param(
                "fields",
                "properties(title,locale,timeZone),sheets.properties(sheetId,title)",
            )
            .add_scope(READ_SCOPE)
            .delegate(&mut watch)
            .doit();
        let answer =
            tokio::time::timeout(CALL_LIMIT, call)
                .await
                .map_err(|_| GoogleError::Unreachable {
                    url: self.url.clone(),
                    why: format!("no answer within {} s", CALL_LIMIT.as_secs()),
                })?;
        match answer {
            Ok((_, spreadsheet)) => metadata_of(spreadsheet),
            Err(error) => Err(self.explain(workbook, &error, &watch)),
        }
    }

    async fn values<S: RowSink>(
        &self,
        workbook: &str,
        ranges: &[String],
        sink: S,
    ) -> Result<S, GoogleError> {
        let read = async {
            let response = match self.ask(workbook, ranges).await? {
                response if response.status() == reqwest::StatusCode::UNAUTHORIZED => {
                    self.auth.refresh().await?;
                    self.ask(workbook, ranges).await?
                }
                response => response,
            };
            if !response.status().is_success() {
                return Err(self.refusal(workbook, ranges, response).await);
            }
            read::stream(response, sink).await
        };
        tokio::time::timeout(READ_LIMIT, read)
            .await
            .unwrap_or(Err(GoogleError::TooSlow {
                limit_s: READ_LIMIT.as_secs(),
            }))
    }

    /// Waits until another read is within Google's 60 a minute for each service account.
    async fn permit(&self) {
        let mut reads = self.reads.lock().await;
        if reads.len() >= READS_A_MINUTE
            && let Some(oldest) = reads.pop_front()
        {
            tokio::time::sleep_until((oldest + MINUTE).into()).await;
        }
        reads.push_back(std::time::Instant::now());
    }

    async fn ask(
        &self,
        workbook: &str,
        ranges: &[String],
    ) -> Result<reqwest::Response, GoogleError> {
        self.permit().await;
        let token = self.auth.token().await?;
        let mut query: Vec<(&str, &str)> = vec![
            ("valueRenderOption", "UNFORMATTED_VALUE"),
            ("dateTimeRenderOption", "SERIAL_NUMBER"),
            ("majorDimension", "ROWS"),
            ("prettyPrint", "false"),
        ];
        query.extend(ranges.iter().map(|range| ("ranges", range.as_str())));
        self.http
            .get(format!(
                "{}v4/spreadsheets/{workbook}/values:batchGet",
                self.url
            ))
            .query(&query)
            .bearer_auth(token)
            .send()
            .await
            .map_err(|error| read::unreachable(&self.url, &error))
    }

    async fn refusal(
        &self,
        workbook: &str,
        ranges: &[String],
        response: reqwest::Response,
    ) -> GoogleError {
        let status = response.status().as_u16();
        let retry_after_s = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok());
        let body: serde_json::Value = response.json().await.unwrap_or_default();
        self.classify(workbook, status, &body, retry_after_s, ranges)
    }

    /// Turns an error of the typed client into ours. Bodies are never kept: they are customer data.
    fn explain(&self, workbook: &str, error: &ClientError, watch: &auth::Watch) -> GoogleError {
        match (watch.status, error) {
            (Some(status), ClientError::BadRequest(body)) => {
                self.classify(workbook, status, body, watch.retry_after_s, &[])
            }
            (Some(status), _) => self.classify(
                workbook,
                status,
                &serde_json::Value::Null,
                watch.retry_after_s,
                &[],
            ),
            (None, ClientError::JsonDecodeError(_, why)) => GoogleError::Garbled {
                why: why.to_string(),
            },
            (None, ClientError::MissingToken(why)) => GoogleError::Unreachable {
                url: self.url.clone(),
                why: why.to_string(),
            },
            (None, ClientError::HttpError(why)) => GoogleError::Unreachable {
                url: self.url.clone(),
                why: read::root_cause(why),
            },
            (None, ClientError::Io(why)) => GoogleError::Unreachable {
                url: self.url.clone(),
                why: why.to_string(),
            },
            (None, _) => GoogleError::Garbled {
                why: "an answer that is none of Google's".into(),
            },
        }
    }

    fn classify(
        &self,
        workbook: &str,
        status: u16,
        body: &serde_json::Value,
        retry_after_s: Option<u64>,
        ranges: &[String],
    ) -> GoogleError {
        let message = body["error"]["message"]
            .as_str()
            .unwrap_or("no explanation")
            .to_owned();
        let account = self.account().to_owned();
        let workbook = workbook.to_owned();
        let disabled = body.to_string().contains("SERVICE_DISABLED")
            || body.to_string().contains("accessNotConfigured");
        match status {
            400 if message.starts_with("Unable to parse range") => GoogleError::UnknownRange {
                range: message
                    .strip_prefix("Unable to parse range: ")
                    .unwrap_or(&ranges.join(", "))
                    .to_owned(),
            },
            403 if disabled => GoogleError::ApiDisabled { account },
            403 => GoogleError::NotShared { workbook, account },
            404 => GoogleError::NotFound { workbook, account },
            429 => GoogleError::SlowDown {
                message,
                retry_after_s,
            },
            500..=599 => GoogleError::Trouble {
                status,
                retry_after_s,
            },
            _ => GoogleError::Refused { status, message },
        }
    }
}

fn metadata_of(spreadsheet: Spreadsheet) -> Result<Metadata, GoogleError> {
    let missing = |what: &str| GoogleError::Garbled {
        why: format!("metadata without {what}"),
    };
    let properties = spreadsheet
        .properties
        .ok_or_else(|| missing("properties"))?;
    let tabs = spreadsheet
        .sheets
        .unwrap_or_default()
        .into_iter()
        .map(|sheet| {
            let properties = sheet
                .properties
                .ok_or_else(|| missing("a tab's properties"))?;
            Ok(TabInfo {
                // Google leaves out a `sheetId` of 0.
                sheet: i64::from(properties.sheet_id.unwrap_or(0)),
                title: properties.title.ok_or_else(|| missing("a tab's title"))?,
            })
        })
        .collect::<Result<Vec<_>, GoogleError>>()?;
    Ok(Metadata {
        title: properties.title.unwrap_or_default(),
        locale: properties.locale.unwrap_or_else(|| "en_US".into()),
        time_zone: properties.time_zone.unwrap_or_default(),
        tabs,
    })
}

/// A tab from its first column to the `last` one, which counts from 0.
pub fn columns_to(title: &str, last: usize) -> String {
    format!("{}!A:{}", whole_tab(title), column_letter(last))
}

/// The rows of a tab from the first to the `last` one, which counts from 1, in their whole width.
pub fn rows_to(title: &str, last: u32) -> String {
    format!("{}!1:{last}", whole_tab(title))
}

/// A whole tab as a range. Quoted, because a tab called `T11` would else be read as a cell.
pub fn whole_tab(title: &str) -> String {
    format!("'{}'", title.replace('\'', "''"))
}
