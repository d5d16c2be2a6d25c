//! The typed client the daemon uses.

use serde_json::json;
use sheetbridge::sandbox::google::demo_workbook;

use super::{READ, WRITE, sandbox};

/// The typed client the daemon uses, over plain HTTP, reading and writing.
#[tokio::test]
async fn google_sheets4_works_against_it() {
    use google_sheets4::api::ValueRange;
    use google_sheets4::{Sheets, hyper_rustls, hyper_util};
    let sandbox = sandbox().await;
    sandbox.add_workbook(demo_workbook());
    let key = yup_oauth2::parse_service_account_key(sandbox.key_json().to_string()).unwrap();
    let auth = yup_oauth2::ServiceAccountAuthenticator::builder(key)
        .build()
        .await
        .unwrap();
    let mut plain = hyper_util::client::legacy::connect::HttpConnector::new();
    plain.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .unwrap()
        .https_or_http()
        .enable_http1()
        .wrap_connector(plain);
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).build(connector);
    let mut hub = Sheets::new(client, auth);
    hub.base_url(format!("{}/", sandbox.base_url()));
    hub.root_url(format!("{}/", sandbox.base_url()));

    let demo = demo_workbook().id;
    let (_, book) = hub
        .spreadsheets()
        .get(&demo)
        .param("fields", "properties.locale,sheets.properties")
        .add_scope(READ)
        .doit()
        .await
        .unwrap();
    assert_eq!(book.properties.unwrap().locale.as_deref(), Some("vi_VN"));
    let tabs: Vec<String> = book
        .sheets
        .unwrap()
        .into_iter()
        .map(|tab| tab.properties.unwrap().title.unwrap())
        .collect();
    assert_eq!(tabs[0], "Khách hàng");
    let (_, read) = hub
        .spreadsheets()
        .values_batch_get(&demo)
        .add_ranges("'Khách hàng'!A1:P")
        .value_render_option("UNFORMATTED_VALUE")
        .add_scope(READ)
        .doit()
        .await
        .unwrap();
    let range = read.value_ranges.unwrap().remove(0);
    assert_eq!(range.range.as_deref(), Some("'Khách hàng'!A1:P1000"));
    assert_eq!(range.values.unwrap().len(), 340);

    let body = ValueRange {
        values: Some(vec![vec![json!("Dung"), json!(1)]]),
        ..ValueRange::default()
    };
    let lost = hub
        .spreadsheets()
        .values_append(body, "small", "Nope!A1")
        .value_input_option("RAW")
        .add_scope(WRITE)
        .doit()
        .await
        .unwrap_err();
    assert!(
        matches!(&lost, google_sheets4::Error::BadRequest(json) if json["error"]["message"] == "Unable to parse range: Nope!A1"),
        "{lost}"
    );
    let body = ValueRange {
        values: Some(vec![vec![json!("Dung"), json!(1)]]),
        ..ValueRange::default()
    };
    let (_, done) = hub
        .spreadsheets()
        .values_append(body, "small", "'O''Brien'!A1")
        .value_input_option("RAW")
        .add_scope(WRITE)
        .doit()
        .await
        .unwrap();
    assert_eq!(
        done.updates.unwrap().updated_range.as_deref(),
        Some("'O''Brien'!A2:B2")
    );
}
