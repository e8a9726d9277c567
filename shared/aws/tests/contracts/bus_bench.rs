//! A bus over a topic with an inbox for each function, subscribed as deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::{SnsSqsBus, envelope};
use model::message::{Function, Message};
use model::units::Seconds;
use testkit::contract::bus::BusBench;

use crate::emulator;

pub struct Bench {
    bus: SnsSqsBus,
    #[allow(dead_code)] // another suite publishes there by itself
    pub topic_arn: String,
    queues: aws_sdk_sqs::Client,
    pub queue_urls: BTreeMap<Function, String>,
}

impl Bench {
    pub async fn new(prefix: &str) -> Self {
        let config = emulator::config();
        let topics = aws_sdk_sns::Client::new(&config);
        let queues = aws_sdk_sqs::Client::new(&config);
        let topic = topics.create_topic().name(format!("{prefix}-events"));
        let topic_arn = topic.send().await.unwrap().topic_arn.unwrap();
        let mut queue_urls = BTreeMap::new();
        for function in Function::ALL {
            let name = format!("{prefix}-{function}");
            let queue = queues
                .create_queue()
                .queue_name(&name)
                .send()
                .await
                .unwrap();
            queue_urls.insert(function, queue.queue_url.unwrap());
            subscribe(&topics, &topic_arn, function, &name).await;
        }
        let arn = topic_arn.clone();
        let bus = SnsSqsBus::new(topics, queues.clone(), arn, queue_urls.clone());
        Self {
            bus,
            topic_arn,
            queues,
            queue_urls,
        }
    }
}

/// Subscribes an inbox to the types its function takes; what takes none has no subscription.
async fn subscribe(topics: &aws_sdk_sns::Client, topic_arn: &str, function: Function, queue: &str) {
    let types = subscriptions(function);
    if types.is_empty() {
        return;
    }
    let filter = serde_json::json!({ "type": types }).to_string();
    topics
        .subscribe()
        .topic_arn(topic_arn)
        .protocol("sqs")
        .endpoint(format!("arn:aws:sqs:us-east-1:000000000000:{queue}"))
        .attributes("RawMessageDelivery", "true")
        .attributes("FilterPolicy", filter)
        .send()
        .await
        .unwrap();
}

fn subscriptions(function: Function) -> BTreeSet<&'static str> {
    const TYPES: [&str; 7] = [
        "murmur.run.succeeded.v1",
        "murmur.task.ready.v1",
        "murmur.task.succeeded.v1",
        "murmur.task.failed.v1",
        "murmur.task.cancelled.v1",
        "murmur.cluster.ready.v1",
        "murmur.operation.requested.v1",
    ];
    let takes = |name: &&str| Function::subscribers(name).contains(&function);
    TYPES.into_iter().filter(takes).collect()
}

impl BusBench for Bench {
    type Bus = SnsSqsBus;

    fn bus(&self) -> &SnsSqsBus {
        &self.bus
    }

    async fn receive(&self, inbox: Function) -> Vec<Message> {
        let url = &self.queue_urls[&inbox];
        let mut received = Vec::new();
        loop {
            let request = self
                .queues
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(10);
            let answer = request.send().await.unwrap().messages.unwrap_or_default();
            if answer.is_empty() {
                return received;
            }
            for message in answer {
                let body =
                    envelope::read(&message.body.unwrap(), &"murmur".parse().unwrap()).unwrap();
                received.push(body.expect("only our own is in these inboxes"));
                let handle = message.receipt_handle.unwrap();
                let delete = self
                    .queues
                    .delete_message()
                    .queue_url(url)
                    .receipt_handle(handle);
                delete.send().await.unwrap();
            }
        }
    }

    async fn pass(&self, time: Seconds) {
        // The emulator's queues keep real time.
        tokio::time::sleep(Duration::from_secs(time.0) + Duration::from_millis(200)).await;
    }
}
