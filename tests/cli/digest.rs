//! `digest`: printed, drawn and sent, with and without a daemon.

use std::time::Duration;

use serde_json::json;
use sheetbridge::sandbox::telegram::Person;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_printed_and_drawn() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let ran = world.run(&["digest"]).await.well();
    assert!(ran.out.contains("Khách hàng: 300"), "{}", ran.out);
    assert!(!ran.out.contains("<b>"), "{}", ran.out);
    let file = world.path("digest.png");
    let path = file.to_str().unwrap();
    let ran = world.run(&["digest", "--png", path]).await.well();
    assert!(ran.err.contains("digest.png written"), "{}", ran.err);
    let picture = std::fs::read(&file).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000);
    let file = world.path("report.png");
    let ran = world
        .run(&["report", "--json", "--png", file.to_str().unwrap()])
        .await
        .well();
    assert_eq!(ran.json()["customers"], json!(300));
    assert!(std::fs::read(&file).unwrap().starts_with(b"\x89PNG"));
    let made = world.run(&["digest", "--json"]).await.well().json();
    assert_eq!(
        (&made["rule"], &made["digest"]["total"], &made["queued"]),
        (&json!("morning"), &json!(300), &json!([]))
    );
    world
        .run(&["digest", "--png", "/nowhere/digest.png"])
        .await
        .failed(74, &["/nowhere/digest.png cannot be written"]);
    world.run(&["digest", "--rule", "mornin"]).await.failed(
        1,
        &["there is no rule `mornin`: digests are sent by morning"],
    );
    world.run(&["digest", "--rule", "welcome"]).await.failed(
        2,
        &["`welcome` sends no digest: digests are sent by morning"],
    );
    let second = "[[rule]]\nid = \"evening\"\non = { schedule = \"Mon-Sat 18:00\" }\nsend = { channel = \"telegram\", to = \"managers\", template = \"digest-daily\" }\n[[rule]]\nid = \"morning\"\n";
    world.reconfigure("[[rule]]\nid = \"morning\"\n", second);
    world.run(&["digest", "--send"]).await.failed(
        2,
        &["2 rules send a digest: choose with --rule evening or --rule morning"],
    );
    world.run(&["digest", "--rule", "evening"]).await.well();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_there_is_nobody_to_send_it_to() {
    let world = World::new().await;
    world.reconfigure("template = \"digest-daily\"", "template = \"problems\"");
    world.run(&["sync"]).await.well();
    let ran = world.run(&["digest"]).await.well();
    assert!(ran.out.contains("Khách hàng: 300"), "{}", ran.out);
    world.run(&["digest", "--send"]).await.failed(
        2,
        &["no rule sends a digest, so there is nobody to send it to: add one with on = { schedule"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_sent_with_its_picture_once_for_each_time_it_is_asked_for() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let ran = world.run(&["digest", "--send"]).await.well();
    assert!(
        ran.out.contains("to Hà Phạm by telegram") && ran.out.contains("no daemon is running"),
        "{}",
        ran.out
    );
    let manager = world
        .bot
        .create_person(Person::new(777, "Hà Phạm"))
        .unwrap();
    world.bot.press_start(manager, None).unwrap();
    world.reconfigure(
        "name = \"Hà Phạm\"\n",
        "name = \"Hà Phạm\"\ntelegram = 777\n",
    );
    let daemon = world.daemon().await;
    let shown = world
        .bot
        .wait_for_message(
            manager,
            |message| message.photo.is_some(),
            Duration::from_secs(60),
        )
        .await
        .unwrap();
    let photo = shown.photo.unwrap();
    assert_eq!((photo.mime.as_str(), photo.width), ("image/png", 1080));
    let ran = world.run(&["digest", "--send", "--json"]).await.well();
    assert_eq!(ran.json()["queued"][0]["channel"], json!("telegram"));
    drop(daemon);
}
