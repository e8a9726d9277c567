//! Facts on an EventBridge bus, against the emulator: a rule on the bus lets a queue hear them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws::{Deployment, EventBridgeMirror};
use aws_sdk_eventbridge::types::Target;
use model::fact::Fact;
use ports::mirror::{Mirror as _, MirrorError};
use serde_json::{Value, json};
use testkit::contract::mirror::{self, MirrorBench, fact};

use crate::emulator;
use crate::wire::{Answer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

fn deployment() -> Deployment {
    "prod".parse().unwrap()
}

struct Bench {
    mirror: EventBridgeMirror,
    queues: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Bench {
    async fn new() -> Self {
        static BUSES: AtomicU32 = AtomicU32::new(0);
        let name = format!("prod-facts-{}", BUSES.fetch_add(1, Ordering::Relaxed));
        let config = emulator::config();
        let buses = aws_sdk_eventbridge::Client::new(&config);
        let queues = aws_sdk_sqs::Client::new(&config);
        buses.create_event_bus().name(&name).send().await.unwrap();
        let queue = queues.create_queue().queue_name(&name).send();
        let queue_url = queue.await.unwrap().queue_url.unwrap();
        let pattern = json!({
            "source": ["murmur.prod"],
            "detail-type": [{ "prefix": "murmur.operation." }],
            "detail": { "team": ["weather"] },
        });
        buses
            .put_rule()
            .name(&name)
            .event_bus_name(&name)
            .event_pattern(pattern.to_string())
            .send()
            .await
            .unwrap();
        let target = Target::builder()
            .id("queue")
            .arn(format!("arn:aws:sqs:us-east-1:000000000000:{name}"));
        let targets = buses.put_targets().rule(&name).event_bus_name(&name);
        targets
            .targets(target.build().unwrap())
            .send()
            .await
            .unwrap();
        Self {
            mirror: EventBridgeMirror::new(buses, name, &deployment()),
            queues,
            queue_url,
        }
    }
}

impl MirrorBench for Bench {
    type Mirror = EventBridgeMirror;

    fn mirror(&self) -> &EventBridgeMirror {
        &self.mirror
    }

    async fn see(&self, count: usize) -> Vec<Fact> {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while seen.len() < count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count} came", seen.len());
            let request = self.queues.receive_message().queue_url(&self.queue_url);
            let request = request.max_number_of_messages(10).wait_time_seconds(1);
            for message in request.send().await.unwrap().messages.unwrap_or_default() {
                let event: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
                let fact: Fact = serde_json::from_value(event["detail"].clone()).unwrap();
                assert_eq!(event["source"], "murmur.prod");
                assert_eq!(event["detail-type"], fact.body.type_name());
                seen.push(fact);
                let done = self.queues.delete_message().queue_url(&self.queue_url);
                let done = done.receipt_handle(message.receipt_handle.unwrap());
                done.send().await.unwrap();
            }
        }
        seen
    }
}

#[tokio::test]
async fn facts_on_an_event_bus_keep_the_contract() {
    mirror::all(Bench::new).await;
}

#[tokio::test]
async fn entries_that_were_not_taken_are_told_one_by_one() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let wire = Wire::new(move |request| {
        seen.lock().unwrap().push(request.body.clone());
        Answer::Ok(json!({ "FailedEntryCount": 1, "Entries": [
            { "EventId": "1" },
            { "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" },
            { "EventId": "3" },
        ] }))
    });
    let client = aws_sdk_eventbridge::Client::new(&wire.config());
    let mirror = EventBridgeMirror::new(client, "facts", &deployment());
    let answers = mirror.show(&[fact(1, 1), fact(2, 1), fact(3, 1)]).await;
    let refused = MirrorError::Unavailable {
        reason: "ThrottlingException: slow down".into(),
    };
    assert_eq!(answers, [Ok(()), Err(refused), Ok(())]);
    let asked = asked.lock().unwrap();
    let entry = &asked[0]["Entries"][0];
    assert_eq!(entry["EventBusName"], "facts");
    assert_eq!(entry["Time"], 1_780_286_400);
}

#[tokio::test]
async fn a_call_that_fails_tells_it_of_its_own_entries_only() {
    let mut calls = 0;
    let wire = Wire::new(move |_| {
        calls += 1;
        let taken = json!({ "Entries": vec![json!({ "EventId": "1" }); 10] });
        if calls == 1 {
            Answer::Ok(taken)
        } else {
            Answer::Error(400, "AccessDeniedException", "not yours".into())
        }
    });
    let client = aws_sdk_eventbridge::Client::new(&wire.config());
    let mirror = EventBridgeMirror::new(client, "facts", &deployment());
    let facts: Vec<Fact> = (0..12).map(|number| fact(number, 1)).collect();
    let answers = mirror.show(&facts).await;
    assert!(answers[..10].iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(answers[10..].len(), 2);
    for answer in &answers[10..] {
        let said = answer.as_ref().unwrap_err().to_string();
        assert!(said.contains("not yours"), "{said}");
    }
}
