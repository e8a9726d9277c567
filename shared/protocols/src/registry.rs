//! The registry of clusters, as those who need an instance read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::Timestamp;
use model::cluster::{Instance, InstanceKey};
use model::key::Key;
use model::limit::{LimitRef, Place, PlaceRef, QueueRef};
use model::name::ClusterRef;
use model::task::Claim;
use model::units::Seconds;
use ports::{Ports, StateStore as _, Trouble, TypedStore as _, Versioned};

use crate::limits;
use crate::lots::{self, Seat};

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
    let mut after: Arc<str> = format!("instance#{since}").into();
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
            Some(last) if page.len() == PAGE => after = last.sort.clone(),
            Some(_) | None => return Ok(found),
        }
    }
}

/// Gives back places as they were taken, and lets as many waiters go. What another delivery of the
/// same attempt has taken over since stays. A step's place is given back by its claim's epoch.
pub async fn give_back(
    ports: &impl Ports,
    places: &[Versioned<Place>],
    seat: Option<&Seat>,
    instance: Option<&Instance>,
) -> Result<(), Trouble> {
    for place in places {
        limits::free_as_read(ports, place).await?;
    }
    if let Some(seat) = seat {
        lots::leave(ports, seat).await?;
    }
    for place in places {
        let queue = QueueRef::Limit(place.value.limit.clone());
        limits::release(ports, &queue, 1).await?;
    }
    match instance.filter(|_| seat.is_some()) {
        Some(instance) => release_for(ports, instance, 1).await,
        None => Ok(()),
    }
}

/// Frees whatever an attempt that has ended holds by its claim, and lets as many waiters go.
pub async fn free_claim(ports: &impl Ports, claim: &Claim, holder: &str) -> Result<(), Trouble> {
    free_claims(ports, &[(claim, holder)]).await
}

/// Frees whatever attempts that have ended hold by their claims, and lets as many waiters go, also
/// those a crash after the freeing has left: each time it is repeated. Places of open steps are
/// free with the attempt's end; only who waits for them is let go.
pub async fn free_claims(ports: &impl Ports, claims: &[(&Claim, &str)]) -> Result<(), Trouble> {
    let mut freed: BTreeMap<&LimitRef, usize> = BTreeMap::new();
    let mut ended: BTreeMap<&InstanceKey, usize> = BTreeMap::new();
    let is_steps = |limit: &LimitRef| matches!(limit, LimitRef::Steps(_));
    for (claim, holder) in claims {
        let named = claim.limits.iter().filter(|place| !is_steps(&place.limit));
        let named: Vec<PlaceRef> = named.cloned().collect();
        limits::free(ports, &named, holder).await?;
        for limit in claim.seeks.iter().filter(|limit| !is_steps(limit)) {
            limits::free_all(ports, limit, holder).await?;
        }
        let places = claim.limits.iter().map(|place| &place.limit);
        let all: BTreeSet<&LimitRef> = places.chain(&claim.seeks).collect();
        for limit in all.into_iter().filter(|limit| !is_steps(limit)) {
            *freed.entry(limit).or_default() += 1;
        }
        if let Some(instance) = &claim.instance {
            *ended.entry(instance).or_default() += 1;
        }
    }
    for (limit, count) in freed {
        limits::release(ports, &QueueRef::Limit(limit.clone()), count).await?;
    }
    for (key, count) in ended {
        let key = Key::Instance(key.clone());
        if let Some(instance) = ports.store().get::<Instance>(&key).await? {
            release_for(ports, &instance.value, count).await?;
        }
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
