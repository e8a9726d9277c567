//! What a handler is given and what becomes of the message.

use model::message::Message;
use model::units::Seconds;

use crate::bus::BusError;
use crate::compute::ComputeError;
use crate::names::NamesError;
use crate::notifier::NotifyError;
use crate::store::{CommitError, StoreError};

/// A message taken from an inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub message: Message,
    /// How often it was delivered, this time included.
    pub receives: u32,
}

/// What becomes of a message (rules 2 and 21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its writes and publishes succeeded; it leaves the inbox.
    Done,
    /// Nothing failed; it returns after this long.
    Later(Seconds),
    /// A dependency failed; it returns with growing delay.
    Failed(String),
    /// It can never succeed; it goes to the dead letters with this reason.
    Poison(String),
}

/// Why a handler stopped before it was done.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Names(#[from] NamesError),
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// Somebody else wrote first; the message is tried again at once.
    #[error("another write came first")]
    Conflict,
    /// Come back after this long.
    #[error("to be tried again in {0}")]
    Later(Seconds),
    /// The message cannot be right.
    #[error("{0}")]
    Poison(String),
}

impl From<CommitError> for Trouble {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Conflict,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

impl From<Result<(), Trouble>> for Verdict {
    fn from(result: Result<(), Trouble>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(Trouble::Conflict) => Self::Later(Seconds(0)),
            Err(Trouble::Later(delay)) => Self::Later(delay),
            Err(Trouble::Poison(reason)) => Self::Poison(reason),
            // What cannot be read breaks an invariant; the store being away does not.
            Err(Trouble::Store(error @ StoreError::Unreadable { .. })) => {
                Self::Poison(error.to_string())
            }
            Err(
                trouble @ (Trouble::Store(_)
                | Trouble::Bus(_)
                | Trouble::Compute(_)
                | Trouble::Names(_)
                | Trouble::Notify(_)),
            ) => Self::Failed(trouble.to_string()),
        }
    }
}
