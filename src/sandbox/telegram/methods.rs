//! The Bot API's methods by name; letter case does not count, as in the real server.

mod about;
mod edit;
mod files;
mod send;
mod updates;

use serde_json::{Value, json};

use super::Shared;
use super::params::Params;
use super::refusal::{Answer, Refusal};
use super::world::World;

/// Carries out a call.
pub(super) async fn call(shared: &Shared, method: &str, params: &Params) -> Answer {
    let method = method.to_ascii_lowercase();
    *shared.world().calls.entry(method.clone()).or_default() += 1;
    if method == "getupdates" {
        return updates::get(shared, params).await;
    }
    let answer = at_once(&mut shared.world(), &method, params);
    if answer.is_ok() && !method.starts_with("get") {
        shared.touch();
    }
    if method == "setwebhook" && answer.is_ok() {
        shared.end_poll();
    }
    answer
}

fn at_once(world: &mut World, method: &str, params: &Params) -> Answer {
    match method {
        "getme" => Ok(about::me(world)),
        "logout" | "close" => Ok(json!(true)),
        "setwebhook" => updates::set_webhook(world, params),
        "deletewebhook" => Ok(updates::delete_webhook(world, params)),
        "getwebhookinfo" => Ok(updates::webhook_info(world)),
        "sendmessage" => send::message(world, params),
        "sendphoto" => send::photo(world, params),
        "senddocument" => send::document(world, params),
        "sendcontact" => send::contact(world, params),
        "sendchataction" => send::action(world, params),
        "editmessagetext" => edit::text(world, params),
        "editmessagecaption" => edit::caption(world, params),
        "editmessagereplymarkup" => edit::buttons(world, params),
        "deletemessage" => edit::delete(world, params),
        "deletemessages" => edit::delete_many(world, params),
        "answercallbackquery" => edit::answer_press(world, params),
        "getfile" => files::get(world, params),
        "getchat" => about::chat(world, params),
        "getchatmember" => about::member(world, params),
        "getchatmembercount" => about::member_count(world, params),
        "getchatadministrators" => about::administrators(world, params),
        "leavechat" => about::leave(world, params),
        "setmycommands" => about::set_commands(world, params),
        "getmycommands" => about::commands(world, params),
        "deletemycommands" => about::delete_commands(world, params),
        "setmyname" => about::set_text(world, params, "name", 64),
        "getmyname" => Ok(about::text(world, params, "name")),
        "setmydescription" => about::set_text(world, params, "description", 512),
        "getmydescription" => Ok(about::text(world, params, "description")),
        "setmyshortdescription" => about::set_text(world, params, "short_description", 120),
        "getmyshortdescription" => Ok(about::text(world, params, "short_description")),
        "setchatmenubutton" => Ok(json!(true)),
        "getchatmenubutton" => Ok(json!({"type": "default"})),
        _ => Err(Refusal::new(404, "Not Found: method not found")),
    }
}

/// The chat a call is about, by number: people cannot be written to by their `@name`, and there are no channels.
fn chat_id(params: &Params) -> Result<i64, Refusal> {
    if params
        .text("chat_id")
        .is_none_or(|text| text.trim().is_empty())
    {
        return Err(Refusal::bad("chat_id is empty"));
    }
    params
        .number("chat_id")
        .ok_or_else(|| Refusal::bad("chat not found"))
}

/// The `reply_markup` of a call, if it has one.
fn markup(params: &Params) -> Result<Option<super::keyboard::Markup>, Refusal> {
    let given: Option<Value> = params.json("reply_markup", "reply keyboard markup")?;
    given.as_ref().map(super::keyboard::read).transpose()
}

/// The text or caption of a call, its markup read.
fn words(
    params: &Params,
    field: &str,
    limit: usize,
    too_long: &str,
) -> Result<super::markup::Marked, Refusal> {
    let entities = if field == "text" {
        "entities"
    } else {
        "caption_entities"
    };
    let given = params.json(entities, "entities")?.unwrap_or_default();
    let mode = params.text("parse_mode").unwrap_or_default();
    let text = params.text(field).unwrap_or_default();
    let words = super::markup::read(&text, &mode, given).map_err(Refusal::bad)?;
    if words.length() > limit {
        return Err(Refusal::bad(too_long));
    }
    Ok(words)
}

/// Telegram's limit for a text, in UTF-16 units after parsing.
const TEXT_LIMIT: usize = 4096;
/// And for a caption.
const CAPTION_LIMIT: usize = 1024;
