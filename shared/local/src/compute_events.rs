//! What the engine and a local compute say to each other beyond `ports::Compute`: how the compute
//! services' events reach inboxes, and when the compute wants to be called again.
//!
//! The engine's side of the bargain: call [`LocalCompute::advance`] whenever
//! [`LocalCompute::next_timer`] has come or [`LocalCompute::wait`] has returned, store what was
//! emitted, and only then [`LocalCompute::acknowledge`] it. What was not acknowledged is emitted
//! again after a restart, so events arrive at least once (rule 1).

use std::time::Duration;

use model::Timestamp;
use model::message::{Function, Message};
use ports::{Compute, ComputeError};

/// Takes what the compute services say, for an inbox.
pub trait ObservationSink {
    /// Takes one observation. It need not be durable before it is acknowledged.
    fn emit(&mut self, inbox: Function, message: Message);
}

/// Collects observations in the order they are emitted.
impl ObservationSink for Vec<(Function, Message)> {
    fn emit(&mut self, inbox: Function, message: Message) {
        self.push((inbox, message));
    }
}

/// How far a compute has emitted: all that was emitted until an [`LocalCompute::advance`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mark(pub u64);

/// A compute that lives in the engine's process.
pub trait LocalCompute: Compute {
    /// Moves everything to where it is at this instant: clusters come up and go, work starts and
    /// ends. The only call that emits. Safe to repeat after an error.
    fn advance(&self, now: Timestamp, sink: &mut dyn ObservationSink)
    -> Result<Mark, ComputeError>;

    /// Says that all that was emitted up to the mark is stored in inboxes and need not come again.
    fn acknowledge(&self, mark: Mark) -> Result<(), ComputeError>;

    /// Counts processes at work. While there are any, a clock that skips must not.
    fn in_flight(&self) -> usize;

    /// The instant at which `advance` has something to do without any process ending; at or before
    /// now when it has so already.
    fn next_timer(&self) -> Option<Timestamp>;

    /// Blocks until a process has ended, at most this long (real time); says whether one has.
    /// Holds no lock, so other threads may call everything meanwhile.
    fn wait(&self, at_most: Duration) -> bool;
}
