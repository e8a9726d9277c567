//! The tasks of a workflow, as they are written or as they run.

use std::collections::BTreeMap;

use choreography::plan::{Consumers, Plan};
use model::definition::{ClusterChoice, Task, TaskKind, TriggerRule, Workflow};
use model::expansion::expansion_count;
use model::name::TaskName;

use super::drawing::{Drawing, NodeKind};
use crate::exit::Failure;

/// One node for each task that is written.
pub fn written(workflow: &Workflow) -> Drawing {
    let mut drawing = Drawing::new(workflow.reference().to_string());
    let mut ids: BTreeMap<&TaskName, usize> = BTreeMap::new();
    for task in &workflow.tasks {
        let count = expansion_count(&task.for_each);
        let times = if task.for_each.is_empty() {
            String::new()
        } else {
            format!(" ×{count}")
        };
        let id = drawing.node(format!("{}{times}", task.name), lines(task), kind(task));
        ids.insert(&task.name, id);
    }
    for task in &workflow.tasks {
        let above: Vec<usize> = task
            .after
            .iter()
            .filter_map(|name| written_id(workflow, &ids, name))
            .collect();
        drawing.connect(&above, &[ids[&task.name]]);
    }
    drawing
}

/// The node of a name: of a task, or of the one it is an expansion of.
fn written_id(
    workflow: &Workflow,
    ids: &BTreeMap<&TaskName, usize>,
    name: &TaskName,
) -> Option<usize> {
    let stands_for = |task: &&Task| {
        task.expansions()
            .any(|expansion| expansion.is_ok_and(|(expanded, _)| expanded == *name))
    };
    ids.get(name).copied().or_else(|| {
        let task = workflow.tasks.iter().find(stands_for)?;
        ids.get(&task.name).copied()
    })
}

/// One node for each task that runs.
pub fn expanded(workflow: &Workflow) -> Result<Drawing, Failure> {
    let plan = Plan::of(workflow.clone())
        .map_err(|error| Failure::trouble("cannot plan the workflow").because(error))?;
    let mut drawing = Drawing::new(workflow.reference().to_string());
    for (position, task) in (0..).zip(&plan.tasks) {
        let written = plan.written(position);
        drawing.node(task.name.to_string(), lines(written), kind(written));
    }
    let as_id = |position: &u32| *position as usize;
    for join in &plan.joins {
        if let Consumers::Tasks(by_rule) = &join.consumers {
            let above: Vec<usize> = join.upstreams.iter().map(as_id).collect();
            let below: Vec<usize> = by_rule.values().flatten().map(as_id).collect();
            drawing.connect(&above, &below);
        }
    }
    Ok(drawing)
}

fn kind(task: &Task) -> NodeKind {
    match task.kind {
        TaskKind::Batch(_) => NodeKind::Job,
        TaskKind::Spark(_) | TaskKind::Presto(_) | TaskKind::Command(_) => NodeKind::Step,
    }
}

fn lines(task: &Task) -> Vec<String> {
    let place = match (&task.kind, task.kind.cluster()) {
        (TaskKind::Batch(batch), _) => format!("batch in {}", batch.queue),
        (kind, Some(ClusterChoice::Named(cluster))) => format!("{} on {cluster}", kind.word()),
        (kind, Some(ClusterChoice::Tagged(tags))) => {
            let tags: Vec<String> = tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("{} on any {}", kind.word(), tags.join(", "))
        }
        (kind, None) => kind.word().to_owned(),
    };
    let rule = match task.trigger_rule {
        TriggerRule::AllSucceeded => None,
        TriggerRule::AllDone => Some("when all are done"),
        TriggerRule::AnyFailed => Some("when any failed"),
        TriggerRule::AnySucceeded => Some("when any succeeded"),
        TriggerRule::NoneFailed => Some("when none failed"),
    };
    std::iter::once(place)
        .chain(rule.map(str::to_owned))
        .collect()
}
