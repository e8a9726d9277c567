//! reconcile: the safety net. It looks at what is due, and at nothing else (rule 17).
//!
//! In: its own tick, every two minutes. Out: ticks that were missed, outcomes and attempts whose
//! message was lost, the service's word where an event was lost, `deadline.missed`,
//! `deadline.at_risk`, `run.slow`, `tick.missed`, `cluster.idle`, `cluster.leaked`,
//! `letters.set_aside`, `letters.gone`.
//!
//! It decides nothing that another function decides: it sends that function the message again,
//! which is a duplicate to it if nothing was lost. Safe to repeat from the middle: every item is
//! acted on first and armed again, or disarmed, last.

mod deadline;
mod expected;
pub mod instances;
mod jobs;
mod letters;
mod notice;
mod place;
mod risk;
mod runs;
mod slow;
mod steps;
mod sweep;
mod task;
mod upstreams;

use model::message::Message;
use ports::{Delivery, Ports, Trouble, Verdict};

/// Handles a batch; several ticks at once are one look.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut swept: Option<Verdict> = None;
    let mut verdicts = Vec::with_capacity(batch.len());
    for delivery in batch {
        verdicts.push(match (delivery.message, &swept) {
            (Message::Sweep, Some(verdict)) => verdict.clone(),
            (Message::Sweep, None) => {
                let verdict = sweep::sweep(ports).await;
                swept.insert(verdict).clone()
            }
            (
                Message::Tick(_)
                | Message::Fact(_)
                | Message::Work(_)
                | Message::Cluster(_)
                | Message::Event(_)
                | Message::Start(_)
                | Message::Drain(_)
                | Message::Alert(_),
                _,
            ) => {
                let reason = "reconcile takes its own tick only".to_owned();
                Verdict::from(Err(Trouble::Poison(reason)))
            }
        });
    }
    verdicts
}

#[cfg(test)]
mod tests;
