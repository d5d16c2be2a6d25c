//! Tokens of a service account, and what the typed client does not tell about a failure.

use google_sheets4::common::{Delegate, Response};
use google_sheets4::hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use google_sheets4::hyper_util::client::legacy::{Client, connect::HttpConnector};
use google_sheets4::hyper_util::rt::TokioExecutor;
use google_sheets4::yup_oauth2::authenticator::Authenticator;
use google_sheets4::yup_oauth2::client::CustomHyperClientBuilder;
use google_sheets4::yup_oauth2::error::Error as OauthError;
use google_sheets4::yup_oauth2::{AccessToken, ServiceAccountAuthenticator, ServiceAccountKey};
use secrecy::{ExposeSecret as _, SecretString};

use super::{CALL_LIMIT, GoogleError, READ_SCOPE, read};

/// HTTPS to Google, plain HTTP to a loopback address.
pub(super) type Connector = HttpsConnector<HttpConnector>;

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is no service-account key.
    #[error(
        "the Google key is not a service-account key ({0}): make one in the Google Cloud console, IAM & Admin, Service Accounts, Keys, Add key, JSON"
    )]
    NotAKey(String),
    /// The system cannot make HTTPS connections.
    #[error("no HTTPS connections can be made from this machine: {0}")]
    Client(String),
}

/// What a failed call answered; the typed client hides it in its delegate.
#[derive(Default)]
pub(super) struct Watch {
    /// HTTP status.
    pub(super) status: Option<u16>,
    /// `Retry-After`, in seconds.
    pub(super) retry_after_s: Option<u64>,
}

impl Delegate for Watch {
    fn http_failure(
        &mut self,
        response: &Response,
        _: Option<&serde_json::Value>,
    ) -> google_sheets4::common::Retry {
        self.status = Some(response.status().as_u16());
        self.retry_after_s = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok());
        google_sheets4::common::Retry::Abort
    }
}

/// A connector that takes both kinds of addresses.
pub(super) fn connector() -> Result<Connector, KeyError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(std::time::Duration::from_secs(20)));
    Ok(HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| KeyError::Client(error.to_string()))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http))
}

/// The tokens of one service account, kept until they expire.
pub(super) struct Tokens {
    authenticator: Authenticator<Connector>,
    account: String,
    token_url: String,
}

impl Tokens {
    /// Reads the key; asks for no token yet.
    pub(super) async fn new(key_json: &SecretString) -> Result<Self, KeyError> {
        let key: ServiceAccountKey = serde_json::from_str(key_json.expose_secret())
            .map_err(|error| KeyError::NotAKey(error.to_string()))?;
        let account = key.client_email.clone();
        let token_url = key.token_uri.clone();
        let client = Client::builder(TokioExecutor::new()).build(connector()?);
        let authenticator =
            ServiceAccountAuthenticator::with_client(key, CustomHyperClientBuilder::from(client))
                .build()
                .await
                .map_err(|error| KeyError::NotAKey(error.to_string()))?;
        Ok(Self {
            authenticator,
            account,
            token_url,
        })
    }

    /// The service account's address.
    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// The same tokens for the typed client.
    pub(super) fn authenticator(&self) -> Authenticator<Connector> {
        self.authenticator.clone()
    }

    /// A token that is still good as far as its time tells.
    pub(super) async fn token(&self) -> Result<String, GoogleError> {
        let asked = tokio::time::timeout(CALL_LIMIT, self.authenticator.token(&[READ_SCOPE]));
        self.answer(asked.await)
    }

    /// A new token, because Google no longer takes the old one.
    pub(super) async fn refresh(&self) -> Result<String, GoogleError> {
        let asked = tokio::time::timeout(
            CALL_LIMIT,
            self.authenticator.force_refreshed_token(&[READ_SCOPE]),
        );
        self.answer(asked.await)
    }

    fn answer(
        &self,
        asked: Result<Result<AccessToken, OauthError>, tokio::time::error::Elapsed>,
    ) -> Result<String, GoogleError> {
        let unreachable = |why: String| GoogleError::Unreachable {
            url: self.token_url.clone(),
            why,
        };
        match asked {
            Ok(Ok(token)) => match token.token() {
                Some(token) => Ok(token.to_owned()),
                None => Err(unreachable("the token endpoint gave no token".into())),
            },
            // Only the endpoint's own word is final; a proxy's HTML page is not.
            Ok(Err(OauthError::AuthError(error))) => Err(GoogleError::KeyRefused {
                account: self.account.clone(),
                message: error.to_string(),
            }),
            Ok(Err(OauthError::JSONError(_))) => {
                Err(unreachable("an answer that is no token".into()))
            }
            Ok(Err(OauthError::HttpClientError(error))) => {
                Err(unreachable(read::root_cause(&error)))
            }
            Ok(Err(error)) => Err(unreachable(read::root_cause(&error))),
            Err(_) => Err(unreachable(format!(
                "no token within {} s",
                CALL_LIMIT.as_secs()
            ))),
        }
    }
}
