//! A provision tick: it acts on the window that begins at its scheduled instant, and on no other.
//! Every tick leaves an item, also one that leads to no instance.

use choreography::instance::claim;
use choreography::window::{self, OnTick};
use model::cluster::{Instance, InstanceKey};
use model::definition::Cluster;
use model::key::Key;
use model::message::Tick;
use model::name::ClusterRef;
use model::registry::CurrentCluster;
use ports::{Clock as _, Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::{content, expected};

use crate::request;

pub async fn apply(
    ports: &impl Ports,
    tick: &Tick,
    cluster: &ClusterRef,
    receives: u32,
) -> Result<(), Trouble> {
    let start = tick.scheduled_time;
    if start.subsec_nanosecond() != 0 {
        return Err(Trouble::Poison(format!("{start} is no scheduled instant")));
    }
    let partition = Key::cluster_partition(cluster);
    let window = Key::window_prefix(start);
    let instances = ports.store().list::<Instance>(&partition, &window).await?;
    let current = ports
        .store()
        .get::<CurrentCluster>(&Key::CurrentCluster(cluster.clone()))
        .await?;
    let Some(current) = current else {
        if let Some(newest) = instances.last() {
            // What was begun is pinned and goes on.
            return request::go_on(ports, &newest.value.instance, receives).await;
        }
        tracing::warn!(%cluster, %start, "a tick came for a cluster that is not registered");
        return Ok(());
    };
    let current = current.value;
    let definition = content::cluster(ports, &current.definition).await?;
    let provision = expected::schedule(&definition.provision)?;
    let moved = expected::moved_on(ports, &tick.schedule, &provision, start).await?;
    match instances.last() {
        Some(newest) => {
            if let Some(moved) = moved {
                ports.store().commit(vec![moved]).await?;
            }
            request::go_on(ports, &newest.value.instance, receives).await
        }
        None => first(ports, tick, &current, &definition, moved, receives).await,
    }
}

/// Decides about a window nobody has acted on, and records the decision with the slot.
async fn first(
    ports: &impl Ports,
    tick: &Tick,
    current: &CurrentCluster,
    definition: &Cluster,
    moved: Option<Write>,
    receives: u32,
) -> Result<(), Trouble> {
    let now = ports.clock().now();
    let terminate = expected::schedule(&definition.terminate)?;
    let key = InstanceKey {
        cluster: current.cluster.clone(),
        window_start: tick.scheduled_time,
        ordinal: 1,
    };
    let hash = &current.definition;
    match window::on_tick(tick, current.removed, &terminate, now) {
        OnTick::Claim(window) => {
            let claimed = claim::claimed(&key, definition, hash, window, now);
            let writes = std::iter::once(Write::create(&claimed)).chain(moved);
            ports.store().commit(writes.collect()).await?;
            request::submit(ports, &claimed, 1, receives).await
        }
        OnTick::Skip { window, reason } => {
            tracing::warn!(instance = %key, reason, "a window gets no instance");
            let skipped = claim::skipped(&key, definition, hash, window, reason, now);
            let writes = std::iter::once(Write::create(&skipped)).chain(moved);
            Ok(ports.store().commit(writes.collect()).await?)
        }
    }
}
