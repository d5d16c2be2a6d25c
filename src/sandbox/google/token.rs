//! The OAuth token endpoint for service accounts (RFC 7523 as Google runs it), the accounts it
//! knows, and the tokens it gave out. The signature is really verified and expiry really enforced.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::errors::{ApiError, OauthError};

/// The e-mail address of the sandbox's own service account: share a workbook with it.
pub const SERVICE_ACCOUNT: &str = "sheetbridge@sandbox-project.iam.gserviceaccount.example";

/// The built-in key. Invented, and good for nothing but the sandbox: see the file's first lines.
const BUILT_IN_KEY: &str = include_str!("../data/sandbox-only-service-account.pem");
const BUILT_IN_KEY_ID: &str = "5a6d0b0c5a6e6d626f782d6f6e6c79000000001";

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google's own audience, which every key file from the console names.
const GOOGLE_AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// How far a client's clock may be off.
const CLOCK_SKEW_S: i64 = 300;
/// The longest life of an assertion.
const LIFETIME_MAX_S: i64 = 3600;

pub(super) const SCOPE_SHEETS: &str = "https://www.googleapis.com/auth/spreadsheets";
pub(super) const SCOPE_SHEETS_READ: &str = "https://www.googleapis.com/auth/spreadsheets.readonly";
pub(super) const SCOPE_DRIVE: &str = "https://www.googleapis.com/auth/drive";
pub(super) const SCOPE_DRIVE_READ: &str = "https://www.googleapis.com/auth/drive.readonly";
pub(super) const SCOPE_DRIVE_FILE: &str = "https://www.googleapis.com/auth/drive.file";
pub(super) const SCOPE_DRIVE_META: &str = "https://www.googleapis.com/auth/drive.metadata";
pub(super) const SCOPE_DRIVE_META_READ: &str =
    "https://www.googleapis.com/auth/drive.metadata.readonly";

/// The accounts and the tokens in force.
#[derive(Debug)]
pub(super) struct TokenDesk {
    /// Address → RSAPublicKey (PKCS #1 DER) and key id.
    accounts: HashMap<String, Account>,
    tokens: HashMap<String, Token>,
    /// How long a token lasts.
    pub(super) lifetime_s: i64,
}

#[derive(Debug)]
struct Account {
    public_key: Vec<u8>,
    key_id: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) email: String,
    pub(super) scopes: Vec<String>,
    expires_at: i64,
}

impl Token {
    pub(super) fn has_any(&self, scopes: &[&str]) -> bool {
        self.scopes.iter().any(|own| scopes.contains(&own.as_str()))
    }
}

impl TokenDesk {
    /// A desk that knows the built-in account.
    pub(super) fn new(lifetime_s: i64) -> TokenDesk {
        let mut accounts = HashMap::new();
        accounts.insert(
            SERVICE_ACCOUNT.to_owned(),
            Account {
                public_key: built_in_public_key(),
                key_id: Some(BUILT_IN_KEY_ID.to_owned()),
            },
        );
        TokenDesk {
            accounts,
            tokens: HashMap::new(),
            lifetime_s,
        }
    }

    /// Makes a further account known by its public key in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`).
    pub(super) fn register(&mut self, email: &str, public_key_pem: &str) -> Result<(), String> {
        let public_key = public_key_der(public_key_pem)?;
        self.accounts.insert(
            email.to_owned(),
            Account {
                public_key,
                key_id: None,
            },
        );
        Ok(())
    }

    /// Forgets an account, as when it is deleted in the console; its tokens end too.
    pub(super) fn unregister(&mut self, email: &str) -> bool {
        self.tokens.retain(|_, token| token.email != email);
        self.accounts.remove(email).is_some()
    }

    /// Ends every token now.
    pub(super) fn revoke_all(&mut self) {
        self.tokens.clear();
    }

    /// Answers `POST /token`. `form` is the decoded body, `is_ours` tells whether an audience is
    /// this server's own token address, `now` is in Unix seconds.
    pub(super) fn grant(
        &mut self,
        form: &[(String, String)],
        is_ours: impl Fn(&str) -> bool,
        now: i64,
    ) -> Result<Value, OauthError> {
        let field = |name: &str| {
            form.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        match field("grant_type") {
            None => {
                return Err(OauthError::new(
                    "invalid_request",
                    "Required parameter is missing: grant_type",
                ));
            }
            Some(GRANT) => {}
            Some(other) => {
                return Err(OauthError::new(
                    "unsupported_grant_type",
                    format!("Invalid grant_type: {other}"),
                ));
            }
        }
        let assertion = field("assertion").ok_or_else(|| {
            OauthError::new(
                "invalid_request",
                "Required parameter is missing: assertion",
            )
        })?;
        let (email, scopes) = self.verify(assertion, is_ours, now)?;
        let name = random_name().ok_or_else(|| {
            OauthError::new(
                "internal_failure",
                "The sandbox could not draw a random token.",
            )
        })?;
        self.tokens
            .retain(|_, token| token.expires_at > now - 86_400);
        self.tokens.insert(
            name.clone(),
            Token {
                email,
                scopes,
                expires_at: now + self.lifetime_s,
            },
        );
        Ok(json!({
            "access_token": name,
            "expires_in": (self.lifetime_s - 1).max(1),
            "token_type": "Bearer",
        }))
    }

    fn verify(
        &self,
        assertion: &str,
        is_ours: impl Fn(&str) -> bool,
        now: i64,
    ) -> Result<(String, Vec<String>), OauthError> {
        let grant = |text: &str| OauthError::new("invalid_grant", text);
        let malformed = || grant("Invalid JWT: Failed to parse the assertion.");
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let part = |text: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?).ok()
        };
        let header = part(header).ok_or_else(malformed)?;
        let claims = part(claims).ok_or_else(malformed)?;
        let issuer = claims["iss"]
            .as_str()
            .ok_or_else(|| grant("Invalid JWT: iss field missing."))?;
        let account = self
            .accounts
            .get(issuer)
            .ok_or_else(|| grant("Invalid grant: account not found"))?;
        let known_key = match (header["kid"].as_str(), &account.key_id) {
            (Some(given), Some(known)) => given == known,
            _ => true,
        };
        let signature = URL_SAFE_NO_PAD
            .decode(signature.trim_end_matches('='))
            .unwrap_or_default();
        let verified = header["alg"] == "RS256"
            && known_key
            && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &account.public_key)
                .verify(signed.as_bytes(), &signature)
                .is_ok();
        if !verified {
            return Err(grant("Invalid JWT Signature."));
        }
        match claims["aud"].as_str() {
            Some(audience) if audience == GOOGLE_AUDIENCE || is_ours(audience) => {}
            _ => {
                return Err(grant(
                    "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token or the sandbox's own token_uri.",
                ));
            }
        }
        let time = |name: &str| claims[name].as_i64();
        let short_lived = match (time("iat"), time("exp")) {
            (Some(issued), Some(expires)) => {
                issued <= now + CLOCK_SKEW_S
                    && expires > now - CLOCK_SKEW_S
                    && expires > issued
                    && expires - issued <= LIFETIME_MAX_S
                    && expires <= now + LIFETIME_MAX_S + CLOCK_SKEW_S
            }
            _ => false,
        };
        if !short_lived {
            return Err(grant(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
            ));
        }
        if claims["sub"]
            .as_str()
            .is_some_and(|subject| subject != issuer)
        {
            return Err(OauthError::new(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
            ));
        }
        let scopes: Vec<String> = claims["scope"]
            .as_str()
            .unwrap_or("")
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        if scopes.is_empty() || scopes.iter().any(|scope| !known_scope(scope)) {
            return Err(OauthError::new(
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            ));
        }
        Ok((issuer.to_owned(), scopes))
    }

    /// The token behind an `Authorization` header or `access_token` parameter, if it is in force.
    pub(super) fn look_up(&self, name: &str, method: &str, now: i64) -> Result<Token, ApiError> {
        match self.tokens.get(name) {
            None => Err(ApiError::bad_token("ACCESS_TOKEN_TYPE_UNSUPPORTED", method)),
            Some(token) if token.expires_at <= now => {
                Err(ApiError::bad_token("ACCESS_TOKEN_EXPIRED", method))
            }
            Some(token) => Ok(token.clone()),
        }
    }
}

fn known_scope(scope: &str) -> bool {
    scope.starts_with("https://www.googleapis.com/auth/")
        || ["openid", "email", "profile"].contains(&scope)
        || scope.starts_with("https://spreadsheets.google.com/feeds")
}

fn random_name() -> Option<String> {
    let mut bytes = [0u8; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("ya29.sandbox-{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The key file, in the form the Google Cloud console hands out, with `token_uri` on the sandbox.
pub(super) fn key_file(base_url: &str) -> Value {
    let start = BUILT_IN_KEY.find("-----BEGIN").unwrap_or(0);
    json!({
        "type": "service_account",
        "project_id": "sandbox-project",
        "private_key_id": BUILT_IN_KEY_ID,
        "private_key": &BUILT_IN_KEY[start..],
        "client_email": SERVICE_ACCOUNT,
        "client_id": "100000000000000000000",
        "auth_uri": format!("{base_url}/auth"),
        "token_uri": format!("{base_url}/token"),
        "auth_provider_x509_cert_url": format!("{base_url}/oauth2/v1/certs"),
        "client_x509_cert_url": format!("{base_url}/robot/v1/metadata/x509"),
        "universe_domain": "googleapis.com",
    })
}

fn built_in_public_key() -> Vec<u8> {
    let der = pem_body(BUILT_IN_KEY, "PRIVATE KEY").unwrap_or_default();
    RsaKeyPair::from_pkcs8(&der)
        .map(|pair| pair.public_key().as_ref().to_vec())
        .expect("the key file is part of the program and a test reads it")
}

/// The bytes between the BEGIN and END lines of that label.
fn pem_body(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

fn public_key_der(pem: &str) -> Result<Vec<u8>, String> {
    if let Some(der) = pem_body(pem, "RSA PUBLIC KEY") {
        return Ok(der);
    }
    let der = pem_body(pem, "PUBLIC KEY").ok_or_else(|| {
        "the public key is not PEM with a PUBLIC KEY or RSA PUBLIC KEY block; make one with: openssl rsa -in key.pem -pubout".to_owned()
    })?;
    spki_rsa_key(&der)
        .map(<[u8]>::to_vec)
        .ok_or_else(|| "the public key is not an RSA key".to_owned())
}

/// The RSAPublicKey inside a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
fn spki_rsa_key(der: &[u8]) -> Option<&[u8]> {
    let (info, _) = der_value(der, 0x30)?;
    let (algorithm, rest) = der_value(info, 0x30)?;
    const RSA_ENCRYPTION: [u8; 11] = [
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    ];
    if !algorithm.starts_with(&RSA_ENCRYPTION) {
        return None;
    }
    let (bits, _) = der_value(rest, 0x03)?;
    bits.strip_prefix(&[0])
}

/// The value of the DER element of that tag at the start, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let count = usize::from(length & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return None;
        }
        let (bytes, rest) = rest.split_at(count);
        (
            bytes
                .iter()
                .fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)),
            rest,
        )
    };
    (rest.len() >= length).then(|| rest.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn sign(header: &Value, claims: &Value) -> String {
        let der = pem_body(BUILT_IN_KEY, "PRIVATE KEY").unwrap();
        let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(
            &ring::signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn ask(change: impl Fn(&mut Value, &mut Value)) -> Result<Value, OauthError> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        let mut claims = json!({
            "iss": SERVICE_ACCOUNT, "scope": SCOPE_SHEETS_READ, "aud": "http://127.0.0.1:1/token",
            "iat": NOW, "exp": NOW + 3600,
        });
        change(&mut header, &mut claims);
        let form = [
            ("grant_type".to_owned(), GRANT.to_owned()),
            ("assertion".to_owned(), sign(&header, &claims)),
        ];
        TokenDesk::new(3600).grant(&form, |aud| aud == "http://127.0.0.1:1/token", NOW)
    }

    fn refused(change: impl Fn(&mut Value, &mut Value)) -> String {
        let error = ask(change).unwrap_err();
        format!("{}: {}", error.error, error.description)
    }

    #[test]
    fn a_good_assertion_gets_a_token() {
        let answer = ask(|_, _| {}).unwrap();
        assert_eq!(answer["expires_in"], 3599);
        assert_eq!(answer["token_type"], "Bearer");
        ask(|_, claims| claims["aud"] = json!(GOOGLE_AUDIENCE)).unwrap();
    }

    #[test]
    fn every_flaw_has_googles_answer() {
        assert_eq!(
            refused(|header, _| header["alg"] = json!("HS256")),
            "invalid_grant: Invalid JWT Signature."
        );
        assert_eq!(
            refused(|header, _| header["kid"] = json!("other")),
            "invalid_grant: Invalid JWT Signature."
        );
        assert_eq!(
            refused(|_, claims| claims["iss"] = json!("x@y.example")),
            "invalid_grant: Invalid grant: account not found"
        );
        assert!(
            refused(|_, claims| claims["aud"] = json!("https://other.example"))
                .contains("Failed audience check")
        );
        assert!(
            refused(|_, claims| claims["exp"] = json!(NOW + 7200))
                .contains("short-lived token (60 minutes)")
        );
        assert!(
            refused(|_, claims| {
                claims["iat"] = json!(NOW - 7200);
                claims["exp"] = json!(NOW - 3601)
            })
            .contains("short-lived")
        );
        assert!(
            refused(|_, claims| {
                claims["iat"] = json!(NOW + 900);
                claims["exp"] = json!(NOW + 1800)
            })
            .contains("short-lived")
        );
        assert!(
            refused(|_, claims| claims["sub"] = json!("boss@congty.example"))
                .starts_with("unauthorized_client")
        );
        assert!(refused(|_, claims| claims["scope"] = json!("")).starts_with("invalid_scope"));
        assert!(refused(|_, claims| claims["scope"] = json!("all")).starts_with("invalid_scope"));
    }

    #[test]
    fn a_changed_claim_breaks_the_signature() {
        let token = sign(&json!({"alg": "RS256"}), &json!({"iss": SERVICE_ACCOUNT}));
        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode(json!({"iss": SERVICE_ACCOUNT, "x": 1}).to_string());
        parts[1] = &forged;
        let desk = TokenDesk::new(3600);
        let error = desk.verify(&parts.join("."), |_| true, NOW).unwrap_err();
        assert_eq!(error.description, "Invalid JWT Signature.");
    }

    #[test]
    fn a_public_key_that_is_none_is_refused() {
        assert!(public_key_der("hello").unwrap_err().contains("openssl rsa"));
    }
}
