//! Staff edits, the control interface, and opening files.

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{
    CellEdit, CellValue, Edit, SERVICE_ACCOUNT, Workbook, demo_workbook,
};

use super::{column, control, edit, get, names, refusal, sandbox, write};

#[tokio::test]
async fn staff_edits_move_rows_as_sheets_does() {
    let sandbox = sandbox().await;
    let does = |json: Value| sandbox.edit("small", &[edit(json)]).unwrap().row;
    let tab = "Khách hàng";
    assert_eq!(
        does(json!({"op": "append_row", "tab": tab, "values": ["Đức", "0904", "2-3"]})),
        Some(6)
    );
    does(json!({"op": "sort", "tab": tab, "column": "Họ tên"}));
    assert_eq!(names(&sandbox), ["Họ tên", "An", "Bình", "Châu", "Đức"]);
    does(json!({"op": "sort", "tab": tab, "column": "A", "descending": true}));
    assert_eq!(names(&sandbox), ["Họ tên", "Đức", "Châu", "Bình", "An"]);
    assert_eq!(
        does(json!({"op": "move_rows", "tab": tab, "from": 5, "to": 2})),
        Some(2)
    );
    assert_eq!(names(&sandbox), ["Họ tên", "An", "Đức", "Châu", "Bình"]);
    assert_eq!(
        does(json!({"op": "move_rows", "tab": tab, "from": 2, "count": 2, "to": 5})),
        Some(3)
    );
    assert_eq!(names(&sandbox), ["Họ tên", "Châu", "An", "Đức", "Bình"]);
    does(json!({"op": "insert_rows", "tab": tab, "at": 3, "count": 1}));
    does(json!({"op": "set", "tab": tab, "row": 3, "column": "Họ tên", "typed": "Giang"}));
    does(json!({"op": "delete_rows", "tab": tab, "from": 2}));
    assert_eq!(names(&sandbox), ["Họ tên", "Giang", "An", "Đức", "Bình"]);
    assert_eq!(
        does(json!({"op": "cut_rows", "tab": tab, "from": 3, "count": 1, "to_tab": "O'Brien"})),
        Some(2)
    );
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
    assert_eq!(
        names(&sandbox),
        ["Họ tên", "Giang", "Đức", "Đức", "Bình", "Hoa", "Kim"]
    );
    does(json!({"op": "clear", "tab": tab, "range": "A2:A5"}));
    assert_eq!(names(&sandbox), ["Họ tên", "", "", "", "", "Hoa", "Kim"]);
    does(json!({"op": "rename_tab", "tab": "T11", "to": "T12"}));
    does(
        json!({"op": "add_tab", "title": "Mới", "rows": [["a"], [{"v": 46347, "nf": "dd/mm/yyyy"}]]}),
    );
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
    assert_eq!(
        column(&sandbox, "Khách hàng", 1)[2],
        "907654321",
        "the leading zero is lost, as in Sheets"
    );
}

#[tokio::test]
async fn sorting_the_sample_leaves_its_titles_and_takes_month_rows_along() {
    let sandbox = sandbox().await;
    let demo = demo_workbook();
    sandbox.add_workbook(demo.clone());
    let sort: Edit = edit(json!({"op": "sort", "tab": "Khách hàng", "column": "Họ tên"}));
    sandbox.edit(&demo.id, &[sort]).unwrap();
    let sorted = sandbox.workbook(&demo.id).unwrap();
    let (before, after) = (
        demo.tab("Khách hàng").unwrap(),
        sorted.tab("Khách hàng").unwrap(),
    );
    for row in 0..3 {
        assert_eq!(before.row(row), after.row(row));
    }
    let text = |row: usize, column: usize| match &after.cell(row, column).value {
        CellValue::Text(text) => text.clone(),
        _ => String::new(),
    };
    let months: Vec<usize> = (0..after.filled_rows())
        .filter(|row| text(*row, 0).starts_with("THÁNG"))
        .collect();
    assert!(
        months.len() > 5 && months.iter().all(|row| *row > 300),
        "no name: below all names"
    );
    let undone = sandbox.undo(&demo.id).unwrap();
    let undone = (undone.version, sandbox.workbook(&demo.id).unwrap());
    assert_eq!(undone.1.tab("Khách hàng").unwrap().row(40), before.row(40));
}

#[tokio::test]
async fn what_cannot_fit_is_refused() {
    let sandbox = sandbox().await;
    for edits in [
        json!({"op": "insert_rows", "tab": "T11", "at": 1, "count": u64::MAX}),
        json!({"op": "insert_rows", "tab": "T11", "at": 1, "count": 9_000_000}),
        json!({"op": "paste", "tab": "T11", "cell": "A99999999", "text": "x"}),
    ] {
        let error = sandbox.edit("small", &[edit(edits)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a workbook holds at most 10 million cells"
        );
    }
    let grown = json!({"requests": [{"appendDimension": {"sheetId": 1, "dimension": "ROWS", "length": 9_000_000}}]});
    let refused = write(
        &sandbox,
        "POST",
        "/v4/spreadsheets/small:batchUpdate",
        grown,
    )
    .await;
    assert!(refusal(&refused).contains("above the limit of 10000000 cells"));
    let all = edit(json!({"op": "delete_rows", "tab": "T11", "from": 1, "count": u64::MAX}));
    sandbox.edit("small", &[all]).unwrap();
}

#[tokio::test]
async fn undo_takes_back_the_last_edit_only() {
    let sandbox = sandbox().await;
    let clear: Edit = edit(json!({"op": "clear", "tab": "Khách hàng"}));
    let before = names(&sandbox);
    sandbox.edit("small", &[clear]).unwrap();
    assert!(names(&sandbox).is_empty());
    // What a program wrote meanwhile in another tab stays.
    write(
        &sandbox,
        "PUT",
        "/v4/spreadsheets/small/values/'T11'!A1?valueInputOption=RAW",
        json!({"values": [["log"]]}),
    )
    .await;
    sandbox.undo("small").unwrap();
    assert_eq!(names(&sandbox), before);
    assert_eq!(column(&sandbox, "T11", 0), ["log"]);
    assert_eq!(
        sandbox.undo("small").unwrap_err().to_string(),
        "there is nothing to undo"
    );
}

#[tokio::test]
async fn the_control_interface_edits_dumps_and_orders() {
    let sandbox = sandbox().await;
    let (status, done) = control(
        &sandbox,
        "POST",
        "/edit",
        json!({"op": "set", "tab": "T11", "cell": "A1", "typed": "=A2"}),
    )
    .await;
    assert_eq!(status, 200, "{done}");
    let version = done["version"].as_u64().unwrap();
    let (_, dump) = control(&sandbox, "GET", "/workbook/small", Value::Null).await;
    assert_eq!(
        dump["tabs"][0]["rows"][1][2],
        json!({"text": "21/11/2026", "kind": "date"})
    );
    assert_eq!(
        dump["tabs"][0]["rows"][4][2],
        json!({"text": "2.500.000,5", "kind": "number", "edit": "2500000,5"})
    );
    assert_eq!(dump["tabs"][1]["rows"][0][0]["kind"], "formula");
    let (_, same) = control(
        &sandbox,
        "GET",
        &format!("/workbook/small?since={version}"),
        Value::Null,
    )
    .await;
    assert_eq!(same["changed"], false);
    assert!(
        same["tabs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|tab| tab.get("rows").is_none())
    );
    control(
        &sandbox,
        "POST",
        "/edit",
        json!({"workbook": "small", "edits": [{"op": "freeze", "tab": "T11", "rows": 2}]}),
    )
    .await;
    let (_, some) = control(
        &sandbox,
        "GET",
        &format!("/workbook?since={version}"),
        Value::Null,
    )
    .await;
    let with_rows: Vec<&Value> = some["tabs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|tab| tab.get("rows").is_some())
        .collect();
    assert_eq!(
        (with_rows.len(), &with_rows[0]["title"]),
        (1, &json!("T11"))
    );
    assert_eq!(control(&sandbox, "POST", "/undo", json!({})).await.0, 200);

    let refused = async |path: &str, body: Value| {
        control(&sandbox, "POST", path, body).await.1["error"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        refused("/edit", json!({"op": "clear", "tab": "Tháng"})).await,
        "there is no tab \"Tháng\"; the tabs are [\"Khách hàng\", \"T11\", \"O'Brien\"]"
    );
    assert!(
        refused(
            "/edit",
            json!({"op": "set", "tab": "T11", "row": 1, "column": "Zalo", "typed": "x"})
        )
        .await
        .contains("nor a header")
    );
    assert!(
        refused(
            "/edit",
            json!({"op": "delete_rows", "tab": "T11", "from": 2000})
        )
        .await
        .contains("rows 1 to 1000")
    );
    assert!(
        refused("/edit", json!({"op": "explode"}))
            .await
            .starts_with("no such edit: unknown variant")
    );
    assert!(
        refused("/faults", json!({"effect": {"kind": "fire"}}))
            .await
            .starts_with("no such fault: unknown variant")
    );

    control(
        &sandbox,
        "POST",
        "/faults",
        json!([{"path": "A1", "times": null, "effect": {"kind": "status", "status": 500}}]),
    )
    .await;
    assert_eq!(
        get(&sandbox, "/v4/spreadsheets/small/values/A1").await.0,
        500
    );
    control(&sandbox, "DELETE", "/faults", Value::Null).await;
    assert_eq!(
        get(&sandbox, "/v4/spreadsheets/small/values/A1").await.0,
        200
    );
    let (_, log) = control(&sandbox, "GET", "/requests?path=values", Value::Null).await;
    assert_eq!(
        log["counts"],
        json!({"GET /v4/spreadsheets/small/values/A1": 2})
    );
    assert_eq!(log["requests"][1]["account"], SERVICE_ACCOUNT);
    assert!(!log.to_string().contains("ya29"), "tokens are never kept");

    let foreign = reqwest::Client::new()
        .post(format!("{}/control/revoke", sandbox.base_url()))
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
}

#[test]
fn a_visitors_excel_file_opens() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sandbox/visitor.xlsx");
    let workbook = Workbook::open(&path).unwrap();
    let titles: Vec<(&str, bool)> = workbook
        .tabs
        .iter()
        .map(|tab| (tab.title.as_str(), tab.hidden))
        .collect();
    assert_eq!(titles, [("Khách hàng", false), ("NV", false), ("Cũ", true)]);
    let json: Value = serde_json::from_str(&workbook.to_json()).unwrap();
    assert_eq!(
        json["sheets"][0]["rows"][1].as_array().unwrap()[..5],
        [
            json!("Nguyễn Văn A"),
            json!("0901234567"),
            json!({"v": 46347, "nf": "dd/mm/yyyy"}),
            json!({"v": 2500000000u64, "nf": "#,##0"}),
            json!(true),
        ]
    );
    assert_eq!(
        json["sheets"][0]["rows"][3].as_array().unwrap()[1..4],
        [
            json!({"v": 901234567, "nf": "0000000000"}),
            json!({"v": 46347.375, "nf": "dd/mm/yyyy hh:mm"}),
            json!({"v": 0.15, "nf": "0%"}),
        ]
    );
    assert_eq!(
        json["sheets"][2]["rows"][2].as_array().unwrap()[1..],
        [json!("lệch"), json!({"v": 46347, "nf": "dd/mm/yyyy"})]
    );
}
