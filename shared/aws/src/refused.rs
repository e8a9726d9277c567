//! That something could not be done, for people.

use crate::trouble::Trouble;

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
