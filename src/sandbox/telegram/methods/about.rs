//! What the bot asks and says about itself and about chats.

use serde_json::{Value, json};

use super::super::markup::units;
use super::super::params::Params;
use super::super::refusal::{Answer, Refusal};
use super::super::world::{BotIn, ChatKind, World};
use super::chat_id;

pub(super) fn me(world: &World) -> Value {
    let mut me = world.bot.clone();
    for (name, value) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", false),
        ("supports_inline_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
    ] {
        me[name] = json!(value);
    }
    me
}

/// A chat the bot has met.
fn known(world: &World, params: &Params) -> Result<i64, Refusal> {
    let id = chat_id(params)?;
    let met = match (world.people.get(&id), world.chats.get(&id)) {
        (Some(standing), _) => standing.started,
        (None, Some(chat)) => match (chat.migrated_to, chat.bot) {
            (Some(to), _) => return Err(Refusal::migrated(to)),
            (None, bot) => bot != BotIn::Never,
        },
        (None, None) => false,
    };
    if met {
        Ok(id)
    } else {
        Err(Refusal::bad("chat not found"))
    }
}

pub(super) fn chat(world: &World, params: &Params) -> Answer {
    let id = known(world, params)?;
    let mut chat = world.chat_json(id);
    chat["accent_color_id"] = json!(id.rem_euclid(7));
    chat["max_reaction_count"] = json!(11);
    chat["accepted_gift_types"] = json!({
        "unlimited_gifts": true, "limited_gifts": true, "unique_gifts": true, "premium_subscription": true,
        "gifts_from_channels": true,
    });
    if world
        .chats
        .get(&id)
        .is_some_and(|chat| chat.kind != ChatKind::Private)
    {
        chat["permissions"] = json!({"can_send_messages": true});
    }
    Ok(chat)
}

pub(super) fn member(world: &World, params: &Params) -> Answer {
    let chat = known(world, params)?;
    let user = params
        .number("user_id")
        .ok_or_else(|| Refusal::bad("invalid user_id specified"))?;
    let status = if user == world.bot_id {
        match world.chats.get(&chat).map(|chat| chat.bot) {
            Some(BotIn::Kicked) => "kicked",
            Some(BotIn::Left | BotIn::Never) => "left",
            Some(BotIn::Member) | None => "member",
        }
    } else if world.person(user).is_none() {
        return Err(Refusal::bad("user not found"));
    } else if chat == user
        || world
            .chats
            .get(&chat)
            .is_some_and(|chat| chat.members.contains(&user))
    {
        "member"
    } else {
        "left"
    };
    let mut member = json!({"user": world.user_json(user), "status": status});
    if status == "kicked" {
        member["until_date"] = json!(0);
    }
    Ok(member)
}

pub(super) fn member_count(world: &World, params: &Params) -> Answer {
    let chat = known(world, params)?;
    let people = world.chats.get(&chat).map_or(1, |chat| chat.members.len());
    Ok(json!(people + 1))
}

/// Groups here have no ranks: nobody is an administrator.
pub(super) fn administrators(world: &World, params: &Params) -> Answer {
    let chat = known(world, params)?;
    if world.people.contains_key(&chat) {
        return Err(Refusal::bad(
            "there are no administrators in the private chat",
        ));
    }
    Ok(json!([]))
}

pub(super) fn leave(world: &mut World, params: &Params) -> Answer {
    let id = chat_id(params)?;
    if world.writable(id)? == ChatKind::Private {
        return Err(Refusal::bad(
            "chat member status can't be changed in private chats",
        ));
    }
    if let Some(chat) = world.chats.get_mut(&id) {
        chat.bot = BotIn::Left;
    }
    Ok(json!(true))
}

/// Commands are kept apart for every scope and language.
fn command_key(params: &Params) -> Result<String, Refusal> {
    let scope: Option<Value> = params.json("scope", "BotCommandScope")?;
    let scope = scope.unwrap_or_else(|| json!({"type": "default"}));
    Ok(format!(
        "{scope}/{}",
        params.text("language_code").unwrap_or_default()
    ))
}

pub(super) fn set_commands(world: &mut World, params: &Params) -> Answer {
    let commands: Vec<Value> = params
        .json("commands", "commands")?
        .ok_or_else(|| Refusal::bad("parameter \"commands\" is required"))?;
    if commands.len() > 100 {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in &commands {
        let field = |name: &str| {
            command
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let name = field("command").trim_start_matches('/');
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(valid) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        if !(1..=256).contains(&units(field("description"))) {
            return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    let key = command_key(params)?;
    world.commands.insert(key, json!(commands));
    Ok(json!(true))
}

pub(super) fn commands(world: &World, params: &Params) -> Answer {
    Ok(world
        .commands
        .get(&command_key(params)?)
        .cloned()
        .unwrap_or_else(|| json!([])))
}

pub(super) fn delete_commands(world: &mut World, params: &Params) -> Answer {
    world.commands.remove(&command_key(params)?);
    Ok(json!(true))
}

fn text_key(params: &Params, name: &str) -> String {
    format!(
        "{name}/{}",
        params.text("language_code").unwrap_or_default()
    )
}

pub(super) fn set_text(world: &mut World, params: &Params, name: &str, limit: usize) -> Answer {
    let text = params.text(name).unwrap_or_default();
    if units(&text) > limit {
        return Err(Refusal::bad(format!(
            "bot {} is too long",
            name.replace('_', " ")
        )));
    }
    if name == "name"
        && !text.is_empty()
        && params
            .text("language_code")
            .is_none_or(|code| code.is_empty())
    {
        world.bot["first_name"] = json!(text);
    }
    world.texts.insert(text_key(params, name), text);
    Ok(json!(true))
}

pub(super) fn text(world: &World, params: &Params, name: &str) -> Value {
    let text = world
        .texts
        .get(&text_key(params, name))
        .cloned()
        .unwrap_or_default();
    let text = if name == "name" && text.is_empty() {
        world.bot["first_name"].clone()
    } else {
        json!(text)
    };
    let mut object = json!({});
    object[name] = text;
    object
}
