//! `check` with everything that can be wrong: each has its own sentence, its place and its mend.

#![allow(clippy::unwrap_used)] // A test that cannot go on may stop.

#[path = "cli/world.rs"]
mod world;

use serde_json::{Value, json};
use world::{Ran, TAB, World};

/// The findings of a kind whose text has all of these.
fn found<'a>(answer: &'a Value, kind: &str, area: &str, said: &[&str]) -> &'a Value {
    let list = answer[kind].as_array().unwrap();
    let fits = |finding: &&Value| {
        finding["area"] == area && said.iter().all(|text| finding.to_string().contains(text))
    };
    list.iter()
        .find(fits)
        .unwrap_or_else(|| panic!("no {area} {kind} with {said:?} in {list:#?}"))
}

async fn check(world: &World) -> Ran {
    world.run(&["check", "--json"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_installation_is_well_and_nothing_is_sent_or_kept() {
    let world = World::new().await;
    let ran = check(&world).await;
    let answer = ran.json();
    assert_eq!(answer["problems"], json!([]));
    assert_eq!((ran.code, &answer["ok"]), (0, &json!(true)));
    found(
        &answer,
        "warnings",
        "sheet",
        &["“Đang suy nghĩ” is no stage", "3 rows"],
    );
    found(
        &answer,
        "warnings",
        "people",
        &["“Quốc Bảo” is in charge of", "not in [[staff]]"],
    );
    let problems = answer["data_problems"].as_array().unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem["field"] == "email"
                && problem["value"] == "phanthitrang59gmail.com"),
        "{problems:?}"
    );
    assert_eq!(world.smtp.messages().len(), 0);
    assert!(!world.bot.calls().contains_key("sendmessage"));
    assert!(!world.path("state").exists(), "check keeps nothing");
    assert_eq!(std::fs::read_dir(world.path("tmp")).unwrap().count(), 0);

    let people = world.run(&["check"]).await;
    assert_eq!(people.code, 0, "{people:?}");
    for said in [
        "  ✓ @queenland_bot",
        "logged in as admin",
        "  ✓ Khách hàng: 300 records",
        "data problems:",
        "No problems, ",
    ] {
        assert!(
            people.out.contains(said),
            "`{said}` is not in {}",
            people.out
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_none_is_a_mistake_of_the_configuration() {
    let world = World::new().await;
    world.secret("google.json", "{\"installed\": {}}");
    let ran = check(&world).await;
    assert_eq!(ran.code, 78);
    let finding = found(
        &ran.json(),
        "problems",
        "configuration",
        &["google.json", "service"],
    )
    .clone();
    assert!(
        finding["place"]
            .as_str()
            .unwrap()
            .contains("sheetbridge.toml:6:"),
        "{finding}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_with_an_unknown_stage_is_a_mistake_of_the_configuration() {
    let world = World::new().await;
    world.reconfigure("idle = \"consulting\"", "idle = \"consultin\"");
    let ran = world.run(&["check"]).await;
    ran.failed(78, &["consultin", "sheetbridge.toml"]);
    assert_eq!(ran.out, "");
    let answer = check(&world).await.json();
    found(
        &answer,
        "problems",
        "configuration",
        &["consultin", "consulting"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_is_not_shared_names_the_address_to_share_with() {
    let world = World::new().await;
    world.edit(json!({"op": "unshare", "email": "*"}));
    let ran = check(&world).await;
    assert_eq!(ran.code, 1);
    found(
        &ran.json(),
        "problems",
        "google",
        &["not shared", google_account()],
    );
}

fn google_account() -> &'static str {
    sheetbridge::sandbox::google::SERVICE_ACCOUNT
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_workbook_id_and_an_unreachable_google_are_one_problem_each() {
    let world = World::new().await;
    world.reconfigure(
        &format!("id = \"{}\"", world.workbook),
        "id = \"1WrongIdWrongIdWrongIdWrongIdWrongId00000000\"",
    );
    let answer = check(&world).await.json();
    found(
        &answer,
        "problems",
        "google",
        &["there is no workbook 1WrongId"],
    );
    assert_eq!(answer["problems"].as_array().unwrap().len(), 1, "{answer}");
    world.google.shutdown().await;
    let answer = check(&world).await.json();
    found(&answer, "problems", "google", &["cannot be reached"]);
    assert_eq!(answer["problems"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_tab_and_a_missing_column_are_named() {
    let world = World::new().await;
    world.edit(json!({"op": "rename_header", "tab": TAB, "from": "Họ tên", "to": "Người mua"}));
    world.edit(json!({"op": "rename_header", "tab": TAB, "from": "Khu vực", "to": "Vùng"}));
    let answer = check(&world).await.json();
    found(&answer, "problems", "sheet", &[TAB, "Họ tên"]);
    world.edit(json!({"op": "rename_header", "tab": TAB, "from": "Người mua", "to": "Họ tên"}));
    let ran = check(&world).await;
    assert_eq!(
        ran.code, 0,
        "a missing column that nothing needs is worth a word, not a problem: {ran:?}"
    );
    found(
        &ran.json(),
        "warnings",
        "sheet",
        &["no column for `area`", "Khu vực"],
    );
    world.edit(json!({"op": "rename_tab", "tab": TAB, "to": "KH 2027"}));
    let ran = check(&world).await;
    assert_eq!(ran.code, 1);
    found(
        &ran.json(),
        "problems",
        "sheet",
        &["there is no tab “Khách hàng”", "[[workbook.tab]]"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_zone_and_locale_are_warnings() {
    let world = World::new().await;
    world.edit(json!({"op": "set_time_zone", "time_zone": "America/New_York"}));
    world.edit(json!({"op": "set_locale", "locale": "en_US"}));
    let ran = check(&world).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    found(
        &ran.json(),
        "warnings",
        "google",
        &["America/New_York", "Asia/Ho_Chi_Minh"],
    );
    found(&ran.json(), "warnings", "google", &["en_US"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_with_an_unknown_field_is_told_with_its_line() {
    let world = World::new().await;
    world.template("welcome/subject.txt", "Chào {{ greeting }}");
    world.template(
        "welcome/body.txt",
        "Chào {{ greeting }},\n{{ nmae.full }}\n",
    );
    let ran = check(&world).await;
    assert_eq!(ran.code, 1);
    let finding = found(&ran.json(), "problems", "templates", &["nmae"]).clone();
    assert_eq!(finding["place"], "templates/welcome/body.txt:2");
    assert!(
        finding["mend"]
            .as_str()
            .unwrap()
            .contains("`welcome` uses it"),
        "{finding}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_some_rows_lack_is_told_once_with_an_example() {
    let world = World::new().await;
    world.template("welcome/subject.txt", "Chào {{ greeting }}");
    world.template("welcome/body.txt", "Sinh ngày {{ birthday | date }}\n");
    let ran = check(&world).await;
    assert_eq!(ran.code, 1);
    let answer = ran.json();
    let finding = found(
        &answer,
        "problems",
        "templates",
        &["welcome/body.txt:1", "Khách hàng, row ", "more)"],
    );
    assert!(
        finding["mend"].as_str().unwrap().contains("default("),
        "{finding}"
    );
    assert_eq!(answer["problems"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_does_not_parse_is_told_and_the_rest_goes_on() {
    let world = World::new().await;
    world.template("lead-alert.telegram.html", "{% if name %}");
    world.secret("smtp", "wrong");
    let answer = check(&world).await.json();
    found(
        &answer,
        "problems",
        "templates",
        &["lead-alert.telegram.html"],
    );
    found(&answer, "problems", "email", &["535"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_log_ins_and_tokens_are_told_all_at_once() {
    let world = World::new().await;
    world.secret("smtp", "wrong");
    world.secret("telegram", "4242:wrong");
    let ran = check(&world).await;
    assert_eq!(ran.code, 1);
    let answer = ran.json();
    let email = found(&answer, "problems", "email", &["[email] smtp"]);
    assert!(!email["mend"].as_str().unwrap().is_empty());
    let bot = found(
        &answer,
        "problems",
        "telegram",
        &["Telegram refused the bot token"],
    );
    assert!(
        bot["mend"].as_str().unwrap().contains("@BotFather"),
        "{bot}"
    );
    assert!(
        !answer.to_string().contains("4242:wrong"),
        "a secret is in the answer"
    );
    let people = world.run(&["check"]).await;
    assert!(people.out.contains("2 problems"), "{}", people.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_there_are_problems_not_crashes() {
    let world = World::new().await;
    world.smtp.shutdown().await;
    world.bot.shutdown().await;
    let answer = check(&world).await.json();
    found(&answer, "problems", "email", &["refused"]);
    found(&answer, "problems", "telegram", &["cannot be reached"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trial_is_not_forgotten() {
    let world = World::new().await;
    world.reconfigure(
        "[google]\n",
        "[trial]\nredirect_all_to = \"thu@queenland.example\"\n[google]\n",
    );
    let ran = check(&world).await;
    found(
        &ran.json(),
        "warnings",
        "configuration",
        &["the trial is on", "t…@queenland.example"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn advertising_without_any_consent_is_warned_of() {
    let world = World::new().await;
    world.reconfigure("consent = \"Đồng ý nhận tin\"\n", "");
    world.reconfigure(
        "template = \"welcome\" }",
        "template = \"welcome\", ad = true }",
    );
    let ran = check(&world).await;
    let answer = ran.json();
    let everything = format!("{}{}", answer["problems"], answer["warnings"]);
    assert!(everything.contains("consent"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_advertise_as_rules_do() {
    let world = World::new().await;
    world.reconfigure("consent = \"Đồng ý nhận tin\"\n", "");
    world.reconfigure("[hours]\n", "[campaigns]\ntab = \"Chiến dịch\"\n[hours]\n");
    let ran = check(&world).await;
    found(
        &ran.json(),
        "warnings",
        "advertising",
        &["so campaigns will mail nobody"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_advertising_lacks_and_what_dns_must_have_is_said() {
    let world = World::new().await;
    world.reconfigure(
        "template = \"welcome\" }",
        "template = \"welcome\", ad = true }",
    );
    let answer = check(&world).await.json();
    let way_out = ["no page on which customers refuse", "public_url"];
    found(&answer, "warnings", "advertising", &way_out);
    found(&answer, "warnings", "advertising", &["`website"]);

    let key = include_str!("data/dkim/rsa.pkcs8.pem");
    std::fs::write(world.path("dkim.pem"), key).unwrap();
    let signed = "[email]\ndkim = { selector = \"s1\", key = { file = \"dkim.pem\" } }\n";
    world.reconfigure("[email]\n", signed);
    world.reconfigure(
        "[email]\n",
        "[web]\nlisten = \"127.0.0.1:8787\"\npublic_url = \"https://crm.queenland.example/\"\n[email]\n",
    );
    let ran = world.run(&["check"]).await;
    for said in [
        "s1._domainkey.queenland.example. IN TXT \"v=DKIM1; k=rsa; p=MIIBIjAN",
        "advertising can be refused at https://crm.queenland.example/u/…",
    ] {
        assert!(ran.out.contains(said), "{said}\n{}", ran.out);
    }

    std::fs::write(
        world.path("dkim.pem"),
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
    )
    .unwrap();
    let answer = check(&world).await.json();
    let not_private = ["selector \\\"s1\\\"", "not the private key"];
    found(&answer, "problems", "email", &not_private);
}
