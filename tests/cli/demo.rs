//! `demo`: the whole of it in one process, from a typed row to a mail and a chat message.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::sandbox::get;
use crate::world::{Ran, Running, TAB, command};

struct Demo {
    running: Running,
    page: String,
}

impl Demo {
    async fn start(dir: &Path, more: &[&str]) -> Self {
        let mut demo = command(dir);
        demo.args(["demo", "--json", "--listen", "127.0.0.1:0"])
            .args(more);
        let mut running = Running::start(demo);
        let line = running.first_line().await;
        let line: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self {
            page: line["page"].as_str().unwrap().to_owned(),
            running,
        }
    }

    async fn state(&self) -> Value {
        get(&format!("{}api/state", self.page)).await
    }

    async fn edit(&self, edit: Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = client
            .post(format!("{}api/edit", self.page))
            .header("Origin", self.page.trim_end_matches('/'));
        let answer = asked
            .json(&json!({ "edits": [edit] }))
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// Looks at the page until it shows what is waited for.
    async fn until(&self, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let state = self.state().await;
            if shows(&state) {
                return state;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "no {what}: {}",
                log(&state).join("\n")
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// The log's lines in Vietnamese.
fn log(state: &Value) -> Vec<String> {
    state["log"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["vi"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_row_becomes_a_mail_and_a_chat_message() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &[]).await;
    let state = demo.state().await;
    assert!(
        log(&state)[0].contains("300 khách hàng, lấy làm mốc"),
        "{:?}",
        log(&state)
    );
    demo.edit(json!({"op": "sort", "tab": TAB, "column": "Họ tên"}))
        .await;
    demo.until("verdict on the sort", |state| {
        log(state)
            .iter()
            .any(|line| line == "Khách hàng: sắp xếp theo Họ tên, 0 sự kiện")
    })
    .await;
    demo.edit(json!({"op": "append_row", "tab": TAB, "values": ["", "Anh Trần Văn Thử", "0901234567", "thu@khach.example", "", "", "", "", "Khách hàng tiềm năng", "Lan Anh"]})).await;
    let state = demo
        .until("welcome mail", |state| {
            state["mail"].to_string().contains("thu@khach.example")
        })
        .await;
    assert!(
        state["mail"].to_string().contains("Anh Thử"),
        "{}",
        state["mail"]
    );
    let state = demo
        .until("lead alert", |state| {
            log(state)
                .iter()
                .any(|line| line == "Đã gửi tin Telegram “lead-alert” tới Lan Anh")
        })
        .await;
    let lines = log(&state);
    for said in [
        "khách mới, chờ 3 giây xem có gõ tiếp không",
        "Đã ghi nhận: 1 khách mới",
        "Kịch bản welcome: gửi thư cho khách",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(said)),
            "`{said}` is not in {lines:?}"
        );
    }
    demo.edit(json!({"op": "clear", "tab": TAB})).await;
    demo.until("held batch", |state| {
        log(state)
            .iter()
            .any(|line| line.starts_with("Tạm giữ: ") && line.contains("đã hỏi quản lý"))
    })
    .await;
    let (ran, took) = demo.running.end(Signal::INT).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(
        fs::read_dir(dir.path().join("tmp")).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_own_file_is_understood_and_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("khach.csv");
    fs::write(&file, "DANH SÁCH KHÁCH\nTên KH,Điện thoại,Email,Trạng thái,Sale\nNguyễn Văn An,0901234567,an@a.vn,Đang tư vấn,Lan\nLê Bình,0901234568,,Gọi lại,Hùng\n").unwrap();
    let demo = Demo::start(dir.path(), &["--from", file.to_str().unwrap()]).await;
    let lines = log(&demo.state().await);
    for said in [
        "2 khách hàng; các cột hiểu được",
        "B Điện thoại = phone",
        "Giai đoạn chưa hiểu: “Gọi lại” (1)",
        "Nhân viên phụ trách: Hùng, Lan",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(said)),
            "`{said}` is not in {lines:?}"
        );
    }
    let (ran, _) = demo.running.end(Signal::INT).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err.contains("customers; columns understood"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_without_customers_and_a_port_in_use_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        Ran::of(
            command(dir.path())
                .arg("demo")
                .args(arguments)
                .output()
                .unwrap(),
        )
    };
    fs::write(dir.path().join("gia.csv"), "Mã,Giá\n1,2\n").unwrap();
    run(&["--from", "gia.csv"]).failed(
        78,
        &[
            "no header row with a name and a phone or an e-mail",
            "begins with Mã | Giá",
            "help: call the columns",
        ],
    );
    run(&["--from", "nowhere.xlsx"]).failed(78, &["nowhere.xlsx", "check the path"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(&["--listen", &address]).failed(69, &[&address, "--listen 127.0.0.1:0"]);
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}
