//! All ports in memory, as one bundle.

use std::sync::Arc;

use model::Timestamp;
use ports::{ContentCache, Ports};

use super::bus::MemoryBus;
use super::clock::ManualClock;
use super::compute::ScriptedCompute;
use super::names::MemoryNames;
use super::store::MemoryStore;
use crate::faults::Faults;

/// What a function under test is given; the adapters share one clock and one set of faults.
pub struct TestPorts {
    pub store: MemoryStore,
    pub bus: MemoryBus,
    pub compute: ScriptedCompute,
    pub clock: Arc<ManualClock>,
    pub names: MemoryNames,
    pub faults: Arc<Faults>,
    cache: ContentCache,
}

impl TestPorts {
    /// Makes an empty world at [`ManualClock`]'s first instant.
    pub fn new() -> Self {
        Self::on(ManualClock::default())
    }

    /// Makes an empty world at an instant.
    pub fn at(now: Timestamp) -> Self {
        Self::on(ManualClock::at(now))
    }

    fn on(clock: ManualClock) -> Self {
        let clock = Arc::new(clock);
        let faults = Arc::new(Faults::default());
        Self {
            store: MemoryStore::with_faults(Arc::clone(&faults)),
            bus: MemoryBus::new(Arc::clone(&clock), Arc::clone(&faults)),
            compute: ScriptedCompute::new(Arc::clone(&clock), Arc::clone(&faults)),
            names: MemoryNames::with_faults(Arc::clone(&faults)),
            clock,
            faults,
            cache: ContentCache::default(),
        }
    }
}

impl Default for TestPorts {
    fn default() -> Self {
        Self::new()
    }
}

impl Ports for TestPorts {
    type Store = MemoryStore;
    type Bus = MemoryBus;
    type Compute = ScriptedCompute;
    type Clock = ManualClock;
    type Names = MemoryNames;

    fn store(&self) -> &MemoryStore {
        &self.store
    }
    fn bus(&self) -> &MemoryBus {
        &self.bus
    }
    fn compute(&self) -> &ScriptedCompute {
        &self.compute
    }
    fn clock(&self) -> &ManualClock {
        &self.clock
    }
    fn names(&self) -> &MemoryNames {
        &self.names
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
}
