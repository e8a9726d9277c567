//! The bill for people and for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::idle::Item;
use crate::ledger::Units;
use crate::load::Taken;
use crate::prices::{Dollars, Prices};

/// Everything that was counted, in dollars per million task-runs and per month.
#[derive(Debug, Serialize)]
pub struct Report {
    pub prices: Prices,
    pub loads: Vec<Row>,
    /// One more step of a chain: what a longer chain takes more.
    pub step_of_a_chain: Cost,
    pub idle_month: Vec<Item>,
    pub idle_month_dollars: f64,
    pub others: Others,
}

/// One load, per task.
#[derive(Debug, Serialize)]
pub struct Row {
    pub load: String,
    pub tasks: f64,
    pub messages_per_invocation: f64,
    pub per_task: Cost,
    pub by_function: BTreeMap<&'static str, Cost>,
    pub calls_per_task: BTreeMap<String, f64>,
    pub largest_item_bytes: BTreeMap<String, usize>,
    /// Of this build; the prices assume another.
    pub processor_milliseconds_per_call: f64,
}

/// Units of one task, and dollars of a million.
#[derive(Debug, Serialize)]
pub struct Cost {
    pub units: Units,
    pub dollars: Dollars,
    pub total_dollars: f64,
    /// If messages that the topic, rules and schedules send are not billed as requests.
    pub least_dollars: f64,
}

/// What others take for a million task-runs a month.
#[derive(Debug, Serialize)]
pub struct Others {
    pub step_functions_standard: f64,
    pub mwaa_smallest_month: f64,
}

impl Cost {
    /// Of a task that takes so much.
    pub fn of(units: Units, prices: &Prices) -> Self {
        let million = units.per(1e-6);
        let dollars = Dollars::of(&million, prices);
        Self {
            units,
            dollars,
            total_dollars: dollars.total(),
            least_dollars: dollars.total()
                - units.of_which_sent_by_services * prices.per_million.queue_request,
        }
    }
}

impl Row {
    /// Of a load that was counted.
    pub fn of(load: String, taken: &Taken, prices: &Prices) -> Self {
        let functions = taken.by_function.iter();
        let calls = taken.calls.iter();
        Self {
            load,
            tasks: taken.tasks,
            messages_per_invocation: taken.batch,
            per_task: Cost::of(taken.per_task(), prices),
            by_function: functions
                .map(|(name, units)| (*name, Cost::of(units.per(taken.tasks), prices)))
                .collect(),
            calls_per_task: calls
                .map(|(name, count)| (name.clone(), f64::from(*count) / taken.tasks))
                .collect(),
            largest_item_bytes: taken.largest.clone(),
            processor_milliseconds_per_call: taken.processor_milliseconds_per_call,
        }
    }
}

impl Report {
    /// The tables.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let Prices { as_of, region, .. } = &self.prices;
        let _ = writeln!(
            text,
            "Dollars per million task-runs, list prices of {region}, {as_of}\n"
        );
        let _ = writeln!(
            text,
            "{:<26} {:>9} {:>6} {:>6} {:>7} {:>10} {:>7}   {:>6} {:>6} {:>6} {:>6} {:>6}",
            "",
            "DynamoDB",
            "SNS",
            "SQS",
            "Lambda",
            "Scheduler",
            "total",
            "WRU",
            "RRU",
            "SNS",
            "SQS",
            "inv."
        );
        for row in &self.loads {
            line(&mut text, &row.load, &row.per_task);
            for (function, cost) in &row.by_function {
                line(&mut text, &format!("  {function}"), cost);
            }
        }
        line(&mut text, "one more step of a chain", &self.step_of_a_chain);
        let _ = writeln!(text, "\nDollars of a month in which nothing happens\n");
        for item in &self.idle_month {
            let _ = writeln!(text, "{:<52} {:>6.2}", item.what, item.dollars);
        }
        let _ = writeln!(text, "{:<52} {:>6.2}", "total", self.idle_month_dollars);
        self.comparisons(&mut text);
        text
    }

    fn comparisons(&self, text: &mut String) {
        let others = &self.prices.others;
        let hours = self.prices.assumed.hours_per_month;
        let chain = self
            .loads
            .first()
            .map_or(0.0, |row| row.per_task.total_dollars);
        let _ = writeln!(text, "\nDollars of a month with a million task-runs\n");
        let mut line = |name: &str, dollars: f64, how: String| {
            let _ = writeln!(text, "{name:<26} {dollars:>8.2}   {how}");
        };
        line(
            "murmur",
            chain + self.idle_month_dollars,
            format!(
                "{chain:.2} for the tasks, {:.2} for the month",
                self.idle_month_dollars
            ),
        );
        line(
            "Step Functions Standard",
            self.others.step_functions_standard,
            format!(
                "1,000,000 tasks x {} transitions x ${} per million",
                others.transitions_per_task, others.step_functions_standard_per_million_transitions
            ),
        );
        line(
            "smallest MWAA",
            self.others.mwaa_smallest_month,
            format!(
                "{hours} hours x ${}, however many tasks",
                others.mwaa_smallest_per_hour
            ),
        );
    }
}

fn line(text: &mut String, name: &str, cost: &Cost) {
    let Cost { units, dollars, .. } = cost;
    let _ = writeln!(
        text,
        "{name:<26} {:>9.2} {:>6.2} {:>6.2} {:>7.2} {:>10.2} {:>7.2} {:>8.2}   {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.3}",
        dollars.dynamodb,
        dollars.sns,
        dollars.sqs,
        dollars.lambda,
        dollars.scheduler,
        cost.total_dollars,
        cost.least_dollars,
        units.write_units,
        units.read_units,
        units.topic_publishes,
        units.queue_requests,
        units.invocations
    );
}
