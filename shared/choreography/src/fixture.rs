//! Small workflows for this crate's tests, written as tables.

use std::collections::BTreeMap;

use model::definition::{
    Align, BatchTask, Retries, Task, TaskKind, TriggerRule, Workflow,
};
use model::name::TaskName;

/// A workflow `team/flow` of Batch tasks: name, upstreams, and words: `n=50` expands it fifty
/// times, a trigger rule's name sets it.
pub fn workflow(tasks: &[(&str, &[&str], &str)]) -> Workflow {
    Workflow {
        team: "team".parse().unwrap(),
        name: "flow".parse().unwrap(),
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
        tasks: tasks.iter().map(|(name, after, words)| task(name, after, words)).collect(),
    }
}

fn task(name: &str, after: &[&str], words: &str) -> Task {
    let mut for_each = BTreeMap::new();
    let mut trigger_rule = TriggerRule::AllSucceeded;
    for word in words.split_whitespace() {
        if let Some(count) = word.strip_prefix("n=") {
            let count: u32 = count.parse().unwrap();
            for_each.insert("n".to_owned(), (0..count).map(|n| n.to_string()).collect());
        } else {
            trigger_rule = serde_json::from_value(word.into()).unwrap();
        }
    }
    Task {
        name: TaskName::new(name).unwrap(),
        after: after.iter().map(|name| TaskName::new(name).unwrap()).collect(),
        trigger_rule,
        for_each,
        kind: TaskKind::Batch(BatchTask {
            job_definition: "job".into(),
            queue: "queue".into(),
            command: vec!["true".into()],
            environment: BTreeMap::new(),
            vcpus: None,
            memory_mib: None,
            array_size: None,
            share_identifier: None,
        }),
        retries: Retries::default(),
        timeout: None,
        pool: None,
        priority: 0,
    }
}
