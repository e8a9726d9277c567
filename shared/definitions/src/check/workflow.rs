//! Workflows: what starts them, parameters, and who waits for whom among them.

use std::collections::HashMap;

use jiff::Timestamp;
use model::name::{TeamName, WorkflowRef};
use petgraph::graph::NodeIndex;

use super::cluster::Windows;
use super::directory::{Directory, Wanted};
use super::graph::Graph;
use super::load::Set;
use super::name::check_identifier;
use super::task::{self, Surroundings};
use super::template::{self, WorkflowKnown};
use super::{event, schedule, upstream};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::Span;
use crate::written::Workflow;

/// Runs started by runs are refused beyond this depth (rule 8).
const DEEPEST: usize = 32;

/// Checks all workflows.
pub(super) fn check(
    set: &Set,
    directory: &Directory,
    windows: &Windows,
    now: Timestamp,
    findings: &mut Findings<'_>,
) {
    let mut graph = Graph::default();
    let nodes: HashMap<&WorkflowRef, NodeIndex> = set
        .workflows
        .keys()
        .map(|name| (name, graph.node(name.to_string())))
        .collect();
    for (name, loaded) in &set.workflows {
        let Some(workflow) = &loaded.written else {
            continue;
        };
        let around = Surroundings {
            set,
            directory,
            windows,
            team: &name.team,
        };
        check_starts(workflow, now, findings);
        check_params(workflow, findings);
        check_tasks(workflow, &around, findings);
        for (before, at) in upstreams(workflow, directory, &name.team, findings) {
            if let Some(node) = nodes.get(&before) {
                graph.edge(*node, nodes[name], at);
            }
        }
    }
    if !graph.check_cycles("workflows", findings)
        && let Some((name, at)) = graph.deeper_than(DEEPEST)
    {
        let message = format!("more than {DEEPEST} workflows in a row come before `{name}`");
        findings
            .error(Code::ChainTooDeep, at, message)
            .help("runs that were started by runs end there; join some of the workflows");
    }
}

fn check_starts(workflow: &Workflow, now: Timestamp, findings: &mut Findings<'_>) {
    if let Some(zone) = &workflow.timezone {
        schedule::check_zone(zone, now, findings);
    }
    if let Some(schedule) = &workflow.schedule {
        if let Some(expression) = schedule.expression.get() {
            schedule::parse(expression, schedule.timezone.as_ref(), now, findings);
        }
        let scheduled = schedule.timezone.as_ref().map(|zone| zone.value.0.as_str());
        let scheduled = scheduled.unwrap_or(schedule::DEFAULT_ZONE);
        if let Some(zone) = &workflow.timezone
            && zone.value.0 != scheduled
        {
            let message = format!(
                "the schedule's time zone is {scheduled}, not {}",
                zone.value.0
            );
            findings
                .error(Code::ConflictingKeys, zone.at, message)
                .help("give the time zone once, in `schedule`");
        }
    }
    for trigger in workflow.events.iter().flatten() {
        event::check(trigger, findings);
    }
}

fn check_params(workflow: &Workflow, findings: &mut Findings<'_>) {
    for (name, _) in workflow.params.iter().flat_map(|params| &params.entries) {
        check_identifier("a parameter", name, findings);
    }
}

fn check_tasks(workflow: &Workflow, around: &Surroundings<'_>, findings: &mut Findings<'_>) {
    if workflow
        .tasks
        .get()
        .is_some_and(|tasks| tasks.entries.is_empty())
    {
        findings
            .error(
                Code::OutOfRange,
                workflow.tasks.at,
                "a workflow needs a task",
            )
            .help("add one under `tasks:`");
    }
    let names = upstream::check(workflow, findings);
    let known = WorkflowKnown::of(workflow);
    let tasks = workflow.tasks.get().map_or(&[][..], |tasks| &tasks.entries);
    for (position, (name, task)) in tasks.iter().enumerate() {
        if let Some(task) = task {
            task::check(name, task, around, findings);
            template::check(position, task, &names, &known, findings);
        }
    }
}

fn upstreams(
    workflow: &Workflow,
    directory: &Directory,
    own: &TeamName,
    findings: &mut Findings<'_>,
) -> Vec<(WorkflowRef, Span)> {
    let mut found: Vec<(WorkflowRef, Span)> = Vec::new();
    for after in workflow.after.iter().flat_map(|after| &after.0) {
        let resolved = directory.resolve(Wanted::Workflow, after, own, findings);
        let Some((team, name)) = resolved else {
            continue;
        };
        let before = WorkflowRef::new(team, name);
        if found.iter().any(|(known, _)| *known == before) {
            findings
                .error(
                    Code::DuplicateUpstream,
                    after.at,
                    format!("`{before}` is named twice"),
                )
                .help("remove one of the two");
        } else {
            found.push((before, after.at));
        }
    }
    found
}
