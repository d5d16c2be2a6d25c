//! Telegram conversation (branch `commands` brings it).

use tokio_util::sync::CancellationToken;

use crate::commands::Desk;
use crate::health::Health;
use crate::telegram::Client;

/// Talks until `stop`.
pub async fn run(_client: Client, _desks: impl Fn() -> Desk + Send + Sync + 'static, _health: Health, stop: CancellationToken) {
    stop.cancelled().await;
}
