//! Opening a generation, and what follows from it: what reruns and marks share (rule 20).
//!
//! The order is the correctness. The number is recorded in the operation, so that a repeat opens
//! no second one. The generation is committed together with the run, so nobody sees one without
//! the other. Only then are the tasks read: an outcome that came before is delivered again by us,
//! one that comes after is counted by advance-run, which sees the new generation (rule 16).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use choreography::claim::STOPPING;
use choreography::overdue::FIRST_LOOK;
use choreography::plan::Plan;
use choreography::scope::to_redeliver;
use model::fact::{Fact, TaskReady};
use model::id::{DefinitionHash, RunId};
use model::key::Key;
use model::limit::{Place, SizedLimit};
use model::message::{Function, Message};
use model::name::TaskName;
use model::run::{Generation, Run, RunState};
use model::task::{Outcome, Stopping, Task};
use ports::{Clock as _, CommitError, EventBus as _, Outgoing, Ports, StateStore as _};
use ports::{Trouble, TypedStore as _, Versioned, Write};
use protocols::{facts, limits, stop};

use crate::record::Opened;
use crate::{Stop, pause, targets};

/// What the next generation of a run is about.
pub(crate) struct Opening {
    pub definition: DefinitionHash,
    pub scope: BTreeSet<TaskName>,
    pub marked: BTreeMap<TaskName, Outcome>,
    /// Limits the run is under from now on, besides those it was.
    pub limits: Vec<SizedLimit>,
}

/// Finds the generation this operation has opened already.
pub(crate) async fn found<P: Ports>(
    ports: &P,
    opened: &Opened,
    run: &RunId,
) -> Result<Option<Generation>, Trouble> {
    let Some(number) = opened.generation() else {
        return Ok(None);
    };
    let (partition, prefix) = (Key::run_partition(run), Key::generation_prefix(number));
    let parts = ports
        .store()
        .list::<Generation>(&partition, &prefix)
        .await?;
    let found = Generation::joined(parts.into_iter().map(|part| part.value)).pop();
    let own = |generation: &Generation| generation.operation == opened.request().operation;
    Ok(found.filter(own))
}

/// Opens the next generation of a run.
pub(crate) async fn open<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    run: &Versioned<Run>,
    opening: Opening,
    seats: &[Versioned<Place>],
) -> Result<Generation, Trouble> {
    let number = run.value.generation + 1;
    let replaced = replaced(&run.value);
    if !replaced.is_empty() {
        ports.bus().publish(replaced).await?;
    }
    opened.note_generation(ports, number).await?;
    let (now, request) = (ports.clock().now(), opened.request());
    let generation = Generation {
        run: run.value.run.clone(),
        generation: number,
        part: 0,
        definition: opening.definition.clone(),
        scope: opening.scope,
        marked: opening.marked,
        operation: request.operation.clone(),
        by: request.by.clone(),
        why: request.why.clone(),
        at: now,
    };
    let mut next = run.value.clone();
    if next.definition != opening.definition {
        next.definition = opening.definition;
        next.definition_since = number;
    }
    if next.state != RunState::Running {
        next.started_at = Some(now);
        // It was paused for what it did then; whoever runs it again wants it to run.
        next.paused = false;
    }
    next.generation = number;
    next.state = RunState::Running;
    next.ended_at = None;
    next.reason = None;
    next.limits = under(&next.limits, &opening.limits);
    next.check_at = Some(FIRST_LOOK.after(now));
    next.slow = None;
    let parts = generation.parts();
    let mut writes: Vec<Write> = parts.iter().map(Write::create).collect();
    writes.push(Write::replace(&next, Some(run.version)));
    let writes = writes.into_iter().chain(limits::confirmed(seats));
    ports.store().commit(writes.collect()).await?;
    tracing::info!(run = %next.run, generation = number, tasks = generation.scope.len(), "opened");
    Ok(generation)
}

/// What the run's item says and will say no more: that it first started, and how it ended. Whoever
/// wrote that may have crashed before it was told, and no history of it is kept.
fn replaced(run: &Run) -> Vec<Fact> {
    let first = run.generation == 1 && run.started_at.is_some();
    let started = first.then(|| {
        facts::run(&Run {
            state: RunState::Running,
            reason: None,
            ..run.clone()
        })
    });
    let ended = run.state.is_terminal().then(|| facts::run(run));
    started.into_iter().chain(ended).collect()
}

/// The limits of a run with further ones, each once.
pub(crate) fn under(limits: &[SizedLimit], further: &[SizedLimit]) -> Vec<SizedLimit> {
    let known = |sized: &&SizedLimit| !further.iter().any(|other| other.limit == sized.limit);
    limits
        .iter()
        .filter(known)
        .chain(further)
        .cloned()
        .collect()
}

/// Does everything an open generation brings about.
pub(crate) async fn carry_out<P: Ports>(ports: &P, generation: &Generation) -> Result<(), Stop> {
    let run = targets::run(ports, &generation.run).await?.value;
    let plan = targets::plan(ports, &generation.definition).await?;
    let follows = Follows {
        ports,
        run: &run,
        plan,
        generation,
    };
    follows.stop_older_attempts().await?;
    let mut outcomes = follows.set_by_hand().await?;
    // What was kept was told when it happened; what is set by hand happens now.
    ports.bus().publish(outcomes.clone()).await?;
    outcomes.extend(follows.kept().await?);
    let outcomes = outcomes
        .into_iter()
        .map(|fact| Outgoing::from(Message::Fact(fact)));
    let outcomes: Vec<Outgoing> = outcomes.collect();
    if !outcomes.is_empty() {
        ports.bus().send(Function::AdvanceRun, outcomes).await?;
    }
    Ok(ports.bus().publish(follows.started()).await?)
}

struct Follows<'a, P> {
    ports: &'a P,
    run: &'a Run,
    plan: Arc<Plan>,
    generation: &'a Generation,
}

impl<P: Ports> Follows<'_, P> {
    /// Whether a task's older attempts are superseded: it runs again, or is in the plan no more.
    fn is_over(&self, task: &TaskName) -> bool {
        self.generation.scope.contains(task) || self.plan.position(task).is_none()
    }

    /// Stops attempts of older generations of what runs again, or of what is in the plan no more.
    async fn stop_older_attempts(&self) -> Result<(), Trouble> {
        let number = self.generation.generation;
        for task in targets::tasks(self.ports, &self.run.run).await? {
            let task = task.value;
            let is_over = self.is_over(&task.task);
            if !is_over || task.generation >= number || task.state.outcome().is_some() {
                continue;
            }
            let key = task.attempt_key();
            let why = Stopping::Superseded { generation: number };
            match stop::stop(self.ports, &key, &why).await? {
                // Whoever releases it finds that its generation is over. It may hold places.
                stop::Stopped::NotSubmitted => {
                    if let Some(claim) = &task.claim {
                        limits::free(self.ports, &claim.limits, &key.to_string()).await?;
                    }
                }
                // Its submitter finds the mark, or submit-task looks it up before the next one.
                stop::Stopped::InDoubt | stop::Stopped::Asked | stop::Stopped::Stale => {}
            }
        }
        if !self.run.paused {
            return Ok(());
        }
        // Nobody else would release them: this run may end without being resumed.
        pause::forget(self.ports, &self.run.run, |waiting| {
            waiting.generation < number && self.is_over(&waiting.task)
        })
        .await
    }

    /// Writes the outcomes set by hand, unless a newer generation has replaced them; returns their
    /// facts.
    async fn set_by_hand(&self) -> Result<Vec<Fact>, Trouble> {
        let mut set = Vec::new();
        for (name, outcome) in &self.generation.marked {
            let task = self.set(name, *outcome).await?;
            set.extend(facts::task(&task));
        }
        Ok(set)
    }

    async fn set(&self, name: &TaskName, outcome: Outcome) -> Result<Task, Trouble> {
        let Generation {
            generation: number,
            by,
            why,
            at,
            ..
        } = self.generation;
        let why = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let reason = format!("set by {by}{why}");
        let mut decided = facts::decided(self.run, name, *number, outcome, *at, reason);
        let key = Key::Task(self.run.run.clone(), name.clone());
        loop {
            let stored = self.ports.store().get::<Task>(&key).await?;
            let version = stored.as_ref().map(|stored| stored.version);
            let mut writes = Vec::with_capacity(2);
            if let Some(Versioned {
                value: existing, ..
            }) = stored
            {
                decided.epoch = existing.epoch;
                if existing.generation == *number {
                    return Ok(existing);
                }
                if existing.generation > *number {
                    // It was set here and replaced since, perhaps before anybody was told.
                    return Ok(decided);
                }
                if existing.state.is_open() {
                    // Only the service ends an attempt, and what it holds is freed then.
                    return Err(Trouble::Later(STOPPING));
                }
                if let Some(fact) = facts::replaced(&existing, *number) {
                    self.ports.bus().publish(vec![fact]).await?;
                }
                writes.extend(facts::kept(&existing, *number));
            }
            writes.push(Write::replace(&decided, version));
            match self.ports.store().commit(writes).await {
                Ok(()) => return Ok(decided),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// The outcomes that were kept and that somebody waits for again.
    async fn kept(&self) -> Result<Vec<Fact>, Trouble> {
        let tasks = targets::tasks(self.ports, &self.run.run).await?;
        let tasks: BTreeMap<TaskName, Task> = tasks
            .into_iter()
            .map(|task| (task.value.task.clone(), task.value))
            .collect();
        let kept = to_redeliver(&self.plan, &self.generation.scope);
        let kept = kept
            .into_iter()
            .filter_map(|at| tasks.get(&self.plan.task(at).name));
        let ended = kept.filter(|task| task.state.outcome().is_some());
        Ok(ended.filter_map(facts::task).collect())
    }

    /// That the run started again, and that the tasks without upstreams are ready.
    fn started(&self) -> Vec<Fact> {
        let Generation {
            generation: number,
            scope,
            marked,
            at,
            ..
        } = self.generation;
        let again = self.run.generation == *number && self.run.state == RunState::Running;
        // Told also when it has ended or a newer generation has been opened since.
        let opened = Run {
            generation: *number,
            state: RunState::Running,
            started_at: Some(*at),
            reason: None,
            ..self.run.clone()
        };
        let ready = self
            .plan
            .roots()
            .map(|position| &self.plan.task(position).name);
        let ready =
            ready.filter(|name| again && scope.contains(*name) && !marked.contains_key(*name));
        let ready = ready.map(|name| {
            let (run, task) = (self.run.run.clone(), name.clone());
            let ready = TaskReady {
                run,
                task,
                generation: *number,
                attempt: 1,
                since: *at,
                released_by: None,
            };
            facts::ready(self.run, ready)
        });
        std::iter::once(facts::run(&opened)).chain(ready).collect()
    }
}
