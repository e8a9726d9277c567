//! What people reach in a deployment and functions do not: letters put aside, what work printed,
//! who is calling, whether there is a deployment at all.
//!
//! Behind the feature `people`, so that no function is built with it. Knows nothing of how it is
//! shown.

mod account;
mod dead_letters;
mod inboxes;
mod logs;
mod told;

use crate::trouble::Trouble;

pub use account::{Account, Caller, NoRegion};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use inboxes::Inboxes;
pub use logs::{Logs, NotASource, Position, Printed, Source};
pub use told::FunctionLogs;

/// Something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing}: {trouble}")]
pub struct Refused {
    /// In the infinitive, with what it is done to.
    pub doing: String,
    pub trouble: Trouble,
}

impl Refused {
    /// Says what could not be done.
    pub fn new(doing: impl Into<String>, trouble: Trouble) -> Self {
        let doing = doing.into();
        Self { doing, trouble }
    }
}
