//! `sandbox`: one line of addresses that work, and nothing left behind.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::world::{Running, command};

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_addresses_that_work_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut sandbox = command(dir.path());
    sandbox.arg("sandbox");
    let mut running = Running::start(sandbox);
    let line: Value = serde_json::from_str(&running.first_line().await).unwrap();
    let key: Value = serde_json::from_str(
        &fs::read_to_string(line["google"]["key_file"].as_str().unwrap()).unwrap(),
    )
    .unwrap();
    assert_eq!(key["client_email"], line["google"]["service_account"]);
    assert!(
        fs::read_to_string(line["smtp"]["ca_file"].as_str().unwrap())
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    for key in ["host", "port", "user", "password", "implicit_tls_port"] {
        assert!(!line["smtp"][key].is_null(), "{line}");
    }
    let api = line["telegram"]["api_url"].as_str().unwrap();
    let me: Value = get(&format!(
        "{api}/bot{}/getMe",
        line["telegram"]["token"].as_str().unwrap()
    ))
    .await;
    assert_eq!(me["result"]["username"], line["telegram"]["username"]);
    let books: Value = get(&format!(
        "{}/workbooks",
        line["google"]["control_url"].as_str().unwrap()
    ))
    .await;
    assert_eq!(books[0]["id"], line["google"]["workbook"]);
    let (ran, took) = running.end(Signal::TERM).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_ones_own_keeps_what_else_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/note"), "stays").unwrap();
    let mut sandbox = command(dir.path());
    sandbox.args(["sandbox", "--dir", "mine"]);
    let mut running = Running::start(sandbox);
    let line: Value = serde_json::from_str(&running.first_line().await).unwrap();
    assert!(
        line["google"]["key_file"]
            .as_str()
            .unwrap()
            .ends_with("/mine/google-key.json"),
        "{line}"
    );
    running.end(Signal::INT).await.0.well();
    let left: Vec<_> = fs::read_dir(dir.path().join("mine"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["note"]);
}

#[test]
fn an_address_in_use_is_named_with_its_mend() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    for option in ["--google", "--smtp", "--telegram"] {
        let ran = crate::world::Ran::of(
            command(dir.path())
                .args(["sandbox", option, &address])
                .output()
                .unwrap(),
        );
        ran.failed(69, &[&address, &format!("help: close what uses that address, or let a free port be chosen with `{option} 127.0.0.1:0`")]);
    }
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

/// The JSON at an address on this machine.
pub(crate) async fn get(url: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap_or(json!(null))
}
