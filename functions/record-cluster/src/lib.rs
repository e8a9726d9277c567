//! record-cluster: keeps the registry of clusters in step with what the service says.
//!
//! Takes the service's words about instances; publishes `cluster.ready`, `cluster.terminated` and
//! `cluster.failed`. Lets a cluster's stable name lead to what became ready. Ends what bears
//! murmur's name and belongs to nobody. Knows nothing of schedules, nor of what an open step does.

mod naming;
#[cfg(test)]
mod tests;

use choreography::instance::observe::observe;
use choreography::instance::{Observed, Told};
use model::cluster::{Endpoint, Instance, InstanceKey, InstanceState};
use model::key::Key;
use model::message::{Function, Message};
use model::observation::ClusterObservation;
use ports::{Clock as _, Compute as _, Delivery, EventBus as _, Names as _, Outgoing, Ports};
use ports::{StateStore as _, Trouble, TypedStore as _, Verdict, Write};
use protocols::{instances, open_steps};

/// Handles a batch; a repeated message ends where the first would have.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(batch.len());
    for delivery in batch {
        verdicts.push(one(ports, delivery.message).await.into());
    }
    verdicts
}

async fn one(ports: &impl Ports, message: Message) -> Result<(), Trouble> {
    match message {
        Message::Cluster(seen) => record(ports, &seen).await,
        Message::Tick(_)
        | Message::Fact(_)
        | Message::Work(_)
        | Message::Event(_)
        | Message::Start(_)
        | Message::Drain(_)
        | Message::Sweep
        | Message::Alert(_) => Err(Trouble::Poison(
            "record-cluster takes words about instances".to_owned(),
        )),
    }
}

async fn record(ports: &impl Ports, seen: &ClusterObservation) -> Result<(), Trouble> {
    let key = Key::Instance(seen.instance.clone());
    let Some(read) = ports.store().get::<Instance>(&key).await? else {
        // The claim is always written before the request: nobody here asked for this one.
        return end_stray(ports, seen).await;
    };
    let before = read.value;
    match observe(&before, seen, ports.clock().now()) {
        Observed::Stray => end_stray(ports, seen).await,
        Observed::Stale { again: Some(told) } => tell(ports, &before, told).await,
        // Also when it is no news any more: whoever heard it first may have stopped in between.
        Observed::Stale { again: None } if before.ready_at == Some(seen.at) => {
            naming::settle(ports, &seen.instance.cluster).await
        }
        Observed::Stale { again: None } => Ok(()),
        Observed::Overdue(changed) => {
            if let Some(changed) = changed {
                let write = Write::replace(&*changed, Some(read.version));
                ports.store().commit(vec![write]).await?;
            }
            drain(ports, &seen.instance).await
        }
        Observed::Change {
            mut instance,
            tell: told,
        } => {
            if instance.state == InstanceState::Ready && instance.endpoint.is_none() {
                instance.endpoint = endpoint(ports, seen).await?;
            }
            if let Some(endpoint) = &mut instance.endpoint {
                endpoint.name = ports.names().name_of(&instance.instance.cluster);
            }
            let write = Write::replace(&*instance, Some(read.version));
            ports.store().commit(vec![write]).await?;
            tracing::info!(
                instance = %instance.instance,
                id = %seen.id,
                state = ?instance.state,
                reason = instance.reason,
                "an instance moved on"
            );
            match told {
                Some(told) => tell(ports, &instance, told).await,
                None => Ok(()),
            }
        }
    }
}

/// Publishes what was recorded; an end first reaches the steps that were open on the instance.
async fn tell(ports: &impl Ports, instance: &Instance, told: Told) -> Result<(), Trouble> {
    match told {
        Told::Requested | Told::Draining | Told::Idle | Told::Leaked => {}
        Told::Ready => {
            // Whoever hears of it can connect by name. But work that waits for the instance needs
            // no name: one that cannot be pointed now is tried again after the fact is out.
            let named = naming::settle(ports, &instance.instance.cluster).await;
            instances::publish(ports, instance, told).await?;
            return named;
        }
        Told::Terminated | Told::Failed => {
            let held = open_steps::held(ports, instance).await?;
            open_steps::compare(ports, instance, &held, ports.clock().now()).await?;
        }
    }
    instances::publish(ports, instance, told).await
}

async fn endpoint(
    ports: &impl Ports,
    seen: &ClusterObservation,
) -> Result<Option<Endpoint>, Trouble> {
    let described = ports.compute().describe_cluster(&seen.id).await?;
    Ok(described.and_then(|described| described.endpoint))
}

/// It came up after its window: terminate-cluster ends it as it ends any other.
async fn drain(ports: &impl Ports, instance: &InstanceKey) -> Result<(), Trouble> {
    let message = Outgoing::from(Message::Drain(instance.clone()));
    Ok(ports
        .bus()
        .send(Function::TerminateCluster, vec![message])
        .await?)
}

async fn end_stray(ports: &impl Ports, seen: &ClusterObservation) -> Result<(), Trouble> {
    if seen.state.is_ending() {
        return Ok(());
    }
    instances::end_strays(ports, &seen.instance, std::slice::from_ref(&seen.id)).await
}
