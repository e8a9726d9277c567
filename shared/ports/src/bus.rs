//! How facts and messages travel.

use std::collections::BTreeMap;

use model::fact::Fact;
use model::message::{Function, Message};
use model::units::Seconds;

/// Carries facts to every subscriber and messages to one inbox, at least once, in any order.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait EventBus {
    /// Publishes facts on the topic. Returns once all are taken; on an error any may have been.
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError>;

    /// Puts messages into one inbox, each visible after its delay of at most [`MAX_DELAY`].
    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError>;

    /// Counts the messages of each inbox that were set aside; inboxes that have none may be left out.
    /// Whoever does not keep what was set aside knows of none.
    async fn set_aside(&self) -> Result<BTreeMap<Function, u32>, BusError> {
        Ok(BTreeMap::new())
    }

    /// Looks at one message of an inbox that was set aside, and leaves it there; `None` when there is
    /// none, or somebody else has it in hand.
    async fn dead_letter(&self, _: Function) -> Result<Option<DeadLetter>, BusError> {
        Ok(None)
    }
}

/// A message that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why, in words.
    pub reason: String,
    /// As it arrived; it may not be readable.
    pub body: String,
}

/// The longest delay a message can carry (rule 19).
pub const MAX_DELAY: Seconds = Seconds(900);

/// A message to one inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub message: Message,
    pub delay: Seconds,
}

impl From<Message> for Outgoing {
    fn from(message: Message) -> Self {
        Self {
            message,
            delay: Seconds(0),
        }
    }
}

/// The bus did not take everything.
#[derive(Debug, thiserror::Error)]
#[error("the event bus is unavailable: {reason}")]
pub struct BusError {
    pub reason: String,
}
