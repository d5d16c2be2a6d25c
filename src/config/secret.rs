//! Secrets: where the configuration says they are, and the Google key among them. None is ever shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::GoogleKey;
use super::walk::{Node, Reader, Section, quoted};

const SOURCES: &str =
    "write { credential = \"NAME\" }, { file = \"FILE\" } or { env = \"VARIABLE\" }";

/// No secret is longer; a Google key has about 2 400 bytes.
const MOST_BYTES: u64 = 64 * 1024;

/// Reads `{ credential = "x" }`, `{ file = "x" }` or `{ env = "X" }`.
///
/// `folder` is `[credentials] dir`; the folder that systemd gives comes first.
pub(super) fn read(
    reader: &Reader<'_>,
    node: &Node<'_>,
    folder: Option<&Path>,
) -> Option<SecretString> {
    if let Some(text) = node.as_text() {
        let names_a_file = !text.contains('\n') && reader.path(text).is_file();
        let (problem, mend) = if names_a_file {
            let mend = format!("write {{ file = {} }}", quoted(text));
            (
                format!("{} is text, not the place of a secret", node.label),
                mend,
            )
        } else {
            (
                format!("{} is written in the configuration itself", node.label),
                format!("secrets do not belong in this file: {SOURCES}"),
            )
        };
        reader.wrong(&node.span, problem, mend);
        return None;
    }
    if !node.is_table() {
        return node.unfit(reader, "the place of a secret", SOURCES);
    }
    let section = node.section(reader, node.label.clone())?;
    section.only(reader, &["credential", "file", "env"], &[]);
    let named: Vec<_> = section
        .entries()
        .into_iter()
        .filter(|(key, _)| matches!(key.as_str(), "credential" | "file" | "env"))
        .collect();
    let [(key, value)] = named.as_slice() else {
        reader.wrong(
            &node.span,
            format!(
                "{} names {} places of the secret, not one",
                node.label,
                named.len()
            ),
            SOURCES,
        );
        return None;
    };
    let text = value.text(reader)?;
    match key.as_str() {
        "env" => from_variable(reader, node, text.text),
        "file" => from_file(reader, node, &reader.path(text.text)),
        _ => from_file(reader, node, &credential(reader, node, text.text, folder)?),
    }
}

fn places(number: usize) -> String {
    match number {
        0 => "no place".to_owned(),
        many => format!("{many} places"),
    }
}

fn from_variable(reader: &Reader<'_>, node: &Node<'_>, name: &str) -> Option<SecretString> {
    let value = reader.environment.get(name);
    if value.is_none() {
        reader.wrong(
            &node.span,
            format!(
                "{}: the environment variable ${name} is not set",
                node.label
            ),
            format!("set {name} for the daemon and for this command, or use {{ file = \"…\" }}"),
        );
    }
    value.map(SecretString::from)
}

/// The file of a credential.
fn credential(
    reader: &Reader<'_>,
    node: &Node<'_>,
    name: &str,
    folder: Option<&Path>,
) -> Option<PathBuf> {
    if name.contains('/') || name.starts_with('.') {
        reader.wrong(
            &node.span,
            format!(
                "{}: {} is not a credential's name",
                node.label,
                quoted(name)
            ),
            "write the name alone; for a path write { file = \"…\" }",
        );
        return None;
    }
    let given = reader.environment.credentials_directory();
    let Some(folder) = given.as_deref().or(folder) else {
        reader.wrong(
            &node.span,
            format!(
                "{}: there is no folder in which to look for the credential {}",
                node.label,
                quoted(name)
            ),
            format!(
                "under systemd add LoadCredential={name}:/path/to/file to the unit; by hand set `dir` in \
                 [credentials] or write {{ file = \"…\" }}"
            ),
        );
        return None;
    };
    Some(folder.join(name))
}

fn from_file(reader: &Reader<'_>, node: &Node<'_>, path: &Path) -> Option<SecretString> {
    let shown = path.display();
    let refuse = |why: String, mend: String| {
        reader.wrong(&node.span, format!("{}: {why}", node.label), mend);
    };
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            refuse(
                format!("there is no file {shown}"),
                "put the secret there, readable only by the daemon, or correct the name".to_owned(),
            );
            return None;
        }
        Err(error) => {
            refuse(
                format!("{shown} cannot be read: {error}"),
                permission_mend(path),
            );
            return None;
        }
    };
    if !found.is_file() {
        refuse(
            format!("{shown} is not a file"),
            "name the file itself".to_owned(),
        );
        return None;
    }
    if found.len() > MOST_BYTES {
        refuse(
            format!("{shown} has {} bytes: no secret is so long", found.len()),
            "name the right file".to_owned(),
        );
        return None;
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(
                format!("{shown} cannot be read: {error}"),
                permission_mend(path),
            );
            return None;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        refuse(
            format!("{shown} is not text"),
            "name the right file".to_owned(),
        );
        return None;
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        refuse(
            format!("{shown} is empty"),
            "put the secret there".to_owned(),
        );
        return None;
    }
    if found.permissions().mode() & 0o004 != 0 {
        reader.suspicious(
            &node.span,
            format!("{}: everyone on this machine can read {shown}", node.label),
            format!("chmod 600 {shown}"),
        );
    }
    Some(SecretString::from(text))
}

fn permission_mend(path: &Path) -> String {
    format!(
        "let the user who runs sheetbridge read it: chown and chmod 600 {}",
        path.display()
    )
}

/// `[credentials] dir`.
pub(super) fn folder(reader: &Reader<'_>, root: &Section<'_>) -> Option<PathBuf> {
    let section = root.section(reader, "credentials")?;
    section.only(reader, &["dir"], &[]);
    let dir = section.text(reader, "dir")?;
    let path = reader.path(dir.text);
    if reader.environment.credentials_directory().is_none() && !path.is_dir() {
        dir.wrong(
            reader,
            ", which is not a folder",
            "create it or correct the path",
        );
    }
    Some(path)
}

/// Reads a service-account key. Whether Google still honours it is `check`'s to find out.
pub(super) fn google_key(
    reader: &Reader<'_>,
    node: &Node<'_>,
    folder: Option<&Path>,
) -> Option<GoogleKey> {
    let json = read(reader, node, folder)?;
    match parse_key(json.expose_secret()) {
        Ok((client_email, token_uri)) => Some(GoogleKey {
            client_email,
            token_uri,
            json,
        }),
        Err(why) => {
            reader.wrong(
                &node.span,
                format!(
                    "{}: {} is not a service-account key: {why}",
                    node.label,
                    source_name(node)
                ),
                "download it from console.cloud.google.com: IAM & Admin, Service Accounts, the account, \
                 Keys, Add key, JSON",
            );
            None
        }
    }
}

/// What a secret's place is called: the file or variable as written.
fn source_name(node: &Node<'_>) -> String {
    node.entries_as_text()
        .into_iter()
        .next()
        .map_or_else(String::new, |(_, value)| quoted(value))
}

/// The e-mail and token address of a key, or why it is none. The reason never holds a value of the key.
fn parse_key(text: &str) -> Result<(String, String), String> {
    let key: serde_json::Value =
        serde_json::from_str(text).map_err(|_| "it is not JSON".to_owned())?;
    let Some(key) = key.as_object() else {
        return Err("it is not a JSON object".to_owned());
    };
    for other in ["installed", "web"] {
        if key.contains_key(other) {
            return Err("it is an OAuth client, made for people who log in".to_owned());
        }
    }
    let kind = key.get("type").and_then(|kind| kind.as_str());
    if kind.is_some_and(|kind| kind != "service_account") {
        return Err(format!("its type is {}", quoted(kind.unwrap_or_default())));
    }
    let part = |name: &str| match key.get(name).and_then(|part| part.as_str()) {
        Some(part) if !part.trim().is_empty() => Ok(part),
        _ => Err(format!("it has no {name}")),
    };
    let client_email = part("client_email")?;
    if !client_email.contains('@') {
        return Err("its client_email is not an e-mail address".to_owned());
    }
    if kind.is_none() {
        return Err("it has no type".to_owned());
    }
    if !part("private_key")?.trim_start().starts_with("-----BEGIN") {
        return Err("its private_key is not in PEM form".to_owned());
    }
    let token_uri = part("token_uri")?;
    let url = reqwest::Url::parse(token_uri).ok();
    if !url.is_some_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host()) {
        return Err("its token_uri is not an address".to_owned());
    }
    Ok((client_email.to_owned(), token_uri.to_owned()))
}
