//! Runs that take far longer than their workflow's latest runs did.

use choreography::forecast;
use model::Timestamp;
use model::fact::{Fact, FactBody, SlowFact};
use model::run::{Run, RunState, Slow};
use ports::{EventBus as _, Ports, Trouble};
use protocols::history;

/// Gives when a run is far slower than others, after telling that it is. That it was told is stored
/// afterwards: who repeats this tells the same.
pub(crate) async fn look<P: Ports>(
    ports: &P,
    run: &Run,
    now: Timestamp,
) -> Result<Option<Slow>, Trouble> {
    let (RunState::Running, Some(began)) = (run.state, run.started_at) else {
        return Ok(run.slow);
    };
    let known = match run.slow {
        Some(known) => Some(known),
        None => expected(ports, run, began).await?,
    };
    let Some(slow) = known.filter(|slow| slow.at <= now && !slow.told) else {
        return Ok(known);
    };
    // Its time is to be stored before it is told, or a repeat may tell another.
    if run.slow.is_some() {
        tell(ports, run, slow).await?;
        return Ok(Some(Slow { told: true, ..slow }));
    }
    Ok(Some(slow))
}

async fn expected<P: Ports>(
    ports: &P,
    run: &Run,
    began: Timestamp,
) -> Result<Option<Slow>, Trouble> {
    let workflow = run.workflow_ref();
    let earlier = history::succeeded(ports.store(), &workflow, forecast::MOST).await?;
    Ok(forecast::longest(&earlier).map(|longest| forecast::slow(began, longest)))
}

async fn tell<P: Ports>(ports: &P, run: &Run, slow: Slow) -> Result<(), Trouble> {
    tracing::warn!(run = %run.run, longest = %slow.longest, "it is far slower than earlier runs");
    let body = FactBody::RunSlow(SlowFact {
        workflow: run.workflow_ref(),
        run: run.run.clone(),
        slot: run.slot.clone(),
        generation: run.generation,
        longest: slow.longest,
    });
    let (team, workflow) = (run.team.clone(), run.workflow.clone());
    let fact = Fact::new(team, Some(workflow), slow.at, body);
    Ok(ports.bus().publish(vec![fact]).await?)
}
