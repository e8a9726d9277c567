//! Where murmur runs, as verbs see it: a store to read, inboxes to put requests into, logs, and
//! letters set aside.
//!
//! Verbs are generic over [`Target`], so they know nothing of SQLite, a folder, or AWS; which one
//! is meant is chosen once, in [`chosen`].

#[cfg(feature = "aws")]
pub mod aws;
pub mod chosen;
pub mod local;

use std::time::Duration;

use model::Timestamp;
use model::message::{Function, Message};
use model::run::Run;
use model::task::Task;
use ports::StateStore;
use serde::Serialize;

use crate::exit::Failure;
use crate::story::Told;

pub use chosen::{At, block_on};

/// A running, or resting, murmur.
#[allow(async_fn_in_trait)] // verbs run on one thread; no bound is wanted
pub trait Target {
    type Store: StateStore;

    /// What is known of runs and clusters.
    fn store(&self) -> &Self::Store;

    /// The present instant by the clock that murmur goes by, which may be a simulated one.
    fn now(&self) -> Result<Timestamp, Failure>;

    /// Whether somebody takes messages from the inboxes now.
    fn is_at_work(&self) -> Result<bool, Failure>;

    /// What to tell people when nobody is at work.
    fn how_to_start(&self) -> String;

    /// How often it may be looked at while something is waited for.
    fn pace(&self) -> Pace;

    /// Who asks for operations, when on the command line it is `said` to be somebody.
    async fn who(&self, said: Option<&str>) -> String;

    /// Puts a message into an inbox, durably.
    async fn send(&self, inbox: Function, message: Message) -> Result<(), Failure>;

    /// What functions logged about a run, in the order of time.
    async fn story(&self, run: &Run) -> Result<Vec<Told>, Failure>;

    /// Why nothing may be known of a run's story.
    fn why_no_story(&self) -> &'static str;

    /// Finds what an attempt printed; empty when it printed nothing or was never started.
    async fn logs(&self, attempt: &Task) -> Result<Vec<Log>, Failure>;

    /// Reads what was added to a log since the last time; `None` when it is not there (yet).
    async fn read_log(&self, at: &str, from: &mut Position) -> Result<Option<Vec<u8>>, Failure>;

    /// Why a log that was found may not be there yet.
    fn why_no_log(&self, attempt: &Task) -> Option<&'static str>;

    /// Lists the letters set aside, oldest first.
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Failure>;

    /// Puts letters back into their inboxes; says how many there were.
    async fn redrive(&self, letters: &[DeadLetter]) -> Result<usize, Failure>;
}

/// How something is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long an answer that comes at all takes.
    pub soon: Duration,
    /// Between the first looks.
    pub first: Duration,
    /// Between looks that have been going on for long.
    pub longest: Duration,
}

impl Pace {
    /// How long to wait before a look, counted from 0.
    pub fn before(&self, look: u32) -> Duration {
        let longer = self.first.mul_f64(1.2_f64.powi(look.min(60).cast_signed()));
        longer.min(self.longest)
    }
}

/// What one process of an attempt printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// Child of an array job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<u32>,
    /// Where it is: a path, or what its target calls it.
    pub stdout: String,
    /// Absent where both are in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
}

/// How far a log was read.
#[derive(Debug, Clone, Default)]
pub struct Position {
    pub bytes: u64,
    #[cfg(feature = "aws")]
    pub aws: ::aws::people::Position,
}

/// A message that was set aside (rule 21).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetter {
    pub id: String,
    /// The function it was meant for.
    pub inbox: String,
    pub reason: String,
    pub set_aside_at: Timestamp,
    pub receives: u32,
    /// As it arrived; what cannot be parsed is a text.
    pub message: serde_json::Value,
}

impl DeadLetter {
    /// Reads a message's body for people.
    pub fn message_of(body: &str) -> serde_json::Value {
        serde_json::from_str(body).unwrap_or_else(|_| body.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_but_never_too_rare() {
        let pace = Pace {
            soon: Duration::from_secs(3),
            first: Duration::from_millis(500),
            longest: Duration::from_secs(5),
        };
        assert_eq!(pace.before(0), pace.first);
        assert!(pace.before(1) > pace.before(0));
        assert_eq!(pace.before(100), pace.longest);
    }
}
