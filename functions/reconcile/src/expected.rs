//! Slots of schedules that nobody has recorded in time (rule 18).
//!
//! Their ticks are sent again, marked late; whoever receives them records the slots and moves the
//! expected one on, as with any tick.

use choreography::late::owed_ticks;
use model::Timestamp;
use model::definition::ScheduleSpec;
use model::expected::{Expected, ScheduleRef};
use model::fact::{Fact, FactBody, TickFact};
use model::id::{RunId, Slot};
use model::key::Key;
use model::message::{Function, Message, Tick};
use model::metric::Correction;
use model::name::ClusterRef;
use model::registry::{CurrentCluster, CurrentWorkflow};
use ports::{EventBus as _, Expect, Outgoing, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Write};
use protocols::content;

use crate::upstreams;

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
    let (ticks, next) = owed_ticks(&read.value, &schedule, spec.catch_up, now);
    if !ticks.is_empty() {
        ports.meter().record(Correction::Tick.figure(ticks.len()));
        let correction = Correction::Tick.name();
        tracing::warn!(correction, schedule = %next.schedule, ticks = ticks.len(), "ticks were missed");
        tell(ports, &ticks).await?;
        let ticks = ticks
            .into_iter()
            .map(|tick| Outgoing::from(Message::Tick(tick)));
        ports.bus().send(inbox, ticks.collect()).await?;
    }
    Ok(ports
        .store()
        .commit(vec![Write::replace(&next, Some(read.version))])
        .await?)
}

/// Publishes which ticks were missed; of those that are only recorded as skipped, the newest.
async fn tell<P: Ports>(ports: &P, ticks: &[Tick]) -> Result<(), Trouble> {
    let newest = ticks.iter().map(|tick| tick.scheduled_time).max();
    let told = ticks
        .iter()
        .filter(|tick| !tick.skip || Some(tick.scheduled_time) == newest);
    let facts = told.map(|tick| {
        let (team, workflow) = match &tick.schedule {
            ScheduleRef::Workflow(workflow) | ScheduleRef::Upstreams(workflow) => {
                (&workflow.team, Some(workflow))
            }
            ScheduleRef::Provision(cluster) | ScheduleRef::Terminate(cluster) => {
                (&cluster.team, None)
            }
        };
        let at = tick.scheduled_time;
        let body = FactBody::TickMissed(TickFact {
            schedule: tick.schedule.clone(),
            scheduled_time: at,
            run: workflow.map(|workflow| RunId::of(workflow, &Slot::of_instant(at))),
        });
        let workflow = workflow.map(|workflow| workflow.name.clone());
        Fact::new(team.clone(), workflow, at, body)
    });
    Ok(ports.bus().publish(facts.collect()).await?)
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
