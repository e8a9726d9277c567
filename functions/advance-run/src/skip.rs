//! Skipping a task that can no longer run (rule 8).

use std::collections::{BTreeMap, BTreeSet};

use choreography::claim::STOPPING;
use choreography::scope::Scopes;
use model::Timestamp;
use model::fact::Fact;
use model::key::Key;
use model::run::Run;
use model::task::{Outcome, Stopping, Task, TaskState};
use ports::{CommitError, EventBus as _, Ports, StateStore as _, Stored, Trouble};
use ports::{TypedStore as _, Versioned, Write};
use protocols::{facts, plans, stop};

use crate::Ended;
use crate::plan_view::View;

/// Records that a task is skipped or blocked. `None` when it has another state in this generation
/// already, which then decides what follows.
pub(crate) async fn task<P: Ports>(
    ports: &P,
    view: &View<'_>,
    position: u32,
    generation: u32,
    outcome: Outcome,
    at: Timestamp,
) -> Result<Option<Task>, Trouble> {
    let name = &view.plan.task(position).name;
    let run = &view.run.value;
    let reason = match outcome {
        Outcome::Blocked => "an upstream failed",
        Outcome::Skipped | Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled => {
            "its trigger rule can no longer be met"
        }
    };
    let key = Key::Task(run.run.clone(), name.clone());
    loop {
        let stored = ports.store().get::<Task>(&key).await?;
        let version = stored.as_ref().map(|stored| stored.version);
        let older = stored.map(|stored| stored.value);
        if let Some(existing) = older.clone()
            && existing.generation >= generation
        {
            let same = existing.generation == generation && existing.state == outcome.state();
            return Ok(same.then_some(existing));
        }
        let history = older
            .as_ref()
            .and_then(|older| facts::kept(older, generation));
        if let Some(older) = older.as_ref().filter(|older| older.state.is_open()) {
            // Only the service ends an attempt, and what it holds is freed then.
            let why = Stopping::Superseded { generation };
            stop::stop(ports, &older.attempt_key(), &why).await?;
            return Err(Trouble::Later(STOPPING));
        }
        if let Some(fact) = older
            .as_ref()
            .and_then(|older| facts::replaced(older, generation))
        {
            ports.bus().publish(vec![fact]).await?;
        }
        let decided = facts::decided(run, name, generation, outcome, at, reason.to_owned());
        match ports
            .store()
            .commit(
                history
                    .into_iter()
                    .chain([Write::replace(&decided, version)])
                    .collect(),
            )
            .await
        {
            Ok(()) => return Ok(Some(decided)),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
}

/// What these ends had decided before the run was cancelled or their generation was over, and still
/// stands: whoever decided it may have crashed before it was told. Each decision bears the instant of
/// the end that caused it.
pub(crate) async fn told_again<P: Ports>(
    ports: &P,
    run: &Run,
    ends: &[Ended],
) -> Result<Vec<Fact>, Trouble> {
    let scopes = plans::scopes(ports, run).await?;
    let caused = caused_by(ports, run, &scopes, ends).await?;
    Ok(caused.iter().filter_map(facts::task).collect())
}

/// What these ends had decided behind tasks that are in a later generation by now: what caused it
/// arrives there no more, so nobody would come upon it.
pub(crate) async fn left_behind<P: Ports>(
    ports: &P,
    view: &View<'_>,
    ends: &[Ended],
) -> Result<Vec<Fact>, Trouble> {
    let View { run, plan, scopes } = view;
    let mut caused = caused_by(ports, &run.value, scopes, ends).await?;
    let generations: BTreeSet<u32> = caused.iter().map(|task| task.generation).collect();
    let behind: BTreeMap<u32, BTreeSet<u32>> = generations
        .into_iter()
        .map(|decided| {
            let moved = (0..)
                .zip(&plan.tasks)
                .filter(|(_, task)| scopes.effective(&task.name) > decided)
                .map(|(position, _)| position);
            (decided, plan.with_below(moved))
        })
        .collect();
    caused.retain(|task| {
        let position = plan.position(&task.task);
        position.is_none_or(|position| behind[&task.generation].contains(&position))
    });
    Ok(caused.iter().filter_map(facts::task).collect())
}

/// The decisions below these ends that bear the instant of one of them.
async fn caused_by<P: Ports>(
    ports: &P,
    run: &Run,
    scopes: &Scopes,
    ends: &[Ended],
) -> Result<Vec<Task>, Trouble> {
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    let is_edited = |end: &Ended| end.fact.generation < run.definition_since;
    let tasks = if ends.iter().any(is_edited) {
        // The plan by which it was decided is not the run's any more; it may have had other tasks.
        let partition = Key::run_partition(&run.run);
        ports.store().list::<Task>(&partition, "task#").await?
    } else {
        below(ports, run, ends).await?
    };
    let tasks = tasks.into_iter().map(|read| read.value);
    let is_caused = |task: &Task| {
        let opened = scopes.opened_at(task.generation);
        let at = |end: &Ended| opened.map_or(end.at, |opened| end.at.max(opened));
        // An outcome that was set by hand is nobody's decision here: two of them would tell each other
        // for ever.
        let is_decided = matches!(task.state, TaskState::Blocked | TaskState::Skipped);
        is_decided && ends.iter().any(|end| task.ended_at == Some(at(end)))
    };
    Ok(tasks.filter(is_caused).collect())
}

/// Every task below those that ended.
async fn below<P: Ports>(
    ports: &P,
    run: &Run,
    ends: &[Ended],
) -> Result<Vec<Versioned<Task>>, Trouble> {
    let plan = plans::plan(ports, &run.definition).await?;
    let ended = ends.iter().map(|end| &end.fact.task);
    let ended: BTreeSet<u32> = ended.filter_map(|name| plan.position(name)).collect();
    let below = plan.with_below(ended.iter().copied());
    let keys: Vec<Key> = below
        .difference(&ended)
        .map(|at| Key::Task(run.run.clone(), plan.task(*at).name.clone()))
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let stored = ports.store().read_many(&keys).await?;
    let tasks = stored.iter().flatten().map(Stored::read);
    Ok(tasks.collect::<Result<_, _>>()?)
}
