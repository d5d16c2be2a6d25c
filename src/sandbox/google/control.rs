//! The control interface over HTTP, JSON in and out: what tests and the demo page use to be the
//! staff, and to order faults. Google has nothing of the kind.
//!
//! Refusals are `{"error": "a sentence"}` with 400 (or 404). Requests that a web page of another
//! site makes are refused: the interface has no log-in.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::edit::{Edit, EditError};
use super::faults::Fault;
use super::serve::{Answer, Asked};
use super::{GoogleSandbox, SERVICE_ACCOUNT, Workbook};

type Outcome = Result<Value, (u16, String)>;

fn bad(why: impl Into<String>) -> (u16, String) {
    (400, why.into())
}

pub(super) fn answer(sandbox: &GoogleSandbox, asked: &Asked) -> Answer {
    let outcome = if from_elsewhere(asked) {
        Err((
            403,
            "this interface answers pages of this machine only".to_owned(),
        ))
    } else {
        route(sandbox, asked)
    };
    match outcome {
        Ok(value) => Answer::json(200, &value, false),
        Err((status, why)) => Answer::json(status, &json!({ "error": why }), false),
    }
}

/// True if a browser says that the request comes from a page not on this machine.
fn from_elsewhere(asked: &Asked) -> bool {
    let origin = asked
        .headers
        .get("origin")
        .and_then(|origin| origin.to_str().ok());
    origin.is_some_and(|origin| {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        !matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    })
}

fn route(sandbox: &GoogleSandbox, asked: &Asked) -> Outcome {
    let parts: Vec<&str> = asked.parts.iter().skip(1).map(String::as_str).collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", [] | [""]) => Ok(json!({
            "base_url": sandbox.base_url(),
            "service_account": SERVICE_ACCOUNT,
            "workbook": sandbox.first_workbook(),
        })),
        ("GET", ["key"]) => Ok(sandbox.key_json()),
        ("POST", ["edit"]) => edit(sandbox, asked),
        ("POST", ["undo"]) => {
            let id = workbook_id(sandbox, &body(asked)?)?;
            sandbox
                .undo(&id)
                .map(|edited| json!(edited))
                .map_err(refused)
        }
        ("GET", ["workbooks"]) => Ok(sandbox
            .workbooks()
            .iter()
            .map(|w| json!({ "id": w.id, "title": w.title, "version": w.version }))
            .collect()),
        ("POST", ["workbooks"]) => {
            let text = String::from_utf8_lossy(&asked.body);
            let workbook = Workbook::from_json(&text).map_err(|error| bad(error.to_string()))?;
            let id = workbook.id.clone();
            sandbox.add_workbook(workbook);
            Ok(json!({ "id": id }))
        }
        ("GET", ["workbook"]) => dump(sandbox, asked, None),
        ("GET", ["workbook", id]) => dump(sandbox, asked, Some(id)),
        ("GET", ["workbook", id, "json"]) => {
            let workbook = sandbox.workbook(id).ok_or_else(|| missing(id))?;
            serde_json::from_str(&workbook.to_json()).map_err(|error| (500, error.to_string()))
        }
        ("DELETE", ["workbook", id]) => match sandbox.remove_workbook(id) {
            true => Ok(json!({})),
            false => Err(missing(id)),
        },
        _ => route_conditions(sandbox, asked, &parts),
    }
}

/// Faults, the record of requests, quota, tokens, accounts and the clock.
fn route_conditions(sandbox: &GoogleSandbox, asked: &Asked, parts: &[&str]) -> Outcome {
    match (asked.method.as_str(), parts) {
        ("GET", ["faults"]) => Ok(json!(sandbox.faults())),
        ("POST", ["faults"]) => faults(sandbox, asked),
        ("DELETE", ["faults"]) => {
            sandbox.clear_faults();
            Ok(json!({}))
        }
        ("GET", ["requests"]) => requests(sandbox, asked),
        ("DELETE", ["requests"]) => {
            sandbox.clear_requests();
            Ok(json!({}))
        }
        ("POST", ["quota"]) => {
            let per_minute = match &body(asked)?["per_minute"] {
                Value::Null => None,
                number => Some(
                    number
                        .as_u64()
                        .and_then(|number| u32::try_from(number).ok())
                        .ok_or_else(|| bad("\"per_minute\" is a whole number, or null for none"))?,
                ),
            };
            sandbox.set_quota(per_minute);
            Ok(json!({}))
        }
        ("POST", ["token"]) => {
            sandbox.set_token_lifetime(seconds(&body(asked)?, "lifetime_s")?);
            Ok(json!({}))
        }
        ("POST", ["revoke"]) => {
            sandbox.revoke_tokens();
            Ok(json!({}))
        }
        ("POST", ["clock"]) => {
            sandbox.advance_clock(seconds(&body(asked)?, "advance_s")?);
            Ok(json!({}))
        }
        ("POST", ["accounts"]) => {
            let body = body(asked)?;
            match (body["email"].as_str(), body["public_key"].as_str()) {
                (Some(email), Some(key)) => {
                    sandbox.register_account(email, key).map_err(bad)?;
                    Ok(json!({}))
                }
                _ => Err(bad("say the account's \"email\" and \"public_key\" (PEM)")),
            }
        }
        ("DELETE", ["accounts", email]) => match sandbox.unregister_account(email) {
            true => Ok(json!({})),
            false => Err((404, format!("there is no account {email:?}"))),
        },
        _ => Err((
            404,
            format!("there is no {} {}", asked.method, asked.path()),
        )),
    }
}

fn missing(id: &str) -> (u16, String) {
    (404, EditError::NoWorkbook(id.to_owned()).to_string())
}

fn refused(error: EditError) -> (u16, String) {
    let status = if matches!(error, EditError::NoWorkbook(_)) {
        404
    } else {
        400
    };
    (status, error.to_string())
}

fn body(asked: &Asked) -> Result<Value, (u16, String)> {
    if asked.body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&asked.body)
        .map_err(|error| bad(format!("the body is no JSON: {error}")))
}

fn seconds(body: &Value, name: &str) -> Result<Duration, (u16, String)> {
    body[name]
        .as_f64()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| bad(format!("\"{name}\" is a number of seconds")))
}

fn workbook_id(sandbox: &GoogleSandbox, body: &Value) -> Result<String, (u16, String)> {
    match &body["workbook"] {
        Value::String(id) => Ok(id.clone()),
        _ => sandbox
            .first_workbook()
            .ok_or_else(|| (404, "the sandbox has no workbook yet".to_owned())),
    }
}

fn read<T: DeserializeOwned>(value: Value, what: &str) -> Result<T, (u16, String)> {
    serde_json::from_value(value).map_err(|error| bad(format!("{what}: {error}")))
}

/// `{"workbook"?, "edits": [EDIT, …]}`, or one edit with its own keys beside `workbook`.
fn edit(sandbox: &GoogleSandbox, asked: &Asked) -> Outcome {
    let mut body = body(asked)?;
    let id = workbook_id(sandbox, &body)?;
    let edits: Vec<Edit> = match body["edits"].take() {
        Value::Null => {
            if let Some(parts) = body.as_object_mut() {
                parts.remove("workbook");
                parts.remove("edits");
            }
            vec![read(body, "no such edit")?]
        }
        edits => read(edits, "no such edit")?,
    };
    sandbox
        .edit(&id, &edits)
        .map(|edited| json!(edited))
        .map_err(refused)
}

fn dump(sandbox: &GoogleSandbox, asked: &Asked, id: Option<&str>) -> Outcome {
    let id = match id {
        Some(id) => id.to_owned(),
        None => workbook_id(sandbox, &Value::Null)?,
    };
    let since = match asked.param("since") {
        None | Some("") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| bad("\"since\" is a version number"))?,
        ),
    };
    sandbox.dump(&id, since).ok_or_else(|| missing(&id))
}

/// One fault, or a list of them.
fn faults(sandbox: &GoogleSandbox, asked: &Asked) -> Outcome {
    let faults: Vec<Fault> = match body(asked)? {
        Value::Array(list) => read(Value::Array(list), "no such fault")?,
        one => vec![read(one, "no such fault")?],
    };
    for fault in faults {
        sandbox.add_fault(fault);
    }
    Ok(json!(sandbox.faults()))
}

/// `?path=PART&since=NUMBER`: the matching requests and how many of each method and path.
fn requests(sandbox: &GoogleSandbox, asked: &Asked) -> Outcome {
    let since: u64 = match asked.param("since") {
        None | Some("") => 0,
        Some(text) => text
            .parse()
            .map_err(|_| bad("\"since\" is a request number"))?,
    };
    let part = asked.param("path").unwrap_or("");
    let records: Vec<_> = sandbox
        .requests()
        .into_iter()
        .filter(|record| record.number > since)
        .filter(|record| record.path.contains(part) || record.query.contains(part))
        .collect();
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for record in &records {
        *counts
            .entry(format!("{} {}", record.method, record.path))
            .or_default() += 1;
    }
    Ok(json!({ "count": records.len(), "counts": counts, "requests": records }))
}
