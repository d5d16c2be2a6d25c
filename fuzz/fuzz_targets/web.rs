//! Any bytes to the port of the web pages, over a real connection.
#![no_main]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sheetbridge::health::Health;
use sheetbridge::telemetry::Metrics;
use sheetbridge::web::Web;
use sheetbridge_fuzz::{desk, now};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

fn address() -> SocketAddr {
    static SERVER: OnceLock<(Runtime, SocketAddr)> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let runtime = Runtime::new().expect("a runtime");
            let here = "127.0.0.1:0".parse().expect("an address");
            let web = runtime.block_on(Web::bind(here)).expect("a port");
            let address = web.address();
            let health = Health::new(now(), "fuzz", false);
            let desk = desk();
            let stop = CancellationToken::new();
            runtime.spawn(web.serve(health, Metrics::new("fuzz"), move || desk.clone(), stop));
            (runtime, address)
        })
        .1
}

fuzz_target!(|bytes: &[u8]| {
    let mut stream = TcpStream::connect(address()).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time-out");
    // It may have hung up before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("no end of an answer: {error}"),
    }
    // Who begins in HTTP/2 is answered in its frames.
    if !answer.is_empty() && !bytes.starts_with(b"PRI * HTTP/2") {
        assert!(answer.starts_with(b"HTTP/1."), "{answer:?}");
        assert!(
            !answer.starts_with(b"HTTP/1.1 500"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
});
