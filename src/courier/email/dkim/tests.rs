use super::*;
use ring::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

/// RFC 8463 appendix A: the mail, both signatures, and the keys.
const MAIL: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
To: Suzie Q <suzie@shopping.example.net>\r\n\
Subject: Is dinner ready?\r\n\
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
\r\n\
Hi.\r\n\
\r\n\
We lost the game.  Are you hungry yet?\r\n\
\r\n\
Joe.\r\n";
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const BODY_HASH: &str = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
const NAMES: [&str; 8] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "from",
    "subject",
    "date",
];
const RSA_SIGNATURE: &str = "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\
DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\
dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=";
const RSA_PUBLIC: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id\
Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

fn rfc_field(algorithm: &str, selector: &str, split: &str) -> String {
    format!(
        "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d=football.example.com; \
         i=@football.example.com;\r\n q=dns/txt; s={selector}; t=1528637909; h={split};\r\n bh={BODY_HASH};\r\n b="
    )
}

#[test]
fn the_mail_of_rfc_8463_is_signed_as_there() {
    let (head, body) = split(MAIL).unwrap();
    let hash = BASE64.encode(digest(&SHA256, relaxed_body(body).as_bytes()));
    assert_eq!(hash, BODY_HASH);
    let key = Signer::new("football.example.com", "brisbane", SEED).unwrap();
    assert_eq!(
        key.record_value(),
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    );
    let own = rfc_field(
        "ed25519-sha256",
        "brisbane",
        "from : to :\r\n subject : date : message-id : from : subject : date",
    );
    let signed = signed_text(&fields(head), &NAMES, &own);
    assert_eq!(
        BASE64.encode(key.seal(&signed).unwrap()),
        "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    );
}

#[test]
fn the_rsa_signature_of_rfc_8463_fits_what_we_would_sign() {
    let (head, _) = split(MAIL).unwrap();
    let own = rfc_field(
        "rsa-sha256",
        "test",
        "from : to : subject :\r\n date : message-id : from : subject : date",
    );
    let signed = signed_text(&fields(head), &NAMES, &own);
    let spki = BASE64.decode(RSA_PUBLIC).unwrap();
    // What stands behind the 22 bytes of its wrapping is the key.
    let public = UnparsedPublicKey::new(
        &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        spki[22..].to_vec(),
    );
    public
        .verify(signed.as_bytes(), &BASE64.decode(RSA_SIGNATURE).unwrap())
        .unwrap();
    // The wrapping is the same that we put around a key.
    assert_eq!(super::spki(&spki[22..]), spki);
}

/// RFC 6376 section 3.4.5.
#[test]
fn the_example_of_rfc_6376_is_relaxed_as_there() {
    let mail = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
    let (head, body) = split(mail).unwrap();
    let relaxed: Vec<String> = fields(head)
        .iter()
        .map(|(name, value)| relaxed_field(name, value))
        .collect();
    assert_eq!(relaxed, ["a:X", "b:Y Z"]);
    assert_eq!(relaxed_body(body), " C\r\nD E\r\n");
    assert_eq!(relaxed_body(""), "");
    assert_eq!(relaxed_body("\r\n\r\n"), "");
    assert_eq!(relaxed_body("without an end"), "without an end\r\n");
}

#[test]
fn what_is_signed_is_named_and_sealed() {
    let key = Signer::new("queenland.example", "s1", SEED).unwrap();
    let mail = "From: a@queenland.example\r\nX-Own: 1\r\nSubject: [QC]\r\n\
                List-Unsubscribe: <https://x.example/u/1>\r\n\r\nChao\r\n";
    let field = key.sign(mail.as_bytes(), 1_700_000_000).unwrap();
    assert!(field.ends_with("\r\n") && !field.ends_with("\r\n\r\n"));
    assert!(field.lines().all(|line| line.len() <= 78), "{field}");
    let plain = field.replace("\r\n", "").replace(' ', "");
    assert!(
        plain.contains(
            "h=From:From:To:Subject:Subject:Date:Message-ID:Reply-To:Content-Type:List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post;"
        ),
        "{plain}"
    );
    assert!(plain.contains("t=1700000000;"));
    assert_eq!(field, key.sign(mail.as_bytes(), 1_700_000_000).unwrap());
    assert_eq!(
        key.sign(b"From: a\r\n", 0).unwrap_err(),
        "the mail has no body"
    );
}

/// An RSA key of 2048 bits made for this test alone, in both forms; see `tests/data/dkim`.
const PKCS8: &str = include_str!("../../../../tests/data/dkim/rsa.pkcs8.pem");
const PKCS1: &str = include_str!("../../../../tests/data/dkim/rsa.pkcs1.pem");
const PUBLIC: &str = include_str!("../../../../tests/data/dkim/rsa.public.pem");
const ED25519: &str = include_str!("../../../../tests/data/dkim/ed25519.pem");

#[test]
fn both_forms_of_an_rsa_key_sign_alike() {
    let one = Signer::new("Queenland.Example", "s1", PKCS8).unwrap();
    let other = Signer::new("queenland.example", "s1", PKCS1).unwrap();
    let mail = MAIL.as_bytes();
    assert_eq!(one.sign(mail, 1).unwrap(), other.sign(mail, 1).unwrap());
    let (_, der) = pem(PUBLIC).unwrap().unwrap();
    assert_eq!(
        one.record_value(),
        format!("v=DKIM1; k=rsa; p={}", BASE64.encode(der))
    );
    assert_eq!(one.record_name(), "s1._domainkey.queenland.example");
    let line = one.zone_line();
    assert!(
        line.starts_with("s1._domainkey.queenland.example. IN TXT \"v=DKIM1; k=rsa; p=")
            && line.matches('"').count() == 4,
        "{line}"
    );
}

#[test]
fn keys_that_cannot_sign_are_told_apart() {
    let error = |key: &str| Signer::new("a.example", "s1", key).unwrap_err();
    let wrapped = |label: &str, inner: &str| {
        format!("-----BEGIN {label}-----\n{inner}\n-----END {label}-----\n")
    };
    assert_eq!(error(""), KeyError::NotPem);
    assert_eq!(error("mật khẩu"), KeyError::NotPem);
    assert_eq!(error("c2hvcnQ="), KeyError::NotPem);
    assert_eq!(error(PUBLIC), KeyError::NotPrivate("PUBLIC KEY".into()));
    assert_eq!(
        error(&wrapped("ENCRYPTED PRIVATE KEY", "MIIB")),
        KeyError::Locked
    );
    assert_eq!(
        error(&wrapped(
            "RSA PRIVATE KEY",
            "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB"
        )),
        KeyError::Locked
    );
    assert_eq!(
        error(&wrapped("EC PRIVATE KEY", "MIIB")),
        KeyError::OtherKind
    );
    assert_eq!(error(&wrapped("PRIVATE KEY", "MIIB")), KeyError::OtherKind);
    assert!(matches!(
        error(&PKCS8[..PKCS8.len() / 2]),
        KeyError::Damaged(_)
    ));
    assert!(matches!(
        error(&PKCS1.replace("MII", "MIJ")),
        KeyError::Damaged(_)
    ));
    assert_eq!(
        error(include_str!("../../../../tests/data/dkim/rsa-1024.pem")),
        KeyError::Length
    );
    assert!(
        error("")
            .to_string()
            .ends_with("`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`"),
        "a refusal says how to make one"
    );
    assert!(Signer::new("a.example", "s1", ED25519).is_ok());
    let shown = format!("{:?}", Signer::new("a.example", "s1", SEED).unwrap());
    assert!(!shown.contains("nWGx"), "{shown}");
}
