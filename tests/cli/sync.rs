//! `sync` and `records`: the JSON that others rely on, and every way in which a workbook cannot be read.

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{Effect, Fault, SERVICE_ACCOUNT};

use crate::world::{TAB, World};

/// The report of one tab.
fn tab<'a>(report: &'a Value, title: &str) -> &'a Value {
    report["tabs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tab| tab["tab"] == title)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_look_is_a_baseline_and_a_sort_is_nothing() {
    let world = World::new().await;
    let first = world.run(&["sync", "--json"]).await.well().json();
    let mut keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "ambiguous",
            "at",
            "baseline",
            "changes",
            "messages",
            "problems",
            "settling",
            "tabs"
        ]
    );
    assert_eq!(
        (&first["baseline"], &first["changes"], &first["messages"]),
        (&json!(true), &json!([]), &json!([]))
    );
    assert!(first["at"].as_str().unwrap().ends_with("+07:00"));
    let customers = tab(&first, TAB);
    assert_eq!(
        (
            &customers["workbook"],
            &customers["records"],
            &customers["held"]
        ),
        (&json!(world.workbook), &json!(300), &json!(null))
    );
    assert!(!first["problems"].as_array().unwrap().is_empty());

    world.edit(json!({"op": "sort", "tab": TAB, "column": "Họ tên"}));
    let second = world.run(&["sync", "--json"]).await.well().json();
    assert!(
        tab(&second, TAB)["edit"]
            .as_str()
            .unwrap()
            .starts_with("sorted"),
        "{}",
        second["tabs"]
    );
    assert_eq!(
        (&second["baseline"], &second["changes"]),
        (&json!(false), &json!([]))
    );
    let count = |report: &Value| report["problems"].as_array().unwrap().len();
    assert_eq!(
        count(&first),
        count(&second),
        "one look lists every problem, also of rows that did not change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_with_its_cells_and_makes_messages_once_it_has_settled() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    world.set(16, "Giai đoạn", "Đã đặt cọc");
    world.edit(json!({"op": "append_row", "tab": TAB, "values": ["", "Anh Trần Văn Thử", "0901234567", "thu@khach.example", "", "", "", "", "Khách hàng tiềm năng", "Lan Anh"]}));
    let seen = world.run(&["sync", "--json"]).await.well().json();
    let changes = seen["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{changes:?}");
    let changed = changes
        .iter()
        .find(|change| change["kind"] == "changed")
        .unwrap();
    assert_eq!(
        (&changed["row"], &changed["row_before"], &changed["tab"]),
        (&json!(16), &json!(16), &json!(TAB))
    );
    assert_eq!(
        changed["fields"],
        json!([{"field": "stage", "header": "Giai đoạn", "before": "Đang tư vấn", "after": "Đã đặt cọc"}])
    );
    let added = changes
        .iter()
        .find(|change| change["kind"] == "added")
        .unwrap();
    assert!(
        added["record"].as_str().unwrap().starts_with("r-") && added["row_before"].is_null(),
        "{added}"
    );
    assert_eq!(seen["settling"].as_array().unwrap().len(), 2);
    assert_eq!(seen["messages"], json!([]));

    let messages = settled(&world).await;
    let welcome = messages
        .iter()
        .find(|message| message["channel"] == "email")
        .unwrap();
    let record = added["record"].as_str().unwrap();
    assert_eq!(welcome["key"], format!("welcome/1/{record}/customer/added"));
    assert_eq!(welcome["to"], "t…@khach.example");
    let listed = world
        .run(&["outbox", "list", "--state", "queued", "--json"])
        .await
        .well()
        .json_lines();
    assert!(
        listed
            .iter()
            .any(|message| message["key"] == welcome["key"]),
        "{listed:?}"
    );
    assert_eq!(world.smtp.messages().len(), 0, "sync sends nothing");
    let people = world.run(&["outbox", "list"]).await.well();
    assert!(
        people.out.contains("queued") && people.out.contains("t…@khach.example"),
        "{}",
        people.out
    );
}

/// Polls until something was decided.
async fn settled(world: &World) -> Vec<Value> {
    for _ in 0..100 {
        let report = world.run(&["sync", "--json"]).await.well().json();
        let messages = report["messages"].as_array().unwrap();
        if !messages.is_empty() {
            return messages.clone();
        }
    }
    panic!("nothing was decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_leaves_nothing_behind() {
    let world = World::new().await;
    let ran = world.run(&["sync", "--dry-run"]).await.well();
    assert!(
        ran.out
            .contains("Khách hàng: first look, 0 changes, 300 records"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .trim_end()
            .ends_with("Dry run: nothing was written."),
        "{}",
        ran.out
    );
    assert!(!world.path("state").exists());
    assert_eq!(std::fs::read_dir(world.path("tmp")).unwrap().count(), 0);
    world.run(&["sync"]).await.well();
    world.set(16, "Giai đoạn", "Đã đặt cọc");
    for _ in 0..2 {
        let report = world
            .run(&["sync", "--dry-run", "--json"])
            .await
            .well()
            .json();
        assert_eq!(
            report["changes"].as_array().unwrap().len(),
            1,
            "a dry run does not remember"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_typed_one_a_line() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let records = world
        .run(&["records", "--tab", TAB, "--json"])
        .await
        .well()
        .json_lines();
    assert_eq!(records.len(), 300);
    let record = records.iter().find(|record| record["row"] == 16).unwrap();
    let mut keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["fields", "raw", "record", "row", "tab"]);
    let fields = &record["fields"];
    assert_eq!(fields["phone"], json!({"e164": ["+84938196323"]}));
    assert_eq!(fields["email"], json!(["lyvankhanh43@yahoo.example"]));
    assert_eq!(
        (&fields["name"]["full"], &fields["name"]["given"]),
        (&json!("Lý Văn Khánh"), &json!("Khánh"))
    );
    assert_eq!(
        (&fields["stage"], &fields["received"]),
        (&json!("consulting"), &json!("2026-02-02"))
    );
    assert_eq!(fields["budget"]["min"], json!(5_000_000_000_i64));
    assert_eq!(record["raw"]["SĐT"], json!("0938196323"));
    let problems = world
        .run(&["records", "--problems", "--json"])
        .await
        .well()
        .json_lines();
    assert!(
        problems.iter().any(|problem| problem["field"] == "email"
            && problem["cell"].as_str().unwrap().starts_with('D')),
        "{problems:?}"
    );
    let people = world.run(&["records", "--problems"]).await.well();
    assert!(
        people.out.trim_end().ends_with("data problems"),
        "{}",
        people.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_not_being_read_has_its_exit_code() {
    let world = World::new().await;
    let status = |status: u16| {
        Fault::next(
            "/v4/",
            Effect::Status {
                status,
                retry_after_s: Some(1),
            },
        )
    };
    world.google.add_fault(status(429));
    world
        .run(&["sync"])
        .await
        .failed(75, &["error: Google asks to slow down"]);
    world.google.add_fault(status(503));
    world
        .run(&["sync"])
        .await
        .failed(75, &["Google is in trouble (503)"]);
    world.edit(json!({"op": "unshare", "email": "*"}));
    world.run(&["sync"]).await.failed(
        77,
        &[
            "is not shared with sheetbridge",
            "press Share",
            SERVICE_ACCOUNT,
        ],
    );
    let refused = world.run(&["sync", "--json"]).await;
    assert_eq!(refused.json()["error"]["kind"], "not_allowed");
    assert_eq!(refused.err, "");
    world.edit(json!({"op": "share", "email": "*", "role": "reader"}));
    world.run(&["sync"]).await.well();
    world.edit(json!({"op": "rename_tab", "tab": TAB, "to": "KH 2027"}));
    let ran = world.run(&["sync"]).await.well();
    assert!(
        ran.out
            .contains("HELD: the tab \"Khách hàng\" is now called \"KH 2027\""),
        "{}",
        ran.out
    );
    world.google.shutdown().await;
    world
        .run(&["sync"])
        .await
        .failed(69, &["Google cannot be reached at http://127.0.0.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_batch_is_shown_and_decided() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    world.edit(json!({"op": "delete_rows", "tab": TAB, "from": 20, "count": 200}));
    let ran = world.run(&["sync"]).await.well();
    assert!(
        ran.out.contains("HELD: ") && ran.out.contains("sheetbridge held list"),
        "{}",
        ran.out
    );
    let held = world
        .run(&["held", "list", "--json"])
        .await
        .well()
        .json_lines();
    let id = held[0]["id"].as_str().unwrap();
    let people = world.run(&["held", "list"]).await.well();
    assert!(
        people.out.contains(id) && people.out.contains("are gone"),
        "{}",
        people.out
    );
    world
        .run(&["held", "release", "h-0"])
        .await
        .failed(1, &["error: ", "h-0"]);
    world.run(&["held", "drop", id]).await.well();
    let report = world.run(&["sync", "--json"]).await.well().json();
    assert_eq!(tab(&report, TAB)["held"], json!(null), "{report}");
    assert_eq!(
        world.run(&["held", "list"]).await.well().out,
        "Nothing is held.\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_held_and_says_which() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    world.edit(json!({"op": "rename_header", "tab": TAB, "from": "SĐT", "to": "Zalo"}));
    let ran = world.run(&["sync"]).await.well();
    assert!(
        ran.out
            .contains("HELD: the header \"SĐT\" is not in the tab \"Khách hàng\""),
        "{}",
        ran.out
    );
}
