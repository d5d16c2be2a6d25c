//! DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed, rsa-sha256 and ed25519-sha256.
//!
//! Signing is ours, with `ring`, because the crates that offer it bring along either `rsa`, which has an open
//! advisory on its timing (RUSTSEC-2023-0071), or a second crypto library beside the one that TLS here uses.
//! Verifying, and looking anything up in DNS, is no part of it: `check` only says which record is expected.
//!
//! The time in a signature is the mail's own date, so that a retry is the same to the last byte.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest::{SHA256, digest};
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};

use crate::random;

/// What is signed where a mail has it.
const SIGNED: [&str; 17] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "Feedback-ID",
    "Precedence",
    "Auto-Submitted",
    "Cc",
    "In-Reply-To",
];

/// What is named once more than the mail has it, so that nobody on the way can add one (RFC 6376 section 8.15).
const SEALED: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Longest string in a TXT record; longer values are written as several (RFC 1035 section 3.3).
const TXT_STRING: usize = 255;

/// Why a text is no key to sign with: what was found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM, and no bare Ed25519 seed.
    #[error(
        "it is no key in PEM form: make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`"
    )]
    NotPem,
    /// It asks for a passphrase.
    #[error(
        "the key is locked with a passphrase: take it off with `openssl pkey -in OLD.pem -out NEW.pem`"
    )]
    Locked,
    /// The half that goes to DNS, or a certificate.
    #[error("this is \"{0}\", not the private key: name the file that holds the private key")]
    NotPrivate(String),
    /// A kind of key that DKIM does not know.
    #[error("this is a key of another kind: DKIM takes RSA and Ed25519 keys")]
    OtherKind,
    /// RSA of less than 2048 bits, or more than 4096.
    #[error(
        "the RSA key has a length that cannot be used: make one of 2048 bits, the longest that every DNS panel takes"
    )]
    Length,
    /// Cut off or altered.
    #[error("the key is damaged ({0}): copy the file again")]
    Damaged(String),
}

/// One key with the place of its public half in DNS.
pub struct Signer {
    domain: String,
    selector: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for Signer {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a private key: PEM as PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`), or the bare base64 of an
    /// Ed25519 seed, as `dknewkey` writes it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new(domain: &str, selector: &str, key: &str) -> Result<Self, KeyError> {
        Ok(Self {
            domain: domain.to_ascii_lowercase(),
            selector: selector.to_owned(),
            key: read_key(key)?,
        })
    }

    /// The domain that signs.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// Where DNS must have the public half, `s1._domainkey.queenland.example`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// What the TXT record there must say.
    pub fn record_value(&self) -> String {
        let (kind, public) = match &self.key {
            Key::Rsa(key) => ("rsa", BASE64.encode(spki(key.public_key().as_ref()))),
            Key::Ed25519(key) => ("ed25519", BASE64.encode(key.public_key().as_ref())),
        };
        format!("v=DKIM1; k={kind}; p={public}")
    }

    /// The record as a line of a zone file; a long value as several strings.
    pub fn zone_line(&self) -> String {
        let value = self.record_value();
        let mut strings = Vec::new();
        let mut rest = value.as_str();
        while !rest.is_empty() {
            // The value is ASCII, so every place is between two letters.
            let (string, after) = rest.split_at(rest.len().min(TXT_STRING));
            strings.push(format!("\"{string}\""));
            rest = after;
        }
        format!("{}. IN TXT {}", self.record_name(), strings.join(" "))
    }

    /// The `DKIM-Signature` field of a mail, ended by CRLF: to be put before its first header.
    ///
    /// `mail` has CRLF line ends; `at` is in seconds since 1970.
    ///
    /// # Errors
    /// The system gives no randomness, or the mail has no end of its headers.
    pub fn sign(&self, mail: &[u8], at: i64) -> Result<String, String> {
        let text = std::str::from_utf8(mail).map_err(|_| "the mail is not text".to_owned())?;
        let (head, body) = split(text).ok_or("the mail has no body")?;
        let fields = fields(head);
        let names = names_to_sign(&fields);
        let body_hash = BASE64.encode(digest(&SHA256, relaxed_body(body).as_bytes()));
        let bare = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n s={}; t={at};\r\n h={};\r\n bh={body_hash};\r\n b=",
            self.algorithm(),
            self.domain,
            self.selector,
            folded(&names.join(":"), ':'),
        );
        let signed = signed_text(&fields, &names, &bare);
        let signature = BASE64.encode(self.seal(&signed)?);
        let mut lines = Vec::new();
        let mut rest = signature.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(72));
            lines.push(line);
            rest = after;
        }
        Ok(format!("{bare}{}\r\n", lines.join("\r\n  ")))
    }

    fn seal(&self, signed: &str) -> Result<Vec<u8>, String> {
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &random::source(),
                    signed.as_bytes(),
                    &mut signature,
                )
                .map_err(|_| "the RSA key could not sign".to_owned())?;
                Ok(signature)
            }
            // RFC 8463: what is signed is the hash.
            Key::Ed25519(key) => Ok(key
                .sign(digest(&SHA256, signed.as_bytes()).as_ref())
                .as_ref()
                .to_vec()),
        }
    }
}

/// What the signature is over: the fields in the order of `h=`, each name from the last field upwards, then the
/// signature's own field without its end of line. A name without a field left stands for nothing.
fn signed_text(fields: &[(&str, &str)], names: &[&str], own: &str) -> String {
    let mut taken = vec![false; fields.len()];
    let mut text = String::new();
    for name in names {
        let next = (0..fields.len())
            .rev()
            .find(|&at| !taken[at] && fields[at].0.eq_ignore_ascii_case(name));
        if let Some(at) = next {
            taken[at] = true;
            text.push_str(&relaxed_field(fields[at].0, fields[at].1));
            text.push_str("\r\n");
        }
    }
    let (name, value) = own.split_once(':').unwrap_or((own, ""));
    text.push_str(&relaxed_field(name, value));
    text
}

/// Names for `h=`: each as often as the mail has it, and those that are sealed once more.
fn names_to_sign(fields: &[(&str, &str)]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in SIGNED {
        let there = fields
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .count();
        let more = usize::from(SEALED.contains(&name));
        names.extend(std::iter::repeat_n(name, there + more));
    }
    names
}

/// Headers and body, which an empty line parts.
fn split(mail: &str) -> Option<(&str, &str)> {
    let at = mail.find("\r\n\r\n")?;
    Some((&mail[..at + 2], &mail[at + 4..]))
}

/// The fields of a header, folded as they stand: name and what follows the colon, without the last CRLF.
fn fields(head: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut end_field = |from: usize, to: usize| {
        if let Some((name, value)) = head[from..to].split_once(':') {
            found.push((name.trim_end_matches([' ', '\t']), value));
        }
    };
    while let Some(length) = head[at..].find("\r\n") {
        let end = at + length;
        at = end + 2;
        let goes_on = head[at..].starts_with([' ', '\t']);
        if !goes_on {
            end_field(start, end);
            start = at;
        }
    }
    found
}

/// RFC 6376 section 3.4.2, without the CRLF.
fn relaxed_field(name: &str, value: &str) -> String {
    let value = value.replace("\r\n", "");
    format!(
        "{}:{}",
        name.to_ascii_lowercase(),
        one_space(&value).trim_matches(' ')
    )
}

/// RFC 6376 section 3.4.4.
fn relaxed_body(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut empty = 0;
    for line in body.split("\r\n") {
        let line = one_space(line);
        let line = line.trim_end_matches(' ');
        if line.is_empty() {
            empty += 1; // only counts if something follows
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            text.push_str("\r\n");
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

/// Every run of spaces and tabs as one space.
fn one_space(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = false;
    for letter in text.chars() {
        let blank = matches!(letter, ' ' | '\t');
        if !blank {
            out.push(letter);
        } else if !before {
            out.push(' ');
        }
        before = blank;
    }
    out
}

/// A long list over several lines, broken behind its separator.
fn folded(list: &str, separator: char) -> String {
    let mut out = String::new();
    let mut length = 3;
    for item in list.split_inclusive(separator) {
        if length + item.len() > 74 {
            out.push_str("\r\n  ");
            length = 2;
        }
        out.push_str(item);
        length += item.len();
    }
    out
}

// --------------------------------------------------------------------------------------------------------- keys

/// Object identifiers as they stand in PKCS#8: rsaEncryption, Ed25519.
const RSA_OID: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];
const ED25519_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// The identifier of a key's kind stands within so many bytes of its beginning.
const OID_WITHIN: usize = 24;

fn read_key(text: &str) -> Result<Key, KeyError> {
    let text = text.trim();
    let Some((label, der)) = pem(text)? else {
        // What `dknewkey -k ed25519` writes: 32 bytes, nothing around them.
        let seed = BASE64.decode(text).map_err(|_| KeyError::NotPem)?;
        return Ed25519KeyPair::from_seed_unchecked(&seed)
            .map(|key| Key::Ed25519(Box::new(key)))
            .map_err(|_| KeyError::NotPem);
    };
    match label {
        "PRIVATE KEY" => {
            let head = &der[..der.len().min(OID_WITHIN)];
            let says = |oid: &[u8]| head.windows(oid.len()).any(|bytes| bytes == oid);
            if says(RSA_OID) {
                rsa(RsaKeyPair::from_pkcs8(&der))
            } else if says(ED25519_OID) {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                    .map(|key| Key::Ed25519(Box::new(key)))
                    .map_err(|error| KeyError::Damaged(error.to_string()))
            } else {
                Err(KeyError::OtherKind)
            }
        }
        "RSA PRIVATE KEY" if text.contains("ENCRYPTED") => Err(KeyError::Locked),
        "RSA PRIVATE KEY" => rsa(RsaKeyPair::from_der(&der)),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Locked),
        other if other.ends_with("PRIVATE KEY") => Err(KeyError::OtherKind),
        other => Err(KeyError::NotPrivate(other.to_owned())),
    }
}

fn rsa(read: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<Key, KeyError> {
    match read {
        Ok(key) => Ok(Key::Rsa(Box::new(key))),
        Err(error) => Err(match error.to_string().as_str() {
            "TooSmall" | "TooLarge" => KeyError::Length,
            other => KeyError::Damaged(other.to_owned()),
        }),
    }
}

/// Label and bytes of the first PEM block; none if there is none.
fn pem(text: &str) -> Result<Option<(&str, Vec<u8>)>, KeyError> {
    let Some((_, rest)) = text.split_once("-----BEGIN ") else {
        return Ok(None);
    };
    let damaged = |why: &str| KeyError::Damaged(why.to_owned());
    let (label, rest) = rest
        .split_once("-----")
        .ok_or_else(|| damaged("its first line is cut off"))?;
    let (block, _) = rest
        .split_once(&format!("-----END {label}-----"))
        .ok_or_else(|| damaged("its last line is missing"))?;
    // Lines such as `Proc-Type: 4,ENCRYPTED` stand before the key.
    let packed: String = block
        .lines()
        .filter(|line| !line.contains(':'))
        .flat_map(str::chars)
        .filter(|letter| !letter.is_whitespace())
        .collect();
    if block.contains("ENCRYPTED") {
        return Ok(Some((label, Vec::new())));
    }
    let der = BASE64
        .decode(packed)
        .map_err(|_| damaged("it is not base64"))?;
    Ok(Some((label, der)))
}

/// An RSA public key as the SubjectPublicKeyInfo that DNS has (RFC 5280 section 4.1, RFC 3279 section 2.3.1).
fn spki(key: &[u8]) -> Vec<u8> {
    let algorithm = der(0x30, &[RSA_OID, &[0x05, 0x00]].concat());
    let bits = der(0x03, &[&[0][..], key].concat());
    der(0x30, &[algorithm, bits].concat())
}

/// One element of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = length.iter().skip_while(|byte| **byte == 0).count();
    let digits = &length[length.len() - significant..];
    match content.len() {
        // Up to 127 the length is one byte by itself.
        short @ 0..=0x7f => out.push(u8::try_from(short).unwrap_or_default()),
        _ => {
            out.push(0x80 | u8::try_from(significant).unwrap_or_default());
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests;
