//! Facts on an EventBridge bus, for rules that react to them.
//!
//! `source` is `murmur.<deployment>`, `detail-type` the fact's type, `detail` the CloudEvent. One
//! call takes ten entries and 256 KiB, and answers for each entry.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::DateTime;
use model::fact::{Fact, SOURCE};
use ports::mirror::{Mirror, MirrorError};

use crate::Deployment;

/// The most entries of one call.
const ENTRIES: usize = 10;
/// The most bytes of one call, and of one entry.
const BYTES: usize = 256 * 1024;
/// What an entry's time counts, in bytes.
const TIME_BYTES: usize = 14;

/// Puts facts on a bus.
#[derive(Debug, Clone)]
pub struct EventBridgeMirror {
    client: Client,
    bus: String,
    source: String,
}

impl EventBridgeMirror {
    /// Uses a bus, by name or ARN.
    pub fn new(client: Client, bus: impl Into<String>, deployment: &Deployment) -> Self {
        Self {
            client,
            bus: bus.into(),
            source: format!("{SOURCE}.{deployment}"),
        }
    }

    fn entry(&self, fact: &Fact) -> Entry {
        let detail_type = fact.body.type_name();
        let detail = serde_json::to_string(fact).expect("facts are plain data with text keys");
        Entry {
            bytes: self.source.len() + detail_type.len() + detail.len() + TIME_BYTES,
            request: PutEventsRequestEntry::builder()
                .event_bus_name(&self.bus)
                .source(&self.source)
                .detail_type(detail_type)
                .detail(detail)
                .time(DateTime::from_millis(fact.time.as_millisecond()))
                .build(),
        }
    }

    /// Puts entries on the bus in one call; an answer for each.
    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Vec<Result<(), MirrorError>> {
        let count = entries.len();
        let request = self.client.put_events().set_entries(Some(entries));
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            Err(error) => {
                let reason = DisplayErrorContext(error).to_string();
                return vec![Err(MirrorError::Unavailable { reason }); count];
            }
        };
        let mut results = answer.entries.unwrap_or_default().into_iter();
        let answer = |_| match results.next() {
            Some(taken) if taken.error_code.is_none() => Ok(()),
            refused => {
                let said = refused.map(|refused| [refused.error_code, refused.error_message]);
                let said: Vec<String> = said.into_iter().flatten().flatten().collect();
                Err(MirrorError::Unavailable {
                    reason: said.join(": "),
                })
            }
        };
        (0..count).map(answer).collect()
    }
}

impl Mirror for EventBridgeMirror {
    async fn show(&self, facts: &[Fact]) -> Vec<Result<(), MirrorError>> {
        let entries: Vec<Entry> = facts.iter().map(|fact| self.entry(fact)).collect();
        let sizes: Vec<usize> = entries.iter().map(|entry| entry.bytes).collect();
        let mut answers = BTreeMap::new();
        for (number, bytes) in sizes.iter().copied().enumerate() {
            let too_large = MirrorError::TooLarge { bytes, most: BYTES };
            answers.insert(number, Err(too_large));
        }
        for call in calls(&sizes) {
            let requests = call.iter().map(|number| entries[*number].request.clone());
            let taken = self.put(requests.collect()).await;
            answers.extend(call.into_iter().zip(taken));
        }
        answers.into_values().collect()
    }
}

struct Entry {
    bytes: usize,
    request: PutEventsRequestEntry,
}

/// Parts entries, by size, into calls; those that no call takes are in none.
fn calls(sizes: &[usize]) -> Vec<Vec<usize>> {
    let mut calls: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (number, bytes) in sizes.iter().copied().enumerate() {
        if bytes > BYTES {
            continue;
        }
        match calls.last_mut() {
            Some(call) if bytes <= room && call.len() < ENTRIES => {
                room -= bytes;
                call.push(number);
            }
            Some(_) | None => {
                room = BYTES - bytes;
                calls.push(vec![number]);
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_filled_up_to_what_one_takes() {
        let cases: [(&[usize], &[&[usize]]); 5] = [
            (&[], &[]),
            (
                &[1; 21],
                &[
                    &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
                    &[10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
                    &[20],
                ],
            ),
            (&[BYTES, 1, BYTES - 1, 1], &[&[0], &[1, 2], &[3]]),
            (&[1, BYTES + 1, 1], &[&[0, 2]]),
            (&[BYTES + 1], &[]),
        ];
        for (sizes, expected) in cases {
            assert_eq!(calls(sizes), expected);
        }
    }
}
