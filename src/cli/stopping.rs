//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Kind};

/// A token that is cancelled by the first SIGINT or SIGTERM. The second ends the process on the spot.
///
/// # Errors
/// The system refuses to tell.
pub(crate) fn stop_token() -> Result<CancellationToken, Failure> {
    let refused = |error| {
        Failure::new(
            Kind::Unavailable,
            format!("signals cannot be listened to: {error}"),
        )
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if token.is_cancelled() {
                // Twice is meant: nothing is lost, the store keeps what was in hand.
                std::process::exit(code);
            }
            token.cancel();
        }
    });
    Ok(stop)
}
