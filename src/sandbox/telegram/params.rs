//! The parameters of a call, whichever of the four ways they came: query, form, JSON, multipart.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Form, FromRequest, Multipart, Query, Request};
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;

/// The Bot API takes uploads of 50 MB; the rest is for the form around it.
const BODY_LIMIT: usize = 51 * 1024 * 1024;

/// An uploaded file.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) bytes: Bytes,
}

/// The parameters by name.
#[derive(Debug, Default)]
pub(super) struct Params {
    values: HashMap<String, Value>,
    files: HashMap<String, Upload>,
}

impl Params {
    /// Reads query and body.
    pub(super) async fn read(request: Request) -> Result<Self, Refusal> {
        let mut params = Self::default();
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|_| Refusal::bad("can't parse request parameters"))?;
        params.texts(pairs);
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            params.multipart(request).await?;
            return Ok(params);
        }
        let body = axum::body::to_bytes(request.into_body(), BODY_LIMIT)
            .await
            .map_err(|_too_long| Refusal::new(413, "Request Entity Too Large"))?;
        if body.is_empty() {
            return Ok(params);
        }
        if kind.starts_with("application/json") {
            let object: HashMap<String, Value> = serde_json::from_slice(&body)
                .map_err(|_no_object| Refusal::bad("can't parse request parameters JSON object"))?;
            params.values.extend(object);
        } else {
            let form = Request::post("/")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.into())
                .map_err(|_| Refusal::bad("can't parse request parameters"))?;
            let Form(pairs) = Form::<Vec<(String, String)>>::from_request(form, &())
                .await
                .map_err(|_| Refusal::bad("can't parse request parameters"))?;
            params.texts(pairs);
        }
        Ok(params)
    }

    fn texts(&mut self, pairs: Vec<(String, String)>) {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)));
        self.values.extend(pairs);
    }

    async fn multipart(&mut self, request: Request) -> Result<(), Refusal> {
        let broken = |_| Refusal::bad("can't parse multipart form data");
        let mut multipart = Multipart::from_request(request, &())
            .await
            .map_err(|_| Refusal::bad("can't parse multipart form data"))?;
        let mut left = BODY_LIMIT;
        while let Some(field) = multipart.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let mime = field
                .content_type()
                .unwrap_or("application/octet-stream")
                .to_owned();
            let bytes = field.bytes().await.map_err(broken)?;
            left = left
                .checked_sub(bytes.len())
                .ok_or_else(|| Refusal::new(413, "Request Entity Too Large"))?;
            if let Some(file) = file {
                let upload = Upload {
                    name: file,
                    mime,
                    bytes,
                };
                self.files.insert(name, upload);
            } else {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.values.insert(name, Value::String(text));
            }
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// A text; numbers are taken as their digits.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// A whole number, if it is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Yes or no; `true`, `yes` and `1` in any case are yes, as in the real server.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| {
            matches!(
                text.trim().to_ascii_lowercase().as_str(),
                "true" | "yes" | "1"
            )
        })
    }

    /// A structure, given as JSON or as text that is JSON. An empty text is none.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        name: &str,
        what: &str,
    ) -> Result<Option<T>, Refusal> {
        let broken = |_| Refusal::bad(format!("can't parse {what} JSON object"));
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(broken),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(broken),
        }
    }

    /// A file: the part of this name, or the part that `attach://…` names.
    pub(super) fn file(&self, name: &str) -> Option<&Upload> {
        self.files.get(name).or_else(|| {
            let text = self.text(name)?;
            self.files.get(text.strip_prefix("attach://")?)
        })
    }
}
