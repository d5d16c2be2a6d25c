//! The loopback Google over its sockets: as clients meet it, and as tests command it.

use std::time::Duration;

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{
    Edit, Effect, Fault, GoogleOptions, GoogleSandbox, Role, SERVICE_ACCOUNT, Workbook,
    demo_workbook, start,
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

async fn get(sandbox: &GoogleSandbox, path: &str) -> (u16, Value) {
    let token = token(sandbox, READ).await;
    call(sandbox, &token, "GET", path, Value::Null).await
}

#[tokio::test]
async fn a_batch_get_answers_as_google_does() {
    let sandbox = sandbox().await;
    let (status, answer) = get(
        &sandbox,
        "/v4/spreadsheets/small/values:batchGet?ranges='Kh%C3%A1ch%20h%C3%A0ng'!A:Z&ranges='T11'&ranges='O''Brien'!A1&valueRenderOption=UNFORMATTED_VALUE",
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({"spreadsheetId": "small", "valueRanges": [
            {"range": "'Khách hàng'!A1:Z1000", "majorDimension": "ROWS", "values": [
                ["Họ tên", "SĐT", "Ngày", "Đồng ý"],
                ["Châu", 901234567, 46347, true],
                ["An", "0902", 46347.375],
                [],
                ["Bình", "#N/A", 2500000.5, false],
            ]},
            {"range": "'T11'!A1:Z1000", "majorDimension": "ROWS"},
            {"range": "'O''Brien'!A1", "majorDimension": "ROWS", "values": [["x"]]},
        ]})
    );
}
