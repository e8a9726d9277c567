//! The registry of clusters, as those who need an instance read it.

use std::collections::BTreeSet;

use model::Timestamp;
use model::cluster::Instance;
use model::key::Key;
use model::limit::{LimitRef, Place, PlaceRef, QueueRef};
use model::name::ClusterRef;
use model::task::Claim;
use model::units::Seconds;
use ports::{Ports, StateStore as _, Trouble, TypedStore as _, Versioned};

use crate::limits;

/// No window is longer than seven days, so an instance that may still live has begun since.
const LOOK_BACK: Seconds = Seconds::hours(8 * 24);

/// How many instances are read at once.
const PAGE: usize = 100;

/// Reads the instances of a cluster whose window may not be over, oldest first. History stays out,
/// so the cost does not grow with it.
pub async fn recent_instances(
    ports: &impl Ports,
    cluster: &ClusterRef,
    now: Timestamp,
) -> Result<Vec<Versioned<Instance>>, Trouble> {
    let since = LOOK_BACK.before(now);
    let mut after = format!("instance#{since}");
    let partition = Key::cluster_partition(cluster);
    let mut found = Vec::new();
    loop {
        let page = ports
            .store()
            .scan(&partition, "instance#", Some(&after), PAGE)
            .await?;
        for stored in &page {
            found.push(stored.read()?);
        }
        // A cluster with a window each hour, and replacements, has more than one page of them.
        match page.last() {
            Some(last) if page.len() == PAGE => after.clone_from(&last.sort),
            Some(_) | None => return Ok(found),
        }
    }
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
    release_after(ports, places, instance).await
}

async fn release_after(
    ports: &impl Ports,
    places: &[PlaceRef],
    instance: Option<&Instance>,
) -> Result<(), Trouble> {
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

/// Gives back places as they were taken, and lets as many waiters go. What another delivery of the
/// same attempt has taken over since stays.
pub async fn give_back(
    ports: &impl Ports,
    places: &[Versioned<Place>],
    instance: Option<&Instance>,
) -> Result<(), Trouble> {
    for place in places {
        limits::free_as_read(ports, place).await?;
    }
    let named: Vec<PlaceRef> = places
        .iter()
        .map(|place| limits::reference(&place.value))
        .collect();
    release_after(ports, &named, instance).await
}

/// Frees whatever an attempt holds by its claim and lets as many waiters go, also those a crash
/// after the freeing has left: each time it is repeated.
pub async fn free_claim(ports: &impl Ports, claim: &Claim, holder: &str) -> Result<(), Trouble> {
    limits::free(ports, &claim.limits, holder).await?;
    for limit in &claim.seeks {
        limits::free_all(ports, limit, holder).await?;
    }
    let named = claim.limits.iter().map(|place| &place.limit);
    let all: BTreeSet<&LimitRef> = named.chain(&claim.seeks).collect();
    for limit in all {
        if !matches!(limit, LimitRef::Steps(_)) {
            limits::release(ports, &QueueRef::Limit(limit.clone()), 1).await?;
        }
    }
    let Some(key) = &claim.instance else {
        return Ok(());
    };
    match ports
        .store()
        .get::<Instance>(&Key::Instance(key.clone()))
        .await?
    {
        Some(instance) => release_for(ports, &instance.value, 1).await,
        None => Ok(()),
    }
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
