//! advance-run: an outcome arrives at the joins below it; what they decide is started, skipped, or
//! ends the run.
//!
//! In: `task.succeeded`, `task.failed`, `task.cancelled`; `task.skipped` when delivered again.
//! Out: `task.ready`, `task.skipped`, `run.succeeded`, `run.failed`.
//!
//! Safe to repeat from the middle: arrivals are set elements, a join remembers which arrival met
//! each threshold, and only that arrival acts on it, again each time it is delivered (rules 3, 7).

mod arrive;
mod end;
mod plan_view;
mod skip;

use std::collections::BTreeMap;

use model::Timestamp;
use model::fact::{Fact, FactBody, TaskFact};
use model::id::RunId;
use model::key::Key;
use model::message::Message;
use model::run::{Run, RunState};
use model::task::Outcome;
use ports::{Delivery, EventBus as _, Ports, StateStore as _, Stored, Trouble, Verdict, Versioned};
use protocols::plans;

use crate::arrive::Wave;
use crate::plan_view::View;

/// Handles a batch: facts of one run are taken together, so that a layer that ends at once writes
/// its join once; what follows for all runs is told in as few calls as there can be.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = batch.iter().map(|_| Verdict::Done).collect();
    let mut by_run: BTreeMap<RunId, Vec<(usize, Ended)>> = BTreeMap::new();
    for (position, delivery) in batch.into_iter().enumerate() {
        match ended(delivery.message) {
            Ok((run, ended)) => by_run.entry(run).or_default().push((position, ended)),
            Err(reason) => verdicts[position] = Verdict::Poison(reason),
        }
    }
    let items: Vec<Key> = by_run.keys().map(|run| Key::Run(run.clone())).collect();
    let runs = match ports.store().read_many(&items).await {
        Ok(runs) => runs,
        Err(error) => {
            let verdict = Verdict::from(Err(error.into()));
            for facts in by_run.values() {
                let positions: Vec<usize> = facts.iter().map(|(position, _)| *position).collect();
                set(&mut verdicts, &positions, &verdict);
            }
            return verdicts;
        }
    };
    let mut told: Vec<Fact> = Vec::new();
    let mut telling: Vec<usize> = Vec::new();
    for ((id, facts), run) in by_run.into_iter().zip(runs) {
        let positions: Vec<usize> = facts.iter().map(|(position, _)| *position).collect();
        let facts = facts.into_iter().map(|(_, fact)| fact).collect();
        match advance(ports, &id, run, facts).await {
            Ok(facts) if facts.is_empty() => {}
            Ok(facts) => {
                told.extend(facts);
                telling.extend(positions);
            }
            Err(trouble) => set(&mut verdicts, &positions, &Verdict::from(Err(trouble))),
        }
    }
    if !told.is_empty()
        && let Err(error) = ports.bus().publish(told).await
    {
        // Some of it may be told: all of it is told again.
        set(&mut verdicts, &telling, &Verdict::from(Err(error.into())));
    }
    verdicts
}

fn set(verdicts: &mut [Verdict], positions: &[usize], verdict: &Verdict) {
    for position in positions {
        verdicts[*position] = verdict.clone();
    }
}

/// A task's end, as its fact tells it.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub fact: TaskFact,
    pub outcome: Outcome,
    pub at: Timestamp,
}

fn ended(message: Message) -> Result<(RunId, Ended), String> {
    let Message::Fact(fact) = message else {
        return Err("advance-run takes facts about tasks only".to_owned());
    };
    let at = fact.time;
    let (FactBody::TaskSucceeded(task)
    | FactBody::TaskFailed(task)
    | FactBody::TaskCancelled(task)
    | FactBody::TaskSkipped(task)) = fact.body
    else {
        return Err(format!(
            "advance-run does not take {}",
            fact.body.type_name()
        ));
    };
    let outcome = task.outcome.ok_or("a task that ended has an outcome")?;
    Ok((
        task.run.clone(),
        Ended {
            fact: task,
            outcome,
            at,
        },
    ))
}

/// Lets outcomes of one run arrive, and whatever follows from them, wave by wave; gives what is to
/// be told. A repetition gives it again: what a word of ours closed is ours each time.
async fn advance<P: Ports>(
    ports: &P,
    id: &RunId,
    run: Option<Stored>,
    facts: Vec<Ended>,
) -> Result<Vec<Fact>, Trouble> {
    let Some(run) = run else {
        return Err(Trouble::Poison(format!("run {id} does not exist")));
    };
    let run: Versioned<Run> = run.read()?;
    match run.value.state {
        RunState::Waiting | RunState::Running | RunState::Succeeded | RunState::Failed => {}
        RunState::Cancelled => return skip::told_again(ports, &run.value, &facts).await,
        RunState::Skipped => return Ok(Vec::new()),
    }
    let plan = plans::plan(ports, &run.value.definition).await?;
    let scopes = plans::scopes(ports, &run.value).await?;
    let view = View {
        run,
        plan: &plan,
        scopes,
    };
    let (facts, stale): (Vec<Ended>, Vec<Ended>) = facts
        .into_iter()
        .partition(|ended| is_current(&view, ended));
    let mut told = skip::told_again(ports, &view.run.value, &stale).await?;
    if view.scopes.current > 1 {
        told.extend(skip::left_behind(ports, &view, &facts).await?);
    }
    let mut wave = Wave::of_facts(&view, facts);
    let mut unheard = wave.unheard;
    while !wave.is_empty() {
        wave = arrive::all(ports, &view, wave, &mut told).await?;
        unheard = unheard.max(wave.unheard);
    }
    if let Some(at) = unheard {
        told.extend(end::run(ports, &view, false, at).await?);
    }
    Ok(told)
}

/// Whether a fact is of the generation its task is in; a task that is not in the plan any more is in
/// none.
fn is_current(view: &View<'_>, ended: &Ended) -> bool {
    let position = view.plan.position(&ended.fact.task);
    position.is_some_and(|position| ended.fact.generation == view.generation(position))
}
