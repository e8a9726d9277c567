//! Why a template was refused or could not be filled in.
//!
//! Must not know which file the template stands in; whoever does adds line and column.

use std::ops::Range;

/// Says what is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {hint}")]
pub struct TemplateError {
    /// The offending bytes of the text, always within it and on character boundaries.
    pub range: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl TemplateError {
    pub(super) fn new(
        range: Range<usize>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> TemplateError {
        TemplateError {
            range,
            what: what.into(),
            hint: hint.into(),
        }
    }
}
