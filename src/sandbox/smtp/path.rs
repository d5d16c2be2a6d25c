//! The arguments of MAIL and RCPT: a path in angle brackets and what follows it (RFC 5321 section 4.1.2).

/// A reply: code and text.
pub(super) type Refusal = (u16, &'static str);

/// What MAIL FROM said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sender {
    /// The address, empty for the null path `<>`.
    pub(super) address: String,
    /// The size in bytes the client announced.
    pub(super) size: Option<usize>,
    /// Whether the client asked for SMTPUTF8 (RFC 6531).
    pub(super) utf8: bool,
}

/// Reads the argument of MAIL, `FROM:<…> [parameters]`; parameters are known only after EHLO.
pub(super) fn sender(argument: &str, extended: bool) -> Result<Sender, Refusal> {
    let (address, parameters) = path(argument, "FROM:")?;
    if !address.is_empty() && !is_mailbox(address) {
        return Err((553, "5.1.7 That is no sender address"));
    }
    let mut sender = Sender {
        address: address.to_owned(),
        ..Sender::default()
    };
    for parameter in parameters.split_ascii_whitespace() {
        if !extended {
            return Err((555, "5.5.4 Parameters need EHLO"));
        }
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name.to_ascii_uppercase().as_str(), value) {
            ("SIZE", digits) => match digits.parse() {
                Ok(size) => sender.size = Some(size),
                Err(_) => return Err((501, "5.5.4 SIZE wants a number")),
            },
            ("BODY", kind)
                if kind.eq_ignore_ascii_case("7BIT") || kind.eq_ignore_ascii_case("8BITMIME") => {}
            ("SMTPUTF8", "") => sender.utf8 = true,
            // The submitter's identity (RFC 4954 section 5): allowed, and of no use here.
            ("AUTH", _) => {}
            _ => return Err((555, "5.5.4 Unsupported parameter")),
        }
    }
    if !sender.utf8 && !sender.address.is_ascii() {
        return Err((553, "5.6.7 That address needs SMTPUTF8"));
    }
    Ok(sender)
}

/// Reads the argument of RCPT, `TO:<…>`.
pub(super) fn recipient(argument: &str, utf8: bool) -> Result<String, Refusal> {
    let (address, parameters) = path(argument, "TO:")?;
    if !parameters.trim().is_empty() {
        return Err((555, "5.5.4 Unsupported parameter"));
    }
    if !address.eq_ignore_ascii_case("postmaster") && !is_mailbox(address) {
        return Err((553, "5.1.3 That is no recipient address"));
    }
    if !utf8 && !address.is_ascii() {
        return Err((553, "5.6.7 That address needs SMTPUTF8"));
    }
    Ok(address.to_owned())
}

/// The text between the angle brackets and the text behind them.
fn path<'a>(argument: &'a str, keyword: &str) -> Result<(&'a str, &'a str), Refusal> {
    const SYNTAX: Refusal = (
        501,
        "5.5.4 Syntax: MAIL FROM:<address> or RCPT TO:<address>",
    );
    let rest = argument
        .get(..keyword.len())
        .filter(|head| head.eq_ignore_ascii_case(keyword))
        .map(|head| &argument[head.len()..])
        .ok_or(SYNTAX)?;
    // A space before the bracket is not in the grammar; servers take it and some clients send it.
    let inside = rest.trim_start().strip_prefix('<').ok_or(SYNTAX)?;
    let end = closing(inside).ok_or(SYNTAX)?;
    let (address, tail) = (&inside[..end], &inside[end + 1..]);
    if !tail.is_empty() && !tail.starts_with(' ') {
        return Err(SYNTAX);
    }
    // A source route is obsolete and to be ignored (RFC 5321 appendix C).
    let address = match address
        .strip_prefix('@')
        .and_then(|route| route.split_once(':'))
    {
        Some((_route, mailbox)) => mailbox,
        None => address,
    };
    Ok((address, tail))
}

/// Where the bracket closes, quoted local parts aside.
fn closing(inside: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in inside.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether it looks like `local@domain` within the lengths of RFC 5321 section 4.5.3.1.
fn is_mailbox(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let plain = |text: &str| {
        !text
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
    };
    let dots = |text: &str| !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
    !local.is_empty()
        && local.len() <= 64
        && (quoted
            || (plain(local)
                && dots(local)
                && !local.contains(['<', '>', '(', ')', ',', ';', ':', '"', '@'])))
        && !domain.is_empty()
        && domain.len() <= 255
        && plain(domain)
        && dots(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let read = |line: &str| sender(line, true).map(|sender| sender.address);
        assert_eq!(
            read("FROM:<an@example.org>"),
            Ok("an@example.org".to_owned())
        );
        assert_eq!(read("from:<> BODY=8BITMIME"), Ok(String::new()));
        assert_eq!(
            read("FROM: <an@example.org> SIZE=12"),
            Ok("an@example.org".to_owned())
        );
        assert_eq!(
            read(r#"FROM:<"an > nguyễn"@example.org> SMTPUTF8"#),
            Ok(r#""an > nguyễn"@example.org"#.to_owned())
        );
        assert_eq!(
            read("FROM:<@relay:an@example.org>"),
            Ok("an@example.org".to_owned())
        );
        assert_eq!(
            recipient("TO:<Postmaster>", false),
            Ok("Postmaster".to_owned())
        );
    }

    #[test]
    fn wrong_paths_are_refused() {
        let code = |line: &str| sender(line, true).map_err(|refusal| refusal.0);
        assert_eq!(code("TO:<an@example.org>"), Err(501));
        assert_eq!(code("FROM:an@example.org"), Err(501));
        assert_eq!(code("FROM:<an@example.org>x"), Err(501));
        assert_eq!(code("FROM:<an>"), Err(553));
        assert_eq!(code("FROM:<an nguyen@example.org>"), Err(553));
        assert_eq!(code("FROM:<a..n@example.org>"), Err(553));
        assert_eq!(code("FROM:<an@example.org> SIZE=x"), Err(501));
        assert_eq!(code("FROM:<an@example.org> COLOUR=red"), Err(555));
        assert_eq!(
            sender("FROM:<an@example.org> SIZE=1", false).map_err(|refusal| refusal.0),
            Err(555)
        );
        assert_eq!(code("FROM:<nguyễn@example.org>"), Err(553));
        assert_eq!(
            recipient("TO:<>", false).map_err(|refusal| refusal.0),
            Err(553)
        );
        assert_eq!(
            recipient("TO:<nguyễn@example.org>", false).map_err(|refusal| refusal.0),
            Err(553)
        );
        assert_eq!(
            recipient("TO:<nguyễn@example.org>", true),
            Ok("nguyễn@example.org".to_owned())
        );
    }
}
