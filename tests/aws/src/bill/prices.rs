//! What a unit costs: list prices with their date, and what is assumed where nothing can be
//! counted here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calls::Invocation;
use crate::ledger::Units;

/// The file of prices.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The date on which the lists were read.
    pub as_of: String,
    pub region: String,
    pub per_million: PerMillion,
    pub per_month: PerMonth,
    pub assumed: Assumed,
    pub others: Others,
}

/// Dollars per million units.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PerMillion {
    pub write_unit: f64,
    pub read_unit: f64,
    /// A `PublishBatch` of ten small messages is one publish: the developer guide says that
    /// batching lowers the costs by a factor of up to 10, and each 64 KB are billed as one.
    pub topic_publish: f64,
    /// Whoever makes it: the functions, Lambda's poller, and the topic and the rules that send.
    pub queue_request: f64,
    pub invocation: f64,
    pub gigabyte_second: f64,
    pub tick: f64,
}

/// Dollars per month.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PerMonth {
    pub alarm: f64,
    pub key: f64,
    pub table_gigabyte: f64,
    pub recovery_gigabyte: f64,
    pub log_gigabyte_taken: f64,
    pub log_gigabyte_kept: f64,
}

/// What the emulator cannot tell.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    pub memory_mb: u32,
    pub milliseconds_per_invocation: f64,
    /// Round trips within a region, by service. Handlers make one call after the other.
    pub milliseconds_per_call: BTreeMap<String, f64>,
    /// Of one whole processor, signing and parsing included.
    pub processor_milliseconds_per_call: f64,
    /// The share of a processor that a function of this memory gets.
    pub processors_at_this_memory: f64,
    /// How long steps take, for how often reconcile looks at them.
    pub steps_minutes: u32,
    /// Lambda's poller asks whether anything has come.
    pub empty_receives_per_minute_and_inbox: u32,
    /// History that is kept: about a million task-runs.
    pub table_gigabytes: f64,
    pub log_bytes_per_invocation: u32,
    pub hours_per_month: u32,
}

/// What others cost.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Others {
    pub step_functions_standard_per_million_transitions: f64,
    /// At least the task's own state and the choice or join that leads to it; a retry is one more.
    pub transitions_per_task: u32,
    /// The smallest environment, idle or not, with one scheduler and one worker.
    pub mwaa_smallest_per_hour: f64,
}

impl Prices {
    /// Reads the file.
    pub fn read() -> Self {
        serde_json::from_str(include_str!("prices.json")).unwrap()
    }

    /// How many gigabyte-seconds an invocation takes: its calls, one after the other, and the
    /// processor time they need at a small share of a processor.
    pub fn gigabyte_seconds(&self, invocation: &Invocation) -> f64 {
        let assumed = &self.assumed;
        let processor = assumed.processor_milliseconds_per_call / assumed.processors_at_this_memory;
        let calls = invocation.calls.iter();
        let waiting: f64 = calls
            .map(|call| assumed.milliseconds_per_call[&call.service] + processor)
            .sum();
        let milliseconds = (assumed.milliseconds_per_invocation + waiting).ceil();
        milliseconds / 1000.0 * f64::from(assumed.memory_mb) / 1024.0
    }
}

/// Dollars by service.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Dollars {
    pub dynamodb: f64,
    pub sns: f64,
    pub sqs: f64,
    pub lambda: f64,
    pub scheduler: f64,
}

impl Dollars {
    /// What units cost.
    pub fn of(units: &Units, prices: &Prices) -> Self {
        let per = &prices.per_million;
        let cost = |units: f64, price: f64| units * price / 1e6;
        Self {
            dynamodb: cost(units.write_units, per.write_unit)
                + cost(units.read_units, per.read_unit),
            sns: cost(units.topic_publishes, per.topic_publish),
            sqs: cost(units.queue_requests, per.queue_request),
            lambda: cost(units.invocations, per.invocation)
                + cost(units.gigabyte_seconds, per.gigabyte_second),
            scheduler: cost(units.ticks, per.tick),
        }
    }

    /// All together.
    pub fn total(&self) -> f64 {
        self.dynamodb + self.sns + self.sqs + self.lambda + self.scheduler
    }
}
