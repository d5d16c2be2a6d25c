//! The text of a configuration with everything starred out that may be a secret written in the clear, for
//! showing lines of it. That secrets do not belong in the file does not keep people from putting them there.

use super::nearest;

/// Parts of the names of keys that hold secrets.
const WORDS: [&str; 6] = ["pass", "pwd", "token", "secret", "key", "credential"];

/// Keys that a misspelt key may be meant for.
const KEYS: [&str; 3] = ["password", "token", "credentials"];

/// The same text, of the same length and with the same lines, with stars in place of what may be secret.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut until: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        if let Some(end) = until {
            // Within a text of several lines that a secret key has opened.
            stars(line, &mut masked);
            if line.contains(end) {
                until = None;
            }
            continue;
        }
        let Some(at) = secret_from(line) else {
            masked.push_str(line);
            continue;
        };
        masked.push_str(&line[..at]);
        stars(&line[at..], &mut masked);
        until = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quotes| line.matches(quotes).count() == 1);
    }
    masked
}

/// One star a byte, so that places in the text stay what they are.
fn stars(text: &str, masked: &mut String) {
    let kept = text.trim_end_matches(['\n', '\r']);
    masked.extend(std::iter::repeat_n('*', kept.len()));
    masked.push_str(&text[kept.len()..]);
}

/// Where in a line a value begins that may be secret.
fn secret_from(line: &str) -> Option<usize> {
    for (at, _) in line.match_indices('=') {
        let key = line[..at].trim_end();
        let start =
            key.rfind(|letter: char| !(letter.is_alphanumeric() || "_-.\"'".contains(letter)));
        let key = key[start.map_or(0, |start| start + 1)..].trim_matches(['"', '\'']);
        let value = line[at + 1..].trim_start();
        let secret = WORDS.iter().any(|word| key.to_lowercase().contains(word))
            || nearest(key, KEYS).is_some();
        // `password = { credential = "smtp" }` and `credential = "smtp"` say where a secret is, not what it is.
        if secret && !value.starts_with('{') && key != "credential" {
            return Some(at + 1);
        }
        let address = value.split([',', '}']).next().unwrap_or_default();
        if address.contains("://") && address.contains('@') {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_becomes_stars_and_nothing_moves() {
        let check = |line: &str, expected: &str| {
            assert_eq!(mask(line), expected);
            assert_eq!(mask(line).len(), line.len());
        };
        check(
            "password = \"hunter2\"\nfrom = \"x\"\n",
            "password =**********\nfrom = \"x\"\n",
        );
        check("pasword='hunter2'", "pasword=*********");
        check("token = 1:ả", "token =******");
        check(
            "email = { from = \"a\", password = \"x\" }",
            "email = { from = \"a\", password =******",
        );
        check(
            "password = { credential = \"smtp\" }",
            "password = { credential = \"smtp\" }",
        );
        check("smtp = \"smtps://me:x@host\"", "smtp =********************");
        check("smtp = \"smtps://host\"", "smtp = \"smtps://host\"");
        check("from = \"me@host\"", "from = \"me@host\"");
        check(
            "credentials = '''\n-----BEGIN\nabc\n'''\nwrite = false",
            "credentials =****\n**********\n***\n***\nwrite = false",
        );
    }
}
