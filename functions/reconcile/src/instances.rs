//! The safety net under instances: what is due is compared with the service's truth, and whoever
//! acts on a difference is told (rule 17). Nothing here changes a state itself.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use choreography::instance::look::{Look, look as decide};
use choreography::instance::observe::observe;
use choreography::instance::{Observed, waste};
use model::Timestamp;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::expected::ScheduleRef;
use model::id::EmrClusterId;
use model::key::Key;
use model::message::{Function, Message, Tick};
use model::metric::{Correction, Measurement, Metric};
use model::observation::{ClusterObservation, ClusterState};
use model::units::Seconds;
use ports::{CommitError, Compute as _, EventBus as _, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Versioned, Write};
use protocols::lots::Held;
use protocols::{instances, open_steps};

/// After how long the service must know an instance it gave an id for.
const KNOWN_BY: Seconds = Seconds::minutes(15);

/// How far back leaks are looked for; no window is longer than a week.
const LEAKS_SINCE: Seconds = Seconds::hours(8 * 24);

/// Looks at one instance that is due and arms it again. The index it came from may lag, so it is
/// read again.
pub async fn look<P: Ports>(
    ports: &P,
    instance: Versioned<Instance>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let key = Key::Instance(instance.value.instance);
    let Some(read) = ports.store().get::<Instance>(&key).await? else {
        return Ok(());
    };
    if read.value.due_at.is_none_or(|due| due > now) {
        return Ok(());
    }
    let held = open_steps::held(ports, &read.value).await?;
    let open = open_steps::open(&held);
    ports.meter().record(open_work(&read.value, open));
    let (looks, due_at) = decide(&read.value, open, now);
    if open == 0 {
        // What has ended is cleared away, for which the service need not be asked.
        open_steps::compare(ports, &read.value, &held, now).await?;
    }
    for what in looks {
        act(ports, &read.value, &held, what, now).await?;
    }
    let (waste, told) = waste(&read.value, open, now);
    let armed = Instance {
        due_at,
        waste,
        ..read.value
    };
    // Before it is stored that it was told: who repeats this tells the same.
    for what in told {
        tracing::warn!(instance = %armed.instance, ?what, "it costs more than it should");
        instances::publish(ports, &armed, what).await?;
    }
    let write = Write::replace(&armed, Some(read.version));
    match ports.store().commit(vec![write]).await {
        // A conflict: it moved on meanwhile, and whoever moved it armed it.
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// How many steps are open on an instance, as a figure of its cluster.
fn open_work(instance: &Instance, open: usize) -> Measurement {
    let open = f64::from(u32::try_from(open).unwrap_or(u32::MAX));
    let labels = [instance.team.as_str(), instance.cluster.as_str()];
    Measurement::of(Metric::ClusterOpenSteps, open, labels)
}

async fn act(
    ports: &impl Ports,
    instance: &Instance,
    held: &[Held],
    what: Look,
    now: Timestamp,
) -> Result<(), Trouble> {
    let key = &instance.instance;
    match what {
        Look::Provision => {
            ports.meter().record(Correction::Request.figure(1));
            let correction = Correction::Request.name();
            tracing::warn!(correction, instance = %key, "its request was left without an answer");
            let tick = Tick {
                schedule: ScheduleRef::Provision(key.cluster.clone()),
                scheduled_time: key.window_start,
                late: true,
                skip: false,
            };
            send(ports, Function::ProvisionCluster, Message::Tick(tick)).await
        }
        Look::Drain => drain(ports, key).await,
        Look::Describe => describe(ports, instance, now).await,
        Look::Steps => open_steps::compare(ports, instance, held, now).await,
    }
}

/// Asks for the instance itself; what its event should have told is told now.
async fn describe(ports: &impl Ports, instance: &Instance, now: Timestamp) -> Result<(), Trouble> {
    let Some(id) = &instance.id else {
        return Ok(());
    };
    let described = ports.compute().describe_cluster(id).await?;
    let Some(seen) = described.or_else(|| unknown(instance, id, now)) else {
        return Ok(());
    };
    let asked_in_vain = instance.state == InstanceState::Terminating && !seen.state.is_ending();
    if asked_in_vain {
        return drain(ports, &instance.instance).await;
    }
    match observe(instance, &seen, now) {
        Observed::Stale { .. } => Ok(()),
        Observed::Stray | Observed::Overdue(_) | Observed::Change { .. } => {
            ports.meter().record(Correction::Instance.figure(1));
            let correction = Correction::Instance.name();
            let key = &instance.instance;
            tracing::warn!(correction, instance = %key, state = ?seen.state, "its event was lost");
            send(ports, Function::RecordCluster, Message::Cluster(seen)).await
        }
    }
}

/// An instance the service does not know long after it gave the id has ended.
fn unknown(instance: &Instance, id: &EmrClusterId, now: Timestamp) -> Option<ClusterObservation> {
    (KNOWN_BY.after(instance.requested_at) <= now).then(|| ClusterObservation {
        instance: instance.instance.clone(),
        id: id.clone(),
        state: ClusterState::TerminatedWithErrors,
        endpoint: None,
        reason: Some("the service does not know it".to_owned()),
        at: now,
    })
}

/// Compares everything that bears one of murmur's names with the registry, in one listing: what
/// has no item, another id than its item or an item that has ended is ended; what the registry has
/// not heard of yet is told to record-cluster.
pub async fn leaks<P: Ports>(ports: &P, now: Timestamp) -> Result<(), Trouble> {
    let listed = ports
        .compute()
        .list_clusters(LEAKS_SINCE.before(now))
        .await?;
    let keys: Vec<Key> = listed
        .iter()
        .map(|seen| Key::Instance(seen.instance.clone()))
        .collect();
    let items = ports.store().read_many(&keys).await?;
    let mut strays: BTreeMap<InstanceKey, Vec<EmrClusterId>> = BTreeMap::new();
    for (seen, item) in listed.into_iter().zip(items) {
        let item: Option<Versioned<Instance>> = item.map(|item| item.read()).transpose()?;
        match judge(item.as_ref().map(|item| &item.value), &seen, now) {
            Leak::None => {}
            Leak::End => strays.entry(seen.instance).or_default().push(seen.id),
            Leak::Tell => send(ports, Function::RecordCluster, Message::Cluster(seen)).await?,
        }
    }
    for (key, ids) in strays {
        instances::end_strays(ports, &key, &ids).await?;
    }
    Ok(())
}

/// What a listed instance is to the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leak {
    None,
    End,
    Tell,
}

fn judge(item: Option<&Instance>, seen: &ClusterObservation, now: Timestamp) -> Leak {
    let live = !seen.state.is_ending();
    match item.map(|item| (item, observe(item, seen, now))) {
        None | Some((_, Observed::Stray)) if live => Leak::End,
        None | Some((_, Observed::Stray)) => Leak::None,
        Some((item, Observed::Stale { .. })) if live && item.state.is_terminal() => Leak::End,
        Some((_, Observed::Stale { .. })) => Leak::None,
        Some((_, Observed::Change { .. } | Observed::Overdue(_))) => Leak::Tell,
    }
}

async fn drain(ports: &impl Ports, key: &InstanceKey) -> Result<(), Trouble> {
    send(
        ports,
        Function::TerminateCluster,
        Message::Drain(key.clone()),
    )
    .await
}

async fn send(ports: &impl Ports, inbox: Function, message: Message) -> Result<(), Trouble> {
    Ok(ports.bus().send(inbox, vec![message.into()]).await?)
}
