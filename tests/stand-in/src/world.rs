//! Everything there is: clusters, steps and jobs as they were asked for and as they are, and the
//! compute that runs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use local::EngineClock;
use local::compute::ProcessCompute;
use model::observation::{ClusterState, WorkState};
use ports::Clock as _;
use serde_json::Value;

use crate::asked::Call;
use crate::events::Event;
use crate::faults::Faults;

/// Where the services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub name: String,
    pub account: String,
}

/// Everything there is.
pub struct World {
    pub compute: Arc<ProcessCompute<EngineClock>>,
    pub clock: EngineClock,
    pub region: Region,
    /// By id, which has nothing to do with their order.
    pub clusters: BTreeMap<String, Cluster>,
    /// Oldest first.
    pub steps: Vec<Step>,
    /// Oldest first.
    pub jobs: Vec<Job>,
    pub faults: Faults,
    /// Not handed to the courier yet.
    pub events: Vec<Event>,
    pub calls: Vec<Call>,
}

/// A cluster of EMR.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub id: String,
    /// The RunJobFlow request.
    pub asked: Value,
    pub state: ClusterState,
    pub reason: Option<Reason>,
    pub created_ms: i64,
    pub ready_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub protected: bool,
    pub public_name: bool,
    pub fails_to_bootstrap: bool,
    /// Counts clusters; its machines' addresses come from it.
    pub number: usize,
}

/// A step of a cluster.
#[derive(Debug, Clone)]
pub struct Step {
    pub id: String,
    pub cluster: String,
    /// The StepConfig.
    pub asked: Value,
    pub role: Option<String>,
    pub state: WorkState,
    pub cancel_asked: bool,
    pub reason: Option<String>,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

/// A job of Batch.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    /// The SubmitJob request.
    pub asked: Value,
    /// By name.
    pub queue: String,
    pub state: WorkState,
    pub reason: Option<String>,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    pub code: String,
    pub message: String,
}

impl Reason {
    /// Splits a code from its message.
    pub fn read(text: &str) -> Self {
        let (code, message) = text.split_once(": ").unwrap_or(("", text));
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl World {
    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Steps of a cluster that have not ended.
    pub fn open_steps<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps
            .iter()
            .filter(move |step| step.cluster == cluster && !step.state.is_terminal())
    }
}

impl Cluster {
    /// Its name.
    pub fn name(&self) -> &str {
        self.asked["Name"].as_str().unwrap_or_default()
    }

    /// How many of its steps run at once.
    pub fn step_concurrency(&self) -> u64 {
        self.asked["StepConcurrencyLevel"].as_u64().unwrap_or(1)
    }
}

impl Step {
    /// Its name.
    pub fn name(&self) -> &str {
        self.asked["Name"].as_str().unwrap_or_default()
    }

    /// What its failure does to the others.
    pub fn action_on_failure(&self) -> &str {
        self.asked["ActionOnFailure"].as_str().unwrap_or("CONTINUE")
    }
}

impl Job {
    /// Its name.
    pub fn name(&self) -> &str {
        self.asked["jobName"].as_str().unwrap_or_default()
    }

    /// How many children it has, if any.
    pub fn array_size(&self) -> Option<u64> {
        self.asked["arrayProperties"]["size"].as_u64()
    }
}
