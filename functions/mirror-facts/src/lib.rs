//! mirror-facts: shows every fact on an event bus, for rules that react to facts.
//!
//! Optional, and a stranger to the other functions: its inbox subscribes to the topic as anyone's
//! may, nobody sends to it, and it touches no state. Knows nothing of what facts mean.

use model::message::Message;
use ports::mirror::{Mirror, MirrorError};
use ports::{Delivery, Verdict};

/// Handles a batch; a repeated message shows its fact again, under the same id.
pub async fn handle(mirror: &impl Mirror, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut facts = Vec::with_capacity(batch.len());
    let mut is_fact = Vec::with_capacity(batch.len());
    for delivery in batch {
        match delivery.message {
            Message::Fact(fact) => {
                facts.push(fact);
                is_fact.push(true);
            }
            Message::Tick(_)
            | Message::Work(_)
            | Message::Cluster(_)
            | Message::Event(_)
            | Message::Start(_)
            | Message::Drain(_)
            | Message::Sweep
            | Message::Alert(_) => is_fact.push(false),
        }
    }
    let mut answers = mirror.show(&facts).await.into_iter();
    let verdict = |is_fact: bool| {
        if !is_fact {
            return Verdict::Poison("mirror-facts takes facts".to_owned());
        }
        match answers.next() {
            Some(Ok(())) => Verdict::Done,
            Some(Err(error @ MirrorError::Unavailable { .. })) => {
                Verdict::Failed(error.to_string())
            }
            Some(Err(error @ MirrorError::TooLarge { .. })) => Verdict::Poison(error.to_string()),
            None => Verdict::Failed("the mirror gave no answer".to_owned()),
        }
    };
    is_fact.into_iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::contract::mirror::fact;
    use testkit::{MemoryMirror, block_on};

    fn deliver(mirror: &MemoryMirror, messages: Vec<Message>) -> Vec<Verdict> {
        let batch = messages.into_iter().map(|message| Delivery {
            message,
            receives: 1,
        });
        block_on(handle(mirror, batch.collect()))
    }

    #[test]
    fn every_fact_of_a_batch_is_shown_and_what_is_none_goes_aside_alone() {
        let mirror = MemoryMirror::default();
        let messages = vec![
            Message::Fact(fact(1, 1)),
            Message::Sweep,
            Message::Fact(fact(2, 1)),
        ];
        let verdicts = deliver(&mirror, messages);
        assert_eq!(
            verdicts,
            [
                Verdict::Done,
                Verdict::Poison("mirror-facts takes facts".to_owned()),
                Verdict::Done
            ]
        );
        assert_eq!(mirror.shown(), [fact(1, 1), fact(2, 1)]);
    }

    #[test]
    fn only_what_was_not_taken_returns_and_only_what_never_can_be_goes_aside() {
        let mirror = MemoryMirror::default();
        mirror.refuse(&[2]);
        let facts = [fact(1, 1), fact(2, 1), fact(3, 300_000), fact(4, 1)];
        let messages: Vec<Message> = facts.clone().map(Message::Fact).into();
        let verdicts = deliver(&mirror, messages.clone());
        assert_eq!(verdicts[0], Verdict::Done);
        assert!(matches!(&verdicts[1], Verdict::Failed(_)), "{verdicts:?}");
        assert!(matches!(&verdicts[2], Verdict::Poison(_)), "{verdicts:?}");
        assert_eq!(verdicts[3], Verdict::Done);
        mirror.refuse(&[]);
        assert_eq!(deliver(&mirror, vec![messages[1].clone()]), [Verdict::Done]);
        assert_eq!(
            mirror.shown(),
            [facts[0].clone(), facts[3].clone(), facts[1].clone()]
        );
    }
}
