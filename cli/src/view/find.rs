//! Finding what people name: runs, workflows, clusters, tasks, with what they may have meant.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::id::{RunId, Slot};
use model::key::Key;
use model::name::{ClusterRef, WorkflowRef};
use model::run::Run;
use ports::{StateStore, TypedStore as _};

use super::definitions;
use crate::exit::Failure;
use crate::nearest::nearest;

/// How people name a run, as `--help` says it.
pub const RUN_HELP: &str = "A run id; or team/workflow for its newest run; or team/workflow@SLOT, where SLOT is a local date or the slot";

/// Finds a run.
pub async fn run(store: &impl StateStore, text: &str) -> Result<Run, Failure> {
    if let Some((workflow, slot)) = text.split_once('@') {
        let workflow = self::workflow(store, workflow).await?;
        return match at_slot(store, &workflow, slot).await? {
            Some(run) => Ok(run),
            None => Err(no_run_of(store, &workflow, slot).await?),
        };
    }
    if text.contains('/') {
        let workflow = self::workflow(store, text).await?;
        let newest = runs_of(store, &workflow, 1).await?.into_iter().next();
        return newest.ok_or_else(|| {
            Failure::not_found(format!("{workflow} has no run yet"))
                .help(format!("`murmur trigger {workflow}` starts one"))
        });
    }
    let key = Key::Run(RunId::from(text));
    match store.get::<Run>(&key).await? {
        Some(run) => Ok(run.value),
        None => Err(unknown_run(store, text).await?),
    }
}

/// The run of a slot, by the slot's own text or the local date of its instant.
pub async fn at_slot(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    slot: &str,
) -> Result<Option<Run>, Failure> {
    let key = Key::Run(RunId::of(workflow, &Slot::from(slot)));
    if let Some(run) = store.get::<Run>(&key).await? {
        return Ok(Some(run.value));
    }
    let Ok(date) = slot.parse::<jiff::civil::Date>() else {
        return Ok(None);
    };
    let zone = zone_of(store, workflow).await?;
    let (from, to) = day(&zone, date);
    let runs = store.runs_of(workflow, from, to, 1).await?;
    let run = runs
        .first()
        .map(|stored| stored.read::<Run>())
        .transpose()?;
    Ok(run.map(|run| run.value))
}

/// The first and last instant of a local day.
fn day(zone: &TimeZone, date: jiff::civil::Date) -> (Timestamp, Timestamp) {
    let start = |date: jiff::civil::Date| {
        let midnight = date.to_datetime(jiff::civil::Time::midnight());
        zone.to_ambiguous_timestamp(midnight)
            .compatible()
            .unwrap_or(Timestamp::MAX)
    };
    let next = date.tomorrow().map_or(Timestamp::MAX, start);
    let last = next
        .checked_sub(SignedDuration::from_nanos(1))
        .unwrap_or(next);
    (start(date), last)
}

/// The zone of a workflow's logical dates.
pub async fn zone_of(store: &impl StateStore, workflow: &WorkflowRef) -> Result<TimeZone, Failure> {
    let current = definitions::current_workflow(store, workflow).await?;
    let name = current.map(|(_, definition)| definition.timezone);
    Ok(name
        .and_then(|name| TimeZone::get(&name).ok())
        .unwrap_or(TimeZone::UTC))
}

/// The newest runs of a workflow.
pub async fn runs_of(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    limit: usize,
) -> Result<Vec<Run>, Failure> {
    let stored = store
        .runs_of(workflow, Timestamp::MIN, Timestamp::MAX, limit)
        .await?;
    stored
        .iter()
        .map(|stored| Ok(stored.read::<Run>()?.value))
        .collect()
}

/// Finds a registered workflow.
pub async fn workflow(store: &impl StateStore, text: &str) -> Result<WorkflowRef, Failure> {
    let known = definitions::workflows(store).await?;
    match known.iter().find(|known| known.to_string() == text) {
        Some(workflow) => Ok(workflow.clone()),
        None => {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            Err(unknown("workflow", text, &names))
        }
    }
}

/// Finds a registered cluster; its team may be left away where no other has one of that name.
pub async fn cluster(store: &impl StateStore, text: &str) -> Result<ClusterRef, Failure> {
    let known = definitions::clusters(store).await?;
    let mut named = known.iter().filter(|known| known.name.as_str() == text);
    let only = named.next().filter(|_| named.next().is_none());
    match known
        .iter()
        .find(|known| known.to_string() == text)
        .or(only)
    {
        Some(cluster) => Ok(cluster.clone()),
        None => {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            Err(unknown("cluster", text, &names))
        }
    }
}

/// Says that there is no such thing, and which may have been meant.
pub fn unknown(what: &str, name: &str, known: &[String]) -> Failure {
    const MOST_LISTED: usize = 12;
    let failure = Failure::not_found(format!("there is no {what} `{name}`"));
    if known.is_empty() {
        return failure.help(format!("there is no {what} at all yet"));
    }
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None if known.len() <= MOST_LISTED => {
            failure.help(format!("there are: {}", known.join(", ")))
        }
        None => {
            let (some, more) = (known[..MOST_LISTED].join(", "), known.len() - MOST_LISTED);
            failure.help(format!("there are: {some} and {more} more"))
        }
    }
}

/// How many runs of each workflow are looked at for one that may have been meant.
const LOOKED_AT: usize = 200;

async fn unknown_run(store: &impl StateStore, text: &str) -> Result<Failure, Failure> {
    let mut known = Vec::new();
    for workflow in definitions::workflows(store).await? {
        let runs = runs_of(store, &workflow, LOOKED_AT).await?;
        known.extend(runs.into_iter().map(|run| run.run.to_string()));
    }
    let failure = Failure::not_found(format!("there is no run `{text}`"));
    Ok(match nearest(text, known.iter().map(String::as_str)) {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure.help("`murmur runs` lists them"),
    })
}

async fn no_run_of(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    slot: &str,
) -> Result<Failure, Failure> {
    let runs = runs_of(store, workflow, LOOKED_AT).await?;
    let slots: Vec<String> = runs.iter().map(|run| run.slot.to_string()).collect();
    let failure = Failure::not_found(format!("{workflow} has no run for `{slot}`"));
    Ok(match nearest(slot, slots.iter().map(String::as_str)) {
        Some(meant) => failure.help(format!("did you mean `{workflow}@{meant}`?")),
        None => failure.help(format!("`murmur runs {workflow}` lists its runs")),
    })
}
