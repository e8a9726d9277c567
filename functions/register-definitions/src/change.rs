//! What a registration changes, for people.

use std::collections::BTreeSet;

use model::name::{ClusterRef, TeamName, WorkflowRef};
use serde::Serialize;

/// What differs between two sets of definitions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Changes {
    pub teams: Difference<TeamName>,
    pub clusters: Difference<ClusterRef>,
    pub workflows: Difference<WorkflowRef>,
}

/// Names that came, stayed with another definition, or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference<T> {
    pub added: BTreeSet<T>,
    pub changed: BTreeSet<T>,
    pub removed: BTreeSet<T>,
}

impl<T> Default for Difference<T> {
    fn default() -> Self {
        Self {
            added: BTreeSet::new(),
            changed: BTreeSet::new(),
            removed: BTreeSet::new(),
        }
    }
}
