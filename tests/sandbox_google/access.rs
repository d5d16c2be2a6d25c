//! Tokens, scopes, sharing and quota.

use std::time::Duration;

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{Edit, Role, SERVICE_ACCOUNT};

use super::{READ, WRITE, call, get, refusal, sandbox, token, write};

#[tokio::test]
async fn tokens_expire_and_scopes_bind() {
    let sandbox = sandbox().await;
    let reader = token(&sandbox, READ).await;
    let path = "/v4/spreadsheets/small/values/A1";
    assert_eq!(
        call(&sandbox, &reader, "GET", path, Value::Null).await.0,
        200
    );
    let refused = call(
        &sandbox,
        &reader,
        "PUT",
        &format!("{path}?valueInputOption=RAW"),
        json!({"values": [["x"]]}),
    )
    .await;
    assert_eq!(
        refusal(&refused),
        "403 PERMISSION_DENIED Request had insufficient authentication scopes."
    );
    assert_eq!(
        refused.1["error"]["details"][0]["reason"],
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    );
    sandbox.advance_clock(Duration::from_secs(3601));
    let expired = call(&sandbox, &reader, "GET", path, Value::Null).await;
    assert!(
        refusal(&expired)
            .starts_with("401 UNAUTHENTICATED Request had invalid authentication credentials.")
    );
    assert!(
        refusal(&call(&sandbox, "made-up", "GET", path, Value::Null).await)
            .starts_with("401 UNAUTHENTICATED")
    );
    let bare = reqwest::get(format!("{}{path}", sandbox.base_url()))
        .await
        .unwrap();
    assert_eq!(bare.status(), 403);
}

#[tokio::test]
async fn the_token_endpoint_refuses_in_its_own_shape() {
    let sandbox = sandbox().await;
    let ask = async |form: &[(&str, &str)]| {
        let url = format!("{}/token", sandbox.base_url());
        let answer = reqwest::Client::new()
            .post(url)
            .form(form)
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(
        ask(&[("grant_type", "password")]).await,
        (
            400,
            json!({"error": "unsupported_grant_type", "error_description": "Invalid grant_type: password"})
        )
    );
    let (status, answer) = ask(&[("grant_type", grant), ("assertion", "a.b")]).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    // The right account with another's key: the real client gets Google's words.
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    assert!(
        sandbox
            .register_account("x@y.example", &other.public_key_pem())
            .unwrap_err()
            .contains("not an RSA key")
    );
    sandbox.unregister_account(SERVICE_ACCOUNT);
    let key = yup_oauth2::parse_service_account_key(sandbox.key_json().to_string()).unwrap();
    let auth = yup_oauth2::ServiceAccountAuthenticator::builder(key)
        .build()
        .await
        .unwrap();
    let error = auth.token(&[READ]).await.unwrap_err().to_string();
    assert!(
        error.contains("invalid_grant") || error.contains("account not found"),
        "{error}"
    );
}

#[tokio::test]
async fn sharing_decides_who_may_read_and_write() {
    let sandbox = sandbox().await;
    let unshare = Edit::Unshare {
        email: "*".to_owned(),
    };
    sandbox.edit("small", &[unshare]).unwrap();
    let path = "/v4/spreadsheets/small/values/A1";
    assert_eq!(
        refusal(&get(&sandbox, path).await),
        "403 PERMISSION_DENIED The caller does not have permission"
    );
    let share = Edit::Share {
        email: SERVICE_ACCOUNT.to_owned(),
        role: Role::Reader,
    };
    sandbox.edit("small", &[share]).unwrap();
    assert_eq!(get(&sandbox, path).await.0, 200);
    let refused = write(
        &sandbox,
        "POST",
        "/v4/spreadsheets/small/values/A1:clear",
        json!({}),
    )
    .await;
    assert_eq!(
        refusal(&refused),
        "403 PERMISSION_DENIED The caller does not have permission"
    );
    let missing = get(&sandbox, "/v4/spreadsheets/none/values/A1").await;
    assert_eq!(
        refusal(&missing),
        "404 NOT_FOUND Requested entity was not found."
    );
}

#[tokio::test]
async fn over_quota_is_told_with_its_details() {
    let sandbox = sandbox().await;
    sandbox.set_quota(Some(2));
    let path = "/v4/spreadsheets/small/values/A1";
    let token = token(&sandbox, WRITE).await;
    for _ in 0..2 {
        assert_eq!(
            call(&sandbox, &token, "GET", path, Value::Null).await.0,
            200
        );
    }
    let over = call(&sandbox, &token, "GET", path, Value::Null).await;
    assert!(
        refusal(&over)
            .starts_with("429 RESOURCE_EXHAUSTED Quota exceeded for quota metric 'Read requests'")
    );
    let info = &over.1["error"]["details"][0];
    assert_eq!(info["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(
        info["metadata"]["quota_limit"],
        "ReadRequestsPerMinutePerUser"
    );
    assert_eq!(info["metadata"]["quota_limit_value"], "2");
    assert_eq!(
        call(
            &sandbox,
            &token,
            "POST",
            &format!("{path}:clear"),
            json!({})
        )
        .await
        .0,
        200,
        "writes count apart"
    );
    sandbox.advance_clock(Duration::from_secs(60));
    assert_eq!(
        call(&sandbox, &token, "GET", path, Value::Null).await.0,
        200
    );
}
