//! Google's error answers: the status, the JSON, and the OAuth endpoint's own shape.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// An error as the Sheets and Drive APIs answer it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApiError {
    pub(super) code: u16,
    pub(super) message: String,
    /// `INVALID_ARGUMENT`, `NOT_FOUND` …
    pub(super) status: &'static str,
    /// The older `errors[].reason`.
    pub(super) reason: &'static str,
    pub(super) details: Vec<Value>,
}

impl ApiError {
    fn new(code: u16, status: &'static str, reason: &'static str, message: String) -> ApiError {
        ApiError {
            code,
            message,
            status,
            reason,
            details: Vec::new(),
        }
    }

    fn with_info(mut self, reason: &str, metadata: &Value) -> ApiError {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": metadata,
        }));
        self
    }

    pub(super) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "INVALID_ARGUMENT", "badRequest", message.into())
    }

    pub(super) fn unparsable_range(range: &str) -> ApiError {
        ApiError::invalid(format!("Unable to parse range: {range}"))
    }

    pub(super) fn invalid_field(path: &str) -> ApiError {
        let mut error = ApiError::invalid("Request contains an invalid argument.");
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{
                "field": path,
                "description": format!("Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."),
            }],
        }));
        error
    }

    /// No credentials at all.
    pub(super) fn no_credentials() -> ApiError {
        ApiError::new(
            403,
            "PERMISSION_DENIED",
            "forbidden",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.".to_owned(),
        )
    }

    /// A token that is unknown, expired or revoked.
    pub(super) fn bad_token(reason: &str, method: &str) -> ApiError {
        ApiError::new(
            401,
            "UNAUTHENTICATED",
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.".to_owned(),
        )
        .with_info(reason, &json!({ "service": "sheets.googleapis.com", "method": method }))
    }

    pub(super) fn scope_insufficient(service: &str, method: &str) -> ApiError {
        ApiError::new(
            403,
            "PERMISSION_DENIED",
            "insufficientPermissions",
            "Request had insufficient authentication scopes.".to_owned(),
        )
        .with_info(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            &json!({ "service": service, "method": method }),
        )
    }

    pub(super) fn no_permission() -> ApiError {
        ApiError::new(
            403,
            "PERMISSION_DENIED",
            "forbidden",
            "The caller does not have permission".to_owned(),
        )
    }

    pub(super) fn not_found() -> ApiError {
        ApiError::new(
            404,
            "NOT_FOUND",
            "notFound",
            "Requested entity was not found.".to_owned(),
        )
    }

    /// Over quota: `kind` is `read` or `write`.
    pub(super) fn over_quota(kind: &str, limit: u32) -> ApiError {
        let (what, name) = match kind {
            "write" => ("Write", "WriteRequestsPerMinutePerUser"),
            _ => ("Read", "ReadRequestsPerMinutePerUser"),
        };
        ApiError::new(
            429,
            "RESOURCE_EXHAUSTED",
            "rateLimitExceeded",
            format!(
                "Quota exceeded for quota metric '{what} requests' and limit '{what} requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:100000000000'."
            ),
        )
        .with_info(
            "RATE_LIMIT_EXCEEDED",
            &json!({
                "service": "sheets.googleapis.com",
                "consumer": "projects/100000000000",
                "quota_metric": format!("sheets.googleapis.com/{kind}_requests"),
                "quota_limit": name,
                "quota_limit_value": limit.to_string(),
                "quota_location": "global",
                "quota_unit": "1/min/{project}/{user}",
            }),
        )
    }

    /// The answer Google gives with a status; what a fault injects.
    pub(super) fn of_status(code: u16) -> ApiError {
        match code {
            400 => ApiError::invalid("Request contains an invalid argument."),
            401 => ApiError::bad_token("ACCESS_TOKEN_EXPIRED", "unknown"),
            403 => ApiError::no_permission(),
            404 => ApiError::not_found(),
            429 => ApiError::over_quota("read", 60),
            500 => ApiError::new(
                500,
                "INTERNAL",
                "backendError",
                "Internal error encountered.".to_owned(),
            ),
            503 => ApiError::new(
                503,
                "UNAVAILABLE",
                "backendError",
                "The service is currently unavailable.".to_owned(),
            ),
            504 => ApiError::new(
                504,
                "DEADLINE_EXCEEDED",
                "backendError",
                "Deadline expired before operation could complete.".to_owned(),
            ),
            other => ApiError::new(
                other,
                "UNKNOWN",
                "unknown",
                StatusCode::from_u16(other)
                    .ok()
                    .and_then(|status| status.canonical_reason())
                    .unwrap_or("Unknown error")
                    .to_owned(),
            ),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "errors": [{ "message": self.message, "domain": "global", "reason": self.reason }],
            "status": self.status,
        });
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        json!({ "error": error })
    }
}

/// An error as the OAuth token endpoint answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OauthError {
    pub(super) code: u16,
    pub(super) error: &'static str,
    pub(super) description: String,
}

impl OauthError {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> OauthError {
        let code = if error == "unauthorized_client" {
            401
        } else {
            400
        };
        OauthError {
            code,
            error,
            description: description.into(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "error": self.error, "error_description": self.description })
    }
}
