//! The security list, line by line, with the real binary: header injection through names and subjects, markup,
//! secrets in logs and answers, core dumps, the control socket. Escaping and the limits of templates are in
//! `templates.rs`, what parsers do with garbage is in `fuzz/`, formula injection is in `core::sheet::inert`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod black_box;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use black_box::{BINH, PASSWORD, SOON, STAFF, Site, TOKEN, cli, until};
use rustix::process::Signal;
use serde_json::Value;
use sheetbridge::core::message::Message;
use sheetbridge::sandbox::smtp::Fault;
use sheetbridge::sandbox::telegram;

/// A mail and an alert whose every part comes from cells.
const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "echo" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", else = ["managers"], template = "lead-alert", urgent = true }
"#;

/// A template that says in its subject and text what a cell says.
fn echo(site: &Site) {
    let folder = site.dir.path().join("templates/echo");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("subject.txt"),
        "Chào {{ name | default('bạn') }}",
    )
    .unwrap();
    std::fs::write(
        folder.join("body.txt"),
        "Chào {{ name | default('bạn') }}.\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("body.html"),
        "<p>Chào {{ name | default('bạn') }}.</p>\n",
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cell_makes_a_header_a_recipient_or_markup() {
    let mut site = Site::open(&[&BINH], RULES).await;
    echo(&site);
    let daemon = site.start_and_read().await;
    let hostile = [
        "An\r\nBcc: evil@evil.example\r\n\r\nXin chào",
        "Bình\nBcc: evil@evil.example",
        "Chi\rSubject: evil",
        "Dũng\0\u{202e}\u{2028}Bcc: evil@evil.example",
        "\"Em\" <evil@evil.example>, \"x\" <a@evil.example>",
        "Giang <script>alert(1)</script> <b>& </p>",
        "=?utf-8?q?H=C3=A0=0D=0ABcc:_evil@evil.example?=",
        "Khang\u{85}Bcc: evil@evil.example \u{b}\u{c}\u{7}.\r\n.\r\nMAIL FROM:<evil@evil.example>",
    ];
    for (n, name) in hostile.iter().enumerate() {
        site.add_customer(&[
            ("Họ tên", name),
            ("Email", &format!("khach{n}@example.com")),
            ("SĐT", &format!("'09010000{n:02}")),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            (
                "NV phụ trách",
                ["Lan Anh", "Lan Anh\r\nBcc: evil@evil.example"][n % 2],
            ),
        ]);
    }
    // Addresses that carry more than an address are none, or the address in them.
    for (n, address) in [
        "a@example.com\r\nBcc: evil@evil.example",
        "b@example.com>\r\nRCPT TO:<evil@evil.example",
        "c@example.com\0",
        "<d@example.com> BODY=8BITMIME",
    ]
    .iter()
    .enumerate()
    {
        site.add_customer(&[
            ("Họ tên", ["Lê Một", "Lê Hai", "Lê Ba", "Lê Bốn"][n]),
            ("Email", address),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Thu Hà"),
        ]);
    }
    // Names that nobody can read wait as data problems; those with a name in them go.
    until("what has a name is mailed", || {
        site.smtp.messages().len() >= 5
    })
    .await;
    daemon.read_again(3).await;
    daemon.nothing_left().await;
    let mails = site.smtp.messages();
    for mail in &mails {
        assert_eq!(mail.to.len(), 1, "{:?}", mail.to);
        assert!(!mail.to[0].contains("evil"), "{:?}", mail.to);
        let raw = String::from_utf8(mail.raw.clone()).unwrap();
        let (headers, body) = raw.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = headers
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        for name in ["Bcc", "Cc", "Sender"] {
            assert!(!names.contains(&name), "{headers}");
        }
        for name in [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Content-Type",
        ] {
            let count = names.iter().filter(|found| **found == name).count();
            assert_eq!(count, 1, "{name}: {headers}");
        }
        assert!(
            headers
                .bytes()
                .all(|byte| matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~'))
        );
        assert!(
            !headers.replace("\r\n", "").contains(['\r', '\n']),
            "{headers:?}"
        );
        // One recipient as a mail reader reads it, too.
        let parsed = mail_parser::MessageParser::default()
            .parse(&mail.raw)
            .unwrap();
        let to: Vec<_> = parsed.to().unwrap().iter().collect();
        assert_eq!(to.len(), 1, "{headers}");
        assert_eq!(to[0].address(), Some(mail.to[0].as_str()));
        assert!(!body.contains("<script"), "{body}");
        let html = parsed.body_html(0).unwrap();
        assert!(
            !html.contains("<script") && !html.contains("<b>&"),
            "{html}"
        );
    }
    // What Telegram shows is the text that was typed, and nothing of it is markup or a link.
    let shown: Vec<_> = STAFF
        .iter()
        .flat_map(|(chat, _)| site.told(*chat))
        .collect();
    assert!(shown.iter().any(|message| message.text.contains("Giang")));
    for message in &shown {
        assert!(
            !message.text.contains("evil") || !message.text.contains("http"),
            "{message:?}"
        );
    }
    daemon.stop();
    // And the ledger knows of nothing that was refused for its form.
    for message in site.ledger().messages {
        let refused = message
            .attempts
            .iter()
            .any(|attempt| attempt.said.contains("parse entities"));
        assert!(!refused, "{message:?}");
    }
}

/// What must stand nowhere.
fn secrets(site: &Site) -> Vec<(&'static str, String)> {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let key: Value = site.google.key_json();
    let pem = key["private_key"].as_str().unwrap();
    let line = pem.lines().nth(1).unwrap();
    vec![
        ("the bot's token", TOKEN.to_owned()),
        (
            "the second half of the token",
            TOKEN.split(':').nth(1).unwrap().to_owned(),
        ),
        ("the SMTP password", PASSWORD.to_owned()),
        (
            "the SMTP password as AUTH PLAIN",
            base64(&format!("\0crm@queenland.example\0{PASSWORD}")),
        ),
        ("the SMTP password as AUTH LOGIN", base64(PASSWORD)),
        ("Google's key", line[..40].to_owned()),
        ("Google's key as a whole", "BEGIN PRIVATE KEY".to_owned()),
        ("a bearer token", "Bearer ey".to_owned()),
        ("an access token", "ya29.".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_address_of_a_customer_stands_in_any_log_answer_or_error() {
    let rules = black_box::RULES;
    let mut site = Site::open(&[&BINH], rules).await;
    let text = site.config_text();
    site.write_config(&format!("{text}\n[web]\nlisten = \"127.0.0.1:0\"\n"));
    let daemon = site.start_with(|command| {
        command.env("RUST_LOG", "trace");
    });
    daemon.read_again(1).await;
    site.add_customer(&black_box::AN);
    until("a mail", || site.mails_to("an.nguyen@example.com") == 1).await;
    until("an alert", || site.told_of(100_000, "Nguyễn Văn An") == 1).await;
    // What goes wrong says more: refusals, dead lines, a token that is refused, a reload that is none.
    site.smtp.fault(Fault::keep_and_drop());
    site.bot.fault(telegram::Fault::garbage("sendMessage", 502));
    site.bot.fault(telegram::Fault::reset("getUpdates"));
    site.add_customer(&[
        ("Họ tên", "Trần Văn Bảy"),
        ("Email", "bay@example.com"),
        ("Giai đoạn", "Khách hàng tiềm năng"),
        ("NV phụ trách", "Minh Tuấn"),
    ]);
    daemon
        .message_where("welcome", |line| line["state"] == "in_doubt")
        .await;
    site.reconfigure("messages = 500", "messages = \"viele\"");
    daemon.signal(Signal::HUP);
    daemon
        .status_where("a refused reload", |status| {
            !status["reload_refused"].is_null()
        })
        .await;
    site.reconfigure("messages = \"viele\"", "messages = 500");
    let commands: [&[&str]; 14] = [
        &["status"],
        &["status", "--json"],
        &["check"],
        &["check", "--json"],
        &["records"],
        &["records", "--json"],
        &["outbox", "list"],
        &["outbox", "list", "--json"],
        &["explain", "an.nguyen@example.com"],
        &["explain", "Nguyễn Văn An", "--json"],
        &["sync", "--json"],
        &["held", "list"],
        &["suppress", "list"],
        &["invite", "Lan Anh"],
    ];
    let mut said: Vec<(String, String)> = Vec::new();
    for command in commands {
        let (_, out, err) = cli(&site.config_path(), command);
        said.push((command.join(" "), format!("{out}{err}")));
    }
    // The same with secrets that are wrong, beside the daemon: what the services say to them is told.
    site.secret("token.txt", &TOKEN.replace("TEST", "FALSE"));
    site.secret("smtp.txt", &format!("{PASSWORD}-không đúng"));
    let (code, out, err) = cli(&site.config_path(), &["check"]);
    assert_ne!(code, Some(0), "{out}{err}");
    said.push(("check with wrong secrets".into(), format!("{out}{err}")));
    site.secret("token.txt", TOKEN);
    site.secret("smtp.txt", PASSWORD);
    said.push(("the log at trace".into(), daemon.log()));
    said.push(("proc".into(), arguments_of(daemon.pid())));
    daemon.stop();
    assert!(
        said.iter().any(|(_, text)| text.len() > 10_000),
        "a log at trace is long"
    );
    let mut found = Vec::new();
    for (what, secret) in secrets(&site) {
        for (place, text) in &said {
            if let Some(at) = text.find(&secret) {
                let line = text[..at].matches('\n').count();
                let line = text.lines().nth(line).unwrap_or_default();
                found.push(format!("{what} in {place}: {line}"));
            }
        }
    }
    // Nor does what a log says name a customer (PRODUCT.md, promise 9).
    let log = &said
        .iter()
        .find(|(place, _)| place == "the log at trace")
        .unwrap()
        .1;
    for personal in [
        "an.nguyen@example.com",
        "bay@example.com",
        "0901234567",
        "901234567",
        "Nguyễn Văn An",
    ] {
        if let Some(line) = log.lines().find(|line| line.contains(personal)) {
            found.push(format!("{personal} in the log: {line}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What every user of the machine sees of a process.
fn arguments_of(pid: u32) -> String {
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    format!(
        "{} {}",
        String::from_utf8_lossy(&read("cmdline")),
        String::from_utf8_lossy(&read("environ"))
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_no_core_and_nobody_looks_into_the_memory() {
    let mut site = Site::open(&[&BINH], RULES).await;
    echo(&site);
    // Whoever starts it may allow cores: it does not.
    let mut daemon = site.start_with(|command| {
        let binary = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        *command = Command::new("sh");
        command
            .args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""])
            .arg(binary)
            .args(arguments)
            .env_clear()
            .stderr(std::process::Stdio::null());
    });
    let began = std::time::Instant::now();
    let limits = loop {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        let numbers: Vec<String> = core["Max core file size".len()..]
            .split_whitespace()
            .take(2)
            .map(str::to_owned)
            .collect();
        if numbers == ["0", "0"] || began.elapsed() > SOON {
            break numbers;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(limits, ["0", "0"]);
    daemon.status_where("it runs", |_| true).await;
    daemon.signal(Signal::ABORT);
    let status = daemon.ended_within(SOON);
    assert_eq!(
        (status.signal(), status.core_dumped()),
        (Some(6), false),
        "{status:?}"
    );
    let left = |folder: &Path| {
        std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().to_string_lossy().into_owned();
                name.starts_with("core").then_some(name)
            })
            .next()
    };
    assert_eq!(left(site.dir.path()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_socket_is_the_users_own() {
    let mut site = Site::open(&[&BINH], RULES).await;
    echo(&site);
    let daemon = site.start_and_read().await;
    let socket = site.state_dir().join("control.sock");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(&site.state_dir()), 0o700);
    let ask = b"{\"request\":\"status\"}\n";
    let mut own = UnixStream::connect(&socket).unwrap();
    own.write_all(ask).unwrap();
    let mut answer = String::new();
    own.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"ok\":"), "{answer}");
    // Somebody loosens every mode: another user can connect then, and is not heard. Only root can be another user.
    if !rustix::process::geteuid().is_root() {
        daemon.stop();
        return;
    }
    for (path, mode) in [
        (site.dir.path(), 0o755),
        (&site.state_dir(), 0o755),
        (&socket, 0o666),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let script = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ntry:\n    s.sendall(b'{\"request\":\"status\"}\\n')\n    print('heard', s.recv(65536))\nexcept OSError as error:\n    print('refused', error)\n";
    // One that every user can run; a shim in root's own folder is none.
    let python = ["/usr/bin/python3", "/usr/local/bin/python3"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let other = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            python.unwrap_or("python3"),
            "-c",
            script,
        ])
        .arg(&socket)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(
        said.starts_with("heard b''") || said.starts_with("refused"),
        "{said} {}",
        String::from_utf8_lossy(&other.stderr)
    );
    assert!(
        daemon
            .log()
            .contains("another user asked over the control socket"),
        "{}",
        daemon.log()
    );
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_an_attempt_names_no_secret() {
    let mut site = Site::open(&[&BINH], black_box::RULES).await;
    let daemon = site.start_and_read().await;
    site.bot.fault(telegram::Fault::garbage("sendMessage", 404));
    site.smtp.fault(Fault::drop_in_body(10));
    site.add_customer(&black_box::AN);
    daemon
        .message_where("welcome", |line| line["attempts"].as_u64() > Some(0))
        .await;
    daemon
        .message_where("lead-alert", |line| line["attempts"].as_u64() > Some(0))
        .await;
    daemon.stop();
    let secrets = secrets(&site);
    for message in site.ledger().messages {
        let shown = |message: &Message| serde_json::to_string(message).unwrap();
        for (what, secret) in &secrets {
            assert!(!shown(&message).contains(secret), "{what}: {}", message.key);
        }
    }
}
