//! Why there is no run for a slot: upstream workflows that have not succeeded, a schedule that has
//! not fired, a workflow nobody has started.

use choreography::expected::schedule_of;
use jiff::tz::TimeZone;
use model::Timestamp;
use model::definition::Workflow;
use model::id::{RunId, Slot};
use model::key::Key;
use model::name::WorkflowRef;
use model::registry::{Meeting, Pause};
use model::run::{Run, RunState};
use ports::{StateStore, TypedStore as _};

use super::explanation::{Explanation, Link, Missing};
use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::time::Zone;
use crate::view::{definitions, find, words};

/// Explains a slot that has no run; `None` when there is nothing to say about it.
pub async fn explain(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    slot: &str,
    zone: &Zone,
    now: Timestamp,
) -> Result<Option<Explanation>, Failure> {
    let Some((_, definition)) = definitions::current_workflow(store, workflow).await? else {
        return Ok(None);
    };
    let mut explanation = Explanation {
        about: format!("{workflow}@{slot}"),
        state: "not started".to_owned(),
        summary: "has no run".to_owned(),
        chain: Vec::new(),
        missing: Vec::new(),
        see: vec![format!("murmur runs {workflow}")],
        paint: Paint::Waiting,
    };
    let pause = store
        .get::<Pause>(&Key::WorkflowPause(workflow.clone()))
        .await?;
    if let Some(pause) = pause {
        let why = pause
            .value
            .why
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        explanation.missing.push(
            Missing::new(format!("{workflow} is paused by {}{why}", pause.value.by)).because(
                format!("`murmur resume {workflow}` lets its next ticks start runs"),
            ),
        );
    }
    if !definition.after.is_empty() {
        meet(store, &definition, slot, zone, &mut explanation).await?;
    }
    if let Some(schedule) = definition
        .schedule
        .as_ref()
        .and_then(|spec| schedule_of(spec).ok())
    {
        let next = schedule.next_after(now).map(|next| zone.full(next));
        explanation.missing.push(match next {
            Some(next) => Missing::new("a tick of its schedule for this slot")
                .because(format!("the next tick comes {next}")),
            None => Missing::new("its schedule, which never fires again"),
        });
    }
    if definition.after.is_empty() && definition.schedule.is_none() {
        let by = if definition.events.is_empty() {
            "somebody"
        } else {
            "an event, or somebody"
        };
        explanation.missing.push(
            Missing::new(format!("{by} to start it"))
                .because(format!("`murmur trigger {workflow} --key {slot}` does")),
        );
    }
    Ok(Some(explanation))
}

/// Adds which upstreams have succeeded for the slot, and where the others are.
async fn meet(
    store: &impl StateStore,
    definition: &Workflow,
    slot: &str,
    zone: &Zone,
    explanation: &mut Explanation,
) -> Result<(), Failure> {
    let run = RunId::of(&definition.reference(), &Slot::from(slot));
    let meeting = store
        .get::<Meeting>(&Key::Meeting(run))
        .await?
        .map(|meeting| meeting.value);
    let arrived = meeting.map(|meeting| meeting.arrived).unwrap_or_default();
    for (upstream, how) in &arrived {
        let ended = store.get::<Run>(&Key::Run(how.run.clone())).await?;
        let at = ended.and_then(|run| run.value.ended_at);
        let said = format!("{upstream} succeeded for it");
        explanation
            .chain
            .push(Link::new(at, &how.run, said).painted(Paint::Good));
    }
    let waited: Vec<&WorkflowRef> = definition
        .after
        .iter()
        .filter(|upstream| !arrived.contains_key(upstream))
        .collect();
    let mut behind = 0;
    for upstream in waited {
        let newest = newest_for(store, definition, upstream, slot).await?;
        if let Some(run) = newest
            .as_ref()
            .filter(|run| run.state == RunState::Succeeded)
        {
            let said = format!("{upstream} succeeded for it");
            explanation
                .chain
                .push(Link::new(run.ended_at, &run.run, said).painted(Paint::Good));
            explanation.missing.push(
                Missing::new(format!(
                    "the word that {} succeeded: it is on its way",
                    run.run
                ))
                .because("it waits in start-run's inbox until all of murmur runs"),
            );
            continue;
        }
        behind += 1;
        let missing = Missing::new(format!("{upstream} has not succeeded for {slot}"));
        explanation.missing.push(match newest {
            Some(run) => {
                let reason = run
                    .reason
                    .as_ref()
                    .map(|why| format!(": {why}"))
                    .unwrap_or_default();
                missing
                    .because(format!(
                        "{} {}{reason}",
                        run.run,
                        words::run_does(run.state)
                    ))
                    .because(format!("`murmur why {}` says more", run.run))
            }
            None => without_run(store, missing, upstream, slot, zone).await?,
        });
    }
    let all = definition.after.len();
    explanation.summary = match behind {
        0 => "has no run yet, and all its upstream workflows have succeeded for it".to_owned(),
        1 => format!("has no run: 1 of its {all} upstream workflows has not succeeded for it"),
        behind => format!(
            "has no run: {behind} of its {all} upstream workflows have not succeeded for it"
        ),
    };
    Ok(())
}

async fn without_run(
    store: &impl StateStore,
    missing: Missing,
    upstream: &WorkflowRef,
    slot: &str,
    zone: &Zone,
) -> Result<Missing, Failure> {
    let newest = find::runs_of(store, upstream, 1).await?.into_iter().next();
    let newest = newest.map_or_else(
        || "it has no run at all".to_owned(),
        |run| format!("its newest run is for {}", zone.full(run.logical_date)),
    );
    Ok(missing
        .because(format!("it has no run for it; {newest}"))
        .because(format!("`murmur why {upstream}@{slot}` says more")))
}

/// The upstream's run that meets in this slot, by the downstream's alignment.
async fn newest_for(
    store: &impl StateStore,
    definition: &Workflow,
    upstream: &WorkflowRef,
    slot: &str,
) -> Result<Option<Run>, Failure> {
    use choreography::slot::{SlotAt, of_upstream};
    const LOOKED_AT: usize = 200;
    let zone = TimeZone::get(&definition.timezone).unwrap_or(TimeZone::UTC);
    let runs = find::runs_of(store, upstream, LOOKED_AT).await?;
    Ok(runs.into_iter().find(|run| {
        let own = SlotAt {
            slot: run.slot.clone(),
            logical_date: run.logical_date,
        };
        of_upstream(definition.align, &zone, &own).slot.as_str() == slot
    }))
}
