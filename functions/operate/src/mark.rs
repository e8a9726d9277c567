//! Mark: a person says how a task ended, and what follows from that is decided anew.

use choreography::mark::{mark_scope, may_be_set};
use model::id::RunId;
use model::name::TaskName;
use model::run::RunState;
use model::task::Outcome;
use ports::Ports;
use protocols::plans;

use crate::generation::{self, Opening};
use crate::places::Seated;
use crate::record::Opened;
use crate::{Carried, Stop, refused, rerun, targets};

pub(crate) struct Wanted {
    pub run: RunId,
    pub task: TaskName,
    pub outcome: Outcome,
}

/// Opens a generation in which the task has this outcome, unless that is done, and does what
/// follows from it.
pub(crate) async fn carry_out<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    wanted: &Wanted,
) -> Result<Carried, Stop> {
    // Before looking what this operation has opened: the run would otherwise show its generation to
    // who has just not found it, and who would open another.
    let run = targets::run(ports, &wanted.run).await?;
    let (generation, seated) = match generation::found(ports, opened, &wanted.run).await? {
        Some(generation) => (generation, Seated::default()),
        None => {
            let opening = opening(ports, &run.value, wanted).await?;
            let needed = if run.value.state.is_terminal() {
                run.value.limits.clone()
            } else {
                Vec::new()
            };
            let admitted = rerun::admitted(ports, opened, &run, &needed, &opening);
            let Some(seated) = admitted.await? else {
                return Ok(Carried::Continues);
            };
            let open = generation::open(ports, opened, &run, opening, &seated.seats).await?;
            (open, seated)
        }
    };
    generation::carry_out(ports, &generation).await?;
    seated.forget_waiters(ports).await?;
    Ok(Carried::Done(format!(
        "`{}` of {} counts as {} from generation {} on",
        wanted.task,
        generation.run,
        word(wanted.outcome),
        generation.generation
    )))
}

async fn opening<P: Ports>(
    ports: &P,
    run: &model::run::Run,
    wanted: &Wanted,
) -> Result<Opening, Stop> {
    if !may_be_set(wanted.outcome) {
        return refused(format!(
            "a task cannot be marked {}; mark it succeeded, failed or skipped",
            word(wanted.outcome)
        ));
    }
    match run.state {
        RunState::Waiting | RunState::Skipped => {
            return refused(format!(
                "the run `{}` is {} and has no tasks yet; a task can be marked once it runs",
                run.run,
                targets::word(run.state)
            ));
        }
        RunState::Running | RunState::Succeeded | RunState::Failed | RunState::Cancelled => {}
    }
    let plan = targets::plan(ports, &run.definition).await?;
    let position = targets::task(&plan, &run.run, &wanted.task)?;
    let states = targets::states(ports, run).await?;
    let scopes = plans::scopes(ports, run).await?;
    let names = plan.tasks.iter().map(|task| &task.name);
    let set_before = names
        .filter(|name| scopes.marked(name).is_some())
        .cloned()
        .collect();
    Ok(Opening {
        definition: run.definition.clone(),
        scope: mark_scope(
            &plan,
            &states,
            &set_before,
            run.state.is_terminal(),
            position,
        ),
        marked: [(wanted.task.clone(), wanted.outcome)].into(),
        limits: Vec::new(),
    })
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Blocked => "blocked",
        Outcome::Skipped => "skipped",
        Outcome::Cancelled => "cancelled",
    }
}
