//! Which call a request is, whether its caller may make it, and the call itself.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::mask::Mask;
use super::serve::{Answer, Asked, pairs};
use super::token::{
    SCOPE_DRIVE, SCOPE_DRIVE_FILE, SCOPE_DRIVE_META, SCOPE_DRIVE_META_READ, SCOPE_DRIVE_READ,
    SCOPE_SHEETS, SCOPE_SHEETS_READ, Token,
};
use super::workbook::{Role, Workbook};
use super::{GoogleSandbox, batch, drive, lock, spreadsheets, values};

/// A call of the Sheets or Drive API, with what its path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call<'a> {
    Create,
    Get(&'a str),
    BatchUpdate(&'a str),
    ValuesGet(&'a str, &'a str),
    ValuesUpdate(&'a str, &'a str),
    ValuesAppend(&'a str, &'a str),
    ValuesClear(&'a str, &'a str),
    ValuesBatchGet(&'a str),
    ValuesBatchUpdate(&'a str),
    ValuesBatchClear(&'a str),
    DriveList,
    DriveGet(&'a str),
    DriveCreate,
    DriveDelete(&'a str),
}

impl<'a> Call<'a> {
    fn of(asked: &'a Asked) -> Option<Call<'a>> {
        let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("POST", ["v4", "spreadsheets"]) => Some(Call::Create),
            ("GET", ["v4", "spreadsheets", id]) => Some(Call::Get(id)),
            ("POST", ["v4", "spreadsheets", id]) => {
                id.strip_suffix(":batchUpdate").map(Call::BatchUpdate)
            }
            ("GET", ["v4", "spreadsheets", id, "values:batchGet"]) => {
                Some(Call::ValuesBatchGet(id))
            }
            ("POST", ["v4", "spreadsheets", id, "values:batchUpdate"]) => {
                Some(Call::ValuesBatchUpdate(id))
            }
            ("POST", ["v4", "spreadsheets", id, "values:batchClear"]) => {
                Some(Call::ValuesBatchClear(id))
            }
            ("GET", ["v4", "spreadsheets", id, "values", range]) => {
                Some(Call::ValuesGet(id, range))
            }
            ("PUT", ["v4", "spreadsheets", id, "values", range]) => {
                Some(Call::ValuesUpdate(id, range))
            }
            ("POST", ["v4", "spreadsheets", id, "values", range]) => range
                .strip_suffix(":append")
                .map(|range| Call::ValuesAppend(id, range))
                .or_else(|| {
                    range
                        .strip_suffix(":clear")
                        .map(|range| Call::ValuesClear(id, range))
                }),
            ("GET", ["drive", "v3", "files"]) => Some(Call::DriveList),
            ("POST", ["drive", "v3", "files"]) => Some(Call::DriveCreate),
            ("GET", ["drive", "v3", "files", id]) => Some(Call::DriveGet(id)),
            ("DELETE", ["drive", "v3", "files", id]) => Some(Call::DriveDelete(id)),
            _ => None,
        }
    }

    fn workbook(&self) -> Option<&'a str> {
        match self {
            Call::Create | Call::DriveList | Call::DriveCreate => None,
            Call::Get(id)
            | Call::BatchUpdate(id)
            | Call::ValuesGet(id, _)
            | Call::ValuesUpdate(id, _)
            | Call::ValuesAppend(id, _)
            | Call::ValuesClear(id, _)
            | Call::ValuesBatchGet(id)
            | Call::ValuesBatchUpdate(id)
            | Call::ValuesBatchClear(id)
            | Call::DriveGet(id)
            | Call::DriveDelete(id) => Some(id),
        }
    }

    fn is_drive(&self) -> bool {
        matches!(
            self,
            Call::DriveList | Call::DriveGet(_) | Call::DriveCreate | Call::DriveDelete(_)
        )
    }

    fn reads(&self) -> bool {
        matches!(
            self,
            Call::Get(_)
                | Call::ValuesGet(..)
                | Call::ValuesBatchGet(_)
                | Call::DriveList
                | Call::DriveGet(_)
        )
    }

    fn scopes(&self) -> &'static [&'static str] {
        if self.is_drive() && !self.reads() {
            &[SCOPE_DRIVE, SCOPE_DRIVE_FILE]
        } else if self.is_drive() {
            &[
                SCOPE_DRIVE,
                SCOPE_DRIVE_READ,
                SCOPE_DRIVE_FILE,
                SCOPE_DRIVE_META,
                SCOPE_DRIVE_META_READ,
            ]
        } else if self.reads() {
            &[
                SCOPE_SHEETS,
                SCOPE_SHEETS_READ,
                SCOPE_DRIVE,
                SCOPE_DRIVE_READ,
                SCOPE_DRIVE_FILE,
            ]
        } else {
            &[SCOPE_SHEETS, SCOPE_DRIVE, SCOPE_DRIVE_FILE]
        }
    }

    /// The method's name as error details carry it.
    fn name(&self) -> &'static str {
        match self {
            Call::Create => "google.apps.sheets.v4.SpreadsheetsService.CreateSpreadsheet",
            Call::Get(_) => "google.apps.sheets.v4.SpreadsheetsService.GetSpreadsheet",
            Call::BatchUpdate(_) => {
                "google.apps.sheets.v4.SpreadsheetsService.BatchUpdateSpreadsheet"
            }
            Call::ValuesGet(..) => "google.apps.sheets.v4.SpreadsheetsService.GetValues",
            Call::ValuesUpdate(..) => "google.apps.sheets.v4.SpreadsheetsService.UpdateValues",
            Call::ValuesAppend(..) => "google.apps.sheets.v4.SpreadsheetsService.AppendValues",
            Call::ValuesClear(..) => "google.apps.sheets.v4.SpreadsheetsService.ClearValues",
            Call::ValuesBatchGet(_) => "google.apps.sheets.v4.SpreadsheetsService.BatchGetValues",
            Call::ValuesBatchUpdate(_) => {
                "google.apps.sheets.v4.SpreadsheetsService.BatchUpdateValues"
            }
            Call::ValuesBatchClear(_) => {
                "google.apps.sheets.v4.SpreadsheetsService.BatchClearValues"
            }
            Call::DriveList => "google.apps.drive.v3.DriveFiles.List",
            Call::DriveGet(_) => "google.apps.drive.v3.DriveFiles.Get",
            Call::DriveCreate => "google.apps.drive.v3.DriveFiles.Create",
            Call::DriveDelete(_) => "google.apps.drive.v3.DriveFiles.Delete",
        }
    }
}

fn token_name(asked: &Asked) -> Option<&str> {
    asked
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| {
            let (kind, token) = text.split_once(' ')?;
            kind.eq_ignore_ascii_case("bearer").then(|| token.trim())
        })
        .or_else(|| asked.param("access_token"))
}

/// The account a request's token belongs to, if there is such a token.
pub(super) fn account_of(sandbox: &GoogleSandbox, asked: &Asked) -> Option<String> {
    let name = token_name(asked)?;
    let now = sandbox.now_s();
    let state = lock(&sandbox.shared.state);
    state
        .tokens
        .look_up(name, "", now)
        .ok()
        .map(|token| token.email)
}

/// Answers a request as Google would.
pub(super) fn answer(sandbox: &GoogleSandbox, asked: &Asked) -> Answer {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    if let ["token"] | ["oauth2", "v4", "token"] = parts.as_slice() {
        return token(sandbox, asked);
    }
    let Some(call) = Call::of(asked) else {
        return Answer::html(
            404,
            "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> <ins>That’s an error.</ins>\n<p>The requested URL was not found on this server. <ins>That’s all we know.</ins>\n",
        );
    };
    let pretty = !matches!(asked.param("prettyPrint"), Some("false" | "0"));
    match admitted(sandbox, asked, call).and_then(|token| perform(sandbox, asked, call, &token)) {
        Ok(value) => Answer::json(200, &value, pretty),
        Err(error) => Answer::error(&error),
    }
}

fn token(sandbox: &GoogleSandbox, asked: &Asked) -> Answer {
    if asked.method != "POST" {
        return Answer::html(
            405,
            "<!DOCTYPE html><title>Error 405 (Method Not Allowed)!!1</title>",
        );
    }
    let form = pairs(&String::from_utf8_lossy(&asked.body));
    let now = sandbox.now_s();
    let mut state = lock(&sandbox.shared.state);
    let mut answer = match state.tokens.grant(&form, is_loopback_token_address, now) {
        Ok(value) => Answer::json(200, &value, true),
        Err(error) => Answer::json(error.code, &error.to_json(), true),
    };
    answer
        .headers
        .push((axum::http::header::PRAGMA, "no-cache".to_owned()));
    answer
}

/// A key file that names the sandbox, by any of this machine's own names and through any local
/// proxy's port.
fn is_loopback_token_address(audience: &str) -> bool {
    let Some((_, rest)) = audience.split_once("://") else {
        return false;
    };
    let Some((host, path)) = rest.split_once('/') else {
        return false;
    };
    let host = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|digit| digit.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    path == "token" && matches!(host, "localhost" | "[::1]") || {
        path == "token"
            && host
                .parse::<std::net::Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// Token, scope and quota, in this order.
fn admitted(sandbox: &GoogleSandbox, asked: &Asked, call: Call<'_>) -> Result<Token, ApiError> {
    let name = token_name(asked).ok_or_else(ApiError::no_credentials)?;
    let (now_s, now_ms) = (sandbox.now_s(), sandbox.now_ms());
    let mut state = lock(&sandbox.shared.state);
    let token = state.tokens.look_up(name, call.name(), now_s)?;
    if !token.has_any(call.scopes()) {
        let service = if call.is_drive() {
            "drive.googleapis.com"
        } else {
            "sheets.googleapis.com"
        };
        return Err(ApiError::scope_insufficient(service, call.name()));
    }
    if !call.is_drive() {
        let kind = if call.reads() { "read" } else { "write" };
        if let Some(limit) = state.quota.use_one(&token.email, kind, now_ms) {
            return Err(ApiError::over_quota(kind, limit));
        }
    }
    Ok(token)
}

/// The workbook as the caller may see it: 404 if there is none, 403 if it is not shared enough.
fn opened(sandbox: &GoogleSandbox, call: Call<'_>, token: &Token) -> Result<Workbook, ApiError> {
    let id = call.workbook().ok_or_else(ApiError::not_found)?;
    // A snapshot: rendering a large answer must not hold everybody up.
    let workbook = sandbox.workbook(id).ok_or_else(ApiError::not_found)?;
    let needed = if call.reads() {
        Role::Reader
    } else {
        Role::Writer
    };
    match workbook.role_of(&token.email) {
        Some(role) if role >= needed => Ok(workbook),
        _ => Err(ApiError::no_permission()),
    }
}

fn body_json(asked: &Asked) -> Result<Value, ApiError> {
    if asked.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    let value: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(ApiError::invalid(
            "Invalid JSON payload received. Unknown name \"\": Root element must be a message.",
        ))
    }
}

/// The `fields` mask, with names on its first level that the answer can have.
fn mask(asked: &Asked, known: &[&str]) -> Result<Option<Mask>, ApiError> {
    let text = match asked.param("fields").or_else(|| asked.param("$fields")) {
        None | Some("") => return Ok(None),
        Some(text) => text,
    };
    let mask = Mask::parse(text).ok_or_else(|| ApiError::invalid_field(text))?;
    match mask.unknown(known) {
        Some(name) => Err(ApiError::invalid_field(name)),
        None => Ok(Some(mask)),
    }
}

const SPREADSHEET_FIELDS: &[&str] = &[
    "spreadsheetId",
    "properties",
    "sheets",
    "namedRanges",
    "spreadsheetUrl",
    "developerMetadata",
    "dataSources",
    "dataSourceSchedules",
];
const VALUE_FIELDS: &[&str] = &[
    "spreadsheetId",
    "valueRanges",
    "range",
    "majorDimension",
    "values",
    "tableRange",
    "updates",
    "updatedRange",
    "updatedRows",
    "updatedColumns",
    "updatedCells",
    "updatedData",
    "responses",
    "totalUpdatedRows",
    "totalUpdatedColumns",
    "totalUpdatedCells",
    "totalUpdatedSheets",
    "clearedRange",
    "clearedRanges",
    "replies",
    "updatedSpreadsheet",
];

fn perform(
    sandbox: &GoogleSandbox,
    asked: &Asked,
    call: Call<'_>,
    token: &Token,
) -> Result<Value, ApiError> {
    let base = sandbox.base_url();
    let known = match call {
        Call::Get(_) | Call::Create => SPREADSHEET_FIELDS,
        call if call.is_drive() => drive::FIELDS,
        _ => VALUE_FIELDS,
    };
    let mask = mask(asked, known)?;
    let value = match call {
        Call::DriveList => drive::list(&sandbox.workbooks(), asked, &token.email)?,
        Call::DriveGet(_) => drive::describe(&opened(sandbox, call, token)?),
        Call::DriveCreate => {
            let body = body_json(asked)?;
            let named = json!({ "properties": { "title": body["name"] } });
            let workbook = spreadsheets::create(&named, sandbox.free_id(), &token.email)?;
            let answer = drive::describe(&workbook);
            sandbox.add_workbook(workbook);
            answer
        }
        Call::DriveDelete(id) => {
            opened(sandbox, call, token)?;
            sandbox.remove_workbook(id);
            json!({})
        }
        Call::Create => {
            let id = sandbox.free_id();
            let workbook = spreadsheets::create(&body_json(asked)?, id, &token.email)?;
            let answer = spreadsheets::get(&workbook, &base, &[], false, mask.as_ref())?;
            sandbox.add_workbook(workbook);
            answer
        }
        Call::Get(_) => {
            let workbook = opened(sandbox, call, token)?;
            let ranges: Vec<&str> = asked
                .query
                .iter()
                .filter(|(key, _)| key == "ranges")
                .map(|(_, range)| range.as_str())
                .collect();
            let grid = matches!(asked.param("includeGridData"), Some("true" | "True" | "1"));
            spreadsheets::get(&workbook, &base, &ranges, grid, mask.as_ref())?
        }
        Call::ValuesGet(_, range) => {
            values::get(&opened(sandbox, call, token)?, range, &asked.query)?
        }
        Call::ValuesBatchGet(_) => values::batch_get(&opened(sandbox, call, token)?, &asked.query)?,
        Call::BatchUpdate(id)
        | Call::ValuesUpdate(id, _)
        | Call::ValuesAppend(id, _)
        | Call::ValuesClear(id, _)
        | Call::ValuesBatchUpdate(id)
        | Call::ValuesBatchClear(id) => {
            opened(sandbox, call, token)?;
            let body = body_json(asked)?;
            let year = sandbox.this_year();
            sandbox.write(id, |workbook| {
                written(workbook, asked, call, &body, year, &base)
            })?
        }
    };
    // A GET of a spreadsheet has its grid already decided by the mask.
    Ok(match mask {
        Some(mask) => mask.apply(value),
        None => value,
    })
}

/// The writing calls, on a copy that is kept only if they succeed.
fn written(
    workbook: &mut Workbook,
    asked: &Asked,
    call: Call<'_>,
    body: &Value,
    year: i16,
    base: &str,
) -> Result<Value, ApiError> {
    match call {
        Call::ValuesUpdate(_, range) => {
            let options = values::WriteOptions::named(asked.param("valueInputOption"), year)?;
            values::update(workbook, range, body, options, values::echo(&asked.query)?)
        }
        Call::ValuesAppend(_, range) => values::append(workbook, range, &asked.query, body, year),
        Call::ValuesBatchUpdate(_) => values::batch_update(workbook, body, year),
        Call::ValuesClear(_, range) => {
            let cleared = values::clear(workbook, range)?;
            Ok(json!({ "spreadsheetId": workbook.id, "clearedRange": cleared }))
        }
        Call::ValuesBatchClear(_) => {
            let empty = Vec::new();
            let cleared = body["ranges"]
                .as_array()
                .unwrap_or(&empty)
                .iter()
                .map(|range| values::clear(workbook, range.as_str().unwrap_or("")))
                .collect::<Result<Vec<String>, ApiError>>()?;
            Ok(json!({ "spreadsheetId": workbook.id, "clearedRanges": cleared }))
        }
        Call::BatchUpdate(_) => {
            let mut out = batch::batch_update(workbook, body, year)?;
            if body["includeSpreadsheetInResponse"] == json!(true) {
                let grid = body["responseIncludeGridData"] == json!(true);
                out["updatedSpreadsheet"] = spreadsheets::get(workbook, base, &[], grid, None)?;
            }
            Ok(out)
        }
        // The reading calls never come here: see `perform`.
        _ => Err(ApiError::of_status(500)),
    }
}
