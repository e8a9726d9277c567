//! register-definitions: checks all of `events/` and makes it what new runs and instances take
//! (rule 5). Called directly by `terraform apply` and by the local engine.
//!
//! In: the raw text of every file. Out: content by hash, current pointers, who waits for whom,
//! expected slots. It starts nothing and touches no run.
//!
//! Safe to repeat from the middle: content comes before what points at it, every pointer is right
//! by itself, and the deployment says that the set is complete only at the very end.

mod apply;
mod change;
mod current;
mod fence;
mod owed;

pub use apply::apply;
pub use change::{Changes, Difference};

/// What registering a good set did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// This very set was registered before.
    Unchanged,
    Changed(Box<Changes>),
}

#[cfg(test)]
mod tests;
