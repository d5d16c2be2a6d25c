//! What the Bot API answers instead of a result.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error of the Bot API: `{"ok":false,"error_code":…,"description":…,"parameters":…}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {description}")]
pub(super) struct Refusal {
    /// The HTTP status and `error_code`.
    pub(super) code: u16,
    /// The sentence, as Telegram says it.
    pub(super) description: String,
    /// Seconds to wait, with 429.
    pub(super) retry_after: Option<u64>,
    /// The supergroup a group has become.
    pub(super) migrate_to_chat_id: Option<i64>,
}

impl Refusal {
    pub(super) fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after: None,
            migrate_to_chat_id: None,
        }
    }

    /// 400 with "Bad Request: " before the sentence.
    pub(super) fn bad(why: impl std::fmt::Display) -> Self {
        Self::new(400, format!("Bad Request: {why}"))
    }

    /// 403 with "Forbidden: " before the sentence.
    pub(super) fn forbidden(why: &str) -> Self {
        Self::new(403, format!("Forbidden: {why}"))
    }

    /// 409 with "Conflict: " before the sentence.
    pub(super) fn conflict(why: &str) -> Self {
        Self::new(409, format!("Conflict: {why}"))
    }

    /// 429.
    pub(super) fn too_many(retry_after: u64) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, format!("Too Many Requests: retry after {retry_after}"))
        }
    }

    /// What a group says that has become the supergroup `to`.
    pub(super) fn migrated(to: i64) -> Self {
        Self {
            migrate_to_chat_id: Some(to),
            ..Self::bad("group chat was upgraded to a supergroup chat")
        }
    }

    fn body(&self) -> Value {
        let mut body =
            json!({"ok": false, "error_code": self.code, "description": self.description});
        if let Some(seconds) = self.retry_after {
            body["parameters"] = json!({"retry_after": seconds});
        }
        if let Some(chat) = self.migrate_to_chat_id {
            body["parameters"] = json!({"migrate_to_chat_id": chat});
        }
        body
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body())).into_response()
    }
}

/// What a method answers.
pub(super) type Answer = Result<Value, Refusal>;
