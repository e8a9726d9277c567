//! What every event bus must do.

use model::fact::{Fact, FactBody, OperationFact, RunFact};
use model::message::{Function, Message};
use model::run::RunState;
use model::units::Seconds;
use ports::bus::MAX_DELAY;
use ports::{EventBus, Outgoing};

/// A bus with a look into its inboxes.
#[allow(async_fn_in_trait)] // tests run on one thread
pub trait BusBench {
    type Bus: EventBus;

    fn bus(&self) -> &Self::Bus;

    /// Takes everything that is visible in an inbox, and acknowledges it.
    async fn receive(&self, inbox: Function) -> Vec<Message>;

    /// Lets time pass until what was delayed this long is visible.
    async fn pass(&self, time: Seconds);
}

/// Runs the whole suite.
///
/// # Panics
/// Where the bus differs from the contract.
pub async fn all<B: BusBench>(make: impl AsyncFn() -> B) {
    facts_reach_exactly_their_subscribers(&make().await).await;
    messages_reach_one_inbox(&make().await).await;
    delayed_messages_stay_hidden(&make().await).await;
    what_cannot_be_sent_is_refused_whole(&make().await).await;
    many_travel_at_once(&make().await).await;
}

/// A fact arrives in the inbox of each function that subscribes to it, and nowhere else.
pub async fn facts_reach_exactly_their_subscribers(bench: &impl BusBench) {
    let (heard, ignored) = (run_succeeded(1), operation_done());
    assert!(Function::subscribers(ignored.body.type_name()).is_empty());
    let facts = vec![heard.clone(), ignored];
    bench.bus().publish(facts).await.expect("facts are taken");
    for function in Function::ALL {
        let subscribes = Function::subscribers(heard.body.type_name()).contains(&function);
        let expected = if subscribes {
            vec![Message::Fact(heard.clone())]
        } else {
            Vec::new()
        };
        assert_eq!(bench.receive(function).await, expected, "{function}");
        assert_eq!(
            bench.receive(function).await,
            [],
            "{function}: acknowledged for good"
        );
    }
}

/// A message arrives in the inbox it was sent to, and nowhere else.
pub async fn messages_reach_one_inbox(bench: &impl BusBench) {
    let message = Message::Fact(run_succeeded(1));
    let sent = vec![Outgoing::from(message.clone())];
    bench
        .bus()
        .send(Function::Reconcile, sent)
        .await
        .expect("messages are taken");
    for function in Function::ALL {
        let here = function == Function::Reconcile;
        let expected = if here {
            vec![message.clone()]
        } else {
            Vec::new()
        };
        assert_eq!(bench.receive(function).await, expected, "{function}");
    }
}

/// A delayed message is not seen before its delay is over, others of the same call are.
pub async fn delayed_messages_stay_hidden(bench: &impl BusBench) {
    let delayed = Outgoing {
        message: Message::Fact(run_succeeded(2)),
        delay: Seconds(2),
    };
    let sent = vec![delayed.clone(), Outgoing::from(Message::Sweep)];
    bench
        .bus()
        .send(Function::StartRun, sent)
        .await
        .expect("messages are taken");
    assert_eq!(bench.receive(Function::StartRun).await, [Message::Sweep]);
    bench.pass(Seconds(2)).await;
    assert_eq!(bench.receive(Function::StartRun).await, [delayed.message]);
}

/// A delay longer than a message can carry is an error, and nothing of the call is sent.
pub async fn what_cannot_be_sent_is_refused_whole(bench: &impl BusBench) {
    let long = Outgoing {
        message: Message::Sweep,
        delay: Seconds(MAX_DELAY.0 + 1),
    };
    let sent = vec![Outgoing::from(Message::Sweep), long];
    assert!(bench.bus().send(Function::StartRun, sent).await.is_err());
    assert_eq!(bench.receive(Function::StartRun).await, []);
    let longest = Outgoing {
        message: Message::Sweep,
        delay: MAX_DELAY,
    };
    bench
        .bus()
        .send(Function::StartRun, vec![longest])
        .await
        .expect("the longest delay is taken");
}

/// One call takes nothing, one, and more than a service takes at once.
pub async fn many_travel_at_once(bench: &impl BusBench) {
    bench
        .bus()
        .publish(Vec::new())
        .await
        .expect("nothing is taken");
    bench
        .bus()
        .send(Function::Operate, Vec::new())
        .await
        .expect("nothing is taken");
    let facts: Vec<Fact> = (0..25).map(run_succeeded).collect();
    bench
        .bus()
        .publish(facts.clone())
        .await
        .expect("facts are taken");
    let mut received = Vec::new();
    loop {
        let more = bench.receive(Function::StartRun).await;
        if more.is_empty() {
            break;
        }
        received.extend(more);
    }
    // In any order.
    let expected: Vec<Message> = facts.into_iter().map(Message::Fact).collect();
    assert_eq!(received.len(), expected.len());
    assert!(expected.iter().all(|message| received.contains(message)));
}

fn run_succeeded(generation: u32) -> Fact {
    let at = crate::instant("2026-03-01T05:15:00Z");
    let body = FactBody::RunSucceeded(RunFact {
        run: "weather--daily_report--20260301t051500z".into(),
        slot: "2026-03-01T05:15:00Z".into(),
        logical_date: at,
        generation,
        state: RunState::Succeeded,
        depth: 0,
        reason: Some("a reason with \"quotes\", ünïcode and a\nbreak".into()),
        history: None,
    });
    fact(Some("daily_report"), body)
}

fn operation_done() -> Fact {
    let operation = OperationFact {
        operation: "op-1".into(),
        by: "ada".into(),
        done: true,
        result: "done".into(),
    };
    fact(None, FactBody::OperationDone(operation))
}

fn fact(workflow: Option<&str>, body: FactBody) -> Fact {
    let team = "weather".parse().expect("a team's name");
    let workflow = workflow.map(|name| name.parse().expect("a workflow's name"));
    Fact::new(team, workflow, crate::instant("2026-03-01T05:20:00Z"), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryBus, TestPorts, block_on};

    impl BusBench for TestPorts {
        type Bus = MemoryBus;

        fn bus(&self) -> &MemoryBus {
            &self.bus
        }
        async fn receive(&self, inbox: Function) -> Vec<Message> {
            self.bus.receive(inbox)
        }
        async fn pass(&self, time: Seconds) {
            self.clock.pass(time);
        }
    }

    #[test]
    fn the_memory_bus_keeps_the_contract() {
        block_on(all(async || TestPorts::new()));
    }
}
