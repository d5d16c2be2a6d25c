//! `demo`: the three servers, a sample workbook, the real daemon against them through the real client
//! libraries, and a page to edit the sheet and watch mails and chats arrive.

mod mailing;
mod news;
mod settings;
mod visitor;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Call;
use super::failure::{Failure, Kind};
use super::sandbox::{Addresses, Servers, open};
use super::scratch::Scratch;
use super::site::shipped_templates;
use super::stopping::stop_token;
use crate::clock;
use crate::config::{Config, Environment};
use crate::daemon::{self, DaemonError, News};
use crate::sandbox::google::demo_workbook;
use crate::sandbox::page::{LogFeed, Page, Parts};
use news::Teller;
use visitor::Layout;

/// The first look at the sheet takes less than this, or something is wrong.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(20);
/// What is in hand when the demo ends reaches the servers in this process within moments.
const FAREWELL: Duration = Duration::from_secs(2);

/// Everything on this machine, no accounts: Google Sheets, an SMTP server and the Telegram Bot API on loopback,
/// a sample workbook, the real daemon, and a page to play with. Times are short: a change counts after 3 seconds,
/// a reminder comes within a minute. Nothing leaves the machine, and nothing is left behind.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sheetbridge demo
  sheetbridge demo --from khach-hang.xlsx
  sheetbridge demo --listen 127.0.0.1:0 --json")]
pub(crate) struct Args {
    /// Your own customers instead of the sample: .xlsx, .xls, .ods, .csv or .tsv. The file itself is not changed
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Where the page listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8800")]
    listen: SocketAddr,
}

/// Runs the demo until Ctrl-C.
///
/// # Errors
/// An address in use, a file without customers in it, or a daemon that ends by itself.
pub(crate) async fn demo(call: &Call, args: Args) -> Result<(), Failure> {
    let stop = stop_token()?;
    let (mut workbook, layout) = match &args.from {
        Some(file) => {
            let workbook = open(file)?;
            let layout = Layout::of(&workbook, file)?;
            (workbook, layout)
        }
        None => (demo_workbook(), Layout::sample()),
    };
    mailing::add_tab(&mut workbook, layout.is_sample());
    let scratch = Scratch::new(&call.environment, "demo")?;
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let at = Addresses {
        google: free,
        smtp: free,
        telegram: free,
    };
    let servers = Servers::start(at, workbook, scratch.path()).await?;
    let feed = LogFeed::new();
    let page = start_page(args.listen, &servers, &feed).await?;
    let done = match configure(call, &servers, &layout, scratch.path()) {
        Ok(config) => {
            let teller = Teller::new(&config, layout.customers.clone(), feed);
            for line in layout.understood(&config) {
                call.out.tell(&line.en);
                teller.note(line);
            }
            play(call, &page, config, teller, &stop).await
        }
        Err(failure) => Err(failure),
    };
    tokio::join!(page.shutdown(), servers.shutdown());
    done
}

/// Seats the people, sets the scene, and reads the configuration that was written for it.
fn configure(
    call: &Call,
    servers: &Servers,
    layout: &Layout,
    dir: &Path,
) -> Result<Config, Failure> {
    let people = settings::people(servers, layout)?;
    if layout.is_sample() {
        settings::appointment_soon(servers, clock::now());
    }
    let file = settings::write(servers, layout, &people, dir)?;
    let names = shipped_templates();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let config = Config::load(&file, &surroundings(), &names)?;
    if call.global.config.is_some() {
        call.out
            .tell("note: the demo has a configuration of its own; --config is not looked at");
    }
    Ok(config)
}

/// Nothing of the visitor's environment: not even a state folder.
fn surroundings() -> Environment {
    Environment::default()
}

async fn start_page(
    listen: SocketAddr,
    servers: &Servers,
    feed: &LogFeed,
) -> Result<Page, Failure> {
    let parts = Parts {
        google: servers.google.clone(),
        workbook_id: servers.workbook.clone(),
        smtp: servers.smtp.clone(),
        bot: servers.bot.clone(),
        log: feed.clone(),
        reset: None,
    };
    Page::start(listen, parts)
        .await
        .map_err(|error| Failure::new(Kind::Unavailable, error.to_string()))
}

/// Starts the daemon, and tells the page what it does until the end.
async fn play(
    call: &Call,
    page: &Page,
    config: Config,
    mut teller: Teller,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let (sender, mut news) = mpsc::unbounded_channel();
    let settings = daemon::Settings {
        config_path: None,
        environment: Some(surroundings()),
        news: Some(sender),
    };
    let mut running = tokio::spawn(daemon::run(config, settings, stop.clone()));
    let first = first_look(&mut news, &mut teller);
    tokio::select! {
        () = stop.cancelled() => return farewell(running).await,
        ended = &mut running => return Err(too_soon(ended)),
        () = first => {}
    }
    announce(call, page)?;
    loop {
        tokio::select! {
            () = stop.cancelled() => return farewell(running).await,
            ended = &mut running => return Err(too_soon(ended)),
            Some(heard) = news.recv() => teller.tell(&heard).await,
        }
    }
}

/// Waits until the sheet was read once: what is typed before that would belong to the base.
async fn first_look(news: &mut mpsc::UnboundedReceiver<News>, teller: &mut Teller) {
    let look = async {
        while let Some(heard) = news.recv().await {
            teller.tell(&heard).await;
            if matches!(heard, News::Polled { .. }) {
                break;
            }
        }
    };
    if tokio::time::timeout(FIRST_LOOK_WITHIN, look).await.is_err() {
        tracing::warn!("the sheet has not been read yet; the page says why");
    }
}

fn announce(call: &Call, page: &Page) -> Result<(), Failure> {
    if call.out.is_json() {
        return call.out.json(&json!({ "page": page.url() }));
    }
    call.out.line(format_args!(
        "sheetbridge demo: {}  (Ctrl-C ends it)",
        page.url()
    ))
}

async fn farewell(running: JoinHandle<Result<(), DaemonError>>) -> Result<(), Failure> {
    let stop = running.abort_handle();
    match tokio::time::timeout(FAREWELL, running).await {
        Ok(Ok(ended)) => Ok(ended?),
        Ok(Err(error)) => Err(Failure::new(
            Kind::Broken,
            format!("the daemon broke: {error}"),
        )),
        Err(_) => {
            stop.abort();
            Ok(())
        }
    }
}

/// The daemon is not to end before it is told to.
fn too_soon(ended: Result<Result<(), DaemonError>, tokio::task::JoinError>) -> Failure {
    match ended {
        Ok(Ok(())) => Failure::new(Kind::Broken, "the daemon ended by itself"),
        Ok(Err(error)) => error.into(),
        Err(error) => Failure::new(Kind::Broken, format!("the daemon broke: {error}")),
    }
}
