//! stub
use super::Call; use super::failure::Failure;
/// x
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
pub(crate) async fn demo(_c:&Call,_a:Args)->Result<(),Failure>{Ok(())}
