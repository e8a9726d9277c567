//! Protocols with a known mistake: what the checks must find, or they prove nothing.
//!
//! A mistake is made where a function meets the world, so the functions stay as they are.

use model::Timestamp;
use model::join::Arrival;
use model::key::Key;
use model::message::Function;
use model::task::Task;

use crate::items::Items;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mutant {
    /// None: the protocol as it is.
    #[default]
    Right,
    /// Joins count arrivals instead of keeping a set.
    Counter,
    /// A message leaves its inbox before it was handled.
    AcknowledgeFirst,
    /// Every claim looks as if its lease was over.
    NoLease,
    /// What a former submitter may have submitted is not looked up.
    NoLookUp,
    /// A client that repeats a submission which was not answered.
    RetriedSubmission,
    /// Commits whatever others wrote in between.
    NoCondition,
    /// A function sees rows of a kind as they were when it began: it looks before it writes.
    LooksBefore(Function, &'static str),
}

impl Mutant {
    /// Whether a function sees a partition as it was when it began.
    pub fn is_behind(self, function: Function, partition: &str) -> bool {
        match self {
            Self::LooksBefore(of, prefix) => of == function && partition.starts_with(prefix),
            Self::Right
            | Self::Counter
            | Self::AcknowledgeFirst
            | Self::NoLease
            | Self::NoLookUp
            | Self::RetriedSubmission
            | Self::NoCondition => false,
        }
    }

    /// How an arrival is written into a join's set.
    pub fn spelled(self, word: Arrival, version: u64) -> Arrival {
        if self == Self::Counter {
            // Another element of the set each time it comes.
            let digits = "0".repeat(usize::try_from(version).unwrap_or_default());
            return Arrival(format!("{digits}{}", word.0));
        }
        word
    }

    /// What a read of this key sees, when it is not what is there.
    pub fn seen(self, items: &Items, key: &Key) -> Option<Items> {
        if self != Self::NoLease {
            return None;
        }
        let mut items = items.clone();
        if let Key::Task(..) = key
            && let Some(mut task) = items.get::<Task>(key)
            && let Some(claim) = &mut task.claim
        {
            claim.lease_until = Timestamp::UNIX_EPOCH;
            items.disguise(key, &task);
        }
        Some(items)
    }
}
