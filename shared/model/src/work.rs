//! Work as it is handed to a compute service: templates filled in, place chosen.

use std::collections::BTreeMap;

use crate::attempt::AttemptKey;
use crate::units::Seconds;

/// One piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The step's or job's name.
    pub key: AttemptKey,
    pub work: Work,
    /// Enforced by the service where it can (Batch), by reconcile elsewhere.
    pub timeout: Option<Seconds>,
    /// Role the step runs as.
    pub execution_role: Option<String>,
    /// Team, workflow and run, as the service's tags where it has them.
    pub tags: BTreeMap<String, String>,
}

/// What a service runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// An EMR step: program and arguments for `command-runner.jar`.
    Step { argv: Vec<String> },
    /// A Batch job.
    Job(JobSpec),
}

/// A Batch job's own settings; what is empty keeps the job definition's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobSpec {
    pub definition: String,
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
    pub vcpus: Option<String>,
    pub memory_mib: Option<u32>,
    pub gpus: Option<u32>,
    pub array_size: Option<u32>,
    pub share_identifier: Option<String>,
    pub share_priority: Option<u32>,
}
