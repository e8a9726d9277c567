//! What made a run: its tick, the runs above it and what made those, an event, or a person.

use model::id::{OperationId, RunId};
use model::key::Key;
use model::operation::Operation;
use model::run::{Cause, Run};
use ports::{StateStore, TypedStore as _};

use super::explanation::Link;
use crate::exit::Failure;
use crate::output::time::took;
use crate::view::definitions;

/// How many runs above are followed, and how many beside each other are told.
const DEEPEST: usize = 32;
const MOST_BESIDE: usize = 8;

/// What led to the run, up to its start.
pub async fn of(store: &impl StateStore, run: &Run) -> Result<Vec<Link>, Failure> {
    let mut above = Vec::new();
    let mut present = run.clone();
    for _ in 0..DEEPEST {
        let (links, next) = cause(store, &present).await?;
        above.push(links);
        let Some(next) = next else { break };
        above.push(started(&next));
        present = next;
    }
    above.reverse();
    let mut links: Vec<Link> = above.into_iter().flatten().collect();
    links.extend(started(run));
    Ok(links)
}

fn started(run: &Run) -> Vec<Link> {
    match run.started_at {
        Some(at) if run.generation == 1 => {
            let waited = at.duration_since(run.created_at).as_secs();
            let said = if waited > 1 {
                format!(
                    "started, after {} held back by a limit",
                    took(run.created_at, at)
                )
            } else {
                "started".to_owned()
            };
            vec![Link::new(Some(at), &run.run, said)]
        }
        Some(_) => vec![Link::new(Some(run.created_at), &run.run, "started")],
        None => vec![Link::new(Some(run.created_at), &run.run, "recorded")],
    }
}

/// What made one run, and the run above it that came last.
async fn cause(store: &impl StateStore, run: &Run) -> Result<(Vec<Link>, Option<Run>), Failure> {
    let own = |said: String| vec![Link::new(Some(run.logical_date), &run.run, said)];
    match &run.cause {
        Cause::Schedule { late } => {
            let current = definitions::current_workflow(store, &run.workflow_ref()).await?;
            let spec = current.and_then(|(pointer, _)| pointer.schedule);
            let schedule = spec.map_or_else(
                || "its schedule".to_owned(),
                |spec| format!("{} {}", spec.expression, spec.timezone),
            );
            let late = if *late {
                "; the tick was missing, reconcile found it"
            } else {
                ""
            };
            Ok((own(format!("tick of {schedule}{late}")), None))
        }
        Cause::Event { event } => {
            let field = |name: &str| event.get(name).and_then(|value| value.as_str());
            let source = field("source").unwrap_or("somewhere");
            let kind = field("detail-type").unwrap_or("something");
            let id = field("id").unwrap_or("none");
            Ok((own(format!("event `{kind}` from {source}, id {id}")), None))
        }
        Cause::Manual { operation, by } => Ok((
            vec![asked(store, run, operation, by, "asked for it").await?],
            None,
        )),
        Cause::Backfill { operation, by } => Ok((
            vec![asked(store, run, operation, by, "asked for a backfill").await?],
            None,
        )),
        Cause::Upstream { runs } => {
            let mut links = Vec::new();
            let mut last: Option<Run> = None;
            for (id, generation) in runs.iter().take(MOST_BESIDE) {
                let Some(above) = read(store, id).await? else {
                    links.push(Link::new(None, id, "succeeded; it is no longer kept"));
                    continue;
                };
                let pass = if *generation > 1 {
                    format!(" in generation {generation}")
                } else {
                    String::new()
                };
                links.push(Link::new(above.ended_at, id, format!("succeeded{pass}")));
                if last
                    .as_ref()
                    .is_none_or(|last| last.ended_at < above.ended_at)
                {
                    last = Some(above);
                }
            }
            links.sort_by_key(|link| link.at);
            Ok((links, last))
        }
    }
}

async fn asked(
    store: &impl StateStore,
    run: &Run,
    operation: &OperationId,
    by: &str,
    what: &str,
) -> Result<Link, Failure> {
    let stored = store
        .get::<Operation>(&Key::Operation(operation.clone()))
        .await?;
    let request = stored.map(|stored| stored.value.request);
    let why = request.as_ref().and_then(|request| request.why.clone());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let at = request.map_or(run.created_at, |request| request.at);
    Ok(Link::new(Some(at), operation, format!("{by} {what}{why}")))
}

async fn read(store: &impl StateStore, run: &RunId) -> Result<Option<Run>, Failure> {
    Ok(store
        .get::<Run>(&Key::Run(run.clone()))
        .await?
        .map(|run| run.value))
}
