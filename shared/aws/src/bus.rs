//! Facts over SNS, messages over SQS.
//!
//! Both take ten entries a call and answer for each; entries that were not taken are sent again,
//! and only when some still are not does the call fail. Sending twice is no harm (rule 1). Knows
//! nothing of who subscribes: that is the topic's business.

use std::collections::BTreeMap;

use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use model::fact::Fact;
use model::message::Function;
use ports::bus::MAX_DELAY;
use ports::{BusError, DeadLetter, EventBus, Outgoing};

use crate::backoff::Backoff;
use crate::letter;
use crate::trouble::Trouble;

/// The most entries of one call.
const ENTRIES: usize = 10;
/// The most bytes of one call, and of one entry; SNS and SQS count bodies and attributes.
const BYTES: usize = 256 * 1024;

/// How many messages of a queue can be had, and how many somebody has in hand; SQS knows both as of
/// about a minute ago.
const COUNTS: [QueueAttributeName; 2] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
];

/// Publishes on a topic and sends to queues.
#[derive(Debug, Clone)]
pub struct SnsSqsBus {
    topics: aws_sdk_sns::Client,
    queues: aws_sdk_sqs::Client,
    topic_arn: String,
    queue_urls: BTreeMap<Function, String>,
}

impl SnsSqsBus {
    /// Uses a topic and the inboxes of functions, by URL.
    pub fn new(
        topics: aws_sdk_sns::Client,
        queues: aws_sdk_sqs::Client,
        topic_arn: impl Into<String>,
        queue_urls: BTreeMap<Function, String>,
    ) -> Self {
        Self {
            topics,
            queues,
            topic_arn: topic_arn.into(),
            queue_urls,
        }
    }

    /// Publishes at most ten facts; says which were not taken.
    async fn publish_batch(&self, letters: &[Letter]) -> Result<Vec<Refused>, BusError> {
        let mut request = self.topics.publish_batch().topic_arn(&self.topic_arn);
        for (number, letter) in letters.iter().enumerate() {
            let mut entry = PublishBatchRequestEntry::builder()
                .id(number.to_string())
                .message(&letter.body);
            for (name, value) in &letter.attributes {
                let value = MessageAttributeValue::builder()
                    .data_type("String")
                    .string_value(value)
                    .build()
                    .map_err(unavailable)?;
                entry = entry.message_attributes(*name, value);
            }
            request = request.publish_batch_request_entries(entry.build().map_err(unavailable)?);
        }
        let answer = Box::pin(request.send()).await.map_err(unavailable)?;
        let failed = answer.failed.unwrap_or_default().into_iter();
        Ok(failed
            .map(|one| Refused::of(&one.id, &one.code, one.sender_fault))
            .collect())
    }

    /// Sends at most ten messages; says which were not taken.
    async fn send_batch(&self, url: &str, letters: &[Letter]) -> Result<Vec<Refused>, BusError> {
        let mut request = self.queues.send_message_batch().queue_url(url);
        for (number, letter) in letters.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(&letter.body)
                .delay_seconds(letter.delay_s);
            request = request.entries(entry.build().map_err(unavailable)?);
        }
        let answer = Box::pin(request.send()).await.map_err(unavailable)?;
        let failed = answer.failed.into_iter();
        Ok(failed
            .map(|one| Refused::of(&one.id, &one.code, one.sender_fault))
            .collect())
    }
}

impl SnsSqsBus {
    /// How many messages a queue has, whoever has them in hand; none where there is no such queue.
    async fn count(&self, url: &str) -> Result<u32, BusError> {
        let asked = self.queues.get_queue_attributes().queue_url(url);
        let asked = asked.set_attribute_names(Some(COUNTS.into()));
        let answer = match Box::pin(asked.send()).await {
            Ok(answer) => answer,
            Err(error) if matches!(Trouble::of(&error), Trouble::Absent(_)) => return Ok(0),
            Err(error) => return Err(unavailable(error)),
        };
        let attributes = answer.attributes.unwrap_or_default();
        let count = |name| attributes.get(name)?.parse::<u32>().ok();
        Ok(COUNTS.iter().filter_map(count).sum())
    }
}

impl EventBus for SnsSqsBus {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        let letters = facts.iter().map(Letter::of_fact).collect();
        deliver(letters, async |letters| self.publish_batch(letters).await).await
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let letters: Result<Vec<Letter>, _> = messages.iter().map(Letter::of_message).collect();
        let url = self.queue_urls.get(&inbox).ok_or_else(|| BusError {
            reason: format!("the inbox of {inbox} is not known here"),
        })?;
        deliver(letters?, async |letters| {
            self.send_batch(url, letters).await
        })
        .await
    }

    async fn set_aside(&self) -> Result<BTreeMap<Function, u32>, BusError> {
        // Of optional functions nobody knows here whether they are there; their alarms tell.
        let known = self.queue_urls.iter();
        let known = known.filter(|(inbox, _)| !inbox.is_optional());
        let counting = known.map(|(inbox, url)| async move {
            let letters = self.count(&dead_letters(url)).await?;
            Ok::<_, BusError>((*inbox, letters))
        });
        let counted = futures_util::future::try_join_all(counting).await?;
        Ok(counted.into_iter().collect())
    }

    async fn dead_letter(&self, inbox: Function) -> Result<Option<DeadLetter>, BusError> {
        let Some(url) = self.queue_urls.get(&inbox) else {
            return Ok(None);
        };
        let receive = self
            .queues
            .receive_message()
            .queue_url(dead_letters(url))
            .max_number_of_messages(1)
            // Nobody who looks after this is to find it hidden.
            .visibility_timeout(0)
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = Box::pin(receive.send()).await.map_err(unavailable)?;
        let first = answer.messages.unwrap_or_default().into_iter().next();
        Ok(first.map(|message| {
            let was_moved = letter::was_moved(&message.attributes.unwrap_or_default());
            let said = letter::said(message.message_attributes.unwrap_or_default());
            DeadLetter {
                reason: letter::reason(&said, was_moved),
                body: message.body.unwrap_or_default(),
            }
        }))
    }
}

/// Where what an inbox cannot handle goes.
pub(crate) fn dead_letters(inbox_url: &str) -> String {
    format!("{inbox_url}-dead-letters")
}

/// One entry of a call.
#[derive(Debug, Clone, PartialEq)]
struct Letter {
    body: String,
    attributes: Vec<(&'static str, String)>,
    delay_s: i32,
}

impl Letter {
    fn of_fact(fact: &Fact) -> Self {
        let mut attributes = vec![
            ("type", fact.body.type_name().to_owned()),
            ("team", fact.team.to_string()),
        ];
        attributes.extend(
            fact.workflow
                .as_ref()
                .map(|name| ("workflow", name.to_string())),
        );
        Self {
            body: json(fact),
            attributes,
            delay_s: 0,
        }
    }

    fn of_message(outgoing: &Outgoing) -> Result<Self, BusError> {
        let delay = i32::try_from(outgoing.delay.0)
            .ok()
            .filter(|_| outgoing.delay <= MAX_DELAY);
        let delay_s = delay.ok_or_else(|| BusError {
            reason: format!("a delay of {} is longer than {MAX_DELAY}", outgoing.delay),
        })?;
        Ok(Self {
            body: json(&outgoing.message),
            attributes: Vec::new(),
            delay_s,
        })
    }

    fn bytes(&self) -> usize {
        // A data type, `String`, is counted with each attribute.
        let attribute = |(name, value): &(&str, String)| name.len() + "String".len() + value.len();
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("messages are plain data with text keys")
}

/// An entry that was not taken.
#[derive(Debug, Clone, PartialEq)]
struct Refused {
    /// The entry's place in the call.
    number: usize,
    code: String,
    /// Sending it again cannot help.
    for_good: bool,
}

impl Refused {
    fn of(id: &str, code: &str, sender_fault: bool) -> Self {
        Self {
            // An id nobody gave is no entry of ours; it is found out by its number.
            number: id.parse().unwrap_or(usize::MAX),
            code: code.to_owned(),
            for_good: sender_fault && !code.contains("Throttl"),
        }
    }
}

/// Sends letters call by call, those that were not taken again.
async fn deliver(
    letters: Vec<Letter>,
    call: impl AsyncFn(&[Letter]) -> Result<Vec<Refused>, BusError>,
) -> Result<(), BusError> {
    if let Some(large) = letters.iter().find(|letter| letter.bytes() > BYTES) {
        let bytes = large.bytes();
        let reason = format!("a message of {bytes} bytes, at most {BYTES} are possible");
        return Err(BusError { reason });
    }
    for batch in batches(letters) {
        let mut backoff = Backoff::of(batch.iter().map(|letter| letter.body.as_str()));
        let mut letters = batch;
        loop {
            let refused = call(&letters).await?;
            let Some(first) = refused.first() else { break };
            let reason = format!(
                "{} of {} entries were not taken: {}",
                refused.len(),
                letters.len(),
                first.code
            );
            if refused.iter().any(|one| one.for_good) || !backoff.pause().await {
                return Err(BusError { reason });
            }
            let again = refused
                .iter()
                .filter_map(|one| letters.get(one.number).cloned());
            let again: Vec<Letter> = again.collect();
            if again.len() < refused.len() {
                return Err(BusError { reason });
            }
            letters = again;
        }
    }
    Ok(())
}

/// Cuts letters into calls.
fn batches(letters: Vec<Letter>) -> Vec<Vec<Letter>> {
    let mut batches: Vec<Vec<Letter>> = Vec::new();
    let mut bytes = 0;
    for letter in letters {
        let size = letter.bytes();
        match batches.last_mut() {
            Some(batch) if batch.len() < ENTRIES && bytes + size <= BYTES => {
                bytes += size;
                batch.push(letter);
            }
            Some(_) | None => {
                bytes = size;
                batches.push(vec![letter]);
            }
        }
    }
    batches
}

fn unavailable<E: std::error::Error>(error: E) -> BusError {
    let reason = DisplayErrorContext(error).to_string();
    BusError { reason }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn letter(name: usize, bytes: usize) -> Letter {
        let name = name.to_string();
        let body = "0".repeat(bytes - name.len()) + &name;
        Letter {
            body,
            attributes: Vec::new(),
            delay_s: 0,
        }
    }

    #[test]
    fn calls_keep_within_ten_entries_and_their_bytes() {
        let cases: [(&[usize], &[usize]); 5] = [
            (&[], &[]),
            (&[10; 25], &[10, 10, 5]),
            (&[100_000; 5], &[2, 2, 1]),
            (&[BYTES, 1, BYTES], &[1, 1, 1]),
            (&[BYTES - 1, 1, 1], &[2, 1]),
        ];
        for (sizes, expected) in cases {
            let letters = sizes.iter().map(|size| letter(0, *size)).collect();
            let counts: Vec<usize> = batches(letters).iter().map(Vec::len).collect();
            assert_eq!(counts, expected, "{sizes:?}");
        }
    }

    /// Delivers 12 letters over calls that refuse as told; says which were in each call.
    async fn delivered(refusals: &[&[(usize, bool)]]) -> (Result<(), BusError>, Vec<Vec<usize>>) {
        let calls = RefCell::new(Vec::new());
        let letters = (0..12).map(|name| letter(name, 5)).collect();
        let result = deliver(letters, async |letters: &[Letter]| {
            let names = letters
                .iter()
                .map(|letter| letter.body.parse().unwrap())
                .collect();
            calls.borrow_mut().push(names);
            let refused = refusals
                .get(calls.borrow().len() - 1)
                .copied()
                .unwrap_or(&[]);
            let refused = refused.iter().map(|(number, for_good)| Refused {
                number: *number,
                code: "InternalError".into(),
                for_good: *for_good,
            });
            Ok(refused.collect())
        });
        (result.await, calls.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn entries_that_were_not_taken_are_sent_again_and_only_they() {
        let (result, calls) = delivered(&[&[(3, false), (7, false)], &[(1, false)], &[]]).await;
        result.unwrap();
        assert_eq!(
            calls,
            [(0..10).collect(), vec![3, 7], vec![7], vec![10, 11]]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_taken_fails_the_call() {
        let always: Vec<&[(usize, bool)]> = vec![&[(0, false)]; 20];
        let (result, calls) = delivered(&always).await;
        assert!(result.unwrap_err().reason.contains("InternalError"));
        assert_eq!(calls.len(), 8, "one try and seven more");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_good_or_unknown_fails_at_once() {
        for refusal in [(2, true), (99, false)] {
            let (result, calls) = delivered(&[&[refusal]]).await;
            assert!(result.is_err());
            assert_eq!(calls.len(), 1);
        }
    }

    #[tokio::test]
    async fn what_no_call_can_carry_is_refused_before_anything_is_sent() {
        let result = deliver(
            vec![letter(0, 5), letter(1, BYTES + 1)],
            async |_: &[Letter]| panic!("nothing is sent"),
        );
        assert!(result.await.unwrap_err().reason.contains("at most"));
    }
}
