//! `handover`: looked at, done and taken back.

use serde_json::json;

use crate::world::World;

/// In the sample workbook, and not in this staff list.
const LEFT: &str = "Quốc Bảo";

#[tokio::test(flavor = "multi_thread")]
async fn a_leavers_customers_are_handed_over_and_come_back() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let plan = world
        .run(&["handover", LEFT, "--dry-run", "--json"])
        .await
        .well()
        .json();
    assert_ne!(plan["customers"], json!(0));
    let names: Vec<&str> = plan["shares"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| share["to"].as_str().unwrap())
        .collect();
    assert!(names.len() > 1 && !names.contains(&LEFT), "{plan}");
    let shown = world
        .run(&["handover", LEFT, "--to", "Lan Anh", "--dry-run"])
        .await
        .well();
    assert!(
        shown.out.contains("would go to:\n  Lan Anh"),
        "{}",
        shown.out
    );
    let done = world
        .run(&["handover", LEFT, "--to", "Lan Anh"])
        .await
        .well();
    assert!(
        done.out
            .contains("Take it back with `sheetbridge handover \"Quốc Bảo\" --undo`"),
        "{}",
        done.out
    );
    world
        .run(&["handover", LEFT])
        .await
        .failed(1, &["has handed over from Quốc Bảo to Lan Anh", "--undo"]);
    let undone = world.run(&["handover", LEFT, "--undo"]).await.well();
    assert!(undone.out.contains("taken back"), "{}", undone.out);
    world
        .run(&["handover", "Không Ai"])
        .await
        .failed(1, &["\"Không Ai\" is not in the staff list"]);
    world
        .run(&["handover", "Lan Anh", "--to", "lan anh"])
        .await
        .failed(2, &["Lan Anh cannot take over from themselves"]);
}
