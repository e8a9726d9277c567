//! The registry of clusters, as those who need an instance read it.

use model::Timestamp;
use model::cluster::Instance;
use model::key::Key;
use model::limit::PlaceRef;
use model::name::ClusterRef;
use model::units::Seconds;
use ports::{Ports, StateStore as _, Trouble, Versioned};

use crate::limits;

/// No window is longer than seven days, so an instance that may still live has begun since.
const LOOK_BACK: Seconds = Seconds::hours(8 * 24);

/// Reads the instances of a cluster whose window may not be over, oldest first. History stays out,
/// so the cost does not grow with it.
pub async fn recent_instances(
    ports: &impl Ports,
    cluster: &ClusterRef,
    now: Timestamp,
) -> Result<Vec<Versioned<Instance>>, Trouble> {
    let since = LOOK_BACK.before(now);
    let after = format!("instance#{since}");
    let partition = Key::cluster_partition(cluster);
    let stored = ports
        .store()
        .scan(&partition, "instance#", Some(&after), 100)
        .await?;
    let read: Result<Vec<_>, _> = stored.iter().map(ports::Stored::read).collect();
    Ok(read?)
}

/// Frees what an attempt held and lets as many waiters go: at an instance, work that waits for it
/// by name or by tags.
pub async fn free_and_release(
    ports: &impl Ports,
    places: &[PlaceRef],
    holder: &str,
    instance: Option<&Instance>,
) -> Result<(), Trouble> {
    limits::free(ports, places, holder).await?;
    for place in places {
        let queue = model::limit::QueueRef::Limit(place.limit.clone());
        let is_steps = matches!(place.limit, model::limit::LimitRef::Steps(_));
        if !is_steps {
            limits::release(ports, &queue, 1).await?;
        }
    }
    if let Some(instance) = instance {
        release_for(ports, instance, 1).await?;
    }
    Ok(())
}

/// Releases up to `count` waiters that an instance can take.
pub async fn release_for(
    ports: &impl Ports,
    instance: &Instance,
    count: usize,
) -> Result<(), Trouble> {
    let mut left = count;
    for queue in choreography::selection::queues_of(instance) {
        if left == 0 {
            break;
        }
        left -= limits::release(ports, &queue, left).await?;
    }
    Ok(())
}
