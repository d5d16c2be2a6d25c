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

/// Why waiting is over.
pub(super) enum Woken {
    /// Enough has landed, or others may go.
    Look,
    /// What has not landed may have been sent.
    GivenUp,
}

/// The deliveries that are under way.
pub(super) struct Air {
    claims: BTreeMap<u64, Claim>,
    launched: u64,
    landed: Vec<(Claim, Verdict)>,
    /// Ends with this pass, and what it holds with it.
    tasks: JoinSet<(u64, Verdict)>,
    /// Without a runtime, as in the simulation, they go on when the pass does.
    by_hand: Vec<Flight>,
    has_runtime: bool,
}

impl Air {
    pub(super) fn new() -> Self {
        Self {
            claims: BTreeMap::new(),
            launched: 0,
            landed: Vec::new(),
            tasks: JoinSet::new(),
            by_hand: Vec::new(),
            has_runtime: tokio::runtime::Handle::try_current().is_ok(),
        }
    }

    /// Messages that are on their way.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.claims.values().map(|claim| &claim.message)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
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

    pub(super) fn has_landed(&self) -> bool {
        !self.landed.is_empty()
    }

    /// What has landed since it was asked last.
    pub(super) fn take_landed(&mut self) -> Vec<(Claim, Verdict)> {
        std::mem::take(&mut self.landed)
    }

    /// Waits until half of all has landed, or the rest makes it wait too long, or `nudge` says that others wait; until
    /// `given_up`.
    ///
    /// So one half is recorded and replaced while the other flies.
    pub(super) async fn wait(
        &mut self,
        mut given_up: Pin<&mut (impl Future<Output = ()> + Send)>,
        nudge: impl Future<Output = ()>,
    ) -> Woken {
        let wanted = (self.claims.len() + self.landed.len()).div_ceil(2);
        if !self.has_runtime {
            return self.wait_by_hand(given_up).await;
        }
        let mut nudge = std::pin::pin!(nudge);
        loop {
            while let Some(done) = self.tasks.try_join_next() {
                self.land(done.ok());
            }
            let some = !self.landed.is_empty();
            if self.landed.len() >= wanted.max(1) || some && self.claims.is_empty() {
                return Woken::Look;
            }
            tokio::select! {
                biased; // an answer that is there counts
                Some(done) = self.tasks.join_next() => self.land(done.ok()),
                () = tokio::time::sleep(GRACE), if some => return Woken::Look,
                () = nudge.as_mut() => return Woken::Look,
                () = given_up.as_mut() => return Woken::GivenUp,
            }
        }
    }

    async fn wait_by_hand(
        &mut self,
        mut given_up: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Woken {
        std::future::poll_fn(|cx| {
            let mut done = Vec::new();
            self.by_hand
                .retain_mut(|flight| match flight.as_mut().poll(cx) {
                    Poll::Ready(one) => {
                        done.push(one);
                        false
                    }
                    Poll::Pending => true,
                });
            for one in done {
                self.land(Some(one));
            }
            if !self.claims.is_empty() && given_up.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::GivenUp);
            }
            if self.landed.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(Woken::Look)
            }
        })
        .await
    }

    fn land(&mut self, done: Option<(u64, Verdict)>) {
        let claim =
            done.and_then(|(number, verdict)| Some((self.claims.remove(&number)?, verdict)));
        self.landed.extend(claim);
    }

    /// What is still on its way may have been sent.
    pub(super) fn give_up(&mut self) {
        self.tasks.abort_all();
        self.by_hand.clear();
        let verdict = Verdict::InDoubt {
            why: "sheetbridge was stopped while it was on its way".into(),
        };
        let rest = std::mem::take(&mut self.claims).into_values();
        self.landed
            .extend(rest.map(|claim| (claim, verdict.clone())));
    }
}
