//! `digest`: what managers read in the morning, now.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Call;
use super::failure::{Failure, Kind};
use super::output::count;
use super::site::{self, Site};
use crate::commands::{DigestMade, Request};
use crate::render::{RenderError, Templates, chart};

/// Prints the digest of this moment, as the rule would send it: on = { schedule = … } with a template `digest-…`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --send the digest goes to the rule's recipients, at any hour, as a message of its own; the rule's next time
comes all the same. Under [trial] it goes too: it is for staff.

With --json, one object: {\"rule\", \"template\", \"digest\": {…}, \"insight\": {…}, \"text\", \"queued\": [{\"to\", \"channel\", \"key\"}]}.

Examples:
  sheetbridge digest
  sheetbridge digest --png digest.png
  sheetbridge digest --send --rule morning-digest
  sheetbridge digest --json | jq '.digest.waiting'")]
pub(crate) struct Args {
    /// Also write its chart to this file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Send it now, instead of printing it
    #[arg(long)]
    send: bool,
    /// Which rule's, if several send a digest
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
}

/// Prints, draws or sends the digest.
///
/// # Errors
/// The rule or the template, a file that cannot be written; see [`Site::answer`].
pub(crate) async fn digest(call: &Call, args: Args) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let templates = Templates::load(Some(&site.config.templates_dir), site.language())?;
    let request = Request::DigestNow {
        rule: args.rule,
        send: args.send,
    };
    let running = site.ask(&request).await?;
    let (answer, is_running) = match running {
        Some(answer) => (answer, true),
        None => (site.answer(&request).await?, false),
    };
    let made: DigestMade = site::understood(&answer)?;
    if let Some(file) = &args.png {
        let size = draw(&templates, &made, file)?;
        call.out
            .tell(format!("{} written, {size} kB", file.display()));
    }
    let text = templates.render_chat(&made.template, &made.values);
    let text = text.map_err(|error| mistaken(&error))?.plain();
    if call.out.is_json() {
        return call.out.json(&json!({
            "rule": made.rule,
            "template": made.template,
            "digest": made.values["digest"],
            "insight": made.values["insight"],
            "text": text,
            "queued": made.queued,
        }));
    }
    if !args.send {
        return call.out.line(text);
    }
    call.out.lines(
        made.queued
            .iter()
            .map(|one| format!("to {} by {}", one.to, one.channel)),
    )?;
    let many = count(made.queued.len(), "digest");
    call.out.line(match is_running {
        true => format!("{many} on the way: `sheetbridge outbox list` shows what becomes of them"),
        false => format!("{many} in the outbox, where they wait: no daemon is running, start it with `sheetbridge run`"),
    })
}

/// Writes the chart of a digest; returns its size in kB.
fn draw(templates: &Templates, made: &DigestMade, file: &Path) -> Result<usize, Failure> {
    let page = templates.render_chart(&made.template, None, &made.values);
    let page = page.map_err(|error| mistaken(&error))?.ok_or_else(|| {
        let text = format!("the template `{}` has no chart", made.template);
        let help = format!(
            "write templates/{}.chart.txt; templates/README.md says how",
            made.template
        );
        Failure::new(Kind::No, text).help(help)
    })?;
    let bytes = tokio::task::block_in_place(|| chart::png(&page, templates.language()))
        .map_err(|error| Failure::new(Kind::Broken, error.to_string()))?;
    std::fs::write(file, &bytes)
        .map_err(|error| Failure::file(format!("{} cannot be written", file.display()), &error))?;
    Ok(bytes.len().div_ceil(1000))
}

fn mistaken(error: &RenderError) -> Failure {
    Failure::new(Kind::Config, error.to_string())
        .help("`sheetbridge check` names every mistake in the templates")
}
