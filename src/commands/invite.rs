//! Who may bind which Telegram chat: one-time links, people of staff tabs, and chats that fall silent.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::problems::likeness;
use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::decide::notice;
use crate::core::people::{Colleague, Directory, Role};
use crate::roster::{Binding, Candidate, binding_key, candidate_key};
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, Store, ledger};

/// A link is good for so long.
const INVITE_FOR: SignedDuration = SignedDuration::from_mins(60);
/// Used and expired links are remembered for so long, to be told apart from wrong ones.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A token of ours has 22 letters; longer ones are not looked for.
const LONGEST_TOKEN: usize = 64;

/// A one-time link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Whom it binds.
    pub name: String,
    /// To be opened on their phone, by nobody else.
    pub link: String,
    /// Local ISO time with offset.
    pub expires: String,
}

/// Whose chat it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// As in the staff list.
    pub name: String,
    /// What they may see and do.
    pub role: Role,
    /// Whether this very chat was bound to them before.
    pub known: bool,
}

/// What was said about a person of a staff tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// As the tab says it.
    pub name: String,
    /// Whether they are one of the company.
    pub approved: bool,
    /// Who said so.
    pub by: String,
}

/// What is kept of a link, under the hash of its token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Invite {
    name: String,
    by: String,
    expires: Timestamp,
    /// When it was used.
    used: Option<Timestamp>,
    /// A newer one took its place.
    replaced: bool,
}

fn invite_key(token: &str) -> Key {
    keys::under(
        prefix::INVITE,
        &blake3::hash(token.as_bytes()).to_hex()[..32],
    )
}

fn invite_of(store: &Store, token: &str) -> Answer<Option<Invite>> {
    if token.len() > LONGEST_TOKEN {
        return Ok(None);
    }
    Ok(store.get(&invite_key(token))?)
}

impl Desk {
    /// A link that binds the chat of whoever opens it first to this person, for an hour. Their older links die.
    ///
    /// `bot` is the bot's user name when the daemon does not know it yet.
    ///
    /// # Errors
    /// The role, a name that is not in the staff list (the nearest are named), no bot, the disk.
    pub fn invite(
        &self,
        name: &str,
        bot: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Invitation> {
        self.must_all(who, Right::People)?;
        let directory = self.roster.directory()?;
        let person = directory
            .find(name)
            .ok_or_else(|| no_such_person(name, &directory))?;
        if self.roster.config().telegram.is_none() {
            return Err(CommandError::plain(
                ErrorKind::Unavailable,
                "there is no [telegram] in the configuration: add it with the token of your bot",
            ));
        }
        let known = self
            .health
            .as_ref()
            .and_then(crate::health::Health::bot_username);
        let bot = bot.map(|bot| bot.trim_start_matches('@').to_owned()).or(known).ok_or_else(|| {
            CommandError::new(
                ErrorKind::Unavailable,
                "the bot's name is not known yet, because Telegram has not answered: see `sheetbridge status`, then try again",
                "Chưa kết nối được Telegram nên chưa tạo được liên kết, vui lòng thử lại sau.",
            )
        })?;
        let token = crate::random::token();
        let expires = now.saturating_add(INVITE_FOR).unwrap_or(Timestamp::MAX);
        let store = self.roster.store();
        let _alone = store.alone();
        let mut group = Group::default();
        for entry in store.scan::<Invite>(prefix::INVITE) {
            let (key, older) = entry?;
            if older.name == person.name && older.used.is_none() && !older.replaced {
                group.put(
                    key,
                    &Invite {
                        replaced: true,
                        ..older
                    },
                );
            }
        }
        let invite = Invite {
            name: person.name.clone(),
            by: who.name().to_owned(),
            expires,
            used: None,
            replaced: false,
        };
        group.put(invite_key(&token), &invite);
        self.note_hand(
            &mut group,
            now,
            None,
            who,
            &format!("made a link for {}", person.name),
        );
        store.commit(vec![group])?;
        Ok(Invitation {
            name: person.name.clone(),
            link: format!("https://t.me/{bot}?start={token}"),
            expires: self.local(expires),
        })
    }

    /// Binds a chat by the token of a link, once. Needs no role: the token is the right.
    ///
    /// `private` says whether the chat is one person's; groups are refused.
    ///
    /// # Errors
    /// A token that is wrong, used, expired or replaced; a group; a person who has left; the disk.
    pub fn redeem(
        &self,
        token: &str,
        chat: i64,
        private: bool,
        now: Timestamp,
    ) -> Answer<Newcomer> {
        if !private {
            return Err(CommandError::new(
                ErrorKind::NotAllowed,
                format!(
                    "a group cannot be bound to one person: open the link in a private chat with the bot. This group's number is {chat}: rules can write to it as a [[staff]] with telegram = {chat}"
                ),
                format!(
                    "Nhóm chat không thể gắn với một người. Vui lòng mở liên kết này trong cuộc trò chuyện riêng với bot. Số của nhóm này là {chat}, quản trị có thể thêm vào cấu hình để nhóm nhận tin."
                ),
            ));
        }
        let store = self.roster.store();
        let _alone = store.alone();
        let invite = invite_of(store, token)?.ok_or_else(wrong_link)?;
        let directory = self.roster.directory()?;
        let person = directory
            .find(&invite.name)
            .filter(|person| person.name == invite.name);
        let person = person.ok_or_else(wrong_link)?;
        let newcomer = |known| Newcomer {
            name: person.name.clone(),
            role: person.role,
            known,
        };
        let bound = self.roster.binding(person)?;
        if invite.used.is_some() && bound.is_some_and(|binding| binding.chat == chat) {
            return Ok(newcomer(true));
        }
        still_good(&invite, now)?;
        let mut group = Group::default();
        // A chat is one person's: whoever had it before gives it up.
        for entry in store.scan::<Binding>(prefix::BINDING) {
            let (other, binding) = entry?;
            if binding.chat == chat && binding.name != person.name {
                group.remove(other);
            }
        }
        let binding = Binding {
            name: person.name.clone(),
            chat,
            at: now,
            dead: None,
        };
        group.put(binding_key(&person.name), &binding);
        let did = format!("bound their chat by a link of {}", invite.by);
        group.put(
            invite_key(token),
            &Invite {
                used: Some(now),
                ..invite
            },
        );
        self.note_hand(&mut group, now, None, &Who::of(person), &did);
        store.commit(vec![group])?;
        Ok(newcomer(false))
    }

    /// Everybody whom a chat reaches.
    ///
    /// # Errors
    /// The disk.
    pub fn bound_chats(&self) -> Answer<Vec<(Who, i64)>> {
        let mut bound = Vec::new();
        for person in self.roster.directory()?.all() {
            let binding = self.roster.binding(person)?;
            if let Some(binding) = binding.filter(|binding| binding.dead.is_none()) {
                bound.push((Who::of(person), binding.chat));
            }
        }
        Ok(bound)
    }

    /// Whose chat that is, as who asks; strangers too.
    ///
    /// # Errors
    /// The disk.
    pub fn who_is(&self, chat: i64) -> Answer<Who> {
        Ok(self
            .roster
            .person_of_chat(chat)?
            .map_or(Who::Stranger, |person| Who::of(&person)))
    }

    /// Marks a chat as dead (the bot was blocked) or alive again. Returns whose it is, if it is anybody's.
    ///
    /// # Errors
    /// The disk.
    pub fn chat_is(&self, chat: i64, dead: Option<&str>, now: Timestamp) -> Answer<Option<String>> {
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(person) = self.roster.person_of_chat(chat)? else {
            return Ok(None);
        };
        let Some(mut binding) = self.roster.binding(&person)? else {
            return Ok(None);
        };
        let dead = dead.map(str::to_owned);
        if binding.dead.is_some() != dead.is_some() {
            let did = if dead.is_some() {
                "can no longer be reached on Telegram"
            } else {
                "can be reached on Telegram again"
            };
            binding.dead = dead;
            let mut group = Group::default();
            group.put(binding_key(&person.name), &binding);
            self.note_hand(&mut group, now, None, &Who::of(&person), did);
            if let Some(why) = &binding.dead {
                let zone = &self.roster.config().calendar.zone;
                for message in
                    notice::chat_died(&self.roster.directory()?, &person.name, why, zone, now)
                {
                    ledger::queue(store, &mut group, &message)?;
                }
            }
            store.commit(vec![group])?;
        }
        Ok(Some(person.name))
    }

    /// Says whether a person of a staff tab is one of the company. The first who decides wins.
    ///
    /// # Errors
    /// The role, no such person, another decision was made before, the disk.
    pub fn approve_staff(
        &self,
        name: &str,
        yes: bool,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Approval> {
        self.must_all(who, Right::People)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let candidates = self.roster.candidates()?;
        let Some(mut candidate) = candidates
            .iter()
            .find(|candidate| candidate.name == name)
            .cloned()
        else {
            return Err(no_such_candidate(name, &candidates));
        };
        if let (Some(approved), Some(by)) = (candidate.approved, &candidate.by)
            && approved == yes
            && by != who.name()
        {
            let said = if approved { "yes" } else { "no" };
            let vi = if approved {
                format!("{by} đã duyệt {name} rồi.")
            } else {
                format!("{by} đã từ chối {name} rồi.")
            };
            return Err(CommandError::new(
                ErrorKind::TooLate,
                format!("{by} has already said {said} to {name}"),
                vi,
            ));
        }
        candidate.approved = Some(yes);
        candidate.by = Some(who.name().to_owned());
        let mut group = Group::default();
        group.put(candidate_key(&candidate.name), &candidate);
        let said = if yes { "yes" } else { "no" };
        self.note_hand(
            &mut group,
            now,
            None,
            who,
            &format!("said {said} to {name} of a staff tab"),
        );
        store.commit(vec![group])?;
        Ok(Approval {
            name: candidate.name,
            approved: yes,
            by: who.name().to_owned(),
        })
    }

    /// Forgets links that ended a week ago. For the daemon, once a day.
    ///
    /// # Errors
    /// The disk.
    pub fn sweep_invites(&self, now: Timestamp) -> Answer<()> {
        let store = self.roster.store();
        let _alone = store.alone();
        let mut group = Group::default();
        for entry in store.scan::<Invite>(prefix::INVITE) {
            let (key, invite) = entry?;
            if now.duration_since(invite.expires) > REMEMBERED_FOR {
                group.remove(key);
            }
        }
        Ok(store.commit(vec![group])?)
    }
}

/// Refuses a link that is used, replaced or expired, each in its own words.
fn still_good(invite: &Invite, now: Timestamp) -> Answer<()> {
    let (text, vi) = if invite.used.is_some() {
        (
            "this link has been used already: ask for a new one",
            "Liên kết này đã được dùng rồi. Vui lòng xin người quản trị một liên kết mới.",
        )
    } else if invite.replaced {
        (
            "there is a newer link: use that one",
            "Đã có liên kết mới hơn. Vui lòng dùng liên kết mới nhất.",
        )
    } else if invite.expires < now {
        (
            "this link has expired (it is good for an hour): ask for a new one",
            "Liên kết này đã hết hạn (chỉ dùng được trong một giờ). Vui lòng xin người quản trị một liên kết mới.",
        )
    } else {
        return Ok(());
    };
    Err(CommandError::new(ErrorKind::TooLate, text, vi))
}

fn wrong_link() -> CommandError {
    CommandError::new(
        ErrorKind::NotFound,
        "this link is not one of ours: ask for a new one",
        "Liên kết này không đúng. Vui lòng xin người quản trị một liên kết mới.",
    )
}

pub(super) fn no_such_person(name: &str, directory: &Directory) -> CommandError {
    let mut near: Vec<(u32, &Colleague)> = directory
        .all()
        .iter()
        .map(|person| {
            let names = std::iter::once(&person.name).chain(&person.aliases);
            (
                names.map(|other| likeness(name, other)).max().unwrap_or(0),
                person,
            )
        })
        .filter(|(likeness, _)| *likeness >= 40)
        .collect();
    near.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let near: Vec<String> = near
        .iter()
        .take(3)
        .map(|(_, person)| format!("\"{}\"", person.name))
        .collect();
    let mend = match near[..] {
        [] => "add a [[staff]] with this name to the configuration".to_owned(),
        _ => format!("did you mean {}?", near.join(" or ")),
    };
    let mend_vi = match near[..] {
        [] => "vui lòng kiểm tra lại tên".to_owned(),
        _ => format!("có phải {} không?", near.join(" hay ")),
    };
    CommandError::new(
        ErrorKind::NotFound,
        format!("\"{name}\" is not in the staff list: {mend}"),
        format!("Không có “{name}” trong danh sách nhân viên, {mend_vi}"),
    )
}

fn no_such_candidate(name: &str, candidates: &[Candidate]) -> CommandError {
    let names: Vec<&str> = candidates
        .iter()
        .map(|candidate| candidate.name.as_str())
        .collect();
    let known = match names[..] {
        [] => "no staff tab names anybody".to_owned(),
        _ => format!("the staff tabs name {}", names.join(", ")),
    };
    CommandError::new(
        ErrorKind::NotFound,
        format!("\"{name}\" is in no staff tab: {known}"),
        "Không tìm thấy người này trong danh sách nhân viên của bảng tính.",
    )
}
