//! Takes events to the bus.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::asked::Service;
use crate::events::Event;

/// How often the bus is tried before an event is given up, which is said.
const TRIES: u32 = 20;

/// Where events go, and from whom they say they come.
#[derive(Debug, Clone)]
pub struct Bus {
    pub name: String,
    /// `aws.emr` is refused from anybody but AWS.
    pub emr_source: String,
    pub batch_source: String,
}

/// Puts events on the bus in order, those that are kept back aside, until there will be no more.
pub async fn run(client: Client, bus: Bus, mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        let delay = Duration::from_millis(event.delay_ms);
        let entry = entry(&bus, event);
        if delay.is_zero() {
            put(&client, entry).await;
        } else {
            let client = client.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                put(&client, entry).await;
            });
        }
    }
}

fn entry(bus: &Bus, event: Event) -> PutEventsRequestEntry {
    let source = match event.service {
        Service::Emr => &bus.emr_source,
        Service::Batch => &bus.batch_source,
    };
    PutEventsRequestEntry::builder()
        .event_bus_name(&bus.name)
        .source(source)
        .detail_type(event.detail_type)
        // The services tell whole seconds.
        .time(DateTime::from_secs(event.at_ms.div_euclid(1000)))
        .set_resources(Some(event.resources))
        .detail(event.detail.to_string())
        .build()
}

async fn put(client: &Client, entry: PutEventsRequestEntry) {
    for _ in 0..TRIES {
        let answer = client.put_events().entries(entry.clone()).send().await;
        match answer {
            Ok(answer) if answer.failed_entry_count() == 0 => return,
            Ok(answer) => eprintln!("stand-in: the bus refuses an event: {:?}", answer.entries()),
            Err(error) => eprintln!("stand-in: the bus does not answer: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    eprintln!("stand-in: an event is lost: {entry:?}");
}
