//! The functions of an engine that is there for one run: what else would start waits for
//! `murmur local up`.

use local::{Functions, Handlers, LocalPorts};
use model::fact::FactBody;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Compute, Delivery, Verdict};

use super::embedded::Nowhere;

/// murmur's functions, except that schedules and upstreams start no runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnlyAsked {
    functions: Functions<Nowhere>,
}

/// When a message that starts something else is looked at again.
const NOT_NOW: Seconds = Seconds(900);

impl<C: Compute> Handlers<C> for OnlyAsked {
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<C>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict> {
        if function != Function::StartRun {
            return self.functions.handle(function, ports, batch).await;
        }
        let mut verdicts = Vec::with_capacity(batch.len());
        for delivery in batch {
            match unasked(&delivery.message) {
                Some(verdict) => verdicts.push(verdict),
                None => {
                    let batch = vec![delivery];
                    let own = self.functions.handle(function, ports, batch).await;
                    verdicts.extend(own);
                }
            }
        }
        verdicts
    }
}

/// What becomes of a message that would start something else.
fn unasked(message: &Message) -> Option<Verdict> {
    match message {
        // As if it had been lost: its expected slot stays due, and reconcile finds it (rule 18).
        Message::Tick(_) => Some(Verdict::Done),
        Message::Fact(fact) => match fact.body {
            // Nobody would find it again, so it stays in the inbox.
            FactBody::RunSucceeded(_) => Some(Verdict::Later(NOT_NOW)),
            _ => None,
        },
        Message::Event(_)
        | Message::Start(_)
        | Message::Work(_)
        | Message::Cluster(_)
        | Message::Drain(_)
        | Message::Sweep
        | Message::Alert(_) => None,
    }
}
