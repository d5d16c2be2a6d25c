//! Writing values and changing structure.

use serde_json::{Value, json};

use super::{call, column, get, names, refusal, sandbox, token, write};

#[tokio::test]
async fn values_are_written_raw_or_as_typed() {
    let sandbox = sandbox().await;
    let base = "/v4/spreadsheets/small/values";
    let typed = json!({"values": [["0901234567", "'0901234567", "21/11/2026", null, "true", "1.000,5", ""]]});
    let answer = write(&sandbox, "PUT", &format!("{base}/'T11'!A1:G1?valueInputOption=USER_ENTERED&includeValuesInResponse=true&responseValueRenderOption=UNFORMATTED_VALUE"), typed.clone()).await;
    assert_eq!(
        answer,
        (
            200,
            json!({
                "spreadsheetId": "small", "updatedRange": "'T11'!A1:G1", "updatedRows": 1, "updatedColumns": 7, "updatedCells": 6,
                "updatedData": {"range": "'T11'!A1:G1", "majorDimension": "ROWS", "values": [[901234567, "0901234567", 46347, "", true, 1000.5]]},
            })
        )
    );
    write(
        &sandbox,
        "PUT",
        &format!("{base}/'T11'!A2?valueInputOption=RAW"),
        typed,
    )
    .await;
    let (_, answer) = get(
        &sandbox,
        &format!("{base}/'T11'!A2:G2?valueRenderOption=UNFORMATTED_VALUE"),
    )
    .await;
    assert_eq!(
        answer["values"],
        json!([[
            "0901234567",
            "'0901234567",
            "21/11/2026",
            "",
            "true",
            "1.000,5"
        ]])
    );
    // null skips, an empty text clears.
    write(
        &sandbox,
        "PUT",
        &format!("{base}/'T11'!A2:C2?valueInputOption=RAW"),
        json!({"values": [[null, "", 7]]}),
    )
    .await;
    let (_, answer) = get(
        &sandbox,
        &format!("{base}/'T11'!A2:C2?valueRenderOption=UNFORMATTED_VALUE"),
    )
    .await;
    assert_eq!(answer["values"], json!([["0901234567", "", 7]]));
    let beyond = write(
        &sandbox,
        "PUT",
        &format!("{base}/'T11'!A1:B1?valueInputOption=RAW"),
        json!({"values": [[1, 2, 3]]}),
    )
    .await;
    assert_eq!(
        refusal(&beyond),
        "400 INVALID_ARGUMENT Requested writing within range ['T11'!A1:B1], but tried writing to column [C]"
    );
    let unsaid = write(
        &sandbox,
        "PUT",
        &format!("{base}/A1"),
        json!({"values": [[1]]}),
    )
    .await;
    assert_eq!(
        refusal(&unsaid),
        "400 INVALID_ARGUMENT 'valueInputOption' is required but not specified"
    );
}

#[tokio::test]
async fn append_batch_update_and_clear() {
    let sandbox = sandbox().await;
    let base = "/v4/spreadsheets/small/values";
    let row = json!({"values": [["Dung", "0903"]]});
    let (status, answer) = write(
        &sandbox,
        "POST",
        &format!("{base}/'O''Brien'!A:B:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"),
        row.clone(),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["tableRange"], "'O''Brien'!A1");
    assert_eq!(answer["updates"]["updatedRange"], "'O''Brien'!A2:B2");
    let (_, answer) = write(
        &sandbox,
        "POST",
        &format!("{base}/'T11':append?valueInputOption=RAW"),
        row,
    )
    .await;
    assert_eq!(answer["updates"]["updatedRange"], "'T11'!A1:B1");
    assert!(answer.get("tableRange").is_none());

    let (_, answer) = write(&sandbox, "POST", &format!("{base}:batchUpdate"), json!({"valueInputOption": "RAW", "data": [
        {"range": "'T11'!A2", "values": [["a"]]}, {"range": "'O''Brien'!C1:C2", "majorDimension": "COLUMNS", "values": [["b", "c"]]}]})).await;
    assert_eq!(
        (&answer["totalUpdatedCells"], &answer["totalUpdatedSheets"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(column(&sandbox, "O'Brien", 2), ["b", "c"]);
    // One bad range: nothing is written.
    let bad = write(
        &sandbox,
        "POST",
        &format!("{base}:batchUpdate"),
        json!({"valueInputOption": "RAW", "data": [
        {"range": "'T11'!A9", "values": [["lost"]]}, {"range": "Nope!A1", "values": [["b"]]}]}),
    )
    .await;
    assert_eq!(
        refusal(&bad),
        "400 INVALID_ARGUMENT Unable to parse range: Nope!A1"
    );
    assert_eq!(column(&sandbox, "T11", 0), ["Dung", "a"]);

    let (_, answer) = write(
        &sandbox,
        "POST",
        &format!("{base}/'T11'!A1:clear"),
        json!({}),
    )
    .await;
    assert_eq!(
        answer,
        json!({"spreadsheetId": "small", "clearedRange": "'T11'!A1"})
    );
    let (_, answer) = write(
        &sandbox,
        "POST",
        &format!("{base}:batchClear"),
        json!({"ranges": ["'T11'!A:A", "'O''Brien'"]}),
    )
    .await;
    assert_eq!(
        answer["clearedRanges"],
        json!(["'T11'!A1:A1000", "'O''Brien'!A1:Z1001"]),
        "INSERT_ROWS made a row"
    );
    assert_eq!(
        column(&sandbox, "T11", 0),
        [""],
        "the second column is still there"
    );
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
    assert_eq!(
        refusal(&refused),
        "400 INVALID_ARGUMENT Invalid requests[1].addSheet: A sheet with the name \"T11\" already exists. Please enter another name."
    );
    let unknown = write(
        &sandbox,
        "POST",
        path,
        json!({"requests": [{"paintGold": {}}]}),
    )
    .await;
    assert!(
        refusal(&unknown)
            .contains("Unknown name \"paintGold\" at 'requests[0]': Cannot find field.")
    );
    assert_eq!(sandbox.workbook("small").unwrap(), before);
}

#[tokio::test]
async fn workbooks_are_created_and_found_by_title() {
    let sandbox = sandbox().await;
    let (status, made) = write(
        &sandbox,
        "POST",
        "/v4/spreadsheets",
        json!({"properties": {"title": "Mới"}, "sheets": [{"properties": {"title": "Một"}}]}),
    )
    .await;
    assert_eq!(
        (status, &made["sheets"][0]["properties"]["title"]),
        (200, &json!("Một"))
    );
    let drive = token(
        &sandbox,
        "https://www.googleapis.com/auth/drive.metadata.readonly",
    )
    .await;
    let (_, found) = call(
        &sandbox,
        &drive,
        "GET",
        "/drive/v3/files?q=name%20%3D%20'M%E1%BB%9Bi'&fields=files(id,name)",
        Value::Null,
    )
    .await;
    assert_eq!(
        found,
        json!({"files": [{"id": made["spreadsheetId"], "name": "Mới"}]})
    );
    let (_, file) = call(
        &sandbox,
        &drive,
        "GET",
        "/drive/v3/files/small",
        Value::Null,
    )
    .await;
    assert_eq!(file["mimeType"], "application/vnd.google-apps.spreadsheet");
}
