//! Another place where facts can be seen, for those who are not on the topic.

use model::fact::Fact;

/// Shows facts to others, at least once, in any order.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Mirror {
    /// Shows facts; one answer for each, in order.
    async fn show(&self, facts: &[Fact]) -> Vec<Result<(), MirrorError>>;
}

/// A fact is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// It may be shown later; showing it twice is no harm.
    #[error("the mirror is unavailable: {reason}")]
    Unavailable { reason: String },
    /// It can never be shown.
    #[error("it has {bytes} bytes; the mirror takes at most {most}")]
    TooLarge { bytes: usize, most: usize },
}
