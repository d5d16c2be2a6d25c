//! Those who carry a message to a provider and say what became of it.
//!
//! A courier classifies and the outbox obeys: the answer is a [`Verdict`], never an error. What a courier does not do:
//! decide whether a message is still wanted, count retries, write to the store, or choose a text. Each courier is the
//! only place that names its crate.

pub mod email;
pub mod telegram;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::core::delivery::Verdict;
use crate::core::message::Address;

/// Somebody who carries messages of one channel.
pub trait Courier: fmt::Debug + Send + Sync {
    /// How many messages may be on their way at once; so many are marked in flight together (SEMANTICS 34).
    fn connections(&self) -> usize;

    /// How long until the provider's rate lets one more through to this address; zero means now.
    ///
    /// To be asked before a message is claimed. `deliver` waits out a few seconds by itself, and answers a longer wait
    /// with [`Verdict::TryLater`].
    fn ready_in(&self, to: &Address) -> Duration;

    /// Whether a picture is worth drawing for it. One that only counts messages, as a simulation's, says no.
    fn takes_pictures(&self) -> bool {
        true
    }

    /// Carries one message to its end or to the point where it must be tried again.
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Verdict>;

    /// Goes through everything but the message itself, for `check`.
    ///
    /// # Returns
    /// Who answered, in words for people, e.g. `mail.example.org:587, TLS, logged in as an@example.org`.
    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>>;
}

/// What a courier is handed.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// For [`email::EmailCourier`].
    Mail(Mail),
    /// For [`telegram::TelegramCourier`].
    Chat(Chat),
}

/// One mail to one recipient, ready to be built.
#[derive(Clone)]
pub struct Mail {
    /// Address of the recipient, bare.
    pub to: String,
    /// Name to write beside it; may be empty.
    pub to_name: String,
    /// Name of the sender; may be empty.
    pub from_name: String,
    /// Address of the sender, also the envelope sender.
    pub from: String,
    /// Where answers go, if not to the sender: name (may be empty) and address.
    pub reply_to: Option<(String, String)>,
    /// Subject, any letters.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Message-ID without angle brackets, `DIGEST@domain`. The same in every retry.
    pub message_id: String,
    /// What the Date header says: when the message was first tried, the same in every retry.
    pub date: Timestamp,
    /// Further headers by name, e.g. `List-Unsubscribe`. ASCII values stay on one line, others are encoded.
    /// `Auto-Submitted: auto-generated` (RFC 3834) is added when it is not among them.
    pub headers: Vec<(String, String)>,
    /// Pictures that the HTML shows as `cid:ID`.
    pub inline: Vec<Picture>,
    /// Files.
    pub attachments: Vec<Attachment>,
}

impl fmt::Debug for Mail {
    /// Shows whom it is for, masked, and how long it is; never what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("to", &Address::Email(self.to.clone()))
            .field("message_id", &self.message_id)
            .field("text_bytes", &self.text.len())
            .field("html_bytes", &self.html.len())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// One message to one Telegram chat, ready to be sent.
#[derive(Clone)]
pub struct Chat {
    /// What the message is named by. A retry of the same name goes on with the part at which the last try stopped.
    pub id: String,
    /// Chat id; negative for groups.
    pub chat: i64,
    /// The text as HTML (only Telegram's tags), split into parts of at most 4096 UTF-16 units after parsing.
    pub parts: Vec<String>,
    /// Rows of buttons, under the last part.
    pub buttons: Vec<Vec<Button>>,
    /// A picture; a single part short enough for a caption (1024 UTF-16 units) goes with it, else it goes first. The
    /// text counts: where the picture does not get through, the text goes alone.
    pub photo: Option<Attachment>,
    /// Files: after the text, or before it if buttons stand under it, so that they are the last thing.
    pub documents: Vec<Document>,
    /// Without a sound.
    pub silent: bool,
}

impl fmt::Debug for Chat {
    /// Shows whom it is for, masked, and of how many pieces it is; never what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("id", &self.id)
            .field("to", &Address::Chat(self.chat))
            .field("parts", &self.parts.len())
            .field("photo", &self.photo.is_some())
            .field("documents", &self.documents.len())
            .finish_non_exhaustive()
    }
}

/// A button under a chat message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it says.
    pub text: String,
    /// What it does.
    pub act: Act,
}

/// What a button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens an address.
    Url(String),
    /// Tells the bot; 1–64 bytes, kept opaque.
    Callback(String),
    /// Copies a text of 1–256 characters.
    Copy(String),
}

/// A picture within a mail's HTML.
#[derive(Clone)]
pub struct Picture {
    /// What the HTML calls it behind `cid:`, in the form of a Message-ID (RFC 2392).
    pub id: String,
    /// The picture.
    pub file: Attachment,
}

/// A file that goes along.
#[derive(Clone)]
pub struct Attachment {
    /// File name, with its ending.
    pub name: String,
    /// Media type, e.g. `image/png`.
    pub media_type: String,
    /// The bytes.
    pub content: Vec<u8>,
}

/// A file in a chat, and what is written under it.
#[derive(Clone)]
pub struct Document {
    /// The file.
    pub file: Attachment,
    /// In Telegram's HTML, at most 1024 UTF-16 units after parsing.
    pub caption: Option<String>,
}

/// Why a probe failed: what was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}. {mend}")]
pub struct ProbeError {
    /// Whether waiting may help.
    pub kind: ProbeKind,
    /// What was found, without a full stop, e.g. `connection to mail.example.org:587 refused`.
    pub what: String,
    /// The mend, as a sentence.
    pub mend: String,
}

/// Whose turn it is after a failed probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// Nobody answered, or only "later": it may pass by itself.
    Unreachable,
    /// The certificate is not trusted, or does not fit the name.
    Untrusted,
    /// The log-in or the token was refused.
    Refused,
    /// It answers, but not as it must: no STARTTLS, no log-in offered, not the right kind of server.
    Unsuitable,
}

impl ProbeError {
    /// Puts the three together.
    pub fn new(kind: ProbeKind, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            mend: mend.into(),
        }
    }
}
