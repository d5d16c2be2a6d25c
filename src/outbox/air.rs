//! What is on its way: each delivery runs by itself, and lands with its verdict.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::Claim;
use crate::core::delivery::Verdict;
use crate::core::message::Message;

/// What has landed waits so long for others, so that one commit records them all.
const GRACE: Duration = Duration::from_millis(2);

/// A delivery, by its number.
type Flight = BoxFuture<'static, (u64, Verdict)>;

/// The deliveries that are under way.
pub(super) struct Air {
    claims: BTreeMap<u64, Claim>,
    launched: u64,
    /// Ends with this pass, and what it holds with it.
    tasks: JoinSet<(u64, Verdict)>,
    /// Without a runtime, as in the simulation, they go on when the pass does.
    by_hand: Vec<Flight>,
    has_runtime: bool,
    given_up: bool,
}

impl Air {
    pub(super) fn new() -> Self {
        Self {
            claims: BTreeMap::new(),
            launched: 0,
            tasks: JoinSet::new(),
            by_hand: Vec::new(),
            has_runtime: tokio::runtime::Handle::try_current().is_ok(),
            given_up: false,
        }
    }

    /// Messages that are on their way.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.claims.values().map(|claim| &claim.message)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Whether nothing was waited for any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    pub(super) fn launch(&mut self, claim: Claim, delivery: BoxFuture<'static, Verdict>) {
        let number = self.launched;
        self.launched += 1;
        self.claims.insert(number, claim);
        let delivery = AssertUnwindSafe(delivery).catch_unwind();
        let flight = async move {
            let verdict = delivery.await.unwrap_or_else(|_| Verdict::InDoubt {
                why: "what was to send it gave up".into(),
            });
            (number, verdict)
        };
        if self.has_runtime {
            self.tasks.spawn(flight);
        } else {
            self.by_hand.push(flight.boxed());
        }
    }

    /// Waits until half of what is on its way has landed, or the rest makes it wait too long, or `nudge` says that
    /// others wait; until `given_up`, when all the rest may have been sent.
    pub(super) async fn landed(
        &mut self,
        mut given_up: Pin<&mut (impl Future<Output = ()> + Send)>,
        nudge: impl Future<Output = ()>,
    ) -> Vec<(Claim, Verdict)> {
        let mut nudge = std::pin::pin!(nudge);
        let wanted = self.claims.len().div_ceil(2);
        let mut landed = Vec::new();
        if self.has_runtime {
            while landed.len() < wanted {
                while let Some(done) = self.tasks.try_join_next() {
                    landed.extend(done.ok().and_then(|done| self.land(done)));
                }
                if landed.len() >= wanted {
                    break;
                }
                let some = !landed.is_empty();
                tokio::select! {
                    biased; // an answer that is there counts
                    Some(done) = self.tasks.join_next() => {
                        landed.extend(done.ok().and_then(|done| self.land(done)));
                    }
                    () = tokio::time::sleep(GRACE), if some => break,
                    () = nudge.as_mut() => break,
                    () = given_up.as_mut() => {
                        self.give_up(&mut landed);
                        break;
                    }
                }
            }
            return landed;
        }
        std::future::poll_fn(|cx| {
            let mut done = Vec::new();
            self.by_hand.retain_mut(|flight| match flight.as_mut().poll(cx) {
                Poll::Ready(one) => {
                    done.push(one);
                    false
                }
                Poll::Pending => true,
            });
            landed.extend(done.into_iter().filter_map(|done| self.land(done)));
            if !self.claims.is_empty() && given_up.as_mut().poll(cx).is_ready() {
                self.give_up(&mut landed);
            }
            if landed.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        landed
    }

    fn land(&mut self, (number, verdict): (u64, Verdict)) -> Option<(Claim, Verdict)> {
        let claim = self.claims.remove(&number)?;
        Some((claim, verdict))
    }

    fn give_up(&mut self, landed: &mut Vec<(Claim, Verdict)>) {
        self.given_up = true;
        self.tasks.abort_all();
        self.by_hand.clear();
        let verdict = Verdict::InDoubt {
            why: "sheetbridge was stopped while it was on its way".into(),
        };
        let rest = std::mem::take(&mut self.claims).into_values();
        landed.extend(rest.map(|claim| (claim, verdict.clone())));
    }
}
