//! A terminate tick: it acts on the instances whose pinned window ends at its scheduled instant,
//! and on no others.

use std::sync::Arc;

use choreography::drain::{Drain, decide};
use choreography::instance::draining;
use choreography::schedule::Schedule;
use choreography::window;
use model::Timestamp;
use model::cluster::Instance;
use model::key::Key;
use model::message::Tick;
use model::name::ClusterRef;
use model::registry::CurrentCluster;
use model::units::Seconds;
use ports::{Clock as _, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};
use protocols::{content, expected};

use crate::drain;

pub async fn apply(ports: &impl Ports, tick: &Tick, cluster: &ClusterRef) -> Result<(), Trouble> {
    let (end, now) = (tick.scheduled_time, ports.clock().now());
    if now < end {
        // Our clock is behind the scheduler's.
        return Err(Trouble::Later(Seconds(Seconds::between(now, end).0 + 1)));
    }
    let schedule = terminate_schedule(ports, cluster).await?;
    let ending = ending_at(ports, cluster, end, schedule.as_ref()).await?;
    let marks = ending.iter().filter_map(|read| mark(read, now));
    let mut writes: Vec<Write> = marks.collect();
    if let Some(schedule) = &schedule {
        writes.extend(expected::moved_on(ports, &tick.schedule, schedule, end).await?);
    }
    if !writes.is_empty() {
        ports.store().commit(writes).await?;
    }
    for read in &ending {
        drain::look(ports, &read.value.instance, true).await?;
    }
    Ok(())
}

/// The mark is written in the commit that records the slot.
fn mark(read: &Versioned<Instance>, now: Timestamp) -> Option<Write> {
    match decide(&read.value, 0, now) {
        Drain::Mark => Some(Write::replace(
            &draining(&read.value, now),
            Some(read.version),
        )),
        Drain::NotYet
        | Drain::Wait(_)
        | Drain::Terminate(_)
        | Drain::AskAgain
        | Drain::LookUp
        | Drain::NeverUp
        | Drain::Ended => None,
    }
}

/// The schedule as it is registered now; `None` when the cluster never was.
async fn terminate_schedule(
    ports: &impl Ports,
    cluster: &ClusterRef,
) -> Result<Option<Schedule>, Trouble> {
    let key = Key::CurrentCluster(cluster.clone());
    let Some(current) = ports.store().get::<CurrentCluster>(&key).await? else {
        return Ok(None);
    };
    let definition = content::cluster(ports, &current.value.definition).await?;
    expected::schedule(&definition.terminate).map(Some)
}

/// Reads the instances whose window ends at an instant. History is long, so it begins at the
/// terminate instant before; what a schedule edited since leaves out, reconcile finds due.
async fn ending_at(
    ports: &impl Ports,
    cluster: &ClusterRef,
    end: Timestamp,
    schedule: Option<&Schedule>,
) -> Result<Vec<Versioned<Instance>>, Trouble> {
    const PAGE: usize = 100;
    let partition = Key::cluster_partition(cluster);
    let earliest = schedule.and_then(|schedule| window::earliest_start(end, schedule));
    let mut after: Option<Arc<str>> = earliest.map(Key::window_prefix).map(Into::into);
    let mut ending = Vec::new();
    loop {
        let page = ports
            .store()
            .scan(&partition, "instance#", after.as_deref(), PAGE)
            .await?;
        for stored in &page {
            let read: Versioned<Instance> = stored.read()?;
            if read.value.window_start >= end {
                return Ok(ending);
            }
            if read.value.window_end == end {
                ending.push(read);
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.sort.clone()),
            Some(_) | None => return Ok(ending),
        }
    }
}
