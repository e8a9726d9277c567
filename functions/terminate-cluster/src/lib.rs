//! terminate-cluster: ends the instances of a window, after their open work.
//!
//! Takes the ticks of terminate schedules and its own messages to look again; publishes
//! `cluster.draining`. That an instance has ended is for the service to say, to record-cluster.

mod drain;
mod tick;

#[cfg(test)]
mod tests;

use model::expected::ScheduleRef;
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
        Message::Tick(tick) => on_tick(ports, &tick).await,
        Message::Drain(instance) => {
            // An earlier delivery may have stopped between a mark and its fact.
            let tell_again = delivery.receives > 1;
            drain::look(ports, &instance, tell_again).await
        }
        Message::Fact(_)
        | Message::Work(_)
        | Message::Cluster(_)
        | Message::Event(_)
        | Message::Start(_)
        | Message::Sweep
        | Message::Alert(_) => Err(Trouble::Poison(
            "terminate-cluster takes ticks and its own messages to look again".to_owned(),
        )),
    }
}

async fn on_tick(ports: &impl Ports, tick: &Tick) -> Result<(), Trouble> {
    match &tick.schedule {
        ScheduleRef::Terminate(cluster) => tick::apply(ports, tick, cluster).await,
        ScheduleRef::Provision(_) | ScheduleRef::Workflow(_) | ScheduleRef::Upstreams(_) => {
            Err(Trouble::Poison(format!(
                "a tick of {} is not for terminate-cluster",
                tick.schedule
            )))
        }
    }
}
