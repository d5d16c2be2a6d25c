//! `invite`: a one-time link, and the same as a QR code to be scanned from the terminal.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::Call;
use super::failure::Failure;
use super::site::Site;
use crate::commands::Request;
use crate::courier::Courier as _;
use crate::courier::telegram::TelegramCourier;

use super::check::telegram_client;

/// A link that binds the Telegram chat of whoever opens it first to that person.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: sheetbridge invite 'Lan Anh'\n\nWith --json: {\"name\", \"link\", \"expires\"}"
)]
pub(crate) struct Args {
    /// Whom, by a name or alias of [[staff]] or of an approved staff tab
    #[arg(value_name = "NAME")]
    name: String,
}

/// Makes an invitation.
///
/// # Errors
/// No such person, no bot, or see [`Site::answer`].
pub(crate) async fn invite(call: &Call, args: Args) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let request = Request::Invite {
        name: args.name.clone(),
        bot: None,
    };
    let answer = match site.ask(&request).await? {
        Some(answer) => answer,
        None => {
            site.answer(&Request::Invite {
                name: args.name,
                bot: bot_name(&site).await,
            })
            .await?
        }
    };
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    call.out
        .line(format_args!("{}: {}", text("name"), text("link")))?;
    if let Ok(code) = QrCode::new(text("link")) {
        // Light on dark is how most terminals are; scanners read both, but for the quiet zone.
        let picture = code
            .render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .build();
        call.out.line(picture)?;
    }
    call.out.line(format_args!(
        "Open it on that person's phone, or send it to them. It works once, until {}.",
        text("expires")
    ))
}

/// Asks Telegram who the bot is; without an answer `commands` says what is missing.
async fn bot_name(site: &Site) -> Option<String> {
    let client = telegram_client(site.config.telegram.as_ref()?).ok()?;
    let answer = TelegramCourier::new(client).probe().await.ok()?;
    Some(answer.trim_start_matches('@').to_owned())
}
