//! Letters put aside (rule 21), in the dead-letter queues of a deployment.
//!
//! A queue shows a letter only by handing it out, so a look takes all and gives them back at once.
//! A letter goes back in two steps, sent first and deleted then: whatever happens in between, it is
//! somewhere, and twice does no harm (rule 1).

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
};
use model::Timestamp;

use super::Refused;
use super::inboxes::{Inboxes, url};
use crate::Deployment;
use crate::letter;
use crate::trouble::Trouble;

/// The most entries of one call.
const ENTRIES: usize = 10;
/// How long a look keeps letters from others, should it not be able to give them back.
const LOOK_S: i32 = 30;
/// How long a queue is waited for: with none, only some of its servers are asked.
const WAIT_S: i32 = 1;
/// What the Scheduler replaces in what it sends.
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";
/// The most letters of one queue that are looked at; they stay hidden for [`LOOK_S`] at most.
const LETTERS: usize = 1_000;

/// The dead-letter queues of a deployment.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    queues: Client,
    deployment: Deployment,
    inboxes: Inboxes,
}

/// A letter put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: String,
    /// The function it was meant for.
    pub inbox: String,
    /// Why it is here, in words.
    pub reason: String,
    /// When it was put here; for what SQS itself moved, when it was first sent.
    pub at: Timestamp,
    /// How often it was delivered; where only SQS knows, looks at it count, too.
    pub receives: u32,
    /// As it arrived.
    pub body: String,
}

/// A letter in hand.
struct Taken {
    letter: DeadLetter,
    receipt: String,
}

impl DeadLetters {
    /// Uses the queues of a deployment.
    pub fn new(config: &SdkConfig, deployment: Deployment) -> Self {
        Self {
            queues: Client::new(config),
            inboxes: Inboxes::new(config, deployment.clone()),
            deployment,
        }
    }

    /// Lists the letters of some inboxes, oldest first.
    pub async fn list(&self, inboxes: &[&str]) -> Result<Vec<DeadLetter>, Refused> {
        let mut letters = Vec::new();
        for (_, taken) in self.take(inboxes).await? {
            self.give_back(&taken.url, &taken.letters).await;
            letters.extend(taken.letters.into_iter().map(|taken| taken.letter));
        }
        letters.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        Ok(letters)
    }

    /// Sends letters to their inboxes again and deletes them here; says how many were still here.
    /// Each is named by inbox and id.
    pub async fn redrive(&self, chosen: &[(&str, &str)]) -> Result<usize, Refused> {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (inbox, id) in chosen {
            wanted.entry(inbox).or_default().insert(id);
        }
        let inboxes: Vec<&str> = wanted.keys().copied().collect();
        let mut moved = 0;
        for (inbox, taken) in self.take(&inboxes).await? {
            let is_wanted =
                |taken: &Taken| wanted[inbox.as_str()].contains(taken.letter.id.as_str());
            let (chosen, others): (Vec<Taken>, Vec<Taken>) =
                taken.letters.into_iter().partition(is_wanted);
            self.give_back(&taken.url, &others).await;
            moved += self.move_all(&inbox, &taken.url, &chosen).await?;
        }
        Ok(moved)
    }

    async fn move_all(&self, inbox: &str, from: &str, letters: &[Taken]) -> Result<usize, Refused> {
        for (moved, taken) in letters.iter().enumerate() {
            let result = self.move_one(inbox, from, taken).await;
            if result.is_err() {
                self.give_back(from, &letters[moved..]).await;
            }
            result?;
        }
        Ok(letters.len())
    }

    async fn move_one(&self, inbox: &str, from: &str, taken: &Taken) -> Result<(), Refused> {
        self.inboxes.send_body(inbox, &taken.letter.body).await?;
        let delete = self
            .queues
            .delete_message()
            .queue_url(from)
            .receipt_handle(&taken.receipt);
        let deleted = Box::pin(delete.send()).await;
        deleted.map_err(|error| {
            let letter = &taken.letter.id;
            let doing = format!("delete letter {letter} of {inbox}, which was sent on");
            Refused::new(doing, Trouble::of(&error))
        })?;
        Ok(())
    }

    /// Takes everything out of the dead letters of inboxes, all at the same time.
    async fn take(&self, inboxes: &[&str]) -> Result<BTreeMap<String, Queue>, Refused> {
        let mut taking = tokio::task::JoinSet::new();
        for inbox in inboxes {
            let (own, inbox) = (self.clone(), (*inbox).to_owned());
            taking.spawn(async move {
                let queue = own.take_one(&inbox).await;
                (inbox, queue)
            });
        }
        let (mut taken, mut refused) = (BTreeMap::new(), BTreeMap::new());
        for (inbox, queue) in taking.join_all().await {
            match queue {
                Ok(Some(queue)) => drop(taken.insert(inbox, queue)),
                Ok(None) => {}
                Err(error) => drop(refused.insert(inbox, error)),
            }
        }
        match refused.into_values().next() {
            None => Ok(taken),
            Some(refused) => {
                for queue in taken.values() {
                    self.give_back(&queue.url, &queue.letters).await;
                }
                Err(refused)
            }
        }
    }

    /// Takes everything out of one; `None` when there is no such queue.
    async fn take_one(&self, inbox: &str) -> Result<Option<Queue>, Refused> {
        let name = format!("{}-{inbox}-dead-letters", self.deployment);
        let Some(url) = url(&self.queues, &name).await? else {
            return Ok(None);
        };
        let mut letters: BTreeMap<String, Taken> = BTreeMap::new();
        loop {
            let receive = self
                .queues
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(10)
                .visibility_timeout(LOOK_S)
                .wait_time_seconds(if letters.is_empty() { WAIT_S } else { 0 })
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let answer = Box::pin(receive.send()).await;
            let answer = answer
                .map_err(|error| Refused::new(format!("look into {name}"), Trouble::of(&error)))?;
            let known = letters.len();
            for message in answer.messages.unwrap_or_default() {
                let receipt = message.receipt_handle.clone().unwrap_or_default();
                let letter = read(inbox, message);
                letters.insert(letter.id.clone(), Taken { letter, receipt });
            }
            // None any more, or they begin to come again.
            if letters.len() == known || letters.len() >= LETTERS {
                let letters = letters.into_values().collect();
                return Ok(Some(Queue { url, letters }));
            }
        }
    }

    /// Lets others see letters at once. Where that fails they are seen a little later.
    async fn give_back(&self, url: &str, letters: &[Taken]) {
        for chunk in letters.chunks(ENTRIES) {
            let mut request = self.queues.change_message_visibility_batch().queue_url(url);
            for (number, taken) in chunk.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&taken.receipt)
                    .visibility_timeout(0)
                    .build()
                    .expect("every field that is needed was given");
                request = request.entries(entry);
            }
            if let Err(error) = Box::pin(request.send()).await {
                let trouble = Trouble::of(&error);
                tracing::warn!(%trouble, "letters stay hidden for {LOOK_S} s");
            }
        }
    }
}

/// A queue with what was in it.
struct Queue {
    url: String,
    letters: Vec<Taken>,
}

fn read(inbox: &str, message: Message) -> DeadLetter {
    let system = message.attributes.unwrap_or_default();
    let sent = system.get(&MessageSystemAttributeName::SentTimestamp);
    let at = sent
        .and_then(|sent| sent.parse().ok())
        .and_then(|sent_ms| Timestamp::from_millisecond(sent_ms).ok());
    let was_moved = letter::was_moved(&system);
    let said = letter::said(message.message_attributes.unwrap_or_default());
    let delivered = said.get("receives").and_then(|count| count.parse().ok());
    let handed_out = system.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let handed_out = handed_out.and_then(|count| count.parse().ok());
    DeadLetter {
        id: message.message_id.unwrap_or_default(),
        inbox: inbox.to_owned(),
        reason: letter::reason(&said, was_moved),
        at: at.unwrap_or(Timestamp::UNIX_EPOCH),
        receives: delivered.or(handed_out).unwrap_or(0),
        body: body(message.body.unwrap_or_default(), &said),
    }
}

/// The body with the scheduled instant in it, should the Scheduler have left that out.
fn body(body: String, said: &BTreeMap<String, String>) -> String {
    match said.get("SCHEDULED_TIME") {
        Some(time) => body.replace(SCHEDULED_TIME, time),
        None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_keeps_its_instant() {
        let said = BTreeMap::from([("SCHEDULED_TIME".into(), "2026-03-01T05:00:00Z".into())]);
        let tick = |time: &str| format!("{{\"tick\":{{\"scheduled_time\":\"{time}\"}}}}");
        let expected = tick("2026-03-01T05:00:00Z");
        assert_eq!(body(tick(SCHEDULED_TIME), &said), expected);
        assert_eq!(body(expected.clone(), &said), expected);
        assert_eq!(
            body(tick(SCHEDULED_TIME), &BTreeMap::new()),
            tick(SCHEDULED_TIME)
        );
    }
}
