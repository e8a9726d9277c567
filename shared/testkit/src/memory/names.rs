//! A zone of names in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use model::address;
use model::name::ClusterRef;
use ports::{Names, NamesError};

use super::lock;
use crate::faults::{Faults, Step};

/// Keeps where names lead. Gives none until a zone is served.
#[derive(Debug, Default)]
pub struct MemoryNames {
    faults: Arc<Faults>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    zone: Option<String>,
    hosts: BTreeMap<String, String>,
    failures: u32,
    points: u32,
}

impl MemoryNames {
    /// Serves no zone; pointing a name is a step of these faults.
    pub fn with_faults(faults: Arc<Faults>) -> Self {
        Self {
            faults,
            state: Mutex::default(),
        }
    }

    /// Gives clusters names below a zone from now on.
    pub fn serve(&self, zone: &str) {
        lock(&self.state).zone = Some(zone.to_owned());
    }

    /// Makes the next calls fail without effect.
    pub fn fail(&self, calls: u32) {
        lock(&self.state).failures = calls;
    }

    /// Where a name leads.
    pub fn host(&self, name: &str) -> Option<String> {
        lock(&self.state).hosts.get(name).cloned()
    }

    /// How often a name was pointed anywhere.
    pub fn points(&self) -> u32 {
        lock(&self.state).points
    }
}

impl Names for MemoryNames {
    fn name_of(&self, cluster: &ClusterRef) -> Option<String> {
        let state = lock(&self.state);
        let zone = state.zone.as_ref()?;
        Some(format!("{}.{zone}", address::of(cluster)))
    }

    async fn point(&self, name: &str, host: &str) -> Result<(), NamesError> {
        let unavailable = || NamesError {
            reason: "it was made to fail".into(),
        };
        let mut state = lock(&self.state);
        if state.failures > 0 {
            state.failures -= 1;
            return Err(unavailable());
        }
        let step = self.faults.step();
        if step != Step::Lost {
            state.points += 1;
            state.hosts.insert(name.to_owned(), host.to_owned());
        }
        match step {
            Step::Done => Ok(()),
            Step::Unanswered | Step::Lost => Err(unavailable()),
        }
    }
}
