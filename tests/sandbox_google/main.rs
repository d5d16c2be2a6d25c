//! The loopback Google over its sockets: as clients meet it, and as tests command it.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

mod access;
mod clients;
mod faults;
mod reads;
mod staff;
mod writes;

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{
    CellValue, Edit, GoogleOptions, GoogleSandbox, Workbook, start,
};

const READ: &str = "https://www.googleapis.com/auth/spreadsheets.readonly";
const WRITE: &str = "https://www.googleapis.com/auth/spreadsheets";

async fn sandbox() -> GoogleSandbox {
    let listen = "127.0.0.1:0".parse().unwrap();
    let sandbox = start(listen, GoogleOptions::default()).await.unwrap();
    let small = json!({
        "spreadsheetId": "small", "title": "Sổ nhỏ", "locale": "vi_VN",
        "timeZone": "Asia/Ho_Chi_Minh", "share": {"*": "writer"},
        "sheets": [
            {"title": "Khách hàng", "rowCount": 1000, "columnCount": 26, "frozenRows": 1, "rows": [
                ["Họ tên", "SĐT", "Ngày", "Đồng ý"],
                ["Châu", 901234567, {"v": 46347, "nf": "dd/mm/yyyy"}, true],
                ["An", "0902", {"v": 46347.375, "nf": "dd/mm/yyyy hh:mm"}],
                [],
                ["Bình", {"e": "#N/A", "f": "=VLOOKUP(1;2;3)"}, {"v": 2500000.5, "nf": "#,##0.0"}, false],
            ]},
            {"title": "T11", "rows": []},
            {"title": "O'Brien", "rows": [["x"]]},
        ],
    });
    sandbox.add_workbook(Workbook::from_json(&small.to_string()).unwrap());
    sandbox
}

/// A token by the real yup-oauth2, from the sandbox's own key file.
async fn token(sandbox: &GoogleSandbox, scope: &str) -> String {
    let key = yup_oauth2::parse_service_account_key(sandbox.key_json().to_string()).unwrap();
    let auth = yup_oauth2::ServiceAccountAuthenticator::builder(key)
        .build()
        .await
        .unwrap();
    auth.token(&[scope])
        .await
        .unwrap()
        .token()
        .unwrap()
        .to_owned()
}

async fn call(
    sandbox: &GoogleSandbox,
    token: &str,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let url = format!("{}{path}", sandbox.base_url());
    let mut request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .bearer_auth(token);
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn write(sandbox: &GoogleSandbox, method: &str, path: &str, body: Value) -> (u16, Value) {
    let token = token(sandbox, WRITE).await;
    call(sandbox, &token, method, path, body).await
}

/// `status message` of a refusal.
fn refusal((status, answer): &(u16, Value)) -> String {
    let error = &answer["error"];
    assert_eq!(error["code"], *status);
    format!(
        "{status} {} {}",
        error["status"].as_str().unwrap(),
        error["message"].as_str().unwrap()
    )
}

/// The first column of the first tab, as texts.
fn names(sandbox: &GoogleSandbox) -> Vec<String> {
    column(sandbox, "Khách hàng", 0)
}

fn column(sandbox: &GoogleSandbox, tab: &str, column: usize) -> Vec<String> {
    let workbook = sandbox.workbook("small").unwrap();
    let tab = workbook.tab(tab).unwrap();
    (0..tab.filled_rows())
        .map(|row| match &tab.cell(row, column).value {
            CellValue::Text(text) | CellValue::Error(text) => text.clone(),
            CellValue::Number(number) => number.to_string(),
            CellValue::Boolean(flag) => flag.to_string(),
            CellValue::Empty => String::new(),
        })
        .collect()
}

fn edit(json: Value) -> Edit {
    serde_json::from_value(json).unwrap()
}

async fn get(sandbox: &GoogleSandbox, path: &str) -> (u16, Value) {
    let token = token(sandbox, READ).await;
    call(sandbox, &token, "GET", path, Value::Null).await
}

async fn control(sandbox: &GoogleSandbox, method: &str, path: &str, body: Value) -> (u16, Value) {
    call(sandbox, "none", method, &format!("/control{path}"), body).await
}
