//! The loopback Google over its sockets: as clients meet it, and as tests command it.

use std::time::Duration;

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{
    CellEdit, CellValue, Edit, Effect, Fault, GoogleOptions, GoogleSandbox, Role, SERVICE_ACCOUNT,
    Workbook, demo_workbook, start,
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
    format!("{status} {} {}", error["status"].as_str().unwrap(), error["message"].as_str().unwrap())
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

#[tokio::test]
async fn render_options_and_directions() {
    let sandbox = sandbox().await;
    let values = async |query: &str| {
        let path = format!("/v4/spreadsheets/small/values/Kh%C3%A1ch%20h%C3%A0ng!B2:D5{query}");
        get(&sandbox, &path).await.1["values"].clone()
    };
    assert_eq!(
        values("").await,
        json!([["901234567", "21/11/2026", "TRUE"], ["0902", "21/11/2026 09:00"], [], ["#N/A", "2.500.000,5", "FALSE"]])
    );
    assert_eq!(
        values("?valueRenderOption=UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING").await[0],
        json!([901234567, "21/11/2026", true])
    );
    assert_eq!(values("?valueRenderOption=FORMULA").await[3], json!(["=VLOOKUP(1;2;3)", 2500000.5, false]));
    assert_eq!(
        values("?majorDimension=COLUMNS&valueRenderOption=UNFORMATTED_VALUE").await,
        json!([[901234567, "0902", "", "#N/A"], [46347, 46347.375, "", 2500000.5], [true, "", "", false]])
    );
    sandbox.edit("small", &[Edit::SetLocale { locale: "en_US".to_owned() }]).unwrap();
    assert_eq!(values("").await[3], json!(["#N/A", "2,500,000.5", "FALSE"]));
    let bad = get(&sandbox, "/v4/spreadsheets/small/values/A1?valueRenderOption=PLAIN").await;
    assert!(refusal(&bad).starts_with("400 INVALID_ARGUMENT Invalid value at 'value_render_option'"));
}

#[tokio::test]
async fn ranges_are_found_or_refused_as_google_does() {
    let sandbox = sandbox().await;
    let range = async |range: &str| {
        let answer = get(&sandbox, &format!("/v4/spreadsheets/small/values/{range}")).await;
        match answer.0 {
            200 => answer.1["range"].as_str().unwrap().to_owned(),
            _ => refusal(&answer),
        }
    };
    assert_eq!(range("T11").await, "'Khách hàng'!T11", "a name that is a cell means the cell");
    assert_eq!(range("'T11'").await, "'T11'!A1:Z1000");
    assert_eq!(range("%27Kh%C3%A1ch%20h%C3%A0ng%27%213%3A5").await, "'Khách hàng'!A3:Z5");
    assert_eq!(range("Kh%C3%A1ch%20h%C3%A0ng").await, "'Khách hàng'!A1:Z1000");
    assert_eq!(range("A1:ZZ5000").await, "'Khách hàng'!A1:Z1000");
    assert_eq!(range("Sheet1!A1").await, "400 INVALID_ARGUMENT Unable to parse range: Sheet1!A1");
    let decomposed = "Kha%CC%81ch%20ha%CC%80ng";
    assert!(range(decomposed).await.starts_with("400 INVALID_ARGUMENT Unable to parse range"), "names are compared exactly");
    assert!(range("A2000").await.contains("exceeds grid limits. Max rows: 1000, max columns: 26"));
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small/values/Nope").await;
    assert_eq!(answer["error"]["errors"][0]["reason"], "badRequest");
}

#[tokio::test]
async fn metadata_by_fields() {
    let sandbox = sandbox().await;
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small?fields=properties(locale,timeZone),sheets.properties(sheetId,title)").await;
    assert_eq!(answer, json!({
        "properties": {"locale": "vi_VN", "timeZone": "Asia/Ho_Chi_Minh"},
        "sheets": [{"properties": {"sheetId": 0, "title": "Khách hàng"}}, {"properties": {"sheetId": 1, "title": "T11"}}, {"properties": {"sheetId": 2, "title": "O'Brien"}}],
    }));
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small?includeGridData=false").await;
    assert_eq!(answer["sheets"][0], json!({"properties": {
        "sheetId": 0, "title": "Khách hàng", "index": 0, "sheetType": "GRID",
        "gridProperties": {"rowCount": 1000, "columnCount": 26, "frozenRowCount": 1},
    }}));
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small?ranges='Kh%C3%A1ch%20h%C3%A0ng'!B5:C5&fields=sheets.data(startRow,rowData.values(effectiveValue,userEnteredValue,formattedValue))").await;
    assert_eq!(answer, json!({"sheets": [{"data": [{"startRow": 4, "rowData": [{"values": [
        {"userEnteredValue": {"formulaValue": "=VLOOKUP(1;2;3)"}, "effectiveValue": {"errorValue": {"type": "N_A", "message": "#N/A"}}, "formattedValue": "#N/A"},
        {"userEnteredValue": {"numberValue": 2500000.5}, "effectiveValue": {"numberValue": 2500000.5}, "formattedValue": "2.500.000,5"},
    ]}]}]}]}));
    let bad = get(&sandbox, "/v4/spreadsheets/small?fields=tabs").await;
    assert!(refusal(&bad).starts_with("400 INVALID_ARGUMENT"));
    assert!(bad.1["error"]["details"][0]["fieldViolations"][0]["description"].as_str().unwrap().contains("'tabs'"));
}

#[tokio::test]
async fn tokens_expire_and_scopes_bind() {
    let sandbox = sandbox().await;
    let reader = token(&sandbox, READ).await;
    let path = "/v4/spreadsheets/small/values/A1";
    assert_eq!(call(&sandbox, &reader, "GET", path, Value::Null).await.0, 200);
    let refused = call(&sandbox, &reader, "PUT", &format!("{path}?valueInputOption=RAW"), json!({"values": [["x"]]})).await;
    assert_eq!(refusal(&refused), "403 PERMISSION_DENIED Request had insufficient authentication scopes.");
    assert_eq!(refused.1["error"]["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    sandbox.advance_clock(Duration::from_secs(3601));
    let expired = call(&sandbox, &reader, "GET", path, Value::Null).await;
    assert!(refusal(&expired).starts_with("401 UNAUTHENTICATED Request had invalid authentication credentials."));
    assert!(refusal(&call(&sandbox, "made-up", "GET", path, Value::Null).await).starts_with("401 UNAUTHENTICATED"));
    let bare = reqwest::get(format!("{}{path}", sandbox.base_url())).await.unwrap();
    assert_eq!(bare.status(), 403);
}

#[tokio::test]
async fn the_token_endpoint_refuses_in_its_own_shape() {
    let sandbox = sandbox().await;
    let ask = async |form: &[(&str, &str)]| {
        let url = format!("{}/token", sandbox.base_url());
        let answer = reqwest::Client::new().post(url).form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(ask(&[("grant_type", "password")]).await, (400, json!({"error": "unsupported_grant_type", "error_description": "Invalid grant_type: password"})));
    let (status, answer) = ask(&[("grant_type", grant), ("assertion", "a.b")]).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    // The right account with another's key: the real client gets Google's words.
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    assert!(sandbox.register_account("x@y.example", &other.public_key_pem()).unwrap_err().contains("not an RSA key"));
    sandbox.unregister_account(SERVICE_ACCOUNT);
    let key = yup_oauth2::parse_service_account_key(sandbox.key_json().to_string()).unwrap();
    let auth = yup_oauth2::ServiceAccountAuthenticator::builder(key).build().await.unwrap();
    let error = auth.token(&[READ]).await.unwrap_err().to_string();
    assert!(error.contains("invalid_grant") || error.contains("account not found"), "{error}");
}

#[tokio::test]
async fn sharing_decides_who_may_read_and_write() {
    let sandbox = sandbox().await;
    let unshare = Edit::Unshare { email: "*".to_owned() };
    sandbox.edit("small", &[unshare]).unwrap();
    let path = "/v4/spreadsheets/small/values/A1";
    assert_eq!(refusal(&get(&sandbox, path).await), "403 PERMISSION_DENIED The caller does not have permission");
    let share = Edit::Share { email: SERVICE_ACCOUNT.to_owned(), role: Role::Reader };
    sandbox.edit("small", &[share]).unwrap();
    assert_eq!(get(&sandbox, path).await.0, 200);
    let refused = write(&sandbox, "POST", "/v4/spreadsheets/small/values/A1:clear", json!({})).await;
    assert_eq!(refusal(&refused), "403 PERMISSION_DENIED The caller does not have permission");
    let missing = get(&sandbox, "/v4/spreadsheets/none/values/A1").await;
    assert_eq!(refusal(&missing), "404 NOT_FOUND Requested entity was not found.");
}

#[tokio::test]
async fn values_are_written_raw_or_as_typed() {
    let sandbox = sandbox().await;
    let base = "/v4/spreadsheets/small/values";
    let typed = json!({"values": [["0901234567", "'0901234567", "21/11/2026", null, "true", "1.000,5", ""]]});
    let answer = write(&sandbox, "PUT", &format!("{base}/'T11'!A1:G1?valueInputOption=USER_ENTERED&includeValuesInResponse=true&responseValueRenderOption=UNFORMATTED_VALUE"), typed.clone()).await;
    assert_eq!(answer, (200, json!({
        "spreadsheetId": "small", "updatedRange": "'T11'!A1:G1", "updatedRows": 1, "updatedColumns": 7, "updatedCells": 6,
        "updatedData": {"range": "'T11'!A1:G1", "majorDimension": "ROWS", "values": [[901234567, "0901234567", 46347, "", true, 1000.5]]},
    })));
    write(&sandbox, "PUT", &format!("{base}/'T11'!A2?valueInputOption=RAW"), typed).await;
    let (_, answer) = get(&sandbox, &format!("{base}/'T11'!A2:G2?valueRenderOption=UNFORMATTED_VALUE")).await;
    assert_eq!(answer["values"], json!([["0901234567", "'0901234567", "21/11/2026", "", "true", "1.000,5"]]));
    // null skips, an empty text clears.
    write(&sandbox, "PUT", &format!("{base}/'T11'!A2:C2?valueInputOption=RAW"), json!({"values": [[null, "", 7]]})).await;
    let (_, answer) = get(&sandbox, &format!("{base}/'T11'!A2:C2?valueRenderOption=UNFORMATTED_VALUE")).await;
    assert_eq!(answer["values"], json!([["0901234567", "", 7]]));
    let beyond = write(&sandbox, "PUT", &format!("{base}/'T11'!A1:B1?valueInputOption=RAW"), json!({"values": [[1, 2, 3]]})).await;
    assert_eq!(refusal(&beyond), "400 INVALID_ARGUMENT Requested writing within range ['T11'!A1:B1], but tried writing to column [C]");
    let unsaid = write(&sandbox, "PUT", &format!("{base}/A1"), json!({"values": [[1]]})).await;
    assert_eq!(refusal(&unsaid), "400 INVALID_ARGUMENT 'valueInputOption' is required but not specified");
}

#[tokio::test]
async fn append_batch_update_and_clear() {
    let sandbox = sandbox().await;
    let base = "/v4/spreadsheets/small/values";
    let row = json!({"values": [["Dung", "0903"]]});
    let (status, answer) = write(&sandbox, "POST", &format!("{base}/'O''Brien'!A:B:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"), row.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["tableRange"], "'O''Brien'!A1");
    assert_eq!(answer["updates"]["updatedRange"], "'O''Brien'!A2:B2");
    let (_, answer) = write(&sandbox, "POST", &format!("{base}/'T11':append?valueInputOption=RAW"), row).await;
    assert_eq!(answer["updates"]["updatedRange"], "'T11'!A1:B1");
    assert!(answer.get("tableRange").is_none());

    let (_, answer) = write(&sandbox, "POST", &format!("{base}:batchUpdate"), json!({"valueInputOption": "RAW", "data": [
        {"range": "'T11'!A2", "values": [["a"]]}, {"range": "'O''Brien'!C1:C2", "majorDimension": "COLUMNS", "values": [["b", "c"]]}]})).await;
    assert_eq!((&answer["totalUpdatedCells"], &answer["totalUpdatedSheets"]), (&json!(3), &json!(2)));
    assert_eq!(column(&sandbox, "O'Brien", 2), ["b", "c"]);
    // One bad range: nothing is written.
    let bad = write(&sandbox, "POST", &format!("{base}:batchUpdate"), json!({"valueInputOption": "RAW", "data": [
        {"range": "'T11'!A9", "values": [["lost"]]}, {"range": "Nope!A1", "values": [["b"]]}]})).await;
    assert_eq!(refusal(&bad), "400 INVALID_ARGUMENT Unable to parse range: Nope!A1");
    assert_eq!(column(&sandbox, "T11", 0), ["Dung", "a"]);

    let (_, answer) = write(&sandbox, "POST", &format!("{base}/'T11'!A1:clear"), json!({})).await;
    assert_eq!(answer, json!({"spreadsheetId": "small", "clearedRange": "'T11'!A1"}));
    let (_, answer) = write(&sandbox, "POST", &format!("{base}:batchClear"), json!({"ranges": ["'T11'!A:A", "'O''Brien'"]})).await;
    assert_eq!(answer["clearedRanges"], json!(["'T11'!A1:A1000", "'O''Brien'!A1:Z1001"]), "INSERT_ROWS made a row");
    assert_eq!(column(&sandbox, "T11", 0), [""], "the second column is still there");
}

#[tokio::test]
async fn structure_changes_all_or_nothing() {
    let sandbox = sandbox().await;
    let path = "/v4/spreadsheets/small:batchUpdate";
    let rows = |start: u64, end: u64| json!({"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end});
    let (status, answer) = write(&sandbox, "POST", path, json!({"requests": [
        {"addSheet": {"properties": {"title": "Nhật ký gửi", "gridProperties": {"rowCount": 10, "columnCount": 3}}}},
        {"insertDimension": {"range": rows(1, 2)}},
        {"deleteDimension": {"range": rows(4, 5)}},
        {"moveDimension": {"source": rows(4, 5), "destinationIndex": 1}},
        {"sortRange": {"range": {"sheetId": 0, "startRowIndex": 2, "endRowIndex": 5}, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]}},
        {"updateSheetProperties": {"properties": {"sheetId": 2, "title": "Ô", "hidden": true}, "fields": "title,hidden"}},
        {"appendDimension": {"sheetId": 1, "dimension": "COLUMNS", "length": 4}},
        {"updateCells": {"start": {"sheetId": 1, "rowIndex": 0, "columnIndex": 28}, "rows": [{"values": [{"userEnteredValue": {"stringValue": "z"}}]}], "fields": "userEnteredValue"}},
        {"cutPaste": {"source": {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2}, "destination": {"sheetId": 1, "rowIndex": 2, "columnIndex": 0}, "pasteType": "PASTE_NORMAL"}},
        {"deleteSheet": {"sheetId": 2}},
    ]})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["replies"][0]["addSheet"]["properties"]["sheetId"], 3);
    assert_eq!(answer["replies"][1], json!({}));
    assert_eq!(names(&sandbox), ["Họ tên", "Bình", "An", "Châu"]);
    assert_eq!(column(&sandbox, "T11", 0), ["", "", "SĐT"]);
    let before = sandbox.workbook("small").unwrap();
    let refused = write(&sandbox, "POST", path, json!({"requests": [
        {"deleteDimension": {"range": rows(0, 1)}}, {"addSheet": {"properties": {"title": "T11"}}}]})).await;
    assert_eq!(refusal(&refused), "400 INVALID_ARGUMENT Invalid requests[1].addSheet: A sheet with the name \"T11\" already exists. Please enter another name.");
    let unknown = write(&sandbox, "POST", path, json!({"requests": [{"paintGold": {}}]})).await;
    assert!(refusal(&unknown).contains("Unknown name \"paintGold\" at 'requests[0]': Cannot find field."));
    assert_eq!(sandbox.workbook("small").unwrap(), before);
}

#[tokio::test]
async fn workbooks_are_created_and_found_by_title() {
    let sandbox = sandbox().await;
    let (status, made) = write(&sandbox, "POST", "/v4/spreadsheets", json!({"properties": {"title": "Mới"}, "sheets": [{"properties": {"title": "Một"}}]})).await;
    assert_eq!((status, &made["sheets"][0]["properties"]["title"]), (200, &json!("Một")));
    let drive = token(&sandbox, "https://www.googleapis.com/auth/drive.metadata.readonly").await;
    let (_, found) = call(&sandbox, &drive, "GET", "/drive/v3/files?q=name%20%3D%20'M%E1%BB%9Bi'&fields=files(id,name)", Value::Null).await;
    assert_eq!(found, json!({"files": [{"id": made["spreadsheetId"], "name": "Mới"}]}));
    let (_, file) = call(&sandbox, &drive, "GET", "/drive/v3/files/small", Value::Null).await;
    assert_eq!(file["mimeType"], "application/vnd.google-apps.spreadsheet");
}

#[tokio::test]
async fn over_quota_is_told_with_its_details() {
    let sandbox = sandbox().await;
    sandbox.set_quota(Some(2));
    let path = "/v4/spreadsheets/small/values/A1";
    let token = token(&sandbox, WRITE).await;
    for _ in 0..2 {
        assert_eq!(call(&sandbox, &token, "GET", path, Value::Null).await.0, 200);
    }
    let over = call(&sandbox, &token, "GET", path, Value::Null).await;
    assert!(refusal(&over).starts_with("429 RESOURCE_EXHAUSTED Quota exceeded for quota metric 'Read requests'"));
    let info = &over.1["error"]["details"][0];
    assert_eq!(info["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(info["metadata"]["quota_limit"], "ReadRequestsPerMinutePerUser");
    assert_eq!(info["metadata"]["quota_limit_value"], "2");
    assert_eq!(call(&sandbox, &token, "POST", &format!("{path}:clear"), json!({})).await.0, 200, "writes count apart");
    sandbox.advance_clock(Duration::from_secs(60));
    assert_eq!(call(&sandbox, &token, "GET", path, Value::Null).await.0, 200);
}

#[tokio::test]
async fn gzip_needs_the_word_in_the_user_agent() {
    let sandbox = sandbox().await;
    let token = token(&sandbox, READ).await;
    let ask = async |agent: &str, query: &str| {
        let client = reqwest::Client::builder().no_gzip().user_agent(agent).build().unwrap();
        let url = format!("{}/v4/spreadsheets/small/values/A1{query}", sandbox.base_url());
        let answer = client.get(url).bearer_auth(&token).header("accept-encoding", "gzip").send().await.unwrap();
        let packed = answer.headers().contains_key("content-encoding");
        (packed, answer.bytes().await.unwrap())
    };
    assert!(!ask("sheetbridge", "").await.0);
    assert!(ask("sheetbridge (gzip)", "").await.0);
    assert!(ask("x", "").await.1.contains(&b'\n'), "indented unless asked otherwise");
    assert!(!ask("x", "?prettyPrint=false&alt=json&key=k&quotaUser=u").await.1.contains(&b'\n'));
    let client = reqwest::Client::builder().user_agent("sheetbridge (gzip)").build().unwrap();
    let url = format!("{}/v4/spreadsheets/small/values/A2", sandbox.base_url());
    let answer: Value = client.get(url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["values"], json!([["Châu"]]));
}

#[tokio::test]
async fn every_fault_shows_at_the_client() {
    let sandbox = sandbox().await;
    let token = token(&sandbox, WRITE).await;
    let url = format!("{}/v4/spreadsheets/small/values/A1:D5", sandbox.base_url());
    let client = reqwest::Client::new();
    let ask = async || client.get(&url).bearer_auth(&token).send().await;
    let order = |effect: Effect| sandbox.add_fault(Fault::next("/values/", effect));

    for status in [400, 401, 403, 404, 429, 500, 503] {
        order(Effect::Status { status, retry_after_s: (status == 503).then_some(7) });
        let answer = ask().await.unwrap();
        let retry = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(retry.as_deref(), (status == 503).then_some("7"));
        assert_eq!(answer.status().as_u16(), status);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"]["code"], status);
    }
    for chunked in [false, true] {
        order(Effect::Truncate { keep_bytes: Some(20), chunked });
        let mut answer = ask().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers().contains_key("content-length"), !chunked);
        assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 20, "the start arrives");
        assert!(answer.chunk().await.is_err(), "and then the connection ends early");
    }
    order(Effect::Garbage { body: None, status: None });
    let answer = ask().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<Value>().await.is_err());

    sandbox.clear_requests();
    order(Effect::Reset);
    let error = format!("{:?}", ask().await.unwrap_err());
    assert!(error.contains("reset") || error.contains("IncompleteMessage") || error.contains("closed"), "{error}");
    assert_eq!(sandbox.requests()[0].status, 0);

    order(Effect::ResetAfter);
    let put = client.put(format!("{url}?valueInputOption=RAW")).bearer_auth(&token).json(&json!({"values": [["done"]]}));
    assert!(put.send().await.is_err());
    assert_eq!(names(&sandbox)[0], "done", "the write had been done");

    order(Effect::Delay { ms: 60_000 });
    let impatient = client.get(&url).bearer_auth(&token).timeout(Duration::from_millis(50));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(ask().await.unwrap().status(), 200, "the fault is used up");
}

#[tokio::test]
async fn staff_edits_move_rows_as_sheets_does() {
    let sandbox = sandbox().await;
    let does = |json: Value| sandbox.edit("small", &[edit(json)]).unwrap().row;
    let tab = "Khách hàng";
    assert_eq!(does(json!({"op": "append_row", "tab": tab, "values": ["Đức", "0904", "2-3"]})), Some(6));
    does(json!({"op": "sort", "tab": tab, "column": "Họ tên"}));
    assert_eq!(names(&sandbox), ["Họ tên", "An", "Bình", "Châu", "Đức"]);
    does(json!({"op": "sort", "tab": tab, "column": "A", "descending": true}));
    assert_eq!(names(&sandbox), ["Họ tên", "Đức", "Châu", "Bình", "An"]);
    assert_eq!(does(json!({"op": "move_rows", "tab": tab, "from": 5, "to": 2})), Some(2));
    assert_eq!(names(&sandbox), ["Họ tên", "An", "Đức", "Châu", "Bình"]);
    assert_eq!(does(json!({"op": "move_rows", "tab": tab, "from": 2, "count": 2, "to": 5})), Some(3));
    assert_eq!(names(&sandbox), ["Họ tên", "Châu", "An", "Đức", "Bình"]);
    does(json!({"op": "insert_rows", "tab": tab, "at": 3, "count": 1}));
    does(json!({"op": "set", "tab": tab, "row": 3, "column": "Họ tên", "typed": "Giang"}));
    does(json!({"op": "delete_rows", "tab": tab, "from": 2}));
    assert_eq!(names(&sandbox), ["Họ tên", "Giang", "An", "Đức", "Bình"]);
    assert_eq!(does(json!({"op": "cut_rows", "tab": tab, "from": 3, "count": 1, "to_tab": "O'Brien"})), Some(2));
    assert_eq!(names(&sandbox), ["Họ tên", "Giang", "Đức", "Bình"]);
    assert_eq!(column(&sandbox, "O'Brien", 0), ["x", "An"]);
    does(json!({"op": "copy_row", "tab": tab, "row": 3}));
    assert_eq!(names(&sandbox), ["Họ tên", "Giang", "Đức", "Đức", "Bình"]);
    does(json!({"op": "paste", "tab": tab, "cell": "A6", "text": "Hoa\t0905\r\nKim\t0906\n"}));
    assert_eq!(names(&sandbox)[5..], ["Hoa", "Kim"]);
    does(json!({"op": "rename_header", "tab": tab, "from": "SĐT", "to": "Điện thoại"}));
    does(json!({"op": "insert_column", "tab": tab, "at": "Điện thoại", "header": "Zalo"}));
    does(json!({"op": "move_column", "tab": tab, "column": "Họ tên", "to": "C"}));
    assert_eq!(column(&sandbox, tab, 1)[0], "Họ tên");
    does(json!({"op": "delete_column", "tab": tab, "column": "Zalo"}));
    assert_eq!(names(&sandbox), ["Họ tên", "Giang", "Đức", "Đức", "Bình", "Hoa", "Kim"]);
    does(json!({"op": "clear", "tab": tab, "range": "A2:A5"}));
    assert_eq!(names(&sandbox), ["Họ tên", "", "", "", "", "Hoa", "Kim"]);
    does(json!({"op": "rename_tab", "tab": "T11", "to": "T12"}));
    does(json!({"op": "add_tab", "title": "Mới", "rows": [["a"], [{"v": 46347, "nf": "dd/mm/yyyy"}]]}));
    does(json!({"op": "delete_tab", "tab": "T12"}));
    does(json!({"op": "replace_tab", "tab": tab, "rows": [["Một"], ["Hai"]]}));
    assert_eq!(names(&sandbox), ["Một", "Hai"]);
}

#[tokio::test]
async fn the_cell_a_person_typed_keeps_its_trap() {
    let sandbox = sandbox().await;
    let tab = "Khách hàng".to_owned();
    let at = CellEdit::typed(3, "SĐT", "0907654321");
    sandbox.edit("small", &[Edit::Set { tab, at }]).unwrap();
    assert_eq!(column(&sandbox, "Khách hàng", 1)[2], "907654321", "the leading zero is lost, as in Sheets");
}

#[tokio::test]
async fn undo_takes_back_the_last_edit_only() {
    let sandbox = sandbox().await;
    let clear: Edit = edit(json!({"op": "clear", "tab": "Khách hàng"}));
    let before = names(&sandbox);
    sandbox.edit("small", &[clear]).unwrap();
    assert!(names(&sandbox).is_empty());
    // What a program wrote meanwhile in another tab stays.
    write(&sandbox, "PUT", "/v4/spreadsheets/small/values/'T11'!A1?valueInputOption=RAW", json!({"values": [["log"]]})).await;
    sandbox.undo("small").unwrap();
    assert_eq!(names(&sandbox), before);
    assert_eq!(column(&sandbox, "T11", 0), ["log"]);
    assert_eq!(sandbox.undo("small").unwrap_err().to_string(), "there is nothing to undo");
}

async fn control(sandbox: &GoogleSandbox, method: &str, path: &str, body: Value) -> (u16, Value) {
    call(sandbox, "none", method, &format!("/control{path}"), body).await
}

#[tokio::test]
async fn the_control_interface_edits_dumps_and_orders() {
    let sandbox = sandbox().await;
    let (status, done) = control(&sandbox, "POST", "/edit", json!({"op": "set", "tab": "T11", "cell": "A1", "typed": "=A2"})).await;
    assert_eq!(status, 200, "{done}");
    let version = done["version"].as_u64().unwrap();
    let (_, dump) = control(&sandbox, "GET", "/workbook/small", Value::Null).await;
    assert_eq!(dump["tabs"][0]["rows"][1][2], json!({"text": "21/11/2026", "kind": "date"}));
    assert_eq!(dump["tabs"][0]["rows"][4][2], json!({"text": "2.500.000,5", "kind": "number", "edit": "2500000,5"}));
    assert_eq!(dump["tabs"][1]["rows"][0][0]["kind"], "formula");
    let (_, same) = control(&sandbox, "GET", &format!("/workbook/small?since={version}"), Value::Null).await;
    assert_eq!(same["changed"], false);
    assert!(same["tabs"].as_array().unwrap().iter().all(|tab| tab.get("rows").is_none()));
    control(&sandbox, "POST", "/edit", json!({"workbook": "small", "edits": [{"op": "freeze", "tab": "T11", "rows": 2}]})).await;
    let (_, some) = control(&sandbox, "GET", &format!("/workbook?since={version}"), Value::Null).await;
    let with_rows: Vec<&Value> = some["tabs"].as_array().unwrap().iter().filter(|tab| tab.get("rows").is_some()).collect();
    assert_eq!((with_rows.len(), &with_rows[0]["title"]), (1, &json!("T11")));
    assert_eq!(control(&sandbox, "POST", "/undo", json!({})).await.0, 200);

    let refused = async |path: &str, body: Value| control(&sandbox, "POST", path, body).await.1["error"].as_str().unwrap().to_owned();
    assert_eq!(refused("/edit", json!({"op": "clear", "tab": "Tháng"})).await, "there is no tab \"Tháng\"; the tabs are [\"Khách hàng\", \"T11\", \"O'Brien\"]");
    assert!(refused("/edit", json!({"op": "set", "tab": "T11", "row": 1, "column": "Zalo", "typed": "x"})).await.contains("nor a header"));
    assert!(refused("/edit", json!({"op": "delete_rows", "tab": "T11", "from": 2000})).await.contains("rows 1 to 1000"));
    assert!(refused("/edit", json!({"op": "explode"})).await.starts_with("no such edit: unknown variant"));
    assert!(refused("/faults", json!({"effect": {"kind": "fire"}})).await.starts_with("no such fault: unknown variant"));

    control(&sandbox, "POST", "/faults", json!([{"path": "A1", "times": null, "effect": {"kind": "status", "status": 500}}])).await;
    assert_eq!(get(&sandbox, "/v4/spreadsheets/small/values/A1").await.0, 500);
    control(&sandbox, "DELETE", "/faults", Value::Null).await;
    assert_eq!(get(&sandbox, "/v4/spreadsheets/small/values/A1").await.0, 200);
    let (_, log) = control(&sandbox, "GET", "/requests?path=values", Value::Null).await;
    assert_eq!(log["counts"], json!({"GET /v4/spreadsheets/small/values/A1": 2}));
    assert_eq!(log["requests"][1]["account"], SERVICE_ACCOUNT);
    assert!(!log.to_string().contains("ya29"), "tokens are never kept");

    let foreign = reqwest::Client::new().post(format!("{}/control/revoke", sandbox.base_url())).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
}

#[tokio::test]
async fn changes_are_announced_and_shutdown_is_quick() {
    let sandbox = sandbox().await;
    let mut changes = sandbox.changes();
    changes.mark_unchanged();
    sandbox.edit("small", &[Edit::SetTitle { title: "Khác".to_owned() }]).unwrap();
    assert!(changes.has_changed().unwrap());
    let base = sandbox.base_url();
    let client = reqwest::Client::new();
    client.get(format!("{base}/control")).send().await.unwrap();
    sandbox.add_fault(Fault::next("/v4", Effect::Delay { ms: 600_000 }));
    let slow = tokio::spawn(client.get(format!("{base}/v4/spreadsheets/small")).send());
    while !sandbox.faults().is_empty() {
        tokio::task::yield_now().await;
    }
    let shutdown = tokio::time::timeout(Duration::from_secs(10), sandbox.shutdown());
    shutdown.await.expect("a request held back for ten minutes does not hold up the end");
    assert!(slow.await.unwrap().is_ok(), "it is answered at once");
    assert!(client.get(format!("{base}/control")).send().await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_address() {
    let sandbox = sandbox().await;
    let address = sandbox.base_url().trim_start_matches("http://").to_owned();
    let error = start(address.parse().unwrap(), GoogleOptions::default()).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("the Google sandbox cannot listen on {address}: ")), "{error}");
    assert!(error.contains("choose another"), "{error}");
}

#[test]
fn a_visitors_excel_file_opens() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sandbox/visitor.xlsx");
    let workbook = Workbook::open(&path).unwrap();
    let titles: Vec<(&str, bool)> = workbook.tabs.iter().map(|tab| (tab.title.as_str(), tab.hidden)).collect();
    assert_eq!(titles, [("Khách hàng", false), ("NV", false), ("Cũ", true)]);
    let json: Value = serde_json::from_str(&workbook.to_json()).unwrap();
    assert_eq!(json["sheets"][0]["rows"][1].as_array().unwrap()[..5], [
        json!("Nguyễn Văn A"), json!("0901234567"), json!({"v": 46347, "nf": "dd/mm/yyyy"}),
        json!({"v": 2500000000u64, "nf": "#,##0"}), json!(true),
    ]);
    assert_eq!(json["sheets"][0]["rows"][3].as_array().unwrap()[1..4], [
        json!({"v": 901234567, "nf": "0000000000"}), json!({"v": 46347.375, "nf": "dd/mm/yyyy hh:mm"}), json!({"v": 0.15, "nf": "0%"}),
    ]);
    assert_eq!(json["sheets"][2]["rows"][2].as_array().unwrap()[1..], [json!("lệch"), json!({"v": 46347, "nf": "dd/mm/yyyy"})]);
}

/// The typed client the daemon uses, over plain HTTP, reading and writing.
#[tokio::test]
async fn google_sheets4_works_against_it() {
    use google_sheets4::api::ValueRange;
    use google_sheets4::{Sheets, hyper_rustls, hyper_util};
    let sandbox = sandbox().await;
    sandbox.add_workbook(demo_workbook());
    let key = yup_oauth2::parse_service_account_key(sandbox.key_json().to_string()).unwrap();
    let auth = yup_oauth2::ServiceAccountAuthenticator::builder(key).build().await.unwrap();
    let mut plain = hyper_util::client::legacy::connect::HttpConnector::new();
    plain.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .unwrap()
        .https_or_http()
        .enable_http1()
        .wrap_connector(plain);
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).build(connector);
    let mut hub = Sheets::new(client, auth);
    hub.base_url(format!("{}/", sandbox.base_url()));
    hub.root_url(format!("{}/", sandbox.base_url()));

    let demo = demo_workbook().id;
    let (_, book) = hub.spreadsheets().get(&demo).param("fields", "properties.locale,sheets.properties").add_scope(READ).doit().await.unwrap();
    assert_eq!(book.properties.unwrap().locale.as_deref(), Some("vi_VN"));
    let tabs: Vec<String> = book.sheets.unwrap().into_iter().map(|tab| tab.properties.unwrap().title.unwrap()).collect();
    assert_eq!(tabs[0], "Khách hàng");
    let (_, read) = hub.spreadsheets().values_batch_get(&demo).add_ranges("'Khách hàng'!A1:P").value_render_option("UNFORMATTED_VALUE").add_scope(READ).doit().await.unwrap();
    let range = read.value_ranges.unwrap().remove(0);
    assert_eq!(range.range.as_deref(), Some("'Khách hàng'!A1:P1000"));
    assert_eq!(range.values.unwrap().len(), 340);

    let body = ValueRange { values: Some(vec![vec![json!("Dung"), json!(1)]]), ..ValueRange::default() };
    let lost = hub.spreadsheets().values_append(body, "small", "Nope!A1").value_input_option("RAW").add_scope(WRITE).doit().await.unwrap_err();
    assert!(matches!(&lost, google_sheets4::Error::BadRequest(json) if json["error"]["message"] == "Unable to parse range: Nope!A1"), "{lost}");
    let body = ValueRange { values: Some(vec![vec![json!("Dung"), json!(1)]]), ..ValueRange::default() };
    let (_, done) = hub.spreadsheets().values_append(body, "small", "'O''Brien'!A1").value_input_option("RAW").add_scope(WRITE).doit().await.unwrap();
    assert_eq!(done.updates.unwrap().updated_range.as_deref(), Some("'O''Brien'!A2:B2"));
}
