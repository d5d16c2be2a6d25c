//! The state folder: another process, another format; and commands beside a running daemon.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use sheetbridge::store::{Group, Store, keys};

use crate::world::{TAB, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_of_another_process_is_left_alone() {
    let world = World::new().await;
    let store = Store::open(&world.path("state")).unwrap();
    for command in ["sync", "status", "run"] {
        world.run(&[command]).await.failed(
            74,
            &[
                "another sheetbridge is using the state folder",
                "its own state_dir",
            ],
        );
    }
    drop(store);
    world.run(&["sync"]).await.well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_of_another_format_is_refused() {
    let world = World::new().await;
    let store = Store::open(&world.path("state")).unwrap();
    let mut group = Group::default();
    group.put(keys::under(keys::prefix::META, "format"), &99_u32);
    store.commit(vec![group]).unwrap();
    drop(store);
    world
        .run(&["sync"])
        .await
        .failed(74, &["has format 99", "run the version that wrote it"]);
    let ran = world.run(&["run", "--json"]).await;
    assert_eq!(
        (ran.code, &ran.json()["error"]["kind"]),
        (74, &json!("store"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_found_listed_and_decided_from_the_shell() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let ran = world.run(&["claims", "list"]).await.well();
    assert_eq!(ran.out, "Nobody is claimed by several.\n");
    // The sample has customers who stand in two rows with two people in charge.
    let found = world.run(&["claims", "find", "--json"]).await.well().json();
    let open = found["open"].as_u64().unwrap();
    assert!(open > 0, "{found}");
    assert_eq!(found["new"], found["open"]);
    let ran = world.run(&["claims", "list", "--json"]).await.well();
    assert_eq!(ran.out.lines().count() as u64, open);
    let line: serde_json::Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    let claim = &line["claim"];
    assert_eq!(line["state"], "open");
    let (id, names) = (
        claim["id"].as_str().unwrap(),
        claim["sides"][0]["names"].as_str().unwrap(),
    );
    world
        .run(&["claims", "decide", "c-none", "--together"])
        .await
        .failed(1, &["there is no claim \"c-none\"", "claims list"]);
    let told = world
        .run(&["claims", "decide", id, "--keep", names])
        .await
        .well();
    assert_eq!(
        told.out,
        format!("{id}: the customer is {names}'s; everybody concerned is told\n")
    );
    let again = world.run(&["claims", "decide", id, "--together"]).await;
    again.failed(1, &["the command line has decided", names]);
    let all = world.run(&["claims", "list", "--all"]).await.well();
    assert!(
        all.out
            .contains(&format!("decided: {names}, by the command line")),
        "{}",
        all.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_commands_work_with_and_without_a_daemon() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let alone = world.run(&["status", "--json"]).await.well().json();
    assert_eq!(
        (&alone["running"], &alone["customers"]),
        (&json!(false), &json!(300))
    );
    let commands: [&[&str]; 5] = [
        &["records", "--tab", TAB, "--json"],
        &["records", "--problems", "--json"],
        &["outbox", "list", "--json"],
        &["held", "list", "--json"],
        &["sync", "--dry-run"],
    ];
    let mut without = Vec::new();
    for command in commands {
        without.push(world.run(command).await.well().out);
    }
    let daemon = world.daemon().await;
    for (command, before) in commands.iter().zip(&without) {
        let ran = world.run(command).await.well();
        let whole = |text: &str| text.lines().take(2).collect::<Vec<_>>().join("\n");
        if command[0] == "sync" {
            assert!(
                ran.out.contains("Khách hàng: unchanged, 0 changes"),
                "{}",
                ran.out
            );
        } else {
            assert_eq!(whole(&ran.out), whole(before), "{command:?}");
        }
    }
    let people = world.run(&["status"]).await.well();
    assert!(
        people.out.contains("running") && people.out.contains("Customers: 300\n"),
        "{}",
        people.out
    );
    world
        .run(&["run"])
        .await
        .failed(74, &["another sheetbridge is using the state folder"]);
    let (ran, took) = daemon.end(Signal::TERM).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(
        world.run(&["status", "--json"]).await.well().json()["running"],
        json!(false)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_is_paused_and_resumed() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let ran = world.run(&["pause", "email"]).await.well();
    assert_eq!(
        ran.out,
        "paused: email. Go on with `sheetbridge resume email`\n"
    );
    let status = world.run(&["status", "--json"]).await.well().json();
    assert_eq!(status["paused"][0]["what"], json!("channel/email"));
    world.run(&["pause", "welcom"]).await.failed(1, &["welcom"]);
    let resumed = world
        .run(&["resume", "email", "--json"])
        .await
        .well()
        .json();
    assert_eq!(resumed["was_paused"], json!(true));
    let ran = world.run(&["resume"]).await.well();
    assert!(ran.out.contains("was not paused"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_a_link_and_a_picture_of_it() {
    let world = World::new().await;
    let invitation = world
        .run(&["invite", "lan anh", "--json"])
        .await
        .well()
        .json();
    assert_eq!(invitation["name"], json!("Lan Anh"));
    assert!(
        invitation["link"]
            .as_str()
            .unwrap()
            .starts_with("https://t.me/queenland_bot?start="),
        "{invitation}"
    );
    assert!(invitation["expires"].is_string());
    let people = world.run(&["invite", "Lan Anh"]).await.well();
    assert!(
        people.out.contains('█') && people.out.contains("It works once"),
        "{}",
        people.out
    );
    world
        .run(&["invite", "Nobody"])
        .await
        .failed(1, &["Nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let world = World::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.reconfigure(
        "[hours]\n",
        &format!("[web]\nlisten = \"{address}\"\n[hours]\n"),
    );
    world
        .run(&["run"])
        .await
        .failed(69, &[&address.to_string(), "[web] listen"]);
}
