//! Handlers that wait for somebody elsewhere, while the engine goes on with the others.
//!
//! Must not know what they wait for. A batch whose handler has not ended when the engine stops is
//! not settled: its messages come again to the next engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use model::message::Function;
use ports::Verdict;

use super::panic::panicked;
use crate::inbox::Batch;

/// How many batches of a function wait at once; the messages of more stay in their inbox.
const MOST: usize = 64;

/// What a handler will have decided.
pub(super) type Handled = Pin<Box<dyn Future<Output = Vec<Verdict>>>>;

/// Batches with their handlers at work.
#[derive(Default)]
pub(super) struct Waiting(Vec<(Batch, Handled)>);

impl Waiting {
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether no more of a function may wait: one that hangs keeps no other waiting.
    pub fn is_full(&self, function: Function) -> bool {
        let own = self
            .0
            .iter()
            .filter(|(batch, _)| batch.function == function);
        own.count() >= MOST
    }

    /// Takes a batch; its handler begins when it is looked at next.
    pub fn begin(&mut self, batch: Batch, handled: Handled) {
        self.0.push((batch, handled));
    }

    /// Lets all go on as far as they can; gives those that have ended, with what they decided.
    pub fn ended(&mut self) -> Vec<(Batch, Vec<Verdict>)> {
        // Nobody wakes the engine: it looks again within a hundredth of a second.
        let mut context = Context::from_waker(Waker::noop());
        let mut ended = Vec::new();
        let mut number = 0;
        while let Some((batch, handled)) = self.0.get_mut(number) {
            let go_on = || handled.as_mut().poll(&mut context);
            let verdicts = match catch_unwind(AssertUnwindSafe(go_on)) {
                Ok(Poll::Pending) => {
                    number += 1;
                    continue;
                }
                Ok(Poll::Ready(verdicts)) => verdicts,
                Err(panic) => panicked(&*panic, batch.count()),
            };
            let (batch, _) = self.0.remove(number);
            ended.push((batch, verdicts));
        }
        ended
    }
}
