//! Slots of schedules that nobody has recorded in time (rule 18).
//!
//! Their ticks are sent again, marked late; whoever receives them records the slots and moves the
//! expected one on, as with any tick.

use choreography::expected::{GRACE, moved_past};
use choreography::schedule::{self, Schedule};
use jiff::SignedDuration;
use model::Timestamp;
use model::definition::ScheduleSpec;
use model::expected::{Expected, ScheduleRef};
use model::key::Key;
use model::message::{Function, Message, Tick};
use model::name::ClusterRef;
use model::registry::{CurrentCluster, CurrentWorkflow};
use ports::{EventBus as _, Expect, Outgoing, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Write};
use protocols::content;

use crate::upstreams;

/// How many missed slots of one schedule are caught up with, and how many are recorded as skipped.
const MOST_SLOTS: usize = 100;

/// Sends the ticks a schedule owes and looks again a little later.
pub(crate) async fn look<P: Ports>(
    ports: &P,
    due: Expected,
    now: Timestamp,
) -> Result<(), Trouble> {
    let key = Key::Expected(due.schedule.clone());
    let Some(read) = ports.store().get::<Expected>(&key).await? else {
        return Ok(());
    };
    if read.value.due_at.is_none_or(|due_at| due_at > now) {
        return Ok(());
    }
    let (inbox, spec) = match &read.value.schedule {
        ScheduleRef::Upstreams(workflow) => {
            let workflow = workflow.clone();
            return upstreams::look(ports, &workflow, read, now).await;
        }
        ScheduleRef::Workflow(workflow) => {
            let key = Key::CurrentWorkflow(workflow.clone());
            let current = ports.store().get::<CurrentWorkflow>(&key).await?;
            let current = current.filter(|current| !current.value.removed);
            (
                Function::StartRun,
                current.and_then(|current| current.value.schedule),
            )
        }
        ScheduleRef::Provision(cluster) => (
            Function::ProvisionCluster,
            of_cluster(ports, cluster, End::Provision).await?,
        ),
        ScheduleRef::Terminate(cluster) => (
            Function::TerminateCluster,
            of_cluster(ports, cluster, End::Terminate).await?,
        ),
    };
    let Some(spec) = spec else {
        let delete = Write::delete(key, Expect::Version(read.version));
        return Ok(ports.store().commit(vec![delete]).await?);
    };
    let schedule = protocols::expected::schedule(&spec)?;
    let (ticks, next) = owed(&read.value, &schedule, &spec, now);
    let ticks: Vec<Outgoing> = ticks
        .into_iter()
        .map(|tick| Outgoing::from(Message::Tick(tick)))
        .collect();
    if !ticks.is_empty() {
        tracing::warn!(schedule = %next.schedule, ticks = ticks.len(), "ticks were missed");
        ports.bus().send(inbox, ticks).await?;
    }
    Ok(ports
        .store()
        .commit(vec![Write::replace(&next, Some(read.version))])
        .await?)
}

/// The ticks that were missed, oldest first, and the item as it is armed again.
fn owed(
    expected: &Expected,
    schedule: &Schedule,
    spec: &ScheduleSpec,
    now: Timestamp,
) -> (Vec<Tick>, Expected) {
    // A tick that is less late than that is on its way.
    let until = GRACE.before(now);
    let (from, catch_up) = (expected.recorded_until, spec.catch_up);
    let missed = schedule::missed(schedule, from, until, catch_up, MOST_SLOTS);
    let oldest = missed.skip.first().or(missed.run.first());
    let given_up = oldest
        .filter(|_| missed.truncated)
        .and_then(|oldest| oldest.checked_sub(SignedDuration::from_nanos(1)).ok())
        .and_then(|before| schedule.previous_at_or_before(before));
    let mut next = moved_past(expected, schedule, given_up.unwrap_or(from), GRACE);
    let tick = |slot: &Timestamp, skip| Tick {
        schedule: expected.schedule.clone(),
        scheduled_time: *slot,
        late: true,
        skip,
    };
    let skipped = missed.skip.iter().map(|slot| tick(slot, true));
    let run = missed.run.iter().map(|slot| tick(slot, false));
    let unrecorded = |tick: &Tick| !expected.recorded_ahead.contains(&tick.scheduled_time);
    let ticks: Vec<Tick> = skipped.chain(run).filter(unrecorded).collect();
    if !ticks.is_empty() {
        next.due_at = Some(GRACE.after(now));
    }
    (ticks, next)
}

enum End {
    Provision,
    Terminate,
}

async fn of_cluster<P: Ports>(
    ports: &P,
    cluster: &ClusterRef,
    end: End,
) -> Result<Option<ScheduleSpec>, Trouble> {
    let key = Key::CurrentCluster(cluster.clone());
    let current = ports.store().get::<CurrentCluster>(&key).await?;
    let Some(current) = current.filter(|current| !current.value.removed) else {
        return Ok(None);
    };
    let definition = content::cluster(ports, &current.value.definition).await?;
    Ok(Some(match end {
        End::Provision => definition.provision.clone(),
        End::Terminate => definition.terminate.clone(),
    }))
}
