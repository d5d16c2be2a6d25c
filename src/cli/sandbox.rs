//! `sandbox`: the three servers of the demo alone, for tests and for trying a configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Call;
use super::failure::{Failure, Kind};
use super::scratch::{Scratch, private_file, private_folder};
use super::stopping::stop_token;
use crate::sandbox::google::{self, GoogleOptions, GoogleSandbox, Workbook};
use crate::sandbox::smtp::{Credentials, Options, SmtpSandbox};
use crate::sandbox::telegram::BotSandbox;

/// What the sandbox's SMTP server is logged in with.
pub(crate) const SMTP_USER: &str = "sandbox";
/// See [`SMTP_USER`].
pub(crate) const SMTP_PASSWORD: &str = "sandbox-password";
/// The token of the sandbox's bot.
pub(crate) const BOT_TOKEN: &str = "4242:sandbox-token";
/// Its name.
pub(crate) const BOT_NAME: &str = "queenland_bot";

/// Google Sheets, an SMTP server and the Telegram Bot API on loopback, with a sample workbook.
///
/// Prints one line of JSON with the addresses, the key file and the log-ins, and runs until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The line: {\"google\": {\"base_url\", \"key_file\", \"workbook\", \"control_url\", \"service_account\"},
  \"smtp\": {\"host\", \"port\", \"user\", \"password\", \"ca_file\", \"implicit_tls_port\"},
  \"telegram\": {\"api_url\", \"token\", \"username\", \"people_url\"}}

Examples:
  sheetbridge sandbox
  sheetbridge sandbox --from khach-hang.xlsx --google 127.0.0.1:9001 --smtp 127.0.0.1:9002 --telegram 127.0.0.1:9003")]
pub(crate) struct Args {
    /// Where Google Sheets listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    google: SocketAddr,
    /// Where the SMTP server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    smtp: SocketAddr,
    /// Where the Bot API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    telegram: SocketAddr,
    /// Another workbook: .xlsx, .xls, .ods, .csv, .tsv, or the JSON form of this project's samples
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Where the key file and the certificate are written [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Where the three servers listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// Google Sheets.
    pub(crate) google: SocketAddr,
    /// SMTP.
    pub(crate) smtp: SocketAddr,
    /// The Bot API.
    pub(crate) telegram: SocketAddr,
}

/// The three servers.
pub(crate) struct Servers {
    /// Google Sheets.
    pub(crate) google: GoogleSandbox,
    /// The workbook's id.
    pub(crate) workbook: String,
    /// SMTP.
    pub(crate) smtp: SmtpSandbox,
    /// The Bot API.
    pub(crate) bot: BotSandbox,
    /// The key file.
    pub(crate) key_file: PathBuf,
    /// The certificate by which the SMTP server's is trusted.
    pub(crate) ca_file: PathBuf,
}

impl Servers {
    /// Starts all three and writes the key file and the certificate into `dir`.
    ///
    /// # Errors
    /// An address in use, or a file that cannot be written.
    pub(crate) async fn start(
        at: Addresses,
        workbook: Workbook,
        dir: &Path,
    ) -> Result<Self, Failure> {
        let id = workbook.id.clone();
        let google = google::start(at.google, GoogleOptions::default())
            .await
            .map_err(|error| taken(&error, "--google"))?;
        google.add_workbook(workbook);
        let implicit_tls = Some(SocketAddr::new(at.smtp.ip(), 0));
        let options = Options {
            credentials: Some(Credentials::new(SMTP_USER, SMTP_PASSWORD)),
            implicit_tls,
            ..Options::default()
        };
        let smtp = SmtpSandbox::start(at.smtp, options)
            .await
            .map_err(|error| taken(&error, "--smtp"))?;
        let bot = BotSandbox::start(at.telegram, BOT_TOKEN, BOT_NAME)
            .await
            .map_err(|error| taken(&error, "--telegram"))?;
        let key_file = dir.join("google-key.json");
        private_file(&key_file, &google.key_json().to_string())?;
        let ca_file = dir.join("smtp-ca.pem");
        private_file(&ca_file, smtp.ca_pem())?;
        Ok(Self {
            google,
            workbook: id,
            smtp,
            bot,
            key_file,
            ca_file,
        })
    }

    /// The line that `sandbox` prints.
    fn line(&self) -> Value {
        let smtp = self.smtp.addr();
        json!({
            "google": {
                "base_url": self.google.base_url(), "key_file": self.key_file, "workbook": self.workbook,
                "control_url": format!("{}/control", self.google.base_url()), "service_account": google::SERVICE_ACCOUNT,
            },
            "smtp": {
                "host": smtp.ip().to_string(), "port": smtp.port(), "user": SMTP_USER, "password": SMTP_PASSWORD,
                "ca_file": self.ca_file, "implicit_tls_port": self.smtp.tls_addr().map(|at| at.port()),
            },
            "telegram": {
                "api_url": self.bot.base_url(), "token": self.bot.token(), "username": self.bot.username(),
                "people_url": self.bot.people_url(),
            },
        })
    }

    /// Ends all three at once.
    pub(crate) async fn shutdown(&self) {
        tokio::join!(
            self.google.shutdown(),
            self.smtp.shutdown(),
            self.bot.shutdown()
        );
    }
}

/// Runs the three servers until Ctrl-C.
///
/// # Errors
/// An address in use, a file that cannot be read or written.
pub(crate) async fn sandbox(call: &Call, args: Args) -> Result<(), Failure> {
    let stop = stop_token()?;
    let workbook = match &args.from {
        Some(file) => open(file)?,
        None => google::demo_workbook(),
    };
    let scratch;
    let dir = match &args.dir {
        Some(dir) => {
            private_folder(dir)?;
            dir.canonicalize().map_err(|error| {
                Failure::file(format_args!("the folder {}", dir.display()), &error)
            })?
        }
        None => {
            scratch = Scratch::new(&call.environment, "sandbox")?;
            scratch.path().to_owned()
        }
    };
    let at = Addresses {
        google: args.google,
        smtp: args.smtp,
        telegram: args.telegram,
    };
    let servers = Servers::start(at, workbook, &dir).await?;
    call.out.json(&servers.line())?;
    call.out
        .tell("sheetbridge sandbox: running (Ctrl-C ends it)");
    stop.cancelled().await;
    servers.shutdown().await;
    if args.dir.is_some() {
        for file in [&servers.key_file, &servers.ca_file] {
            let _ = std::fs::remove_file(file); // whoever took it away already is welcome
        }
    }
    Ok(())
}

/// Opens a visitor's own file.
///
/// # Errors
/// The file cannot be read, or is no workbook.
pub(crate) fn open(file: &Path) -> Result<Workbook, Failure> {
    Workbook::open(file).map_err(|error| Failure::new(Kind::Config, format!("{error}")))
}

/// An address that cannot be had.
fn taken(error: &std::io::Error, option: &str) -> Failure {
    Failure::new(Kind::Unavailable, error.to_string()).help(format!(
        "close what uses that address, or let a free port be chosen with `{option} 127.0.0.1:0`"
    ))
}
