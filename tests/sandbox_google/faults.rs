//! Faults, and the server itself.

use std::time::Duration;

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{Edit, Effect, Fault, GoogleOptions, start};

use super::{WRITE, names, sandbox, token};

#[tokio::test]
async fn every_fault_shows_at_the_client() {
    let sandbox = sandbox().await;
    let token = token(&sandbox, WRITE).await;
    let url = format!("{}/v4/spreadsheets/small/values/A1:D5", sandbox.base_url());
    let client = reqwest::Client::new();
    let ask = async || client.get(&url).bearer_auth(&token).send().await;
    let order = |effect: Effect| sandbox.add_fault(Fault::next("/values/", effect));

    for status in [400, 401, 403, 404, 429, 500, 503] {
        order(Effect::Status {
            status,
            retry_after_s: (status == 503).then_some(7),
        });
        let answer = ask().await.unwrap();
        let retry = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(retry.as_deref(), (status == 503).then_some("7"));
        assert_eq!(answer.status().as_u16(), status);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"]["code"], status);
    }
    for chunked in [false, true] {
        order(Effect::Truncate {
            keep_bytes: Some(20),
            chunked,
        });
        let mut answer = ask().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers().contains_key("content-length"), !chunked);
        assert_eq!(
            answer.chunk().await.unwrap().unwrap().len(),
            20,
            "the start arrives"
        );
        assert!(
            answer.chunk().await.is_err(),
            "and then the connection ends early"
        );
    }
    order(Effect::Garbage {
        body: None,
        status: None,
    });
    let answer = ask().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<Value>().await.is_err());

    sandbox.clear_requests();
    order(Effect::Reset);
    let error = format!("{:?}", ask().await.unwrap_err());
    assert!(
        error.contains("reset") || error.contains("IncompleteMessage") || error.contains("closed"),
        "{error}"
    );
    assert_eq!(sandbox.requests()[0].status, 0);

    order(Effect::ResetAfter);
    let put = client
        .put(format!("{url}?valueInputOption=RAW"))
        .bearer_auth(&token)
        .json(&json!({"values": [["done"]]}));
    assert!(put.send().await.is_err());
    assert_eq!(names(&sandbox)[0], "done", "the write had been done");

    order(Effect::Delay { ms: 60_000 });
    let impatient = client
        .get(&url)
        .bearer_auth(&token)
        .timeout(Duration::from_millis(50));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(ask().await.unwrap().status(), 200, "the fault is used up");
}

#[tokio::test]
async fn changes_are_announced_and_shutdown_is_quick() {
    let sandbox = sandbox().await;
    let mut changes = sandbox.changes();
    changes.mark_unchanged();
    sandbox
        .edit(
            "small",
            &[Edit::SetTitle {
                title: "Khác".to_owned(),
            }],
        )
        .unwrap();
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
    shutdown
        .await
        .expect("a request held back for ten minutes does not hold up the end");
    assert!(slow.await.unwrap().is_ok(), "it is answered at once");
    assert!(client.get(format!("{base}/control")).send().await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_address() {
    let sandbox = sandbox().await;
    let address = sandbox.base_url().trim_start_matches("http://").to_owned();
    let error = start(address.parse().unwrap(), GoogleOptions::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("the Google sandbox cannot listen on {address}: ")),
        "{error}"
    );
    assert!(error.contains("choose another"), "{error}");
}
