//! What reconcile mends, counted: each of these means that something was lost, or that somebody died.

use model::metric::{Measurement, Metric};
use ports::Ports;

/// What was found amiss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Correction {
    /// What a Batch job did was not heard of.
    Job,
    /// What an instance did was not heard of.
    Instance,
    /// An instance was asked for, and nobody knows whether.
    Request,
    /// Somebody who has ended still held a place.
    Place,
    /// An outcome or a ready task of a run did not arrive.
    Run,
    /// A schedule did not fire.
    Tick,
}

impl Correction {
    /// As it is counted and logged, in the field `correction`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Instance => "instance",
            Self::Request => "request",
            Self::Place => "place",
            Self::Run => "run",
            Self::Tick => "tick",
        }
    }

    /// Counts so many of them.
    pub fn note(self, ports: &impl Ports, count: usize) {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let figure = Measurement::of(Metric::ReconcileCorrections, count, [self.name()]);
        ports.meter().record(figure);
    }
}
