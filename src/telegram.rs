//! The Telegram client and its pace, shared by the courier and the bot.
//!
//! Requests are made of teloxide's payloads and sent by its HTTP client, but not through its `send()`: that sleeps ten
//! seconds inside of the call on every 5xx, and tells a refused connection and a lost answer apart no more. With
//! [`Client::call`] the caller knows whether Telegram may have acted.
//!
//! Only this module, `courier/telegram` and `bot` name teloxide. Its `Bot` shows the token in `Debug`: never log it.

pub mod pace;

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use teloxide::requests::Payload;
use teloxide::{ApiError, Bot, RequestError};

pub use pace::ChatPace;

/// Name, proxy, TCP and TLS.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// From the request to the end of the answer. Longer than the bot's long poll.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The same for a file.
const UPLOAD_WITHIN: Duration = Duration::from_secs(120);
/// An idle connection is not used again after this, so that the server rarely closes one just as we write.
const IDLE_WITHIN: Duration = Duration::from_secs(20);
/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 4 << 20;

/// Where the bot lives.
#[derive(Clone, Debug)]
pub struct TelegramSettings {
    /// What @BotFather gave.
    pub token: SecretString,
    /// `https://api.telegram.org` unless there is an own server or a sandbox.
    pub api_url: Option<String>,
    /// `http://…` or `socks5://…`. Nothing is taken from the environment.
    pub proxy: Option<String>,
}

/// One bot at one server. Cloning is cheap and shares the pace.
#[derive(Clone)]
pub struct Client {
    bot: Bot,
    pace: Arc<ChatPace>,
    proxied: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.place())
    }
}

/// A setting that cannot be used; the text names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an address.
    #[error(
        "[telegram] api_url = {0:?} is not a web address, such as \"https://api.telegram.org\""
    )]
    ApiUrl(String),
    /// Not a proxy.
    #[error("[telegram] proxy = {0:?} is not a proxy, such as \"socks5://127.0.0.1:1080\"")]
    Proxy(String),
    /// Not `digits:letters`.
    #[error(
        "the bot token does not look like one (digits, a colon, 35 letters and digits): copy it again from @BotFather"
    )]
    Token,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Http(String),
}

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Telegram, or what stands before it, answered that it did not.
    #[error("{0}")]
    Refused(Refused),
    /// No connection: nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// Sent, and no answer, or one that cannot be understood: Telegram may have acted.
    #[error("{0}")]
    Unanswered(String),
}

/// A refusal in the words of the Bot API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `error_code`, or the HTTP status when the answer is no Bot API answer.
    pub code: u16,
    /// `description`.
    pub description: String,
    /// Seconds, with a 429.
    pub retry_after_s: Option<u64>,
    /// The group's new id.
    pub migrate_to: Option<i64>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.description)
    }
}

/// A file to upload: the field's name, the file's name, its media type and the bytes.
pub struct Upload {
    /// `photo` or `document`.
    pub field: &'static str,
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Bytes.
    pub content: Vec<u8>,
}

impl Client {
    /// Makes the client; connects to nothing yet.
    ///
    /// # Errors
    /// Which setting cannot be used.
    pub fn new(settings: &TelegramSettings) -> Result<Self, SettingsError> {
        let token = settings.token.expose_secret().trim();
        // Anything else would only come back as "404 Not Found", which says less. The sandbox's tokens are shorter.
        let looks_right = token.split_once(':').is_some_and(|(id, secret)| {
            !id.is_empty()
                && id.bytes().all(|byte| byte.is_ascii_digit())
                && !secret.is_empty()
                && secret
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        });
        if !looks_right {
            return Err(SettingsError::Token);
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .pool_idle_timeout(IDLE_WITHIN)
            .tcp_nodelay(true)
            // A redirect would turn a POST into a GET: whoever answers so is not the Bot API.
            .redirect(reqwest::redirect::Policy::none());
        builder = match &settings.proxy {
            None => builder.no_proxy(),
            Some(proxy) => builder.proxy(
                reqwest::Proxy::all(proxy).map_err(|_| SettingsError::Proxy(proxy.clone()))?,
            ),
        };
        let http = builder
            .build()
            .map_err(|error| SettingsError::Http(error.to_string()))?;
        let mut bot = Bot::with_client(token, http);
        if let Some(text) = &settings.api_url {
            let url = reqwest::Url::parse(text.trim_end_matches('/'))
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
                .ok_or_else(|| SettingsError::ApiUrl(text.clone()))?;
            bot = bot.set_api_url(url);
        }
        Ok(Self {
            bot,
            pace: Arc::new(ChatPace::default()),
            proxied: settings.proxy.is_some(),
        })
    }

    /// teloxide's own handle, for polling updates. Its `send()` sleeps 10 s on a 5xx: prefer [`Client::call`].
    pub fn bot(&self) -> &Bot {
        &self.bot
    }

    /// The pace that everybody who writes by this bot keeps.
    pub fn pace(&self) -> &ChatPace {
        &self.pace
    }

    /// Host and port of the server, for people.
    pub fn place(&self) -> String {
        let url = self.bot.api_url();
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}"));
        let by = if self.proxied { " by the proxy" } else { "" };
        format!("{host}{}{by}", port.unwrap_or_default())
    }

    /// Calls a method with a payload that has no file.
    ///
    /// # Returns
    /// What stands in `result`.
    ///
    /// # Errors
    /// See [`CallError`]: it tells whether Telegram may have acted.
    pub async fn call<P>(&self, payload: &P) -> Result<Value, CallError>
    where
        P: Payload + Serialize,
    {
        let request = self
            .bot
            .client()
            .post(self.method_url(P::NAME))
            .json(payload);
        self.send(request).await
    }

    /// Calls a method that takes a file: `sendPhoto` or `sendDocument`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn upload(
        &self,
        method: &'static str,
        fields: Vec<(&'static str, String)>,
        file: Upload,
    ) -> Result<Value, CallError> {
        let part = reqwest::multipart::Part::bytes(file.content)
            .file_name(file.name)
            .mime_str(&file.media_type)
            .map_err(|error| CallError::NotSent(error.to_string()))?;
        let form = fields
            .into_iter()
            .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
                form.text(name, value)
            })
            .part(file.field, part);
        let request = self
            .bot
            .client()
            .post(self.method_url(method))
            .timeout(UPLOAD_WITHIN)
            .multipart(form);
        self.send(request).await
    }

    fn method_url(&self, method: &str) -> reqwest::Url {
        let mut url = self.bot.api_url();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push(&format!("bot{}", self.bot.token()))
                .push(method);
        }
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, CallError> {
        let mut response = request.send().await.map_err(|error| network(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_ANSWER => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(CallError::Unanswered("the answer has no end".into())),
                Ok(None) => break,
                // A cut answer to a refusal is still a refusal; of a success we cannot know.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(network(&error)),
            }
        }
        read_answer(status.as_u16(), &body)
    }
}

/// `{"ok", "result"}` or `{"ok", "error_code", "description", "parameters"}`.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: Value,
    error_code: Option<u16>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// Reads what came back.
fn read_answer(status: u16, body: &[u8]) -> Result<Value, CallError> {
    match serde_json::from_slice::<Answer>(body) {
        Ok(Answer {
            ok: true, result, ..
        }) => Ok(result),
        Ok(answer) => Err(CallError::Refused(Refused {
            code: answer.error_code.unwrap_or(status),
            description: answer.description.unwrap_or_default(),
            retry_after_s: answer.parameters.retry_after,
            migrate_to: answer.parameters.migrate_to_chat_id,
        })),
        Err(_) if (200..300).contains(&status) => Err(CallError::Unanswered(
            "the answer is not one of the Bot API".into(),
        )),
        // A gateway that gave up waiting had passed the request on.
        Err(_) if status == 504 => Err(CallError::Unanswered("504 Gateway Timeout".into())),
        Err(_) => Err(CallError::Refused(Refused {
            code: status,
            description: "without an answer of the Bot API".into(),
            retry_after_s: None,
            migrate_to: None,
        })),
    }
}

/// Whether the request can have reached the other side. The address, with the token in it, is never in the text.
fn network(error: &reqwest::Error) -> CallError {
    let mut why = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        why = inner.to_string();
        source = inner.source();
    }
    let why = why
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned();
    if error.is_connect() {
        CallError::NotSent(format!("no connection: {why}"))
    } else if error.is_builder() {
        CallError::NotSent("the request cannot be made".into())
    } else if error.is_timeout() {
        CallError::Unanswered("no answer in time".into())
    } else {
        CallError::Unanswered(format!("the connection broke: {why}"))
    }
}

impl From<&RequestError> for CallError {
    /// For calls that go through teloxide, as the polling of updates does. Never holds the answer's text or the token.
    fn from(error: &RequestError) -> Self {
        let refused = |code, description: String| {
            Self::Refused(Refused {
                code,
                description,
                retry_after_s: None,
                migrate_to: None,
            })
        };
        match error {
            RequestError::Api(ApiError::InvalidToken) => refused(401, "Unauthorized".into()),
            RequestError::Api(
                conflict @ (ApiError::TerminatedByOtherGetUpdates | ApiError::CantGetUpdates),
            ) => refused(409, conflict.to_string()),
            RequestError::Api(ApiError::Unknown(text)) => refused(400, text.clone()),
            RequestError::Api(other) => refused(400, other.to_string()),
            RequestError::MigrateToChatId(id) => Self::Refused(Refused {
                code: 400,
                description: "the group became a supergroup".into(),
                retry_after_s: None,
                migrate_to: Some(id.0),
            }),
            RequestError::RetryAfter(seconds) => Self::Refused(Refused {
                code: 429,
                description: "Too Many Requests".into(),
                retry_after_s: Some(u64::from(seconds.seconds())),
                migrate_to: None,
            }),
            RequestError::Network(error) => network(error),
            RequestError::InvalidJson { .. } => {
                Self::Unanswered("the answer is not one of the Bot API".into())
            }
            RequestError::Io(error) => Self::NotSent(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(token: &str) -> TelegramSettings {
        TelegramSettings {
            token: token.to_owned().into(),
            api_url: None,
            proxy: None,
        }
    }

    #[test]
    fn the_token_is_never_shown() {
        let client = Client::new(&settings("123:secret")).unwrap();
        assert_eq!(format!("{client:?}"), "Client(api.telegram.org)");
        assert!(!format!("{:?}", settings("123:secret")).contains("secret"));
    }

    #[test]
    fn settings_that_cannot_be_used() {
        for token in ["", "abc", "123", "123:", ":abc", "123:a b", "x:abc"] {
            assert_eq!(
                Client::new(&settings(token)).unwrap_err(),
                SettingsError::Token,
                "{token}"
            );
        }
        let mut bad = settings("1:a");
        bad.api_url = Some("api.telegram.org".into());
        let error = Client::new(&bad).unwrap_err().to_string();
        assert!(error.contains("api_url = \"api.telegram.org\""), "{error}");
        bad.api_url = Some("http://127.0.0.1:8081/".into());
        bad.proxy = Some("::".into());
        let error = Client::new(&bad).unwrap_err().to_string();
        assert!(error.contains("[telegram] proxy"), "{error}");
    }

    #[test]
    fn answers_are_read_for_what_they_prove() {
        let ok = read_answer(200, br#"{"ok":true,"result":{"message_id":7}}"#).unwrap();
        assert_eq!(ok["message_id"], 7);
        let flood = read_answer(
            429,
            br#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#,
        );
        assert_eq!(
            flood,
            Err(CallError::Refused(Refused {
                code: 429,
                description: "Too Many Requests: retry after 3".into(),
                retry_after_s: Some(3),
                migrate_to: None
            }))
        );
        for (status, body, doubt) in [
            (200, "<html>", true),
            (504, "<html>", true),
            (
                504,
                r#"{"ok":false,"error_code":504,"description":"x"}"#,
                false,
            ),
            (502, "<html>", false),
            (500, "", false),
            (302, "", false),
            (403, "<html>", false),
        ] {
            let found = read_answer(status, body.as_bytes()).unwrap_err();
            assert_eq!(
                matches!(found, CallError::Unanswered(_)),
                doubt,
                "{status} {body}: {found:?}"
            );
        }
    }

    #[test]
    fn teloxides_errors_say_the_same_and_keep_the_answer_to_themselves() {
        let of = |error: RequestError| CallError::from(&error).to_string();
        assert_eq!(
            of(RequestError::Api(ApiError::InvalidToken)),
            "401 Unauthorized"
        );
        assert!(of(RequestError::Api(ApiError::TerminatedByOtherGetUpdates)).starts_with("409 "));
        let raw = "somebody's message";
        let source = serde_json::from_str::<Value>(raw).unwrap_err();
        let error = RequestError::InvalidJson {
            source: Arc::new(source),
            raw: raw.into(),
        };
        assert!(!of(error).contains(raw));
        let flood = RequestError::RetryAfter(teloxide::types::Seconds::from_seconds(7));
        assert!(matches!(
            CallError::from(&flood),
            CallError::Refused(Refused {
                code: 429,
                retry_after_s: Some(7),
                ..
            })
        ));
    }
}
