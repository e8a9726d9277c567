//! Where murmur runs, as verbs see it: a store to read, inboxes to put requests into, logs, and
//! letters set aside.
//!
//! Verbs are generic over [`Target`], so they know nothing of SQLite or a folder; a deployment on AWS
//! is one more implementation.

pub mod local;

use std::path::PathBuf;

use model::Timestamp;
use model::message::{Function, Message};
use model::task::Task;
use ports::StateStore;
use serde::Serialize;

use crate::exit::Failure;

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

    /// Puts a message into an inbox, durably.
    async fn send(&self, inbox: Function, message: Message) -> Result<(), Failure>;

    /// Finds what an attempt printed; empty when it printed nothing or was never started.
    async fn logs(&self, attempt: &Task) -> Result<Vec<Log>, Failure>;

    /// Lists the letters set aside, oldest first.
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Failure>;

    /// Puts letters back into their inboxes; says how many there were.
    async fn redrive(&self, letters: &[DeadLetter]) -> Result<usize, Failure>;
}

/// What one process of an attempt printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// Child of an array job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<u32>,
    pub stdout: PathBuf,
    pub stderr: PathBuf,
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
