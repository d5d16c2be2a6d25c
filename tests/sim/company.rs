//! The company's configuration, as a file that the real loader reads.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use sheetbridge::config::{Config, Environment};
use sheetbridge::render;

use super::sheet::{BOOK, TAB};

/// Mails a minute and a day; few, so that the limits are met.
pub(crate) const PER_MINUTE: u32 = 20;
pub(crate) const PER_DAY: u32 = 60;

const KEY: &str = r#"{"type": "service_account", "client_email": "crm@sim.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\nnot a key\n-----END PRIVATE KEY-----\n",
    "token_uri": "http://127.0.0.1:9/token"}"#;

const SETTINGS: &str = r#"
[columns]
name = "Họ tên"
phone = "SĐT"
email = "Email"
stage = "Giai đoạn"
owner = "NV phụ trách"
appointment = "Ngày hẹn"
note = "Ghi chú"
no_ads = "Không nhận tin"
consent = "Đồng ý nhận tin"

[[stage]]
id = "prospect"
label = "Khách hàng tiềm năng"
[[stage]]
id = "consulting"
label = "Đang tư vấn"
[[stage]]
id = "deposited"
label = "Đã đặt cọc"
[[stage]]
id = "completed"
label = "Hoàn tất giao dịch"
won = true
[[stage]]
id = "lost"
label = "Không còn nhu cầu"
lost = true

[[staff]]
name = "Lan Anh"
email = "lan.anh@congty.example"
telegram = 100000
[[staff]]
name = "Minh Tuấn"
telegram = 100001
[[staff]]
name = "Thu Hà"
email = "thu.ha@congty.example"
[[staff]]
name = "Hà Phạm"
role = "manager"
email = "ha.pham@congty.example"
telegram = 100009

[settle]
after = "20s"
removed = "10m"

[hours]
work = "Mon-Sat 08:00-18:00"
ads = "07:30-21:00"
holidays = ["vn"]

[telegram]
token = { file = "token.txt" }

[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", else = ["email", "managers"], template = "lead-alert", urgent = true }
escalate = [{ after = "15m", to = "managers", template = "lead-waiting" }]
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = [
  { channel = "telegram", to = "managers", template = "deposited" },
  { channel = "email", to = "customer", template = "thank-you", hold = "20m" },
]
[[rule]]
id = "idle"
on = { idle = "consulting", after = "1d", every = "1d", times = 2 }
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "appointment"
on = { date = "appointment", before = "1d", at = "09:00" }
send = { channel = "telegram", to = "owner", template = "appointment" }
valid_for = "1d"
[[rule]]
id = "news"
on = { changed = ["note"] }
send = { channel = "email", to = "customer", template = "welcome", ad = true }
[[rule]]
id = "morning"
on = { schedule = "Mon-Sat 08:00" }
send = { channel = "telegram", to = "managers", template = "digest-daily" }
"#;

/// Where everything for customers goes during a trial.
pub(crate) const MAILBOX: &str = "thu@congty.example";

/// A rule that one of the configurations does not have.
pub(crate) const SOMETIMES: &str = "news";

/// Which configuration is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Which {
    /// All rules.
    #[default]
    Whole,
    /// Without the rule [`SOMETIMES`], with another settle time.
    Fewer,
    /// As the whole, in trial.
    Trial,
}

/// The configurations, each as a file that the real loader reads.
pub(crate) struct Configs(BTreeMap<u8, Arc<Config>>);

impl Configs {
    pub(crate) fn open(dir: &Path) -> Self {
        let (before, after) = SETTINGS
            .split_once("[[rule]]\nid = \"news\"")
            .expect("there");
        let (_, after) = after.split_once("[[rule]]").expect("not the last");
        let fewer =
            format!("{before}[[rule]]{after}").replace("after = \"20s\"", "after = \"35s\"");
        let trial = format!("{SETTINGS}[trial]\nredirect_all_to = \"{MAILBOX}\"\n");
        let read = |which: Which, text: &str| (which as u8, config(dir, text));
        Self(BTreeMap::from([
            read(Which::Whole, SETTINGS),
            read(Which::Fewer, &fewer),
            read(Which::Trial, &trial),
        ]))
    }

    pub(crate) fn get(&self, which: Which) -> Arc<Config> {
        Arc::clone(&self.0[&(which as u8)])
    }
}

/// Writes a configuration into a folder and reads it.
fn config(dir: &Path, settings: &str) -> Arc<Config> {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("a temporary folder");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("our file");
        path
    };
    write("google.json", KEY);
    write("token.txt", "123456:TEST-token-of-the-simulation-abcdef");
    let head = format!(
        "state_dir = \"state\"\n[company]\nname = \"Công ty CP Queenland\"\n[google]\ncredentials = {{ file = \"google.json\" }}\n[[workbook]]\nid = \"{BOOK}\"\n[[workbook.tab]]\nname = \"{TAB}\"\n[email]\nsmtp = \"smtp+plain://127.0.0.1:9\"\nfrom = \"Queenland <crm@queenland.example>\"\nper_minute = {PER_MINUTE}\nper_day = {PER_DAY}\n[alerts]\nemail = \"quantri@congty.example\"\n"
    );
    let path = write("sheetbridge.toml", &format!("{head}{settings}"));
    let names = render::shipped_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let nothing = Environment::of(std::iter::empty::<(String, String)>());
    match Config::load(&path, &nothing, &names) {
        Ok(config) => Arc::new(config),
        Err(errors) => panic!("{}", errors.json()),
    }
}
