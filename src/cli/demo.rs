//! stub
use super::Call; use super::failure::Failure;
/// x
#[derive(Debug, clap::Args)]
pub struct Args {}
pub async fn demo(_c:&Call,_a:Args)->Result<(),Failure>{Ok(())}
