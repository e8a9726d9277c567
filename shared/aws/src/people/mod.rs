//! What people reach in a deployment and functions do not: letters put aside, who is calling, whether
//! there is a deployment at all; and, as alert does, what work printed.
//!
//! Behind the feature `people`, so that no function is built with it. Knows nothing of how it is
//! shown.

mod account;
mod dead_letters;
mod inboxes;
mod told;

pub use account::{Account, Caller, NoRegion};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use inboxes::Inboxes;
pub use told::FunctionLogs;

pub use crate::logs::{Logs, NotASource, Position, Printed, Source};
pub use crate::refused::Refused;
