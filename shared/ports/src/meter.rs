//! Where figures go that say how murmur is doing.

use model::metric::Measurement;

/// Takes figures. It never fails and never waits: nothing that is decided depends on it.
pub trait Meter {
    /// Takes one figure.
    fn record(&self, measurement: Measurement);
}

/// Takes none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unmetered;

impl Meter for Unmetered {
    fn record(&self, _: Measurement) {}
}
