//! What a refusal of the Bot API means for a message (domain/telegram.md section 3).

use crate::core::delivery::{Refusal, Scope, Verdict};
use crate::telegram::{CallError, Refused};

/// What is to be done after a call that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// It is over, for this try.
    Over(Verdict),
    /// The markup was not understood: send the same once more as plain text.
    Plain,
}

/// Beginnings and parts of 400 descriptions that are about the chat: nothing will ever get through to it. Lower case.
const CHAT_IS_GONE: [&str; 14] = [
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "chat_id is empty",
    "group chat was upgraded to a supergroup chat",
    "group is deactivated",
    "message thread not found",
    "topic_closed",
    "have no rights to send",
    "not enough rights to send",
    "need administrator rights in the channel chat",
    "chat_write_forbidden",
    "chat_send_plain_forbidden",
    "chat_restricted",
];

/// The sentence for a token that Telegram does not take.
pub(super) const TOKEN_REFUSED: &str =
    "Telegram refused the bot token (401 Unauthorized): copy it again from @BotFather";

/// What a failed call means.
pub fn after(error: &CallError) -> After {
    let refused = match error {
        CallError::Refused(refused) => refused,
        CallError::NotSent(why) => return later(why, None, Scope::Channel),
        CallError::Unanswered(why) => {
            return After::Over(Verdict::InDoubt { why: why.clone() });
        }
    };
    if let Some(to) = refused.migrate_to {
        return After::Over(Verdict::Moved { to });
    }
    let why = refused.to_string();
    let said = refused.description.to_lowercase();
    match refused.code {
        429 => later(
            &why,
            Some(refused.retry_after_s.unwrap_or(1)),
            Scope::Address,
        ),
        // "Not Found" is what an unknown token gets as well.
        401 | 404 => later(TOKEN_REFUSED, None, Scope::Channel),
        403 => rejected(why, Refusal::Address),
        400 if said.contains("can't parse entities") => After::Plain,
        400 if CHAT_IS_GONE.iter().any(|text| said.contains(text)) => {
            rejected(why, Refusal::Address)
        }
        400 | 413 => rejected(why, Refusal::Content),
        // 5xx, and whatever stands between and answers in Telegram's place.
        _ => later(&why, refused.retry_after_s, Scope::Channel),
    }
}

fn later(why: &str, not_before_s: Option<u64>, scope: Scope) -> After {
    After::Over(Verdict::TryLater {
        why: why.to_owned(),
        not_before_s,
        scope,
    })
}

fn rejected(why: String, about: Refusal) -> After {
    After::Over(Verdict::Rejected { why, about })
}

/// Whether the token is what was refused.
pub(super) fn is_token_refused(refused: &Refused) -> bool {
    matches!(refused.code, 401 | 404)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome in a word or two, so that the table below reads like the domain's.
    fn outcome(code: u16, description: &str) -> String {
        let error = CallError::Refused(Refused {
            code,
            description: description.into(),
            retry_after_s: (code == 429).then_some(7),
            migrate_to: description.contains("upgraded with id").then_some(-1007),
        });
        match after(&error) {
            After::Plain => "plain".into(),
            After::Over(Verdict::TryLater {
                scope,
                not_before_s,
                ..
            }) => format!("later {scope:?} {}", not_before_s.unwrap_or_default()),
            After::Over(Verdict::Rejected { about, .. }) => format!("rejected {about:?}"),
            After::Over(Verdict::Moved { to }) => format!("moved {to}"),
            After::Over(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn refusals_of_the_bot_api() {
        for (code, description, expected) in [
            (429, "Too Many Requests: retry after 7", "later Address 7"),
            (
                403,
                "Forbidden: bot was blocked by the user",
                "rejected Address",
            ),
            (403, "Forbidden: user is deactivated", "rejected Address"),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                "rejected Address",
            ),
            (
                403,
                "Forbidden: bot can't initiate conversation with a user",
                "rejected Address",
            ),
            (400, "Bad Request: chat not found", "rejected Address"),
            (
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                "rejected Address",
            ),
            (
                400,
                "Bad Request: group chat was upgraded with id",
                "moved -1007",
            ),
            (
                400,
                "Bad Request: message thread not found",
                "rejected Address",
            ),
            (
                400,
                "Bad Request: not enough rights to send text messages to the chat",
                "rejected Address",
            ),
            (
                400,
                "Bad Request: can't parse entities: Unsupported start tag \"x\"",
                "plain",
            ),
            (400, "Bad Request: message is too long", "rejected Content"),
            (400, "Bad Request: BUTTON_DATA_INVALID", "rejected Content"),
            (413, "Request Entity Too Large", "rejected Content"),
            (401, "Unauthorized", "later Channel 0"),
            (404, "Not Found", "later Channel 0"),
            (500, "Internal Server Error", "later Channel 0"),
            (502, "Bad Gateway", "later Channel 0"),
            (302, "without an answer of the Bot API", "later Channel 0"),
        ] {
            assert_eq!(outcome(code, description), expected, "{code} {description}");
        }
    }

    #[test]
    fn only_what_was_written_is_in_doubt() {
        assert!(matches!(
            after(&CallError::Unanswered("no answer in time".into())),
            After::Over(Verdict::InDoubt { .. })
        ));
        assert!(matches!(
            after(&CallError::NotSent("no connection: refused".into())),
            After::Over(Verdict::TryLater {
                scope: Scope::Channel,
                ..
            })
        ));
    }
}
