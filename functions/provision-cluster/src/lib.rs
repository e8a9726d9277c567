//! provision-cluster: brings up an instance for a window, and another where one failed.
//!
//! Takes the ticks of provision schedules and the fact `cluster.failed`; publishes
//! `cluster.requested`, and `cluster.failed` for what never came up. Knows nothing of the work
//! that waits for the instance.

mod replace;
mod request;
mod tick;

#[cfg(test)]
mod tests;

use model::expected::ScheduleRef;
use model::fact::{Fact, FactBody};
use model::message::{Message, Tick};
use ports::{Delivery, Ports, Trouble, Verdict};

/// Handles a batch; a repeated message ends where the first would have.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(batch.len());
    for delivery in batch {
        verdicts.push(one(ports, delivery).await.into());
    }
    verdicts
}

async fn one(ports: &impl Ports, delivery: Delivery) -> Result<(), Trouble> {
    match delivery.message {
        Message::Tick(tick) => on_tick(ports, &tick, delivery.receives).await,
        Message::Fact(Fact {
            body: FactBody::ClusterFailed(failed),
            ..
        }) => replace::apply(ports, &failed.instance, delivery.receives).await,
        Message::Fact(fact) => Err(Trouble::Poison(format!(
            "{} is nothing provision-cluster acts on",
            fact.body.type_name()
        ))),
        Message::Work(_)
        | Message::Cluster(_)
        | Message::Event(_)
        | Message::Start(_)
        | Message::Drain(_)
        | Message::Sweep
        | Message::Alert(_) => Err(Trouble::Poison(
            "provision-cluster takes ticks and failed instances".to_owned(),
        )),
    }
}

async fn on_tick(ports: &impl Ports, tick: &Tick, receives: u32) -> Result<(), Trouble> {
    match &tick.schedule {
        ScheduleRef::Provision(cluster) => tick::apply(ports, tick, cluster, receives).await,
        ScheduleRef::Terminate(_) | ScheduleRef::Workflow(_) | ScheduleRef::Upstreams(_) => {
            Err(Trouble::Poison(format!(
                "a tick of {} is not for provision-cluster",
                tick.schedule
            )))
        }
    }
}
