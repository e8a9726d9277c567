//! Small workflows and runs for tests, written as tables.

use std::collections::BTreeMap;

use model::Timestamp;
use model::definition::{
    Align, BatchTask, ClusterChoice, CommandTask, Retries, Task, TaskKind, TriggerRule, Workflow,
    hash_of,
};
use model::fact::{Fact, FactBody, TaskReady};
use model::id::{RunId, Slot};
use model::message::Message;
use model::name::TaskName;
use model::registry::DefinitionPart;
use model::run::{Cause, Run, RunState};

use crate::MemoryStore;

/// A workflow `team/flow` of Batch tasks in the queue `queue`: name, upstreams, and words.
///
/// Words: `n=50` expands it fifty times, `retries=2`, `on=<cluster>` makes it a command on that
/// cluster of the team, `pool=<pool>`, and a trigger rule's name sets it.
///
/// # Panics
/// When a name or word is none.
pub fn workflow(tasks: &[(&str, &[&str], &str)]) -> Workflow {
    Workflow {
        team: "team".parse().expect("a name"),
        name: "flow".parse().expect("a name"),
        description: None,
        timezone: "UTC".into(),
        schedule: None,
        after: Vec::new(),
        align: Align::Day,
        events: Vec::new(),
        deadline: None,
        max_active_runs: None,
        params: BTreeMap::new(),
        priority: 0,
        alerts: model::definition::AlertRules::default(),
        tasks: tasks
            .iter()
            .map(|(name, after, words)| task(name, after, words))
            .collect(),
    }
}

fn task(name: &str, after: &[&str], words: &str) -> Task {
    let named = |name: &str| TaskName::new(name).expect("a task's name");
    let mut task = Task {
        name: named(name),
        after: after.iter().map(|name| named(name)).collect(),
        trigger_rule: TriggerRule::AllSucceeded,
        for_each: BTreeMap::new(),
        kind: TaskKind::Batch(BatchTask {
            job_definition: "job".into(),
            queue: "queue".into(),
            command: vec!["true".into()],
            environment: BTreeMap::new(),
            vcpus: None,
            parameters: BTreeMap::new(),
            memory_mib: None,
            gpus: None,
            share_priority: None,
            array_size: None,
            share_identifier: None,
        }),
        retries: Retries::default(),
        timeout: None,
        pool: None,
        priority: 0,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("n", count)) => {
                let count: u32 = count.parse().expect("a number");
                let values = (0..count).map(|n| n.to_string()).collect();
                task.for_each.insert("n".to_owned(), values);
            }
            Some(("retries", count)) => task.retries.attempts = count.parse().expect("a number"),
            Some(("pool", pool)) => {
                task.pool = Some(format!("team/{pool}").parse().expect("a pool"));
            }
            Some(("on", cluster)) => {
                let cluster = format!("team/{cluster}").parse().expect("a cluster");
                task.kind = TaskKind::Command(CommandTask {
                    cluster: ClusterChoice::Named(cluster),
                    command: vec!["true".into()],
                });
            }
            Some(_) => panic!("`{word}` is no word of this table"),
            None => task.trigger_rule = serde_json::from_value(word.into()).expect("a rule"),
        }
    }
    task
}

/// Stores a workflow's definition and a running run of it; returns the run.
pub fn seed_run(store: &MemoryStore, workflow: &Workflow, now: Timestamp) -> Run {
    let hash = hash_of(workflow);
    store.seed(&DefinitionPart {
        hash: hash.clone(),
        part: 0,
        parts: 1,
        content: serde_json::to_string(workflow).expect("plain data"),
    });
    let slot = Slot::from("2026-03-01");
    let run = Run {
        run: RunId::of(&workflow.reference(), &slot),
        team: workflow.team.clone(),
        workflow: workflow.name.clone(),
        slot,
        logical_date: now,
        state: RunState::Running,
        generation: 1,
        definition: hash,
        definition_since: 1,
        cause: Cause::Schedule { late: false },
        params: BTreeMap::new(),
        depth: 0,
        limits: Vec::new(),
        paused: false,
        created_at: now,
        started_at: Some(now),
        ended_at: None,
        reason: None,
        check_at: None,
        slow: None,
    };
    store.seed(&run);
    run
}

/// The message that an attempt of a run's task is ready.
///
/// # Panics
/// When the name is none.
pub fn ready(run: &Run, task: &str, generation: u32, attempt: u32) -> Message {
    let ready = TaskReady {
        run: run.run.clone(),
        task: task.parse().expect("a task's name"),
        generation,
        attempt,
        since: run.created_at,
        released_by: None,
    };
    let body = FactBody::TaskReady(ready);
    let (team, workflow) = (run.team.clone(), Some(run.workflow.clone()));
    Message::Fact(Fact::new(team, workflow, run.created_at, body))
}
