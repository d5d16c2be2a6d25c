//! What the real binary does about disks: backups and restores that send nothing twice, disks that are full,
//! read-only or lie, and being killed while the store is written anew.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod black_box;

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use black_box::{AN, BINH, Daemon, MANAGER, RULES, SOON, Site, cli, copy_all, until};
use sheetbridge::core::delivery::State;
use sheetbridge::sandbox::google::CellEdit;
use sheetbridge::store::keys::prefix;
use sheetbridge::store::{Group, Store};

const HOA: [(&str, &str); 5] = [
    ("Họ tên", "Phạm Thị Hoa"),
    ("SĐT", "'0987654321"),
    ("Email", "hoa@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Minh Tuấn"),
];

const LAN: [(&str, &str); 5] = [
    ("Họ tên", "Lê Ngọc Lan"),
    ("SĐT", "'0977654321"),
    ("Email", "lan@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Thu Hà"),
];

async fn ran(site: &Site, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = site.config_path();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        cli(&config, &arguments)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_total_loss_an_old_backup_sends_nothing_twice_and_goes_on() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let file = site.dir.path().join("old.backup");
    let file = file.to_str().unwrap();
    let daemon = site.start_and_read().await;
    // One mail waits while the backup is made, and leaves afterwards.
    let (code, _, said) = ran(&site, &["pause", "email"]).await;
    assert_eq!(code, Some(0), "{said}");
    site.add_customer(&AN);
    daemon
        .message_where("welcome", |line| line["state"] == "queued")
        .await;
    daemon
        .message_where("lead-alert", |line| line["state"] == "delivered")
        .await;
    let (code, out, said) = ran(&site, &["backup", file]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        out.contains("1 messages waiting") && out.contains("personal data"),
        "{out}"
    );
    let (code, _, said) = ran(&site, &["backup", file]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--force"), "{said}");
    assert_eq!(
        std::fs::read_dir(site.state_dir().join("backups"))
            .unwrap()
            .count(),
        0
    );
    // While it runs nothing is restored.
    let (code, _, said) = ran(&site, &["restore", "--force", file]).await;
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("the daemon is running") && said.contains("systemctl stop"),
        "{said}"
    );
    ran(&site, &["resume", "email"]).await;
    site.smtp.wait_for(1, SOON).await.unwrap();
    site.add_customer(&HOA);
    site.smtp.wait_for(2, SOON).await.unwrap();
    until("the alerts came", || {
        site.told(100_001).len() == 1 && site.told(100_000).len() == 1
    })
    .await;
    daemon.stop();
    // The disk dies.
    std::fs::remove_dir_all(site.state_dir()).unwrap();
    let (code, out, said) = ran(&site, &["restore", "--check", file]).await;
    assert_eq!((code, out.contains("is whole")), (Some(0), true), "{said}");
    let (code, out, said) = ran(&site, &["restore", file]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        out.contains("1 messages that waited may have been sent since")
            && out.contains("outbox list --state in_doubt"),
        "{out}"
    );
    let ledger = site.ledger();
    assert_eq!(
        ledger.of_rule("welcome").state,
        State::InDoubt,
        "{:?}",
        ledger.lines()
    );
    let daemon = site.start_and_read().await;
    ran(&site, &["resume", "email"]).await;
    daemon.read_again(4).await;
    // Who comes now is news.
    site.add_customer(&LAN);
    site.smtp.wait_for(3, SOON).await.unwrap();
    until("the alert came", || site.told(100_002).len() == 1).await;
    daemon.read_again(2).await;
    daemon.stop();
    for address in [
        "an.nguyen@example.com",
        "hoa@example.com",
        "lan@example.com",
    ] {
        assert_eq!(site.mails_to(address), 1, "{address}");
    }
    assert_eq!((site.told(100_000).len(), site.told(100_001).len()), (1, 1));
    let told = site.told(MANAGER);
    let about: Vec<&str> = told.iter().map(|message| message.text.as_str()).collect();
    assert!(
        about.iter().any(
            |text| text.contains("Dữ liệu vừa được khôi phục từ bản sao lưu")
                && text.contains("1 tin đang chờ")
        ),
        "{about:?}"
    );
    assert!(
        about.iter().any(|text| text.contains("1 khách mới")),
        "{about:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_there_is_not_replaced_by_accident() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    let file = site.dir.path().join("a.backup");
    let file = file.to_str().unwrap();
    // Without a daemon the command makes it itself.
    let (code, _, said) = ran(&site, &["backup", file]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, _, said) = ran(&site, &["restore", file]).await;
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("is not empty") && said.contains("--force") && said.contains("moved aside"),
        "{said}"
    );
    let (code, out, said) = ran(&site, &["restore", "--force", file, "--json"]).await;
    assert_eq!(code, Some(0), "{said}");
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    let aside = Path::new(out["moved_aside"].as_str().unwrap());
    assert!(aside.join("store/db").exists(), "{out}");
    std::fs::write(file, "not a backup").unwrap();
    let (code, _, said) = ran(&site, &["restore", "--force", file]).await;
    assert_eq!(code, Some(74), "{said}");
    assert!(said.contains("is no backup of sheetbridge"), "{said}");
    site.start_and_read().await.stop();
}

/// A damaged store ends the daemon with 74, says what to type, and sends nothing; typing it helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_a_clear_end_with_the_way_back() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    let backups = site.state_dir().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    let file = backups.join("sheetbridge-20261121T190000Z.backup");
    let file = file.to_str().unwrap();
    assert_eq!(ran(&site, &["backup", file]).await.0, Some(0));
    let db = site.state_dir().join("store/db");
    let bytes = std::fs::read(&db).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let hurts: [fn(&mut Vec<u8>, usize); 3] = [
        |bytes, used| bytes[used / 2] ^= 0x40,
        |bytes, used| bytes.truncate(used / 2),
        |bytes, used| bytes[used - 300..].fill(0),
    ];
    for hurt in hurts {
        let mut hurt_bytes = bytes.clone();
        hurt(&mut hurt_bytes, used);
        std::fs::write(&db, hurt_bytes).unwrap();
        let (code, said) = site.run_to_end();
        assert_eq!(code, Some(74), "{said}");
        assert!(
            said.contains("nothing was sent or changed")
                && said.contains(&format!("sheetbridge restore --force {file}")),
            "{said}"
        );
        let (code, _, said) = ran(&site, &["status"]).await;
        assert_eq!(code, Some(74), "{said}");
    }
    // The files are gone: that is no new company.
    std::fs::remove_dir_all(site.state_dir().join("store")).unwrap();
    let (code, said) = site.run_to_end();
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("starting empty would forget what was sent"),
        "{said}"
    );
    let (code, _, said) = ran(&site, &["restore", "--force", file]).await;
    assert_eq!(code, Some(0), "{said}");
    site.start_and_read().await.stop();
    assert_eq!(site.smtp.messages().len(), 0);
}

/// Other formats are refused, by name, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_a_newer_program_is_left_alone() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    {
        let store = Store::open(&site.state_dir()).unwrap();
        let mut newer = Group::default();
        newer.put(b"meta/format".to_vec(), &99);
        store.commit(vec![newer]).unwrap();
    }
    let (code, said) = site.run_to_end();
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("has format 99") && said.contains("run the version that wrote it"),
        "{said}"
    );
}

/// Files may not grow beyond so many blocks of 512 bytes: what a full disk is to a plain user.
fn with_little_room(command: &mut Command, blocks: u64) {
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let log = arguments; // the same arguments behind a shell that sets the limit
    let mut limited = Command::new("bash");
    // Without the trap the system would end the process with a signal, where a disk that is full only refuses.
    limited
        .arg("-c")
        .arg(format!(
            "trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"",
            blocks / 2
        ))
        .arg(program)
        .args(log)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    *command = limited;
}

/// Rows are typed until nothing fits on the disk any more. Returns how many.
async fn type_until_it_ends(site: &Site, daemon: &mut Daemon) -> usize {
    let mut row = 0;
    while daemon.running() {
        row += 1;
        assert!(row < 900, "the disk never filled");
        let email = format!("moi{row}@example.com");
        let phone = format!("'0901{row:06}");
        let name = format!("Nguyễn Thị Số {row}");
        site.add_customer(&[
            ("Họ tên", &name),
            ("SĐT", &phone),
            ("Email", &email),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Lan Anh"),
        ]);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_clear_end_and_nothing_is_lost_or_sent_twice() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    let size = std::fs::metadata(site.state_dir().join("store/db"))
        .unwrap()
        .len();
    let log = site.dir.path().join("full.txt");
    let errors = std::fs::File::create(&log).unwrap();
    let mut daemon = site.start_with(|command| {
        with_little_room(command, size / 512 + 1_100);
        command.stderr(errors);
    });
    let row = type_until_it_ends(&site, &mut daemon).await;
    let code = daemon.ended_within(SOON).code();
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("is full") && said.contains("systemctl start sheetbridge"),
        "{said}"
    );
    // There is room again.
    let daemon = site.start_and_read().await;
    daemon.read_again(4).await;
    let status = daemon.nothing_left().await;
    daemon.stop();
    println!("{row} rows were typed; {}", status["queue"]);
    let ledger = site.ledger();
    let doubt = ledger
        .messages
        .iter()
        .filter(|message| message.state == State::InDoubt)
        .count();
    for n in 1..=row {
        let email = format!("moi{n}@example.com");
        let got = site.mails_to(&email);
        assert!(got <= 1, "{email} got {got}");
    }
    let mails = (1..=row)
        .map(|n| site.mails_to(&format!("moi{n}@example.com")))
        .sum::<usize>();
    assert!(
        mails + doubt >= row,
        "{mails} mails, {doubt} in doubt, {row} rows: {:?}",
        ledger.lines()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_disk_of_its_own_that_is_full_is_named_as_such() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let state = site.state_dir();
    std::fs::create_dir_all(&state).unwrap();
    let log = site.dir.path().join("small.txt");
    let errors = std::fs::File::create(&log).unwrap();
    // A namespace of its own: also a plain user may mount there, where the system allows it.
    let mounts = |what: &str| format!("{what} && exec \"$0\" \"$@\"");
    let fill = format!(
        "mount -t tmpfs -o size=900k none '{0}' && head -c 700k /dev/zero > '{0}/ballast'",
        state.display()
    );
    if !can_mount() {
        println!("this system lets nobody mount: the limit of file sizes stands for it");
        return;
    }
    let mut daemon = site.start_with(|command| {
        in_a_namespace(command, &mounts(&fill));
        command.stderr(errors);
    });
    type_until_it_ends(&site, &mut daemon).await;
    let code = daemon.ended_within(SOON).code();
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(code, Some(74), "{said}");
    assert!(said.contains("is full") && said.contains("df -h"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_is_named_as_such() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    if !can_mount() {
        println!("this system lets nobody mount");
        return;
    }
    let state = site.state_dir();
    let log = site.dir.path().join("read-only.txt");
    let errors = std::fs::File::create(&log).unwrap();
    let only = format!(
        "mount --bind '{0}' '{0}' && mount -o remount,ro,bind '{0}' && exec \"$0\" \"$@\"",
        state.display()
    );
    let mut daemon = site.start_with(|command| {
        in_a_namespace(command, &only);
        command.stderr(errors);
    });
    let code = daemon.ended_within(SOON).code();
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("read-only") && said.contains("dmesg"),
        "{said}"
    );
    site.start_and_read().await.stop();
}

fn namespace() -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--mount");
    command
}

fn can_mount() -> bool {
    let tried = namespace()
        .args(["mount", "-t", "tmpfs", "none", "/mnt"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

fn in_a_namespace(command: &mut Command, script: &str) {
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut inside = namespace();
    inside
        .args(["sh", "-c", script])
        .arg(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    *command = inside;
}

/// No memory of it is ever written to a disk: it holds customers and secrets.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_no_core_behind() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let numbers: Vec<&str> = core
        .split_whitespace()
        .filter(|word| word.parse::<u64>().is_ok())
        .collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
    daemon.stop();
}

/// Of this test alone: a child that writes and compacts until it is killed.
const CHILD: &str = "SHEETBRIDGE_TEST_COMPACTOR";

#[test]
fn a_child_that_compacts() {
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let store = Store::open(Path::new(&dir)).unwrap();
    let highest = store
        .scan::<(u32, String)>(prefix::RECORD)
        .map(|entry| entry.unwrap().1.0)
        .max();
    let mut n = highest.map_or(0, |n| n + 1);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            loop {
                store.compact().unwrap();
            }
        });
        loop {
            let mut group = Group::default();
            group.put(
                format!("record/{:03}", n % 64).into_bytes(),
                &(n, "x".repeat(900)),
            );
            store.commit(vec![group]).unwrap();
            // What is said here is on disk, whatever happens next.
            let mut out = std::io::stdout().lock();
            writeln!(out, "\ncommitted {n}").unwrap();
            out.flush().unwrap();
            n += 1;
        }
    });
}

#[test]
fn killed_while_the_store_is_written_anew_it_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    let rounds = std::env::var("SHEETBRIDGE_SOAK")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_u32);
    let (mut last, mut between) = (None, 0);
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_compacts", "--nocapture"])
            .env(CHILD, &state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = std::io::BufReader::new(child.stdout.take().unwrap());
        let lines = out.lines().map_while(Result::ok);
        let wanted = 20 + (round * 37) % 90;
        let mut seen = 0;
        let mut committed =
            lines.filter_map(|line| line.strip_prefix("committed ")?.parse::<u32>().ok());
        for number in committed.by_ref() {
            last = Some(number);
            seen += 1;
            if seen == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= wanted, "round {round}: the child ended by itself");
        between +=
            u32::from(state.join("store.new").exists() || state.join("store.whole").exists());
        let store = Store::open(&state).unwrap();
        let numbers: Vec<u32> = store
            .scan::<(u32, String)>(prefix::RECORD)
            .map(|entry| entry.unwrap().1.0)
            .collect();
        let highest = numbers.iter().max().copied();
        // One more may be on disk than was said.
        assert!(
            highest >= last && highest <= last.map(|n| n + 1),
            "round {round}: {highest:?}, {last:?}"
        );
        assert_eq!(numbers.len(), 64.min(highest.unwrap() as usize + 1));
    }
    println!("{rounds} kills, {between} of them in the middle of a copy");
    assert!(between > 0);
}

/// A stage typed while nothing runs must not be told twice after a restore either.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_store_goes_on_without_a_storm() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    let store = site.state_dir().join("store");
    let old = site.dir.path().join("old");
    copy_all(&store, &old);
    let daemon = site.start_and_read().await;
    site.add_customer(&AN);
    site.smtp.wait_for(1, SOON).await.unwrap();
    until("the alert came", || site.told(100_000).len() == 1).await;
    daemon.stop();
    // The disk brings an old state of the files back.
    std::fs::remove_dir_all(&store).unwrap();
    copy_all(&old, &store);
    let (code, said) = site.run_to_end();
    assert_eq!(code, Some(74), "{said}");
    assert!(
        said.contains("are gone") && said.contains("restore --what-is-left"),
        "{said}"
    );
    let (code, out, said) = ran(&site, &["restore", "--what-is-left"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("Going on with what is left"), "{out}");
    let (code, _, said) = ran(&site, &["restore", "--what-is-left"]).await;
    assert_eq!(code, Some(74), "{said}");
    assert!(said.contains("is well"), "{said}");
    let daemon = site.start_and_read().await;
    site.type_all(vec![CellEdit::typed(2, "Giai đoạn", "Đang tư vấn")]);
    daemon.read_again(4).await;
    daemon.stop();
    assert_eq!(
        (site.smtp.messages().len(), site.told(100_000).len()),
        (1, 1)
    );
}
