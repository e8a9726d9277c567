//! The plan of a workflow: its tasks after `for_each`, and the joins between them (rule 7).
//!
//! Tasks that wait for the same upstreams share one join, so a layer of fifty after a layer of
//! fifty is one join of fifty arrivals, not 2,500 edges. A plan follows from its definition alone;
//! it knows nothing of runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::definition::{Task, TriggerRule, Workflow};
use model::name::{NameError, TaskName};

/// The number of upstreams one join node takes; wider joins are trees of such nodes.
pub const JOIN_WIDTH: u32 = 100;

/// A workflow's graph, ready to be run. Tasks and joins are addressed by their position.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub workflow: Workflow,
    pub tasks: Vec<PlanTask>,
    /// The last one is the end join, which holds the leaves and the upstreams of early starters.
    pub joins: Vec<PlanJoin>,
    index: HashMap<TaskName, u32>,
}

/// One task after `for_each`.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanTask {
    pub name: TaskName,
    /// Position of what was written, in `workflow.tasks`.
    pub written: u32,
    /// Values of `{{ item.… }}`.
    pub items: BTreeMap<String, String>,
    /// The join it waits at; `None` starts with the run.
    pub join: Option<u32>,
    /// Where its outcome arrives.
    pub feeds: Vec<Feed>,
}

/// A task's place among the upstreams of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    pub join: u32,
    pub position: u32,
    pub counts: Counts,
}

/// What of an outcome matters at a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// How the task ended.
    Outcome,
    /// Only that it ended: somebody below absorbed how.
    Ending,
}

/// A join of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanJoin {
    pub upstreams: Vec<u32>,
    pub consumers: Consumers,
}

/// What a join decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Consumers {
    /// Tasks that wait here, by trigger rule.
    Tasks(BTreeMap<TriggerRule, Vec<u32>>),
    /// The run's end.
    End,
}

impl PlanJoin {
    /// How many arrive.
    pub fn width(&self) -> u32 {
        u32::try_from(self.upstreams.len()).expect("a plan has fewer than 2^32 tasks")
    }

    /// Whether a consumer may start before all have arrived.
    pub fn starts_early(&self) -> bool {
        match &self.consumers {
            Consumers::End => false,
            Consumers::Tasks(by_rule) => by_rule.keys().any(|rule| is_early(*rule)),
        }
    }
}

/// Whether a rule can be met before all upstreams have arrived.
pub fn is_early(rule: TriggerRule) -> bool {
    match rule {
        TriggerRule::AnyFailed | TriggerRule::AnySucceeded => true,
        TriggerRule::AllSucceeded | TriggerRule::AllDone | TriggerRule::NoneFailed => false,
    }
}

/// A definition that has no plan; `definitions` reports the same with line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("two tasks are named `{0}`")]
    Duplicate(TaskName),
    #[error("task `{task}` waits for `{upstream}`, which does not exist")]
    UnknownUpstream { task: TaskName, upstream: TaskName },
    #[error("tasks wait for each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
}

impl Plan {
    /// Expands a definition and joins its tasks.
    pub fn of(workflow: Workflow) -> Result<Self, PlanError> {
        let (mut tasks, groups) = expand(&workflow)?;
        let index = index_of(&tasks)?;
        let mut joins = join_tasks(&workflow, &mut tasks, &groups)?;
        joins.push(end_join(&tasks, &joins));
        check_acyclic(&tasks, &joins)?;
        feed(&mut tasks, &joins);
        Ok(Self {
            workflow,
            tasks,
            joins,
            index,
        })
    }

    /// The position of a task.
    pub fn position(&self, name: &TaskName) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// The task at a position.
    pub fn task(&self, position: u32) -> &PlanTask {
        &self.tasks[position as usize]
    }

    /// What was written for the task at a position.
    pub fn written(&self, position: u32) -> &Task {
        &self.workflow.tasks[self.task(position).written as usize]
    }

    /// The join at a position.
    pub fn join(&self, position: u32) -> &PlanJoin {
        &self.joins[position as usize]
    }

    /// Tasks that start with the run.
    pub fn roots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..)
            .zip(&self.tasks)
            .filter(|(_, task)| task.join.is_none())
            .map(|(position, _)| position)
    }

    /// Tasks directly below a task.
    pub fn consumers_of(&self, position: u32) -> impl Iterator<Item = u32> + '_ {
        self.task(position)
            .feeds
            .iter()
            .flat_map(|feed| match &self.join(feed.join).consumers {
                Consumers::End => Vec::new(),
                Consumers::Tasks(by_rule) => by_rule.values().flatten().copied().collect(),
            })
    }

    /// Tasks directly above a task.
    pub fn upstreams_of(&self, position: u32) -> &[u32] {
        self.task(position)
            .join
            .map_or(&[], |join| &self.join(join).upstreams)
    }

    /// These tasks and everything below them.
    pub fn with_below(&self, from: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut reached = BTreeSet::new();
        let mut seen_joins = BTreeSet::new();
        let mut pending: Vec<u32> = from.into_iter().collect();
        while let Some(position) = pending.pop() {
            if !reached.insert(position) {
                continue;
            }
            for feed in &self.task(position).feeds {
                if seen_joins.insert(feed.join)
                    && let Consumers::Tasks(by_rule) = &self.join(feed.join).consumers
                {
                    pending.extend(by_rule.values().flatten().copied());
                }
            }
        }
        reached
    }
}

type Groups = HashMap<TaskName, Vec<u32>>;

/// Expands `for_each`; a group is all that one written name stands for.
fn expand(workflow: &Workflow) -> Result<(Vec<PlanTask>, Groups), PlanError> {
    let mut tasks = Vec::with_capacity(workflow.tasks.len());
    let mut groups = Groups::with_capacity(workflow.tasks.len());
    for (written, task) in (0..).zip(&workflow.tasks) {
        let mut group = Vec::new();
        for expansion in task.expansions() {
            let (name, items) = expansion?;
            group.push(u32::try_from(tasks.len()).expect("a plan has fewer than 2^32 tasks"));
            tasks.push(PlanTask {
                name,
                written,
                items,
                join: None,
                feeds: Vec::new(),
            });
        }
        if groups.insert(task.name.clone(), group).is_some() {
            return Err(PlanError::Duplicate(task.name.clone()));
        }
    }
    Ok((tasks, groups))
}

fn index_of(tasks: &[PlanTask]) -> Result<HashMap<TaskName, u32>, PlanError> {
    let mut index = HashMap::with_capacity(tasks.len());
    for (position, task) in (0..).zip(tasks) {
        if index.insert(task.name.clone(), position).is_some() {
            return Err(PlanError::Duplicate(task.name.clone()));
        }
    }
    Ok(index)
}

/// Makes one join for each set of upstreams. `after` may name a group or one task of a group.
fn join_tasks(
    workflow: &Workflow,
    tasks: &mut [PlanTask],
    groups: &Groups,
) -> Result<Vec<PlanJoin>, PlanError> {
    let by_name: HashMap<TaskName, u32> = (0..)
        .zip(tasks.iter())
        .map(|(position, task)| (task.name.clone(), position))
        .collect();
    let mut joins: Vec<PlanJoin> = Vec::new();
    let mut known: HashMap<Arc<[u32]>, u32> = HashMap::new();
    for written in &workflow.tasks {
        if written.after.is_empty() {
            continue;
        }
        let mut upstreams = BTreeSet::new();
        for name in &written.after {
            match (groups.get(name), by_name.get(name)) {
                (Some(group), _) => upstreams.extend(group.iter().copied()),
                (None, Some(position)) => {
                    upstreams.insert(*position);
                }
                (None, None) => {
                    let (task, upstream) = (written.name.clone(), name.clone());
                    return Err(PlanError::UnknownUpstream { task, upstream });
                }
            }
        }
        let upstreams: Arc<[u32]> = upstreams.into_iter().collect();
        let join = *known.entry(Arc::clone(&upstreams)).or_insert_with(|| {
            let consumers = Consumers::Tasks(BTreeMap::new());
            joins.push(PlanJoin {
                upstreams: upstreams.to_vec(),
                consumers,
            });
            u32::try_from(joins.len() - 1).expect("a plan has fewer joins than tasks")
        });
        if let Consumers::Tasks(by_rule) = &mut joins[join as usize].consumers {
            let group = groups.get(&written.name).map_or(&[][..], Vec::as_slice);
            by_rule
                .entry(written.trigger_rule)
                .or_default()
                .extend(group);
            for position in group {
                tasks[*position as usize].join = Some(join);
            }
        }
    }
    Ok(joins)
}

/// The leaves decide the run; the upstreams of early starters only hold its end back.
fn end_join(tasks: &[PlanTask], joins: &[PlanJoin]) -> PlanJoin {
    let mut has_consumer = vec![false; tasks.len()];
    let mut members = BTreeSet::new();
    for join in joins {
        for position in &join.upstreams {
            has_consumer[*position as usize] = true;
        }
        if join.starts_early() {
            members.extend(join.upstreams.iter().copied());
        }
    }
    members.extend(
        (0..)
            .zip(&has_consumer)
            .filter(|(_, has)| !**has)
            .map(|(position, _)| position),
    );
    PlanJoin {
        upstreams: members.into_iter().collect(),
        consumers: Consumers::End,
    }
}

fn feed(tasks: &mut [PlanTask], joins: &[PlanJoin]) {
    for (id, join) in (0..).zip(joins) {
        for (position, upstream) in (0..).zip(&join.upstreams) {
            let task = &mut tasks[*upstream as usize];
            let counts = match join.consumers {
                // Joins of tasks come first, so a task that has fed one is not a leaf.
                Consumers::End if !task.feeds.is_empty() => Counts::Ending,
                Consumers::End | Consumers::Tasks(_) => Counts::Outcome,
            };
            task.feeds.push(Feed {
                join: id,
                position,
                counts,
            });
        }
    }
}

/// Kahn's algorithm over joins and tasks: linear even where layers meet all to all.
fn check_acyclic(tasks: &[PlanTask], joins: &[PlanJoin]) -> Result<(), PlanError> {
    let mut fed: Vec<Vec<u32>> = vec![Vec::new(); tasks.len()];
    let mut missing: Vec<usize> = joins.iter().map(|join| join.upstreams.len()).collect();
    for (id, join) in (0..).zip(joins) {
        for upstream in &join.upstreams {
            fed[*upstream as usize].push(id);
        }
    }
    let mut done = vec![false; tasks.len()];
    let mut pending: Vec<u32> = (0..)
        .zip(tasks)
        .filter(|(_, task)| task.join.is_none())
        .map(|(at, _)| at)
        .collect();
    while let Some(position) = pending.pop() {
        done[position as usize] = true;
        for id in &fed[position as usize] {
            missing[*id as usize] -= 1;
            if missing[*id as usize] == 0
                && let Consumers::Tasks(by_rule) = &joins[*id as usize].consumers
            {
                pending.extend(by_rule.values().flatten().copied());
            }
        }
    }
    match done.iter().position(|done| !done) {
        None => Ok(()),
        Some(first) => Err(PlanError::Cycle(cycle_from(first, &done, tasks, joins))),
    }
}

/// Walks upstream among what never got ready until a task comes twice.
fn cycle_from(first: usize, done: &[bool], tasks: &[PlanTask], joins: &[PlanJoin]) -> Vec<String> {
    let mut path: Vec<usize> = vec![first];
    loop {
        let last = *path.last().expect("the path begins with one task");
        let join = tasks[last]
            .join
            .expect("a task that never got ready waits at a join");
        let upstreams = &joins[join as usize].upstreams;
        let next = upstreams
            .iter()
            .map(|at| *at as usize)
            .find(|at| !done[*at]);
        let next = next.expect("it never got ready because an upstream did not");
        if let Some(start) = path.iter().position(|at| *at == next) {
            let mut cycle: Vec<String> = path[start..]
                .iter()
                .rev()
                .map(|at| tasks[*at].name.to_string())
                .collect();
            cycle.insert(0, tasks[path[start]].name.to_string());
            return cycle;
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests;
