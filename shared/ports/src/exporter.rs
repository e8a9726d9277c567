//! Where others keep traces and lineage.

use crate::notifier::NotifyError;

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Export {
    /// Spans, as OTLP has them in JSON.
    Traces,
    /// OpenLineage's events.
    Lineage,
}

/// Hands traces and lineage over to whoever keeps them.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Exporter {
    /// Whether it is switched on.
    fn takes(&self, export: Export) -> bool;

    /// Hands over one document of JSON once, within some ten seconds, and never tries again by
    /// itself. One that was handed over already is no harm.
    async fn hand_over(&self, export: Export, document: &str) -> Result<(), NotifyError>;
}

/// Takes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nothing;

impl Exporter for Nothing {
    fn takes(&self, _: Export) -> bool {
        false
    }

    async fn hand_over(&self, _: Export, _: &str) -> Result<(), NotifyError> {
        Ok(())
    }
}
