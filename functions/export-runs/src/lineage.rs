//! OpenLineage's events of runs and attempts. Pure.
//!
//! A pass of a run is a run of the job `<workflow>` in the namespace `<team>`; an attempt is one of
//! `<workflow>.<task>`, with the pass as its parent. Ids are UUIDs made of hashes, times those of
//! facts and items. What never ran has no events.

use choreography::work::Datasets;
use model::Timestamp;
use model::attempt::AttemptKey;
use model::definition::Dataset;
use model::fact::{FactBody, RunFact, TaskFact};
use model::id::{RunId, digest};
use model::name::WorkflowRef;
use model::run::{Run, RunState};
use model::task::Task;
use serde_json::{Map, Value, json};

/// Who says so: a URI, with the version.
const PRODUCER: &str = concat!("urn:murmur:", env!("CARGO_PKG_VERSION"));
const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const FACETS: &str = "https://openlineage.io/spec/facets";

/// What becomes of a run, in OpenLineage's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transition {
    Start,
    Complete,
    Fail,
    Abort,
}

/// A run of another workflow that made this one start.
pub(crate) struct Upstream {
    pub workflow: WorkflowRef,
    pub run: RunId,
    pub generation: u32,
}

/// A run started, or was opened again. A pass that a rerun overtook never ends by itself, so it is
/// ended here.
pub(crate) fn run_started(
    run: &Run,
    started: &RunFact,
    at: Timestamp,
    upstreams: &[Upstream],
) -> Vec<Value> {
    let mut facets = of_slot(run);
    if !upstreams.is_empty() {
        let upstreams = upstreams.iter().map(|upstream| {
            json!({
                "job": job_of_run(&upstream.workflow),
                "run": { "runId": pass(&upstream.run, upstream.generation) },
                "dependency_type": "DIRECT_INVOCATION",
                "sequence_trigger_rule": "FINISH_TO_START",
                "status_trigger_rule": "EXECUTE_ON_SUCCESS",
            })
        });
        let upstream: Vec<Value> = upstreams.collect();
        let dependencies = facet(
            "1-0-1/JobDependenciesRunFacet",
            json!({ "upstream": upstream }),
        );
        facets.insert("jobDependencies".to_owned(), dependencies);
    }
    let generation = started.generation;
    let start = of_run(run, generation, Transition::Start, at, facets);
    // The start of an ended run's pass is the instant it was opened at; of one under way it stays.
    let overtakes =
        generation > 1 && run.generation == generation && run.started_at.is_some_and(|it| it != at);
    let overtaken = overtakes.then(|| {
        let facets = of_slot(run);
        of_run(run, generation - 1, Transition::Abort, at, facets)
    });
    overtaken.into_iter().chain([start]).collect()
}

/// A run ended.
pub(crate) fn run_ended(run: &Run, ended: &RunFact, at: Timestamp) -> Value {
    let transition = match ended.state {
        RunState::Succeeded => Transition::Complete,
        RunState::Failed => Transition::Fail,
        RunState::Cancelled | RunState::Skipped | RunState::Waiting | RunState::Running => {
            Transition::Abort
        }
    };
    let mut facets = of_slot(run);
    facets.extend(error(ended.reason.as_deref()));
    of_run(run, ended.generation, transition, at, facets)
}

/// What is told of an attempt.
pub(crate) struct Attempt<'a> {
    pub run: &'a Run,
    pub key: &'a AttemptKey,
    pub fact: &'a TaskFact,
    pub at: Timestamp,
    pub datasets: &'a Datasets,
}

impl Attempt<'_> {
    /// It began.
    pub fn started(&self, at: Timestamp) -> Value {
        self.event(Transition::Start, at)
    }

    /// It ended; where nobody saw it run, with its start. Nothing of one that was cancelled before it
    /// was submitted.
    pub fn ended(&self, body: &FactBody, item: Option<&Task>) -> Vec<Value> {
        let transition = match body {
            FactBody::TaskSucceeded(_) => Transition::Complete,
            FactBody::TaskCancelled(_) => Transition::Abort,
            _ => Transition::Fail,
        };
        let submitted_at = item.and_then(|item| item.submitted_at);
        let unseen = item.is_some_and(|item| item.started_at.is_none());
        if unseen && submitted_at.is_none() && transition == Transition::Abort {
            return Vec::new();
        }
        let began = unseen.then(|| self.started(submitted_at.unwrap_or(self.at)));
        let end = self.event(transition, self.at);
        began.into_iter().chain([end]).collect()
    }

    fn event(&self, transition: Transition, at: Timestamp) -> Value {
        let mut facets = of_slot(self.run);
        let workflow = self.run.workflow_ref();
        let parent = json!({
            "run": { "runId": pass(&self.key.run, self.key.generation) },
            "job": job_of_run(&workflow),
        });
        facets.insert("parent".to_owned(), facet("1-2-0/ParentRunFacet", parent));
        if transition == Transition::Fail || transition == Transition::Abort {
            facets.extend(error(self.fact.reason.as_deref()));
        }
        let inputs = self.datasets.inputs.iter().map(named);
        let outputs = self.datasets.outputs.iter().map(named);
        let name = format!("{}.{}", workflow.name, self.key.task);
        event(
            transition,
            at,
            json!({ "runId": attempt(self.key), "facets": facets }),
            job(workflow.team.as_str(), &name, "TASK"),
            inputs.collect(),
            outputs.collect(),
        )
    }
}

fn of_run(
    run: &Run,
    generation: u32,
    transition: Transition,
    at: Timestamp,
    facets: Map<String, Value>,
) -> Value {
    event(
        transition,
        at,
        json!({ "runId": pass(&run.run, generation), "facets": facets }),
        job(run.team.as_str(), run.workflow.as_str(), "WORKFLOW"),
        Vec::new(),
        Vec::new(),
    )
}

fn event(
    transition: Transition,
    at: Timestamp,
    run: Value,
    job: Value,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
) -> Value {
    let transition = match transition {
        Transition::Start => "START",
        Transition::Complete => "COMPLETE",
        Transition::Fail => "FAIL",
        Transition::Abort => "ABORT",
    };
    json!({
        "eventType": transition,
        "eventTime": at,
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
    })
}

fn job(namespace: &str, name: &str, kind: &str) -> Value {
    let kind = json!({ "processingType": "BATCH", "integration": "MURMUR", "jobType": kind });
    let facets = json!({ "jobType": facet("2-0-4/JobTypeJobFacet", kind) });
    json!({ "namespace": namespace, "name": name, "facets": facets })
}

fn job_of_run(workflow: &WorkflowRef) -> Value {
    json!({ "namespace": workflow.team, "name": workflow.name })
}

fn named(dataset: &Dataset) -> Value {
    json!({ "namespace": dataset.namespace, "name": dataset.name })
}

/// What a run is for, as its nominal time.
fn of_slot(run: &Run) -> Map<String, Value> {
    let nominal = json!({ "nominalStartTime": run.logical_date });
    let nominal = facet("1-0-1/NominalTimeRunFacet", nominal);
    Map::from_iter([("nominalTime".to_owned(), nominal)])
}

fn error(reason: Option<&str>) -> Option<(String, Value)> {
    // OpenLineage wants a language, and of work's murmur knows none.
    let said = json!({ "message": reason?, "programmingLanguage": "unknown" });
    let facet = facet("1-0-1/ErrorMessageRunFacet", said);
    Some(("errorMessage".to_owned(), facet))
}

/// A facet of the standard, by its version and name, with who made it.
fn facet(schema: &str, mut content: Value) -> Value {
    let name = schema.split_once('/').map_or(schema, |(_, name)| name);
    content["_producer"] = json!(PRODUCER);
    content["_schemaURL"] = json!(format!("{FACETS}/{schema}.json#/$defs/{name}"));
    content
}

/// The id of a pass of a run.
fn pass(run: &RunId, generation: u32) -> String {
    uuid(&["run", run.as_str(), &generation.to_string()])
}

/// The id of an attempt.
fn attempt(key: &AttemptKey) -> String {
    uuid(&["attempt", &key.to_string()])
}

/// A UUID of version 8, which is for hashes of one's own.
fn uuid(parts: &[&str]) -> String {
    let digits = digest(["openlineage"].into_iter().chain(parts.iter().copied()));
    let variant = match digits.as_bytes()[16] {
        b'0' | b'4' | b'8' | b'c' => '8',
        b'1' | b'5' | b'9' | b'd' => '9',
        b'2' | b'6' | b'a' | b'e' => 'a',
        _ => 'b',
    };
    format!(
        "{}-{}-8{}-{variant}{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}
