//! A function on Lambda: what becomes of its messages, over real queues.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use aws::LambdaInbox;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use model::message::Message;
use model::units::Seconds;
use ports::{Delivery, Verdict};
use serde_json::{Value, json};

use crate::emulator;

const FOREIGN: &str = include_str!("../../fixtures/emr-cluster-state-change-terminated.json");

pub struct Queues {
    client: Client,
    pub inbox_url: String,
    dead_letters_url: String,
}

impl Queues {
    pub async fn new(name: &str) -> Self {
        let client = Client::new(&emulator::config());
        let create = async |name: String| {
            let created = client.create_queue().queue_name(name).send().await.unwrap();
            created.queue_url.unwrap()
        };
        let inbox_url = create(name.to_owned()).await;
        let dead_letters_url = create(format!("{name}-dead-letters")).await;
        Self {
            client,
            inbox_url,
            dead_letters_url,
        }
    }

    fn inbox(&self) -> LambdaInbox {
        let client = self.client.clone();
        LambdaInbox::new(
            "murmur".parse().unwrap(),
            client,
            self.inbox_url.clone(),
            self.dead_letters_url.clone(),
        )
    }

    pub async fn send(&self, bodies: &[String]) {
        for body in bodies {
            let send = self
                .client
                .send_message()
                .queue_url(&self.inbox_url)
                .message_body(body);
            send.send().await.unwrap();
        }
    }

    /// Takes what is visible in the inbox, in the order of their bodies, as Lambda hands it over.
    pub async fn event(&self) -> Value {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.inbox_url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let mut messages = request.send().await.unwrap().messages.unwrap_or_default();
        messages.sort_by(|one, other| one.body.cmp(&other.body));
        let count = MessageSystemAttributeName::ApproximateReceiveCount;
        let record = |message: &aws_sdk_sqs::types::Message| {
            json!({
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": message.attributes.as_ref().unwrap()[&count],
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "awsRegion": "us-east-1",
            })
        };
        json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
    }

    /// The dead letters: body and reason.
    pub async fn dead_letters(&self) -> Vec<(String, String)> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.dead_letters_url)
            .max_number_of_messages(10)
            .message_attribute_names("All");
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        let letter = |message: aws_sdk_sqs::types::Message| {
            let reason = message.message_attributes.unwrap()["reason"]
                .string_value
                .clone();
            (message.body.unwrap(), reason.unwrap())
        };
        let mut letters: Vec<_> = messages.into_iter().map(letter).collect();
        letters.sort();
        letters
    }
}

/// A tick whose schedule tells what is to become of it.
pub fn tick(workflow: &str) -> String {
    let schedule = model::expected::ScheduleRef::Workflow(workflow.parse().unwrap());
    let tick = json!({ "schedule": schedule, "scheduled_time": "2026-03-01T05:00:00Z" });
    json!({ "tick": tick }).to_string()
}

pub fn workflow(delivery: &Delivery) -> String {
    match &delivery.message {
        Message::Tick(tick) => tick.schedule.to_string(),
        other => panic!("only ticks are sent: {other:?}"),
    }
}

fn returning(event: &Value, answer: &aws_lambda_events::sqs::SqsBatchResponse) -> Vec<String> {
    let body = |id: &str| {
        let mut records = event["Records"].as_array().unwrap().iter();
        let record = records.find(|record| record["messageId"] == id).unwrap();
        record["body"].as_str().unwrap().to_owned()
    };
    let failures = answer.batch_item_failures.iter();
    let mut bodies: Vec<String> = failures.map(|one| body(&one.item_identifier)).collect();
    bodies.sort();
    bodies
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_own_fate() {
    let queues = Queues::new("fates").await;
    let (done, failed, later) = (tick("a/done"), tick("a/failed"), tick("a/later"));
    let poison = tick("a/poison");
    let bodies = [&done, &failed, &later, &poison, "{", FOREIGN].map(|body| body.to_owned());
    queues.send(&bodies).await;
    let event = queues.event().await;
    assert_eq!(event["Records"].as_array().unwrap().len(), 6);
    let handled = RefCell::new(Vec::new());
    let handle = async |batch: Vec<Delivery>| {
        let verdict = |delivery: &Delivery| {
            assert_eq!(delivery.receives, 1);
            let name = workflow(delivery);
            handled.borrow_mut().push(name.clone());
            match name.rsplit('/').next().unwrap() {
                "done" => Verdict::Done,
                "failed" => Verdict::Failed("the store is away".into()),
                "later" => Verdict::Later(Seconds(0)),
                _ => Verdict::Poison("breaks\nan invariant".into()),
            }
        };
        batch.iter().map(verdict).collect()
    };
    let taken = Instant::now();
    let answer = queues
        .inbox()
        .take(serde_json::from_value(event.clone()).unwrap(), &handle)
        .await;
    assert_eq!(
        handled.borrow().len(),
        4,
        "what cannot be read is not for the handler"
    );
    assert_eq!(returning(&event, &answer), [failed.clone(), later.clone()]);
    let letters = queues.dead_letters().await;
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].0, "{");
    let said = &letters[0].1;
    assert!(said.starts_with("it is no JSON: EOF"), "{said}");
    assert_eq!(letters[1], (poison, "breaks an invariant".to_owned()));
    // One at once, the other not before a second has passed, each counted on.
    let mut returned = Vec::new();
    while returned.len() < 2 {
        let again = queues.event().await;
        for record in again["Records"].as_array().unwrap() {
            assert_eq!(record["attributes"]["ApproximateReceiveCount"], "2");
            returned.push((record["body"].as_str().unwrap().to_owned(), taken.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(returned[0].0, later);
    assert_eq!(returned[1].0, failed);
    assert!(returned[1].1 >= Duration::from_secs(1), "{returned:?}");
}

#[tokio::test]
async fn a_panic_harms_no_other_message() {
    let queues = Queues::new("panics").await;
    let bodies = ["a/one", "a/panic", "a/two"].map(tick);
    queues.send(&bodies).await;
    let event = queues.event().await;
    let batches = RefCell::new(Vec::new());
    let handle = async |batch: Vec<Delivery>| {
        let names: Vec<String> = batch.iter().map(workflow).collect();
        batches.borrow_mut().push(names.len());
        assert!(
            !names.iter().any(|name| name.ends_with("panic")),
            "a panic of the test"
        );
        vec![Verdict::Done; batch.len()]
    };
    let answer = queues
        .inbox()
        .take(serde_json::from_value(event.clone()).unwrap(), &handle)
        .await;
    assert_eq!(*batches.borrow(), [3, 1, 1, 1]);
    assert_eq!(returning(&event, &answer), [bodies[1].clone()]);
    assert_eq!(queues.dead_letters().await, [], "a panic is no poison");
}

#[tokio::test]
async fn a_message_without_a_verdict_returns() {
    let queues = Queues::new("unsaid").await;
    let bodies = ["a/one", "a/two"].map(tick);
    queues.send(&bodies).await;
    let event = queues.event().await;
    let handle = async |_| vec![Verdict::Done];
    let answer = queues
        .inbox()
        .take(serde_json::from_value(event.clone()).unwrap(), &handle)
        .await;
    assert_eq!(returning(&event, &answer), [bodies[1].clone()]);
}

#[tokio::test]
async fn what_cannot_be_put_aside_returns() {
    let mut queues = Queues::new("full").await;
    queues.dead_letters_url.push_str("-that-is-not-there");
    queues.send(&["{".to_owned()]).await;
    let event = queues.event().await;
    let handle = async |_| Vec::new();
    let answer = queues
        .inbox()
        .take(serde_json::from_value(event.clone()).unwrap(), &handle)
        .await;
    assert_eq!(returning(&event, &answer), ["{"]);
}
