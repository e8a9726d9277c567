//! Rerun: tasks of a run run again, in a new generation.

use choreography::scope::rerun_scope;
use model::id::RunId;
use model::limit::SizedLimit;
use model::name::TaskName;
use model::operation::{Pass, RerunDefinition, RerunScope};
use model::run::{Run, RunState};
use ports::{Ports, Versioned};

use crate::generation::{self, Opening};
use crate::places::Seated;
use crate::record::Opened;
use crate::{Carried, Stop, downstream, pass, places, refused, targets};

pub(crate) struct Wanted {
    pub run: RunId,
    pub scope: RerunScope,
    pub definition: RerunDefinition,
    pub downstream: bool,
    pub after: Option<Pass>,
    pub limits: Vec<SizedLimit>,
}

/// Opens the generation, unless that is done, and does what follows from it.
pub(crate) async fn carry_out<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    wanted: &Wanted,
) -> Result<Carried, Stop> {
    // Before looking what this operation has opened: the run would otherwise show its generation to
    // who has just not found it, and who would open another.
    let mut run = targets::run(ports, &wanted.run).await?;
    let (generation, seated) = match generation::found(ports, opened, &wanted.run).await? {
        Some(generation) => (generation, Seated::default()),
        None => {
            if let Some(pass) = &wanted.after
                && !pass::has_succeeded(ports, opened, pass).await?
            {
                return Ok(Carried::Continues);
            }
            let opening = opening(ports, &run, wanted).await?;
            let own = std::mem::take(&mut run.value.limits);
            run.value.limits = generation::under(&own, &wanted.limits);
            let needed = if run.value.state.is_terminal() {
                run.value.limits.clone()
            } else {
                // It is active already: it has its own, and lacks those of this operation.
                let is_new = |sized: &&SizedLimit| !own.iter().any(|it| it.limit == sized.limit);
                wanted.limits.iter().filter(is_new).cloned().collect()
            };
            let Some(seated) = admitted(ports, opened, &run, &needed, &opening).await? else {
                return Ok(Carried::Continues);
            };
            let open = generation::open(ports, opened, &run, opening, &seated.seats).await?;
            (open, seated)
        }
    };
    generation::carry_out(ports, &generation).await?;
    if wanted.downstream {
        downstream::ask(ports, opened, &generation, wanted.definition).await?;
    }
    seated.forget_waiters(ports).await?;
    Ok(Carried::Done(format!(
        "{} of {} run again in generation {}",
        tasks(generation.scope.len()),
        generation.run,
        generation.generation
    )))
}

/// Takes a place of each limit that a run needs before it runs (again).
pub(crate) async fn admitted<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    run: &Versioned<Run>,
    needed: &[SizedLimit],
    opening: &Opening,
) -> Result<Option<Seated>, Stop> {
    if needed.is_empty() {
        return Ok(Some(Seated::default()));
    }
    let plan = targets::plan(ports, &opening.definition).await?;
    Ok(places::take(ports, opened, run, needed, plan.workflow.priority).await?)
}

async fn opening<P: Ports>(
    ports: &P,
    run: &Versioned<Run>,
    wanted: &Wanted,
) -> Result<Opening, Stop> {
    let run = &run.value;
    if run.state == RunState::Waiting {
        return refused(format!(
            "the run `{}` has not started: {}",
            run.run,
            run.reason.as_deref().unwrap_or("it waits")
        ));
    }
    let definition = match wanted.definition {
        RerunDefinition::Pinned => run.definition.clone(),
        RerunDefinition::Latest => {
            targets::workflow(ports, &run.workflow_ref())
                .await?
                .0
                .definition
        }
    };
    let plan = targets::plan(ports, &definition).await?;
    if let RerunScope::Task { task, .. } = &wanted.scope {
        targets::task(&plan, &run.run, task)?;
    }
    let states = targets::states(ports, run).await?;
    // Under another plan, too, nothing else would start what nobody has reached.
    let nothing_else_starts = run.state.is_terminal() || definition != run.definition;
    let mut scope = rerun_scope(&plan, &states, nothing_else_starts, &wanted.scope);
    let cut_short = run.state == RunState::Cancelled && wanted.scope == RerunScope::FromFailure;
    if scope.is_empty() && cut_short {
        // Cancelled between two tasks: what failed is that it did not go on.
        let ended = |at: &TaskName| {
            states
                .get(at)
                .is_some_and(|state| state.outcome().is_some())
        };
        let all = plan.tasks.iter().map(|task| &task.name);
        scope = all.filter(|name| !ended(name)).cloned().collect();
    }
    if scope.is_empty() {
        return nothing_failed(run);
    }
    let (marked, limits) = (Default::default(), wanted.limits.clone());
    Ok(Opening {
        definition,
        scope,
        marked,
        limits,
    })
}

fn nothing_failed(run: &Run) -> Result<Opening, Stop> {
    refused(format!(
        "no task of `{}` has failed, it is {}; rerun all of it, or one task",
        run.run,
        targets::word(run.state)
    ))
}

fn tasks(count: usize) -> String {
    if count == 1 {
        "1 task".to_owned()
    } else {
        format!("{count} tasks")
    }
}
