//! The tasks of one workflow by name, `for_each` expanded, and who comes after whom.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::expansion::{expansion_count, expansions};
use model::name::TaskName;

use super::graph::Graph;
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::Text;
use crate::source::At;
use crate::written::{Task, Workflow};

/// The most tasks of a workflow after `for_each`.
const MOST_TASKS: usize = 20_000;

/// The names of a workflow's tasks.
#[derive(Default)]
pub(super) struct Names {
    /// Which written task a name belongs to: its own name and all it stands for.
    by_name: HashMap<String, usize>,
    /// What each written task stands for; empty when that could not be told.
    expanded: Vec<Vec<String>>,
    upstreams: Vec<BTreeSet<usize>>,
}

/// Checks names, expansions and upstreams of a workflow's tasks.
pub(super) fn check(workflow: &Workflow, findings: &mut Findings<'_>) -> Names {
    let tasks = workflow.tasks.get().map_or(&[][..], |tasks| &tasks.entries);
    let mut names = Names::default();
    let mut left = MOST_TASKS;
    for (position, (name, task)) in tasks.iter().enumerate() {
        let expanded = task
            .as_ref()
            .map_or_else(Vec::new, |task| expand(name, task, &mut left, findings));
        names.by_name.entry(name.value.clone()).or_insert(position);
        names.expanded.push(expanded);
    }
    for (position, (name, _)) in tasks.iter().enumerate() {
        names.add_expanded(position, name, tasks, findings);
    }
    names.check_upstreams(tasks, findings);
    names
}

/// Lists what a task stands for; reports names that are none.
fn expand(
    name: &At<String>,
    task: &Task,
    left: &mut usize,
    findings: &mut Findings<'_>,
) -> Vec<String> {
    let task_name = match TaskName::new(&name.value) {
        Ok(task_name) => task_name,
        Err(error) => {
            findings
                .error(Code::BadName, name.at, error.to_string())
                .help("the name becomes part of step and job names");
            return Vec::new();
        }
    };
    let for_each = crate::lower::for_each(task);
    let count = expansion_count(&for_each);
    let at = task
        .for_each
        .as_ref()
        .map_or(name.at, |for_each| for_each.at);
    if count == 0 {
        findings
            .error(
                Code::OutOfRange,
                at,
                "this stands for no task: a list is empty",
            )
            .help("give each key at least one value");
        return Vec::new();
    }
    if count > *left {
        // Reported once: nothing is left for the tasks behind it either.
        if *left > 0 {
            let message = format!("with this the workflow has more than {MOST_TASKS} tasks");
            findings
                .error(Code::TooManyTasks, at, message)
                .help("split the workflow, or use a Batch array job");
        }
        *left = 0;
        return Vec::new();
    }
    *left -= count;
    let expanded: Result<Vec<String>, _> = expansions(&task_name, &for_each)
        .map(|expansion| expansion.map(|(name, _)| name.to_string()))
        .collect();
    expanded.unwrap_or_else(|error| {
        findings
            .error(Code::BadName, at, error.to_string())
            .help("a task is named after its values; shorten its name or the values");
        Vec::new()
    })
}

impl Names {
    fn add_expanded(
        &mut self,
        position: usize,
        name: &At<String>,
        tasks: &[(At<String>, Option<Task>)],
        findings: &mut Findings<'_>,
    ) {
        let mut reported = false;
        for expanded in &self.expanded[position] {
            let other = match self.by_name.entry(expanded.clone()) {
                Entry::Vacant(free) => {
                    free.insert(position);
                    continue;
                }
                // The task's own name, without `for_each`.
                Entry::Occupied(_) if *expanded == name.value => continue,
                Entry::Occupied(taken) => &tasks[*taken.get()].0.value,
            };
            if std::mem::replace(&mut reported, true) {
                continue;
            }
            let message = if *other == name.value {
                format!("two values of `{other}` give the name `{expanded}`")
            } else {
                format!(
                    "`{other}` and `{}` both give the name `{expanded}`",
                    name.value
                )
            };
            findings
                .error(Code::DuplicateTask, name.at, message)
                .help("rename one; in values only letters and digits tell names apart");
        }
    }

    fn check_upstreams(
        &mut self,
        tasks: &[(At<String>, Option<Task>)],
        findings: &mut Findings<'_>,
    ) {
        let mut graph = Graph::default();
        let nodes: Vec<_> = tasks
            .iter()
            .map(|(name, _)| graph.node(&name.value))
            .collect();
        for (position, (_, task)) in tasks.iter().enumerate() {
            let mut seen = BTreeSet::new();
            let mut upstreams = BTreeSet::new();
            for upstream in task
                .iter()
                .flat_map(|task| task.after.iter())
                .flat_map(|after| &after.0)
            {
                if !seen.insert(upstream.value.0.as_str()) {
                    let message = format!("`{}` is named twice", upstream.value.0);
                    findings
                        .error(Code::DuplicateUpstream, upstream.at, message)
                        .help("remove one of the two");
                    continue;
                }
                match self.by_name.get(&upstream.value.0) {
                    Some(before) => {
                        graph.edge(nodes[*before], nodes[position], upstream.at);
                        upstreams.insert(*before);
                    }
                    None => unknown(upstream, tasks, findings),
                }
            }
            self.upstreams.push(upstreams);
        }
        graph.check_cycles("tasks", findings);
    }

    /// The names among these that a task may refer to as its upstreams; all of them when they are
    /// few, for suggestions.
    pub(super) fn upstreams_of(
        &self,
        position: usize,
        mentioned: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        const FEW: usize = 100;
        let upstreams = &self.upstreams[position];
        let all: usize = upstreams.iter().map(|at| self.expanded[*at].len()).sum();
        if all <= FEW {
            return upstreams
                .iter()
                .flat_map(|at| self.expanded[*at].iter().cloned())
                .collect();
        }
        let is_upstream = |name: &&String| {
            let written = self.by_name.get(name.as_str());
            written.is_some_and(|written| {
                upstreams.contains(written) && self.expanded[*written].contains(name)
            })
        };
        mentioned.iter().filter(is_upstream).cloned().collect()
    }
}

fn unknown(upstream: &At<Text>, tasks: &[(At<String>, Option<Task>)], findings: &mut Findings<'_>) {
    let text = &upstream.value.0;
    let help = if text.contains('/') {
        Some("workflows stand in `after` beside `tasks`, not inside a task".to_owned())
    } else {
        findings
            .suggestions
            .help(text, tasks.iter().map(|(name, _)| name.value.as_str()))
    };
    findings
        .error(
            Code::UnknownTask,
            upstream.at,
            format!("there is no task `{text}`"),
        )
        .maybe_help(help);
}

/// Which `for_each` keys a task has.
pub(super) fn item_keys(task: &Task) -> BTreeMap<&str, &At<String>> {
    let keys = task
        .for_each
        .iter()
        .flat_map(|for_each| &for_each.value.entries);
    keys.map(|(key, _)| (key.value.as_str(), key)).collect()
}
