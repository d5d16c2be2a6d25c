//! The socket by which the command line asks the running daemon: `state_dir/control.sock`, readable and
//! writable for the daemon's user only. One line of JSON asks, one line answers, then the connection ends.
//!
//! ```text
//! > {"request":"status"}
//! < {"ok":{…}}   or   {"error":{"kind":"not_found","text":"…"}}
//! ```
//! Who can open the socket may everything; what a request means is `commands`' and the daemon's.

use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::commands::{CommandError, ErrorKind, Request};

/// Longest request, in bytes with its line end.
const LONGEST_REQUEST: u64 = 64 << 10;
/// Longest answer: the records of a very large workbook.
const LONGEST_ANSWER: u64 = 1 << 30;
/// Whoever connects must have asked within this.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// Whoever asked must take the answer within this.
const TAKE_WITHIN: Duration = Duration::from_secs(30);
/// How long the command line waits: a `sync` of a large workbook takes its time.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);
/// Connections at once; more wait.
const CLIENTS: usize = 16;
/// `sun_path` of Linux is 108 bytes with its closing zero (unix(7)).
const LONGEST_PATH: usize = 107;

/// Why the socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The state folder's name is too long.
    #[error(
        "the path {} has {} bytes, and a socket's may have {LONGEST_PATH}: choose a shorter state_dir", .path.display(), .path.as_os_str().len()
    )]
    TooLong {
        /// The socket's path.
        path: PathBuf,
    },
    /// Another daemon listens.
    #[error("another sheetbridge is listening on {}: stop it first, or give this one its own state_dir", .path.display())]
    InUse {
        /// The socket's path.
        path: PathBuf,
    },
    /// Something else stands where the socket is to be.
    #[error("{} is in the way and no socket: move it aside", .path.display())]
    InTheWay {
        /// The socket's path.
        path: PathBuf,
    },
    /// Not ours to open.
    #[error("no permission for {}: run this as the user of the daemon, or as root", .path.display())]
    Denied {
        /// The socket's path.
        path: PathBuf,
    },
    /// The daemon took too long.
    #[error("the daemon did not answer within {} s: see its log", .0.as_secs())]
    TooSlow(Duration),
    /// Not the answer of a daemon of this version.
    #[error("the daemon's answer was not understood ({0}): is it of another version? Restart it")]
    Garbled(String),
    /// The daemon refused.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The system.
    #[error("the socket {} cannot be used: {source}", .path.display())]
    Io {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// One line that answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Ok(Value),
    Error(CommandError),
}

/// Where the socket of a state folder is.
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// Binds the socket with mode 0600. The socket that a dead daemon left is removed.
///
/// # Errors
/// A path too long, a living daemon, something else in the way, or the system.
pub fn listen(state_dir: &Path) -> Result<UnixListener, ControlError> {
    let path = checked_path(state_dir)?;
    let io = |source| ControlError::Io {
        path: path.clone(),
        source,
    };
    match std::fs::symlink_metadata(&path) {
        Ok(found) if !found.file_type().is_socket() => return Err(ControlError::InTheWay { path }),
        Ok(_) => match std::os::unix::net::UnixStream::connect(&path) {
            Ok(_) => return Err(ControlError::InUse { path }),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(&path).map_err(io)?;
            }
            Err(error) => return Err(unusable(path, error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(path, error)),
    }
    // The folder is 0700, so nobody gets in between binding and this.
    let listener = UnixListener::bind(&path).map_err(io)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    Ok(listener)
}

/// Answers everybody who connects until `shutdown` comes; what is in hand then is ended first.
///
/// `handler` is asked once for each request; an unreadable request never reaches it.
pub async fn serve<H, F>(
    listener: UnixListener,
    handler: H,
    shutdown: impl Future<Output = ()> + Send,
) where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Value, CommandError>> + Send + 'static,
{
    let handler = Arc::new(handler);
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let stream = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _)) if !is_ours(&stream) => {
                tracing::warn!("another user asked over the control socket, and was not heard");
            }
            Ok((stream, _)) => {
                let handler = Arc::clone(&handler);
                clients.spawn(async move {
                    let _place = place;
                    if let Err(error) = serve_one(stream, handler.as_ref()).await {
                        tracing::debug!("a client of the control socket left: {error}");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: others must end first.
                tracing::warn!("the control socket cannot accept: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        while clients.try_join_next().is_some() {}
    }
    while clients.join_next().await.is_some() {}
}

/// Whether whoever connected may: the daemon's user, or root. The mode of the socket says so already; this
/// holds also when somebody loosens it, or hands an open socket on.
fn is_ours(stream: &UnixStream) -> bool {
    match stream.peer_cred() {
        Ok(peer) => may_ask(peer.uid(), rustix::process::geteuid().as_raw()),
        Err(_) => false,
    }
}

fn may_ask(user: u32, own: u32) -> bool {
    user == own || user == 0
}

async fn serve_one<H, F>(stream: UnixStream, handler: &H) -> io::Result<()>
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Value, CommandError>>,
{
    let (reading, mut writing) = stream.into_split();
    let asked = tokio::time::timeout(ASK_WITHIN, read_line(reading, LONGEST_REQUEST)).await;
    let line = match asked {
        Ok(Ok(Some(line))) => match serde_json::from_slice::<Request>(&line) {
            Ok(request) => handler(request).await.map_or_else(Line::Error, Line::Ok),
            Err(error) => refusal(&format!("the request was not understood: {error}")),
        },
        Ok(Ok(None)) => return Ok(()), // another daemon that only looked whether somebody is here
        Ok(Err(error)) => refusal(&error.to_string()),
        Err(_) => refusal("no request came in time"),
    };
    let mut bytes = serde_json::to_vec(&line)?;
    bytes.push(b'\n');
    let sent = async {
        writing.write_all(&bytes).await?;
        writing.shutdown().await
    };
    tokio::time::timeout(TAKE_WITHIN, sent)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn refusal(text: &str) -> Line {
    Line::Error(CommandError::plain(ErrorKind::Usage, text))
}

/// Asks the daemon of a state folder.
///
/// # Returns
/// The answer, or `None` if no daemon is listening there.
///
/// # Errors
/// A refusal of the daemon, or a socket that cannot be used.
pub async fn ask(state_dir: &Path, request: &Request) -> Result<Option<Value>, ControlError> {
    let path = checked_path(state_dir)?;
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unusable(path, error)),
    };
    let io = |source| ControlError::Io {
        path: path.clone(),
        source,
    };
    let mut bytes =
        serde_json::to_vec(request).map_err(|error| ControlError::Garbled(error.to_string()))?;
    bytes.push(b'\n');
    let (reading, mut writing) = stream.into_split();
    let exchange = async {
        writing.write_all(&bytes).await?;
        read_line(reading, LONGEST_ANSWER).await
    };
    let line = match tokio::time::timeout(ANSWER_WITHIN, exchange).await {
        Ok(line) => line.map_err(io)?,
        Err(_) => return Err(ControlError::TooSlow(ANSWER_WITHIN)),
    };
    let line = line.ok_or_else(|| ControlError::Garbled("it ended without an answer".into()))?;
    match serde_json::from_slice(&line) {
        Ok(Line::Ok(answer)) => Ok(Some(answer)),
        Ok(Line::Error(error)) => Err(ControlError::Refused(error)),
        Err(error) => Err(ControlError::Garbled(error.to_string())),
    }
}

/// One line without its end; none if the other side left without a word.
async fn read_line(reading: impl AsyncRead + Unpin, longest: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(reading.take(longest));
    reader.read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        let long = line.len() as u64 + 1 >= longest;
        let why = if long {
            format!("the line is longer than {longest} bytes")
        } else {
            "the line was cut off".to_owned()
        };
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(line))
}

fn checked_path(state_dir: &Path) -> Result<PathBuf, ControlError> {
    let path = socket_path(state_dir);
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(ControlError::TooLong { path });
    }
    Ok(path)
}

fn unusable(path: PathBuf, source: io::Error) -> ControlError {
    match source.kind() {
        io::ErrorKind::PermissionDenied => ControlError::Denied { path },
        _ => ControlError::Io { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::OutboxFilter;
    use serde_json::json;

    async fn echo(request: Request) -> Result<Value, CommandError> {
        match request {
            Request::HeldRelease { id } => {
                Err(CommandError::plain(ErrorKind::NotFound, format!("no {id}")))
            }
            other => Ok(json!(other)),
        }
    }

    fn daemon(
        dir: &Path,
    ) -> (
        tokio::sync::oneshot::Sender<()>,
        tokio::task::JoinHandle<()>,
    ) {
        let listener = listen(dir).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, echo, async {
            let _ = stopped.await;
        }));
        (stop, served)
    }

    #[tokio::test]
    async fn asks_and_answers_side_by_side() {
        let dir = tempfile::tempdir().unwrap();
        let (stop, served) = daemon(dir.path());
        let mode = std::fs::metadata(socket_path(dir.path()))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let silent = UnixStream::connect(socket_path(dir.path())).await.unwrap();
        for _ in 0..40 {
            let answer = ask(
                dir.path(),
                &Request::Outbox(OutboxFilter {
                    limit: 3,
                    ..OutboxFilter::default()
                }),
            )
            .await
            .unwrap()
            .unwrap();
            assert_eq!(answer, json!({"request": "outbox", "limit": 3}));
        }
        let refused = ask(dir.path(), &Request::HeldRelease { id: "h7".into() })
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, ControlError::Refused(error) if error.kind == ErrorKind::NotFound),
            "{refused}"
        );
        assert_eq!(refused.to_string(), "no h7");
        drop(silent);
        stop.send(()).unwrap();
        served.await.unwrap();
        assert!(ask(dir.path(), &Request::Status).await.unwrap().is_none());
    }

    #[test]
    fn the_daemons_user_and_root_may_ask_and_nobody_else() {
        assert!(may_ask(990, 990) && may_ask(0, 990) && may_ask(0, 0));
        assert!(!may_ask(1_000, 990) && !may_ask(1_000, 0));
    }

    #[tokio::test]
    async fn another_user_is_not_heard_even_where_the_socket_is_open_to_all() {
        use std::io::Read as _;
        if !rustix::process::geteuid().is_root() {
            return; // only root can become somebody else
        }
        let dir = tempfile::tempdir().unwrap();
        let (stop, served) = daemon(dir.path());
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(dir.path(), 0o755);
        open(&socket_path(dir.path()), 0o666);
        let path = socket_path(dir.path());
        let heard = move |uid: u32| {
            use std::os::unix::process::CommandExt as _;
            let script = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ntry:\n  s.sendall(b'{\"request\":\"status\"}\\n')\n  print(s.recv(99))\nexcept OSError: pass";
            let mut child = std::process::Command::new("python3")
                .args(["-c", script])
                .arg(&path)
                .uid(uid)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = String::new();
            child
                .stdout
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            child.wait().unwrap();
            said
        };
        let (root, other) = tokio::task::spawn_blocking(move || (heard(0), heard(65_534)))
            .await
            .unwrap();
        assert!(root.contains("ok"), "{root}");
        assert!(!other.contains("ok"), "{other}");
        stop.send(()).unwrap();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let (stop, served) = daemon(dir.path());
        let too_long = format!(
            "{{\"request\":\"find\",\"text\":\"{}\"}}\n",
            "x".repeat(70_000)
        );
        for (sent, said) in [
            ("{\"request\":\"dance\"}\n", "unknown variant `dance`"),
            ("hello\n", "was not understood"),
            (too_long.as_str(), "longer than 65536 bytes"),
        ] {
            let mut stream = UnixStream::connect(socket_path(dir.path())).await.unwrap();
            // A refused long line may be cut while it is still being written.
            let _ = stream.write_all(sent.as_bytes()).await;
            let line = read_line(stream, LONGEST_ANSWER).await;
            if sent.len() < 1000 {
                let line = String::from_utf8(line.unwrap().unwrap()).unwrap();
                assert!(line.contains("\"error\"") && line.contains(said), "{line}");
            }
        }
        stop.send(()).unwrap();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        drop(listen(dir.path()).unwrap());
        assert!(socket_path(dir.path()).exists());
        let _living = listen(dir.path()).unwrap();
        let error = listen(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("another sheetbridge is listening on"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_is_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(socket_path(dir.path()), "mine").unwrap();
        let error = listen(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("is in the way and no socket: move it aside"),
            "{error}"
        );
        let deep = dir.path().join("x".repeat(120));
        let error = listen(&deep).unwrap_err().to_string();
        assert!(error.contains("choose a shorter state_dir"), "{error}");
    }
}
