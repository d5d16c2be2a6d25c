//! The chats, told in parts: a chat is told again only when it looks different.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::{Value, json};

use super::super::telegram::ChatView;

/// How many messages of a chat are told: the latest.
const TOLD: usize = 150;

/// Which chat looked how, and since which revision of the Bot API.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// The revision that was looked at last.
    revision: u64,
    /// By chat: its print, when it last changed, and how it is told.
    chats: BTreeMap<i64, Shown>,
}

#[derive(Debug)]
struct Shown {
    print: u64,
    since: u64,
    told: Value,
}

impl Shelf {
    /// Looks at the chats if there is a newer revision than the last look's.
    pub(super) fn look(&mut self, revision: u64, chats: impl FnOnce() -> Vec<ChatView>) {
        if self.revision == revision && !self.chats.is_empty() {
            return;
        }
        self.revision = revision;
        let mut gone = std::mem::take(&mut self.chats);
        for chat in chats() {
            let told = tell(&chat);
            let print = print(&told);
            let shown = match gone.remove(&chat.id) {
                Some(shown) if shown.print == print => shown,
                _ => Shown {
                    print,
                    since: revision,
                    told,
                },
            };
            self.chats.insert(chat.id, shown);
        }
    }

    /// The chats that changed after revision `known`, and the ids of all there are; `None` if a
    /// browser that knows that revision knows everything. All chats are told without `known`.
    pub(super) fn news(&self, known: Option<u64>) -> Option<Value> {
        let changed: Vec<&Value> = self
            .chats
            .values()
            .filter(|shown| known.is_none_or(|known| shown.since > known))
            .map(|shown| &shown.told)
            .collect();
        if known.is_some() && changed.is_empty() {
            return None;
        }
        let ids: Vec<i64> = self.chats.keys().copied().collect();
        Some(json!({"revision": self.revision, "ids": ids, "changed": changed}))
    }
}

fn tell(chat: &ChatView) -> Value {
    let mut told = json!(chat);
    if let Some(messages) = told["messages"].as_array_mut() {
        let older = messages.len().saturating_sub(TOLD);
        messages.drain(..older);
        for message in messages {
            for part in ["photo", "document"] {
                // The page serves the files itself, under its own address.
                if let Some(path) = message[part]["path"].as_str() {
                    message[part]["url"] = json!(format!("/api/file/{path}"));
                }
            }
        }
    }
    told
}

fn print(told: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    told.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::super::telegram::ChatKind;
    use super::*;

    fn chat(id: i64, action: Option<&str>) -> ChatView {
        ChatView {
            id,
            kind: ChatKind::Private,
            title: format!("Người {id}"),
            people: Vec::new(),
            started: true,
            blocked: false,
            migrated_to: None,
            keyboard: Vec::new(),
            action: action.map(str::to_owned),
            messages: Vec::new(),
        }
    }

    #[test]
    fn only_a_chat_that_looks_different_is_told_again() {
        let mut shelf = Shelf::default();
        shelf.look(1, || vec![chat(1, None), chat(2, None)]);
        let all = shelf.news(None).unwrap();
        assert_eq!(all["changed"].as_array().unwrap().len(), 2);
        assert!(shelf.news(Some(1)).is_none());
        shelf.look(2, || vec![chat(1, None), chat(2, Some("typing"))]);
        let news = shelf.news(Some(1)).unwrap();
        assert_eq!(news["changed"].as_array().unwrap().len(), 1);
        assert_eq!(news["changed"][0]["id"], 2);
        assert_eq!(news["ids"], json!([1, 2]));
        shelf.look(2, || panic!("nothing new to look at"));
    }
}
