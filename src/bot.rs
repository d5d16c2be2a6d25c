//! The Telegram conversation: hears what people write and press, and answers in their language.
//!
//! What a question means and who may ask it is `commands`'; this module has the words, the menus and the
//! polling. It never sends what rules decide (that is the outbox's), and sending never waits for it: when it
//! cannot hear, `health` says so and messages go out all the same. Texts and names are never logged.

mod answer;
mod campaigns;
mod claims;
mod day;
mod handover;
mod menu;
mod notes;
mod outcome;
mod report;
mod rest;
mod slow;
mod subscription;
mod trial;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use teloxide::payloads::{
    AnswerCallbackQuery, DeleteWebhook, EditMessageCaption, EditMessageReplyMarkup,
    EditMessageText, GetMe, GetUpdates, SendMessage, SetMyCommands,
};
use teloxide::types::{
    AllowedUpdate, BotCommand, BotCommandScope, CallbackQuery, ChatId, ChatMemberUpdated,
    InlineKeyboardButton, InlineKeyboardButtonKind, InlineKeyboardMarkup, LinkPreviewOptions,
    MaybeInaccessibleMessage, Message, MessageId, ParseMode, Recipient, ReplyMarkup,
};
use teloxide::utils::render::RenderMessageTextHelper as _;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::commands::{Desk, Right, Who};
use crate::core::rule::Channel;
use crate::telegram::{CallError, Client};

pub use answer::DigestText;
use answer::{Heard, PressSaid, Reply, Said};
use slow::Later;
use words::Words;

/// Telegram holds the question open so long when there is nothing new.
const LONG_POLL_S: u32 = 10;
/// After a failure, doubled up to the longest.
const WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Another process that polls with the same token takes turns with us: not too often.
const CONFLICT_WAIT: Duration = Duration::from_secs(10);
/// Answers that are on their way when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Answers on their way at once; more wait.
const ANSWERS: usize = 32;
/// Answers that wait for all rows to be read; who asks then is told to ask again.
const SLOW_ANSWERS: usize = 8;
/// An answer is worth a second try after so long at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The conversation of one bot. Cheap to clone.
#[derive(Clone)]
pub struct Bot {
    client: Client,
    desks: Arc<dyn Fn() -> Desk + Send + Sync>,
    digest: DigestText,
    acted: Arc<Notify>,
    /// Who waits for an answer that reads all rows, and whose turn it is.
    slow: Arc<(Semaphore, Mutex<()>)>,
    now: fn() -> Timestamp,
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bot")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Bot {
    /// A bot that answers by the desk that is in force when somebody asks.
    ///
    /// `digest` renders the digest for `/bantin`. `acted` is notified after everything that somebody did, so
    /// that the outbox and the poll can look at once. `now` is the clock.
    pub fn new(
        client: Client,
        desks: impl Fn() -> Desk + Send + Sync + 'static,
        digest: DigestText,
        acted: Arc<Notify>,
        now: fn() -> Timestamp,
    ) -> Self {
        Self {
            client,
            desks: Arc::new(desks),
            digest,
            acted,
            slow: Arc::new((Semaphore::new(SLOW_ANSWERS), Mutex::new(()))),
            now,
        }
    }

    /// Hears and answers until `stop` comes. Survives whatever Telegram and the network do.
    pub async fn run(self, stop: CancellationToken) {
        let mut answers = JoinSet::new();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.hear(&mut answers) => {}
        }
        let _ = tokio::time::timeout(LAST_WORDS, async {
            while answers.join_next().await.is_some() {}
        })
        .await;
    }

    async fn hear(&self, answers: &mut JoinSet<()>) {
        let mut wait = WAIT;
        let mut introduced = false;
        let mut offset: Option<i32> = None;
        loop {
            let heard = match introduced {
                false => self.introduce().await.map(|()| Vec::new()),
                true => self.updates(offset).await,
            };
            match heard {
                Ok(updates) => {
                    introduced = true;
                    wait = WAIT;
                    self.well();
                    for update in updates {
                        // Confirmed only by the next question: what a crash cuts off is heard again, and acts are done once.
                        let id = update["update_id"]
                            .as_i64()
                            .and_then(|id| i32::try_from(id).ok());
                        offset = id.map(|id| id.wrapping_add(1)).or(offset);
                        self.handle(update, answers).await;
                    }
                }
                Err(error) => {
                    let pause = self.deaf(&error, wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    tokio::time::sleep(pause.mul_f64(0.8 + 0.4 * crate::random::unit())).await;
                }
            }
        }
    }

    /// Who the bot is, that it hears by polling, and its menus.
    async fn introduce(&self) -> Result<(), CallError> {
        let me = self.client.call(&GetMe::new()).await?;
        if let (Some(name), Some(health)) = (me["username"].as_str(), &self.desk().health) {
            health.bot_is(name);
        }
        self.client.call(&DeleteWebhook::new()).await?;
        self.menus().await;
        Ok(())
    }

    /// The menu for everybody is that of staff; managers and leaders have their own.
    async fn menus(&self) {
        let desk = self.desk();
        let staff = Who::Colleague {
            name: String::new(),
            role: crate::core::people::Role::Staff,
        };
        self.set_menu(&desk, &staff, None).await;
        let bound = blocking(move || desk.bound_chats()).await;
        for (who, chat) in bound.and_then(Result::ok).unwrap_or_default() {
            let desk = self.desk();
            if [Right::Steer, Right::Campaigns]
                .into_iter()
                .any(|right| desk.allows(&who, right))
            {
                self.set_menu(&desk, &who, Some(chat)).await;
            }
        }
    }

    /// A menu that cannot be set is a pity and no more.
    async fn set_menu(&self, desk: &Desk, who: &Who, chat: Option<i64>) {
        let lines = menu::menu(desk.language(), |right| desk.allows(who, right));
        let commands: Vec<BotCommand> = lines
            .into_iter()
            .map(|(name, does)| BotCommand::new(name, does))
            .collect();
        let mut payload = SetMyCommands::new(commands);
        payload.scope = chat.map(|chat| BotCommandScope::Chat {
            chat_id: Recipient::Id(ChatId(chat)),
        });
        if let Err(error) = self.client.call(&payload).await {
            tracing::debug!("the bot's menu could not be set: {error}");
        }
    }

    async fn updates(&self, offset: Option<i32>) -> Result<Vec<Value>, CallError> {
        let mut payload = GetUpdates::new();
        payload.offset = offset;
        payload.timeout = Some(LONG_POLL_S);
        payload.allowed_updates = Some(vec![
            AllowedUpdate::Message,
            AllowedUpdate::CallbackQuery,
            AllowedUpdate::MyChatMember,
        ]);
        match self.client.call(&payload).await? {
            Value::Array(updates) => Ok(updates),
            _ => Err(CallError::Unanswered(
                "the answer is no list of updates".into(),
            )),
        }
    }

    fn desk(&self) -> Desk {
        (self.desks)()
    }

    fn well(&self) {
        if let Some(health) = &self.desk().health {
            health.bot_hears();
            health.channel_well(Channel::Telegram, (self.now)());
        }
    }

    /// Notes why nobody is heard, and says how long to wait.
    async fn deaf(&self, error: &CallError, wait: Duration) -> Duration {
        let now = (self.now)();
        let health = self.desk().health;
        let times = health
            .as_ref()
            .map_or(1, |health| health.bot_deaf(now, error.to_string()));
        if times == 1 {
            tracing::warn!("the bot cannot hear: {error}; messages are sent all the same");
        }
        let refused = match error {
            CallError::Refused(refused) => refused,
            CallError::NotSent(_) | CallError::Unanswered(_) => {
                if let Some(health) = health {
                    health.channel_down(Channel::Telegram, now, error.to_string());
                }
                return wait;
            }
        };
        match refused.code {
            // Another poller, or a webhook that somebody set meanwhile. Sending is not affected.
            409 => {
                if refused.description.contains("webhook") {
                    let _ = self.client.call(&DeleteWebhook::new()).await;
                }
                CONFLICT_WAIT
            }
            429 => Duration::from_secs(refused.retry_after_s.unwrap_or(5)).min(PATIENCE * 5),
            401 | 404 => {
                if let Some(health) = health {
                    health.channel_down(
                        Channel::Telegram,
                        now,
                        format!("the bot token was refused ({refused})"),
                    );
                }
                LONGEST_WAIT
            }
            _ => wait,
        }
    }

    /// Hears one update as Telegram sends it; what is said back is on its way in `answers`.
    ///
    /// What this version does not understand is passed by, and nothing of it is logged.
    pub async fn handle(&self, mut update: Value, answers: &mut JoinSet<()>) {
        while answers.len() >= ANSWERS {
            answers.join_next().await;
        }
        while answers.try_join_next().is_some() {}
        // teloxide's `Update` cannot be made from a `Value`: it wants its keys borrowed from the text.
        if let Ok(message) = serde_json::from_value::<Message>(update["message"].take()) {
            self.on_message(&message, answers).await;
        } else if let Ok(query) =
            serde_json::from_value::<CallbackQuery>(update["callback_query"].take())
        {
            self.on_press(query, answers).await;
        } else if let Ok(change) =
            serde_json::from_value::<ChatMemberUpdated>(update["my_chat_member"].take())
        {
            self.on_member(&change).await;
        }
    }

    async fn on_message(&self, message: &Message, answers: &mut JoinSet<()>) {
        let Some(from) = message
            .from
            .as_ref()
            .filter(|from| !from.is_bot)
            .and_then(|from| i64::try_from(from.id.0).ok())
        else {
            return;
        };
        let (chat, private) = (message.chat.id.0, message.chat.is_private());
        let (desk, digest, now) = (self.desk(), Arc::clone(&self.digest), (self.now)());
        // A picture or a voice message gets the same answer as a text that is no command.
        let text = message.text().unwrap_or_default().to_owned();
        let answers_to = message.reply_to_message().map(|replied| replied.id.0);
        let said = blocking(move || {
            let heard = Heard {
                from,
                chat,
                private,
                text: &text,
                answers: answers_to,
            };
            answer::to_text(&desk, &digest, &heard, now)
        })
        .await;
        let Some(Said {
            replies,
            bound,
            acted,
        }) = said
        else {
            return;
        };
        if acted {
            self.acted.notify_one();
        }
        let bot = self.clone();
        answers.spawn(async move {
            for piece in replies.into_iter().flat_map(Reply::pieces) {
                bot.write(chat, piece).await;
            }
            if let Some(who) = bound {
                let desk = bot.desk();
                bot.set_menu(&desk, &who, Some(chat)).await;
            }
        });
    }

    /// Who presses a button reads the answer in the chat where it stands, if nobody else reads there.
    fn chat_of(query: &CallbackQuery) -> Option<i64> {
        let chat = query.message.as_ref()?.chat();
        chat.is_private().then_some(chat.id.0)
    }

    async fn on_press(&self, query: CallbackQuery, answers: &mut JoinSet<()>) {
        let chat = Self::chat_of(&query);
        let (Ok(from), Some(data)) = (i64::try_from(query.from.id.0), query.data) else {
            return;
        };
        let (desk, now) = (self.desk(), (self.now)());
        let Some(mut said) = blocking(move || answer::to_press(&desk, from, &data, now)).await
        else {
            return;
        };
        if said.acted {
            self.acted.notify_one();
        }
        let bot = self.clone();
        answers.spawn(async move {
            let mut toast = AnswerCallbackQuery::new(query.id);
            toast.text = Some(said.toast.clone()).filter(|toast| !toast.is_empty());
            toast.show_alert = said.alert.then_some(true);
            if let Err(error) = bot.client.call(&toast).await {
                // "query is too old": the daemon was away when it was pressed; the message shows the outcome.
                tracing::debug!("a press could not be answered: {error}");
            }
            let replies = std::mem::take(&mut said.replies);
            for (chat, piece) in chat.into_iter().flat_map(|chat| {
                let pieces = replies.iter().cloned().flat_map(Reply::pieces);
                pieces.map(move |piece| (chat, piece))
            }) {
                Box::pin(bot.write(chat, piece)).await;
            }
            if let Some(message) = query.message.filter(|_| said.over) {
                Box::pin(bot.show_outcome(&message, said)).await;
            }
        });
    }

    /// Writes the outcome under the message and takes away the buttons that act; links stay.
    async fn show_outcome(&self, message: &MaybeInaccessibleMessage, said: PressSaid) {
        let (chat, id) = (message.chat().id, message.id());
        let shown = message.regular_message();
        let markup = links_only(shown.and_then(|message| message.reply_markup()));
        let grown = |html: Option<String>, longest: usize| {
            let line = said.line.as_ref()?;
            let html = format!("{}\n\n{line}", html?);
            (html.encode_utf16().count() <= longest).then_some(html)
        };
        self.client.pace().acquire(chat.0).await;
        let edited = if let Some(text) = grown(shown.and_then(Message::html_text), 4096) {
            let mut edit = EditMessageText::new(chat, id, text);
            edit.parse_mode = Some(ParseMode::Html);
            edit.link_preview_options = Some(no_preview());
            edit.reply_markup = Some(markup);
            self.client.call(&edit).await
        } else if let Some(caption) = grown(shown.and_then(Message::html_caption), 1024) {
            let mut edit = EditMessageCaption::new(chat, id);
            edit.caption = Some(caption);
            edit.parse_mode = Some(ParseMode::Html);
            edit.reply_markup = Some(markup);
            self.client.call(&edit).await
        } else {
            let mut edit = EditMessageReplyMarkup::new(chat, id);
            edit.reply_markup = Some(markup);
            self.client.call(&edit).await
        };
        if let Err(error) = edited {
            // "message is not modified", or deleted meanwhile.
            tracing::debug!("the outcome of a press could not be shown: {error}");
        }
    }

    async fn on_member(&self, change: &ChatMemberUpdated) {
        if !change.chat.is_private() {
            return;
        }
        let blocked = change.new_chat_member.kind.is_banned();
        let (desk, now, chat) = (self.desk(), (self.now)(), change.chat.id.0);
        let dead = blocked.then_some("the bot was blocked");
        if let Some(Err(error)) = blocking(move || desk.chat_is(chat, dead, now)).await {
            tracing::error!("a blocked chat could not be noted: {error}");
        }
    }

    /// Sends one message, and what comes in its place when it is there.
    async fn write(&self, chat: i64, mut piece: Reply) {
        let later = piece.later.take();
        let sent = self.send(chat, piece).await;
        let Some(later) = later else { return };
        let mut pieces = self.slowly(later).await.into_iter();
        if let Some(sent) = sent
            && let Some(first) = pieces.next()
            && !self.exchange(chat, sent, &first).await
        {
            self.send(chat, first).await;
        }
        for piece in pieces {
            self.send(chat, piece).await;
        }
    }

    /// An answer that reads all rows: one after the other, for each takes all that the disk has.
    async fn slowly(&self, later: Later) -> Vec<Reply> {
        let words = Words(self.desk().language());
        let (waiting, turn) = &*self.slow;
        let Ok(_waits) = waiting.try_acquire() else {
            return vec![Reply::of(words.busy())];
        };
        let _turn = turn.lock().await;
        let (desk, digest, now) = (self.desk(), Arc::clone(&self.digest), (self.now)());
        let said = blocking(move || later.answer(&desk, &digest, now)).await;
        let said = said.unwrap_or_else(|| vec![Reply::of(words.trouble())]);
        said.into_iter().flat_map(Reply::pieces).collect()
    }

    /// Writes something else into a message of ours; says whether that worked.
    async fn exchange(&self, chat: i64, message: i32, piece: &Reply) -> bool {
        let mut edit = EditMessageText::new(ChatId(chat), MessageId(message), piece.html.as_str());
        edit.parse_mode = Some(ParseMode::Html);
        edit.link_preview_options = Some(no_preview());
        edit.reply_markup = keyboard(piece.buttons.clone());
        self.client.pace().acquire(chat).await;
        let edited = self.client.call(&edit).await;
        if let Err(error) = &edited {
            tracing::debug!("an answer of the bot could not take its place: {error}");
        }
        edited.is_ok()
    }

    /// Sends one message; waits out a flood limit once, and falls back to plain text.
    ///
    /// # Returns
    /// Its number in the chat; none if it did not arrive.
    async fn send(&self, chat: i64, piece: Reply) -> Option<i32> {
        let mut payload = SendMessage::new(ChatId(chat), piece.html);
        payload.parse_mode = Some(ParseMode::Html);
        payload.link_preview_options = Some(no_preview());
        payload.reply_markup = keyboard(piece.buttons).map(ReplyMarkup::InlineKeyboard);
        let started = Instant::now();
        loop {
            self.client.pace().acquire(chat).await;
            let error = match self.client.call(&payload).await {
                Ok(sent) => {
                    let number = sent["message_id"].as_i64();
                    return number.and_then(|number| i32::try_from(number).ok());
                }
                Err(error) => error,
            };
            match &error {
                CallError::Refused(refused)
                    if refused.code == 429 && started.elapsed() < PATIENCE =>
                {
                    let wait = Duration::from_secs(refused.retry_after_s.unwrap_or(1));
                    self.client.pace().flooded(chat, wait, Instant::now());
                }
                CallError::Refused(refused)
                    if refused.description.contains("can't parse entities")
                        && payload.parse_mode.is_some() =>
                {
                    payload.parse_mode = None;
                }
                CallError::Refused(_) | CallError::NotSent(_) | CallError::Unanswered(_) => {
                    tracing::debug!("an answer of the bot did not arrive: {error}");
                    return None;
                }
            }
        }
    }
}

/// Store work beside the runtime's own threads. None if it gave up, which it says itself.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!("the bot gave up on one message: {error}");
            None
        }
    }
}

fn keyboard(rows: Vec<Vec<(String, String)>>) -> Option<InlineKeyboardMarkup> {
    let rows: Vec<Vec<InlineKeyboardButton>> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|(label, data)| InlineKeyboardButton::callback(label, data))
                .collect()
        })
        .collect();
    (!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows))
}

/// What is left of a keyboard when what acts is taken away.
fn links_only(markup: Option<&InlineKeyboardMarkup>) -> InlineKeyboardMarkup {
    let rows = markup
        .map(|markup| markup.inline_keyboard.clone())
        .unwrap_or_default();
    let acts = |button: &InlineKeyboardButton| {
        matches!(button.kind, InlineKeyboardButtonKind::CallbackData(_))
    };
    let rows = rows.into_iter().map(|row| {
        row.into_iter()
            .filter(|button| !acts(button))
            .collect::<Vec<_>>()
    });
    InlineKeyboardMarkup::new(rows.filter(|row| !row.is_empty()))
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}
