//! The company that the targets talk to: a configuration as the real loader reads it, a store in memory, nobody on
//! the network.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use jiff::Timestamp;
use sheetbridge::commands::Desk;
use sheetbridge::config::{Config, Environment};
use sheetbridge::cycle::{Cycle, Mode};
use sheetbridge::google::{Google, GoogleError, Metadata, TabInfo, Told};
use sheetbridge::health::Health;
use sheetbridge::render;
use sheetbridge::roster::Roster;
use sheetbridge::store::{Memory, Store};

/// The configuration, which is also a seed of the target `settings`.
pub const SETTINGS: &str = include_str!("../corpus/settings/office");

const KEY: &str = r#"{"type": "service_account", "client_email": "crm@fuzz.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\nnot a key\n-----END PRIVATE KEY-----\n",
    "token_uri": "http://127.0.0.1:9/token"}"#;

const ROWS: &str = r#"{"valueRanges":[{"values":[["Họ tên","SĐT","Email","Giai đoạn","NV phụ trách"],
    ["Trần Bình","0912345678","binh@example.com","Đang tư vấn","Lan Anh"],
    ["Lê Thị Chi","0923456789","chi@example.com","Khách hàng tiềm năng","Minh Tuấn"]]}]}"#;

/// The moment at which everything happens.
pub fn now() -> Timestamp {
    Timestamp::constant(1_795_226_400, 0)
}

/// A folder for this process, in memory where there is such a place.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let made = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        made.expect("a temporary folder").keep()
    })
}

/// Writes a file into [`folder`] that only its owner reads.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, content).expect("our folder");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("our file");
    path
}

/// Reads a configuration as the program does.
pub fn load(text: &[u8]) -> Result<Config, sheetbridge::config::ConfigErrors> {
    static SECRETS: OnceLock<()> = OnceLock::new();
    SECRETS.get_or_init(|| {
        file("google.json", KEY.as_bytes());
        file("token.txt", b"123456:TEST-token-of-the-fuzzer-abcdefgh");
    });
    let path = file("sheetbridge.toml", text);
    let names = render::shipped_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let nothing = Environment::of(std::iter::empty::<(String, String)>());
    Config::load(&path, &nothing, &names)
}

/// The company's configuration.
pub fn config() -> Arc<Config> {
    static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| match load(SETTINGS.as_bytes()) {
        Ok(config) => Arc::new(config),
        Err(errors) => panic!("{}", errors.json()),
    });
    Arc::clone(config)
}

/// Answers every read with the same bytes.
pub struct Says(pub Vec<u8>);

impl Told for Says {
    fn metadata(&self, _workbook: &str) -> Result<Metadata, GoogleError> {
        Ok(Metadata {
            title: "Khách".to_owned(),
            locale: "vi_VN".to_owned(),
            time_zone: "Asia/Ho_Chi_Minh".to_owned(),
            tabs: vec![TabInfo {
                sheet: 0,
                title: "Khách hàng".to_owned(),
            }],
        })
    }

    fn values(&self, _workbook: &str, _ranges: &[String]) -> Result<Vec<u8>, GoogleError> {
        Ok(self.0.clone())
    }
}

/// A company with two customers, in memory.
pub fn desk() -> Desk {
    let disk = Memory::new(1, Arc::new(|_| None));
    let store = Store::in_memory(&disk, folder()).expect("no fault");
    let roster = Roster::new(config(), store);
    let google = Google::told(Arc::new(Says(ROWS.into())));
    let mut cycle = Cycle::new(roster.clone(), Arc::new(google));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime")
        .block_on(async {
            let polled = tokio::spawn(async move { cycle.poll("1Fuzz", now(), Mode::Real).await });
            polled.await.expect("no panic").expect("two rows")
        });
    Desk::new(roster, Some(Health::new(now(), "fuzz", false)))
}

/// What needs no waiting.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nobody is asked over a network")
}
