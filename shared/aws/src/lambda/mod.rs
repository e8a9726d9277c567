//! A function on Lambda: envelopes, batches, panics and poison, in one place.
//!
//! The only code that knows Lambda. A message leaves its inbox only when the handler says that it
//! is done (rule 2); what failed returns later and later; what can never succeed goes to the dead
//! letters with its reason, and the batch goes on (rule 21).

#[cfg(feature = "logs")]
mod alert;
mod entry;
mod exports;
mod settle;
mod strangers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use model::message::Function;
use model::metric::{Measurement, Metric};
use model::units::Seconds;
use ports::{Clock as _, Delivery, Ports as _, Verdict};
use tracing::Instrument as _;

use crate::{AwsPorts, Deployment, envelope};
#[cfg(feature = "logs")]
pub use alert::alert;
pub use entry::{CallError, call, run};
pub use exports::exports;
use settle::{Fate, fate, growing_delay};
#[cfg(feature = "archive")]
pub use strangers::archive;
pub use strangers::mirror;

/// The most entries of one call.
const ENTRIES: usize = 10;
/// The attribute that says how often a message was delivered.
const RECEIVES: &str = "ApproximateReceiveCount";
/// The attribute that says when a message was sent, in milliseconds since 1970.
const SENT: &str = "SentTimestamp";
/// How much of a reason is kept with a dead letter, in characters.
const REASON: usize = 1000;

/// A function's inbox and where its poison goes.
#[derive(Debug, Clone)]
pub struct LambdaInbox {
    deployment: Deployment,
    queues: Client,
    queue_url: String,
    dead_letters_url: String,
}

impl LambdaInbox {
    /// Uses two queues, by URL.
    pub fn new(
        deployment: Deployment,
        queues: Client,
        queue_url: impl Into<String>,
        dead_letters_url: impl Into<String>,
    ) -> Self {
        Self {
            deployment,
            queues,
            queue_url: queue_url.into(),
            dead_letters_url: dead_letters_url.into(),
        }
    }

    /// Serves Lambda until it ends the process.
    pub async fn serve(
        &self,
        handle: impl AsyncFn(Vec<Delivery>) -> Vec<Verdict>,
    ) -> Result<(), Error> {
        let handle = &handle;
        let serve = service_fn(|event: LambdaEvent<SqsEvent>| async move {
            let span = entry::span(&event.context);
            Ok::<_, Error>(self.take(event.payload, handle).instrument(span).await)
        });
        lambda_runtime::run(serve).await
    }

    /// Serves Lambda for a function until it ends the process, and tells what is measured after each
    /// batch: by then nothing of it is still to be done.
    async fn serve_measured(
        &self,
        function: Function,
        ports: &AwsPorts,
        handle: impl AsyncFn(Vec<Delivery>) -> Vec<Verdict>,
    ) -> Result<(), Error> {
        let handle = &handle;
        let serve = service_fn(|event: LambdaEvent<SqsEvent>| async move {
            let span = entry::span(&event.context);
            if let Some(lag) = lag(&event.payload, ports.clock().now().as_millisecond()) {
                let lag = Measurement::of(Metric::InboxLag, lag, [function.name()]);
                ports.meter().record(lag);
            }
            let answer = self.take(event.payload, handle).instrument(span).await;
            ports.tell_figures();
            Ok::<_, Error>(answer)
        });
        lambda_runtime::run(serve).await
    }

    /// Handles a batch; says which of its messages return.
    pub async fn take(
        &self,
        event: SqsEvent,
        handle: &impl AsyncFn(Vec<Delivery>) -> Vec<Verdict>,
    ) -> SqsBatchResponse {
        let mut letters: Vec<Letter> = {
            let records = event.records.iter();
            records
                .map(|one| Letter::of(one, &self.deployment))
                .collect()
        };
        let readable = letters
            .iter_mut()
            .filter_map(|letter| letter.delivery.take());
        let deliveries: Vec<Delivery> = readable.collect();
        let mut verdicts = verdicts(deliveries, handle).await.into_iter();
        let mut returning = Vec::new();
        for letter in letters {
            let verdict = match letter.known {
                Some(known) => known,
                None => verdicts.next().unwrap_or_else(unsaid),
            };
            if let Verdict::Failed(reason) = &verdict {
                tracing::warn!(
                    message_id = letter.id,
                    receives = letter.receives,
                    reason,
                    "a message failed"
                );
            }
            match fate(verdict, letter.receives) {
                Fate::Gone => {}
                Fate::Returns(after) => returning.push((letter.record, after)),
                Fate::Aside { reason } => {
                    tracing::error!(message_id = letter.id, reason, "a message is put aside");
                    if let Err(error) = self.put_aside(letter.record, &reason).await {
                        tracing::error!(message_id = letter.id, error, "it could not be put aside");
                        returning.push((letter.record, growing_delay(letter.receives)));
                    }
                }
            }
        }
        self.hide(&returning).await;
        let mut answer = SqsBatchResponse::default();
        for (record, _) in returning {
            answer.add_failure(record.message_id.clone().unwrap_or_default());
        }
        answer
    }

    /// Sends a message to the dead letters as it came, so that it can come again.
    async fn put_aside(&self, record: &SqsMessage, reason: &str) -> Result<(), String> {
        let readable = |c: char| if c.is_control() { ' ' } else { c };
        let reason: String = reason.chars().map(readable).take(REASON).collect();
        let known = |text: &str| if text.is_empty() { "unknown" } else { text }.to_owned();
        let text = |text: &str| {
            let value = MessageAttributeValue::builder().data_type("String");
            let value = value.string_value(known(text)).build();
            value.map_err(|error| DisplayErrorContext(error).to_string())
        };
        let receives = record.attributes.get(RECEIVES).map_or("", String::as_str);
        let request = self
            .queues
            .send_message()
            .queue_url(&self.dead_letters_url)
            .message_body(record.body.as_deref().unwrap_or_default())
            .message_attributes("reason", text(&reason)?)
            .message_attributes("receives", text(receives)?);
        let sent = Box::pin(request.send()).await;
        sent.map(|_| ())
            .map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// Keeps messages away for their time. One that is not kept away returns with the queue's own
    /// time-out, so a failure here is no failure of the batch.
    async fn hide(&self, returning: &[(&SqsMessage, Seconds)]) {
        for chunk in returning.chunks(ENTRIES) {
            let mut request = self
                .queues
                .change_message_visibility_batch()
                .queue_url(&self.queue_url);
            for (number, (record, after)) in chunk.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(record.receipt_handle.as_deref().unwrap_or_default())
                    .visibility_timeout(i32::try_from(after.0).unwrap_or(i32::MAX))
                    .build()
                    .expect("every field that is needed was given");
                request = request.entries(entry);
            }
            match Box::pin(request.send()).await {
                Ok(answer) => {
                    for failed in answer.failed {
                        tracing::warn!(code = failed.code, "a message keeps the queue's time-out");
                    }
                }
                Err(error) => {
                    let error = DisplayErrorContext(error).to_string();
                    tracing::warn!(error, "messages keep the queue's time-out");
                }
            }
        }
    }
}

/// The age of the oldest message that comes for the first time, in seconds; a delay it was sent with
/// counts, too.
fn lag(event: &SqsEvent, now_ms: i64) -> Option<f64> {
    let sent_ms = |record: &SqsMessage| -> Option<i64> {
        let is_first = record.attributes.get(RECEIVES)? == "1";
        let sent_ms = record.attributes.get(SENT)?.parse().ok()?;
        is_first.then_some(sent_ms)
    };
    let oldest_ms = event.records.iter().filter_map(sent_ms).min()?;
    let age_ms = u32::try_from(now_ms - oldest_ms).unwrap_or_default();
    Some(f64::from(age_ms) / 1000.0)
}

/// A message of a batch.
struct Letter<'a> {
    record: &'a SqsMessage,
    id: &'a str,
    receives: u32,
    /// For the handler.
    delivery: Option<Delivery>,
    /// What becomes of it, when that is no question for the handler.
    known: Option<Verdict>,
}

impl<'a> Letter<'a> {
    fn of(record: &'a SqsMessage, deployment: &Deployment) -> Self {
        let receives = record.attributes.get(RECEIVES);
        let receives = receives.and_then(|count| count.parse().ok()).unwrap_or(1);
        let body = record.body.as_deref().unwrap_or_default();
        let (delivery, known) = match envelope::read(body, deployment) {
            Ok(Some(message)) => (Some(Delivery { message, receives }), None),
            // Nothing of ours: the rule that sent it lets more through than we need.
            Ok(None) => (None, Some(Verdict::Done)),
            Err(error) => (None, Some(Verdict::Poison(chain(&error)))),
        };
        Self {
            record,
            id: record.message_id.as_deref().unwrap_or_default(),
            receives,
            delivery,
            known,
        }
    }
}

/// Asks the handler; after a panic for each message alone, so that one harms no other.
async fn verdicts(
    deliveries: Vec<Delivery>,
    handle: &impl AsyncFn(Vec<Delivery>) -> Vec<Verdict>,
) -> Vec<Verdict> {
    let count = deliveries.len();
    if count == 0 {
        return Vec::new();
    }
    match caught(handle(deliveries.clone())).await {
        Ok(mut verdicts) => {
            verdicts.resize_with(count, unsaid);
            return verdicts;
        }
        Err(panic) if count == 1 => return vec![Verdict::Failed(panic)],
        Err(panic) => tracing::error!(panic, count, "a batch is handled one by one"),
    }
    let mut verdicts = Vec::with_capacity(count);
    for delivery in deliveries {
        let verdict = match caught(handle(vec![delivery])).await {
            Ok(said) => said.into_iter().next().unwrap_or_else(unsaid),
            Err(panic) => Verdict::Failed(panic),
        };
        verdicts.push(verdict);
    }
    verdicts
}

fn unsaid() -> Verdict {
    Verdict::Failed("the handler gave no verdict".into())
}

/// Awaits a future; a panic in it is an error.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                let text = text.unwrap_or_else(|| "with what is no text".into());
                Poll::Ready(Err(format!("the handler panicked: {text}")))
            }
        }
    })
    .await
}

/// An error with what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_oldest_new_message() {
        let message = |sent_ms: &str, receives: &str| {
            let mut message = SqsMessage::default();
            let attributes = [(SENT, sent_ms), (RECEIVES, receives)];
            let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
            message.attributes = attributes.into();
            message
        };
        let lag = |records| {
            let mut event = SqsEvent::default();
            event.records = records;
            lag(&event, 10_000)
        };
        let oldest = [
            message("9000", "1"),
            message("8500", "1"),
            message("1000", "2"),
        ];
        assert_eq!(lag(oldest.into()), Some(1.5));
        assert_eq!(lag(vec![message("1000", "2")]), None);
        // The queue's clock may be ahead.
        assert_eq!(lag(vec![message("10001", "1")]), Some(0.0));
    }
}
