//! Reading values and properties.

use serde_json::{Value, json};
use sheetbridge::sandbox::google::Edit;

use super::{READ, get, refusal, sandbox, token};

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
        json!([
            ["901234567", "21/11/2026", "TRUE"],
            ["0902", "21/11/2026 09:00"],
            [],
            ["#N/A", "2.500.000,5", "FALSE"]
        ])
    );
    assert_eq!(
        values("?valueRenderOption=UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING").await
            [0],
        json!([901234567, "21/11/2026", true])
    );
    assert_eq!(
        values("?valueRenderOption=FORMULA").await[3],
        json!(["=VLOOKUP(1;2;3)", 2500000.5, false])
    );
    assert_eq!(
        values("?majorDimension=COLUMNS&valueRenderOption=UNFORMATTED_VALUE").await,
        json!([
            [901234567, "0902", "", "#N/A"],
            [46347, 46347.375, "", 2500000.5],
            [true, "", "", false]
        ])
    );
    sandbox
        .edit(
            "small",
            &[Edit::SetLocale {
                locale: "en_US".to_owned(),
            }],
        )
        .unwrap();
    assert_eq!(values("").await[3], json!(["#N/A", "2,500,000.5", "FALSE"]));
    let bad = get(
        &sandbox,
        "/v4/spreadsheets/small/values/A1?valueRenderOption=PLAIN",
    )
    .await;
    assert!(
        refusal(&bad).starts_with("400 INVALID_ARGUMENT Invalid value at 'value_render_option'")
    );
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
    assert_eq!(
        range("T11").await,
        "'Khách hàng'!T11",
        "a name that is a cell means the cell"
    );
    assert_eq!(range("'T11'").await, "'T11'!A1:Z1000");
    assert_eq!(
        range("%27Kh%C3%A1ch%20h%C3%A0ng%27%213%3A5").await,
        "'Khách hàng'!A3:Z5"
    );
    assert_eq!(
        range("Kh%C3%A1ch%20h%C3%A0ng").await,
        "'Khách hàng'!A1:Z1000"
    );
    assert_eq!(range("A1:ZZ5000").await, "'Khách hàng'!A1:Z1000");
    assert_eq!(
        range("Sheet1!A1").await,
        "400 INVALID_ARGUMENT Unable to parse range: Sheet1!A1"
    );
    let decomposed = "Kha%CC%81ch%20ha%CC%80ng";
    assert!(
        range(decomposed)
            .await
            .starts_with("400 INVALID_ARGUMENT Unable to parse range"),
        "names are compared exactly"
    );
    assert!(
        range("A2000")
            .await
            .contains("exceeds grid limits. Max rows: 1000, max columns: 26")
    );
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small/values/Nope").await;
    assert_eq!(answer["error"]["errors"][0]["reason"], "badRequest");
}

#[tokio::test]
async fn metadata_by_fields() {
    let sandbox = sandbox().await;
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small?fields=properties(locale,timeZone),sheets.properties(sheetId,title)").await;
    assert_eq!(
        answer,
        json!({
            "properties": {"locale": "vi_VN", "timeZone": "Asia/Ho_Chi_Minh"},
            "sheets": [{"properties": {"sheetId": 0, "title": "Khách hàng"}}, {"properties": {"sheetId": 1, "title": "T11"}}, {"properties": {"sheetId": 2, "title": "O'Brien"}}],
        })
    );
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small?includeGridData=false").await;
    assert_eq!(
        answer["sheets"][0],
        json!({"properties": {
            "sheetId": 0, "title": "Khách hàng", "index": 0, "sheetType": "GRID",
            "gridProperties": {"rowCount": 1000, "columnCount": 26, "frozenRowCount": 1},
        }})
    );
    let (_, answer) = get(&sandbox, "/v4/spreadsheets/small?ranges='Kh%C3%A1ch%20h%C3%A0ng'!B5:C5&fields=sheets.data(startRow,rowData.values(effectiveValue,userEnteredValue,formattedValue))").await;
    assert_eq!(
        answer,
        json!({"sheets": [{"data": [{"startRow": 4, "rowData": [{"values": [
            {"userEnteredValue": {"formulaValue": "=VLOOKUP(1;2;3)"}, "effectiveValue": {"errorValue": {"type": "N_A", "message": "#N/A"}}, "formattedValue": "#N/A"},
            {"userEnteredValue": {"numberValue": 2500000.5}, "effectiveValue": {"numberValue": 2500000.5}, "formattedValue": "2.500.000,5"},
        ]}]}]}]})
    );
    let bad = get(&sandbox, "/v4/spreadsheets/small?fields=tabs").await;
    assert!(refusal(&bad).starts_with("400 INVALID_ARGUMENT"));
    assert!(
        bad.1["error"]["details"][0]["fieldViolations"][0]["description"]
            .as_str()
            .unwrap()
            .contains("'tabs'")
    );
}

#[tokio::test]
async fn gzip_needs_the_word_in_the_user_agent() {
    let sandbox = sandbox().await;
    let token = token(&sandbox, READ).await;
    let ask = async |agent: &str, query: &str| {
        let client = reqwest::Client::builder()
            .no_gzip()
            .user_agent(agent)
            .build()
            .unwrap();
        let url = format!(
            "{}/v4/spreadsheets/small/values/A1{query}",
            sandbox.base_url()
        );
        let answer = client
            .get(url)
            .bearer_auth(&token)
            .header("accept-encoding", "gzip")
            .send()
            .await
            .unwrap();
        let packed = answer.headers().contains_key("content-encoding");
        (packed, answer.bytes().await.unwrap())
    };
    assert!(!ask("sheetbridge", "").await.0);
    assert!(ask("sheetbridge (gzip)", "").await.0);
    assert!(
        ask("x", "").await.1.contains(&b'\n'),
        "indented unless asked otherwise"
    );
    assert!(
        !ask("x", "?prettyPrint=false&alt=json&key=k&quotaUser=u")
            .await
            .1
            .contains(&b'\n')
    );
    let client = reqwest::Client::builder()
        .user_agent("sheetbridge (gzip)")
        .build()
        .unwrap();
    let url = format!("{}/v4/spreadsheets/small/values/A2", sandbox.base_url());
    let answer: Value = client
        .get(url)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["values"], json!([["Châu"]]));
}
