//! Who is told and how: `[[staff]]`, `[email]`, `[telegram]`, `[company]`, `[alerts]`, `[trial]`.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::walk::{Node, Reader, Section, Text};
use super::{
    Company, Email, InDoubt, Language, Mailbox, ReplyTo, Role, SmtpServer, Staff, Telegram,
    outward, secret, url,
};

use crate::core::sheet::fold::fold;

const ROLES: [(&str, Role); 4] = [
    ("staff", Role::Staff),
    ("leader", Role::Leader),
    ("marketing", Role::Marketing),
    ("manager", Role::Manager),
];

/// Words of `to` that are no names.
const AUDIENCES: [&str; 5] = ["customer", "owner", "managers", "duty", "next"];

/// `[[staff]]`.
pub(super) fn staff(reader: &Reader<'_>, root: &Section<'_>) -> Vec<Staff> {
    let mut all: Vec<Staff> = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut chats: BTreeMap<i64, String> = BTreeMap::new();
    for section in root.sections(reader, "staff", "[[staff]]") {
        let known = [
            "name", "role", "team", "aliases", "email", "telegram", "areas", "digests",
        ];
        section.only(reader, &known, &[]);
        let role = section.text(reader, "role");
        let role = role.map_or(Some(Role::Staff), |role| role.one_of(reader, &ROLES));
        let team = section
            .text(reader, "team")
            .map(|team| team.text.to_owned());
        let email = section
            .text(reader, "email")
            .and_then(|text| url::address(reader, &text));
        let telegram = section.get("telegram").and_then(|node| chat(reader, &node));
        let aliases = section.texts(reader, "aliases");
        let name = section.need_text(
            reader,
            "name",
            "add name = \"…\", as the sheet's owner column has it",
        );
        let Some(name) = name else { continue };
        names_once(reader, &name, &aliases, &mut names);
        if let Some(id) = telegram
            && let Some(other) = chats.insert(id, name.text.to_owned())
        {
            reader.wrong(
                &section.get("telegram").map_or(0..0, |node| node.span),
                format!(
                    "the Telegram chat of \"{}\" is already that of \"{other}\"",
                    name.text
                ),
                "give each person their own, or bind it with `sheetbridge invite`",
            );
        }
        if role == Some(Role::Leader) && team.is_none() {
            reader.suspicious(
                &name.span,
                format!("\"{}\" leads a team, and none is named", name.text),
                "add team = \"…\"",
            );
        }
        all.extend(role.map(|role| Staff {
            name: name.text.trim().to_owned(),
            role,
            team,
            aliases: aliases.iter().map(|alias| alias.text.to_owned()).collect(),
            email,
            telegram,
        }));
    }
    all
}

/// Reports names and aliases that are taken, and takes those that are not.
fn names_once(
    reader: &Reader<'_>,
    name: &Text<'_>,
    aliases: &[Text<'_>],
    names: &mut BTreeMap<String, String>,
) {
    for word in std::iter::once(name).chain(aliases) {
        if AUDIENCES.contains(&word.text) {
            word.wrong(
                reader,
                ", a word that `to` of a rule already has",
                "write the person's name",
            );
        }
        match names.get(&fold(word.text)) {
            Some(other) => word.wrong(
                reader,
                &format!(", which is already the name or an alias of \"{other}\""),
                "tell the two apart, for example by the family name",
            ),
            None => {
                names.insert(fold(word.text), name.text.to_owned());
            }
        }
    }
}

fn chat(reader: &Reader<'_>, node: &Node<'_>) -> Option<i64> {
    if node.as_text().is_some() {
        return node.unfit(
            reader,
            "the number of a chat",
            "write the number without quotes, or remove the line and use `sheetbridge invite`",
        );
    }
    let id = node.whole(reader)?;
    if id == 0 {
        return node.unfit(
            reader,
            "the number of a chat",
            "remove the line and use `sheetbridge invite`",
        );
    }
    Some(id)
}

/// `[company]`.
pub(super) fn company(reader: &Reader<'_>, root: &Section<'_>) -> Company {
    let Some(section) = root.section(reader, "company") else {
        return Company::default();
    };
    let known = ["name", "address", "phone", "email", "website"];
    section.only(reader, &known, &[]);
    let text = |key| section.text(reader, key).map(|text| text.text.to_owned());
    Company {
        name: text("name").unwrap_or_default(),
        address: text("address").unwrap_or_default(),
        phone: text("phone").unwrap_or_default(),
        email: section
            .text(reader, "email")
            .and_then(|text| url::address(reader, &text))
            .unwrap_or_default(),
        website: section
            .text(reader, "website")
            .and_then(|text| url::web(reader, &text, &["https", "http"]))
            .map(|url| url.as_str().trim_end_matches('/').to_owned())
            .unwrap_or_default(),
    }
}

/// The one address under `[alerts] email` or `[trial] redirect_all_to`.
pub(super) fn only_address(
    reader: &Reader<'_>,
    root: &Section<'_>,
    heading: &str,
    key: &str,
) -> Option<String> {
    let section = root.section(reader, heading)?;
    section.only(reader, &[key], &[]);
    let text = section.need_text(
        reader,
        key,
        &format!("add {key} = \"name@domain.vn\", or remove [{heading}]"),
    )?;
    url::address(reader, &text)
}

/// `language`.
pub(super) fn language(reader: &Reader<'_>, root: &Section<'_>) -> Language {
    root.text(reader, "language")
        .and_then(|text| text.one_of(reader, &[("vi", Language::Vi), ("en", Language::En)]))
        .unwrap_or_default()
}

/// `in_doubt`, or its default for the channel.
fn in_doubt(
    reader: &Reader<'_>,
    section: &Section<'_>,
    words: &[(&str, InDoubt)],
    default: InDoubt,
) -> InDoubt {
    let text = section.text(reader, "in_doubt");
    text.and_then(|text| text.one_of(reader, words))
        .unwrap_or(default)
}

/// Mails a minute and a day that a provider takes. Google: support.google.com/a/answer/166852 (2 000 a day
/// for Workspace, 500 for a free account); the pace is our own, well below what they slow down at.
#[derive(Clone, Copy)]
struct Preset {
    per_minute: Option<u32>,
    per_day: Option<u32>,
}

const GMAIL: Preset = Preset {
    per_minute: Some(20),
    per_day: Some(500),
};
const WORKSPACE: Preset = Preset {
    per_minute: Some(30),
    per_day: Some(2_000),
};
const NONE: Preset = Preset {
    per_minute: None,
    per_day: None,
};

const PRESETS: [(&str, Preset); 3] = [("gmail", GMAIL), ("workspace", WORKSPACE), ("none", NONE)];

/// The preset that fits the server when none is named.
fn preset_of(smtp: Option<&SmtpServer>, from: Option<&Mailbox>) -> Preset {
    if !smtp.is_some_and(|server| server.host.eq_ignore_ascii_case("smtp.gmail.com")) {
        return NONE;
    }
    if from.is_some_and(|from| from.address.ends_with("@gmail.com")) {
        GMAIL
    } else {
        WORKSPACE
    }
}

/// `[email]`.
pub(super) fn email(
    reader: &Reader<'_>,
    root: &Section<'_>,
    folder: Option<&Path>,
) -> Option<Email> {
    let section = root.section(reader, "email")?;
    let known = [
        "smtp",
        "username",
        "password",
        "from",
        "reply_to",
        "preset",
        "per_minute",
        "per_day",
        "connections",
        "in_doubt",
        "dkim",
    ];
    section.only(reader, &known, &[]);
    let smtp = section
        .need_text(
            reader,
            "smtp",
            "add smtp = \"smtps://smtp.gmail.com\" or your server's address",
        )
        .and_then(|text| url::smtp(reader, &text));
    let from = section
        .need_text(reader, "from", "add from = \"Name <name@domain.vn>\"")
        .and_then(|text| url::mailbox(reader, &text));
    let (username, password) = log_in(reader, &section, folder);
    let preset = section
        .text(reader, "preset")
        .and_then(|text| text.one_of(reader, &PRESETS))
        .unwrap_or_else(|| preset_of(smtp.as_ref(), from.as_ref()));
    let per_minute = section.count(reader, "per_minute").or(preset.per_minute);
    let per_day = section.count(reader, "per_day").or(preset.per_day);
    let reply_to = reply_to(reader, &section);
    let in_doubt = in_doubt(
        reader,
        &section,
        &[
            ("hold", InDoubt::Hold),
            ("resend", InDoubt::Resend),
            ("ask", InDoubt::Ask),
        ],
        InDoubt::Hold,
    );
    let dkim = outward::dkim(reader, &section, from.as_ref(), folder);
    Some(Email {
        dkim,
        smtp: smtp?,
        username,
        password,
        from: from?,
        reply_to: reply_to?,
        per_minute,
        per_day,
        connections: connections(reader, &section),
        in_doubt,
    })
}

/// Connections to a mail server unless the configuration says so: what most of them take from one client.
const CONNECTIONS: usize = 4;

/// More than any server takes.
const MOST_CONNECTIONS: u32 = 100;

fn connections(reader: &Reader<'_>, section: &Section<'_>) -> usize {
    let Some(count) = section.count(reader, "connections") else {
        return CONNECTIONS;
    };
    if count > MOST_CONNECTIONS
        && let Some(node) = section.get("connections")
    {
        reader.wrong(
            &node.span,
            format!("[email] connections is {count}: no server takes so many"),
            "write a number from 1 to 100; 4 is what most servers take",
        );
    }
    count as usize
}

/// `username` and `password`, which come together or not at all.
fn log_in(
    reader: &Reader<'_>,
    section: &Section<'_>,
    folder: Option<&Path>,
) -> (Option<String>, Option<SecretString>) {
    let username = section.text(reader, "username");
    let node = section.get("password");
    match (&username, &node) {
        (Some(name), None) => reader.wrong(
            &name.span,
            "[email] has a `username` and no `password`",
            "add password = { credential = \"smtp\" }",
        ),
        (None, Some(node)) => reader.wrong(
            &node.span,
            "[email] has a `password` and no `username`",
            "add username = \"…\", or remove the password",
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let password = node.and_then(|node| secret::read(reader, &node, folder));
    (username.map(|name| name.text.to_owned()), password)
}

fn reply_to(reader: &Reader<'_>, section: &Section<'_>) -> Option<ReplyTo> {
    let Some(text) = section.text(reader, "reply_to") else {
        return Some(ReplyTo::Owner);
    };
    if text.text == "owner" {
        return Some(ReplyTo::Owner);
    }
    if text.text.contains('@') {
        return url::address(reader, &text).map(ReplyTo::Address);
    }
    text.wrong(
        reader,
        ", neither \"owner\" nor an e-mail address",
        "write \"owner\" or name@domain.vn",
    );
    None
}

/// `[telegram]`.
pub(super) fn telegram(
    reader: &Reader<'_>,
    root: &Section<'_>,
    folder: Option<&Path>,
) -> Option<Telegram> {
    let section = root.section(reader, "telegram")?;
    section.only(reader, &["token", "api_url", "proxy", "in_doubt"], &[]);
    let api_url = match section.text(reader, "api_url") {
        Some(text) => url::web(reader, &text, &["https", "http"]).map(|url| url.to_string()),
        None => Some("https://api.telegram.org".to_owned()),
    };
    let proxy = section
        .get("proxy")
        .and_then(|node| proxy(reader, &node, folder));
    let in_doubt = in_doubt(
        reader,
        &section,
        // What goes by Telegram is to colleagues: there is nobody to ask by another way.
        &[("hold", InDoubt::Hold), ("resend", InDoubt::Resend)],
        InDoubt::Resend,
    );
    let node = section.need(
        reader,
        "token",
        "add token = { credential = \"telegram\" }; @BotFather gives it",
    );
    let token = node
        .as_ref()
        .and_then(|node| secret::read(reader, node, folder));
    if let (Some(node), Some(token)) = (&node, &token)
        && !looks_like_token(token.expose_secret())
    {
        reader.suspicious(
            &node.span,
            format!("{} does not look like a bot token", node.label),
            "@BotFather gives it as 123456789:AAE…, on one line",
        );
    }
    Some(Telegram {
        token: token?,
        api_url: api_url?.trim_end_matches('/').to_owned(),
        proxy,
        in_doubt,
    })
}

/// Digits, a colon, and letters: core.telegram.org/bots/api#authorizing-your-bot.
fn looks_like_token(token: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    token.split_once(':').is_some_and(|(id, rest)| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) && rest.chars().all(fits)
    })
}

/// An address in the file, or a secret because it has a password in it.
fn proxy(reader: &Reader<'_>, node: &Node<'_>, folder: Option<&Path>) -> Option<SecretString> {
    if node.is_table() {
        return secret::read(reader, node, folder);
    }
    let text = node.text(reader)?;
    let schemes = ["socks5", "socks5h", "http", "https"];
    url::web(reader, &text, &schemes)?;
    Some(SecretString::from(text.text))
}
