//! Figures as lines of CloudWatch's Embedded Metric Format: whoever takes in a function's log makes
//! metrics of them, so a figure costs no call, only its bytes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::metric::{By, Kind, Measurement, Metric};
use ports::Meter;
use serde_json::{Map, Value, json};

/// The most values of one metric in one line.
const VALUES: usize = 100;

/// How often a process tells figures of the platform itself, in milliseconds: the slowest call since then.
const OFTEN_MS: i64 = 5 * 60_000;
/// How long they wait for a line that is written anyway. What a process still keeps when it ends is lost;
/// of how long calls take there is enough.
const PATIENCE_MS: i64 = 15 * 60_000;

/// Keeps figures until an invocation is over, so that what goes together shares a line.
pub struct EmfMeter {
    namespace: String,
    by_workflow: bool,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// Of runs, tasks and clusters, and what reconcile mends.
    work: Vec<Measurement>,
    /// Of inboxes, and of whom the functions call.
    platform: Vec<Measurement>,
    /// When those of the platform were last told.
    told_ms: i64,
}

/// Figures that share a line: each label, and each metric, has one value in it.
#[derive(Default)]
struct Line {
    labels: BTreeMap<&'static str, String>,
    metrics: BTreeMap<Metric, Vec<f64>>,
}

impl EmfMeter {
    /// Takes figures of a deployment, which has a namespace of its own; `by_workflow` says whether
    /// the few metrics that name a workflow are also kept by it.
    pub fn new(deployment: &str, by_workflow: bool) -> Self {
        Self {
            namespace: format!("murmur/{deployment}"),
            by_workflow,
            taken: Mutex::default(),
        }
    }

    /// Hands over what was taken since the last time, as lines; `now_ms` is when it was measured,
    /// in milliseconds since 1970.
    pub fn lines(&self, now_ms: i64) -> Vec<String> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited_ms = now_ms - taken.told_ms;
        if taken.work.is_empty() && waited_ms < PATIENCE_MS {
            return Vec::new();
        }
        let mut figures = std::mem::take(&mut taken.work);
        if waited_ms >= OFTEN_MS {
            taken.told_ms = now_ms;
            figures.append(&mut taken.platform);
        }
        drop(taken);
        let lines = packed(figures);
        lines
            .iter()
            .map(|line| self.written(line, now_ms).to_string())
            .collect()
    }

    fn written(&self, line: &Line, now_ms: i64) -> Value {
        let mut by: BTreeMap<By, Vec<Value>> = BTreeMap::new();
        let mut root = Map::new();
        for (label, value) in &line.labels {
            root.insert((*label).to_owned(), value.as_str().into());
        }
        for (metric, values) in &line.metrics {
            // Its name says its unit, so a line need not.
            let definition = json!({ "Name": metric.name() });
            by.entry(metric.by()).or_default().push(definition);
            let value = match values.as_slice() {
                [one] => number(*one),
                many => many.iter().copied().map(number).collect(),
            };
            root.insert(metric.name().to_owned(), value);
        }
        let directives = by.into_iter().map(|(by, metrics)| {
            let dimensions = self.dimensions(by);
            json!({ "Namespace": self.namespace, "Dimensions": dimensions, "Metrics": metrics })
        });
        let directives: Vec<Value> = directives.collect();
        root.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": now_ms, "CloudWatchMetrics": directives }),
        );
        Value::Object(root)
    }

    /// The sets of dimensions; each combination of values is a metric that is billed.
    fn dimensions(&self, by: By) -> Vec<&'static [&'static str]> {
        match by {
            By::Workflow if self.by_workflow => vec![By::Team.labels(), by.labels()],
            By::Workflow => vec![By::Team.labels()],
            By::Nothing | By::Team | By::Cluster | By::Limit | By::Function | By::Correction => {
                vec![by.labels()]
            }
        }
    }
}

impl Meter for EmfMeter {
    fn record(&self, measurement: Measurement) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match measurement.metric.by() {
            By::Nothing | By::Function => slowest(&mut taken.platform, measurement),
            By::Team | By::Workflow | By::Cluster | By::Limit | By::Correction => {
                taken.work.push(measurement);
            }
        }
    }
}

/// Of many calls keeps the slowest one: what is watched is whether any takes long.
fn slowest(kept: &mut Vec<Measurement>, new: Measurement) {
    let same = |one: &&mut Measurement| one.metric == new.metric && one.labels == new.labels;
    match kept.iter_mut().find(same) {
        Some(known) => known.value = known.value.max(new.value),
        None => kept.push(new),
    }
}

/// Puts figures into as few lines as hold them.
fn packed(taken: Vec<Measurement>) -> Vec<Line> {
    let mut groups: BTreeMap<(Vec<String>, Metric), Vec<f64>> = BTreeMap::new();
    for one in taken {
        let values = groups.entry((one.labels, one.metric)).or_default();
        match (one.metric.kind(), values.first_mut()) {
            (Kind::Counter, Some(sum)) => *sum += one.value,
            (Kind::Gauge, Some(last)) => *last = one.value,
            (Kind::Counter | Kind::Gauge, None) | (Kind::Histogram, _) => values.push(one.value),
        }
    }
    let mut lines: Vec<Line> = Vec::new();
    for ((labels, metric), values) in groups {
        for values in values.chunks(VALUES) {
            let fits = |line: &&mut Line| line.fits(metric, &labels);
            match lines.iter_mut().find(fits) {
                Some(line) => line.add(metric, &labels, values),
                None => {
                    let mut line = Line::default();
                    line.add(metric, &labels, values);
                    lines.push(line);
                }
            }
        }
    }
    lines
}

impl Line {
    fn fits(&self, metric: Metric, labels: &[String]) -> bool {
        let mut pairs = metric.by().labels().iter().zip(labels);
        let agrees = |(name, value)| self.labels.get(name).is_none_or(|known| known == value);
        !self.metrics.contains_key(&metric) && pairs.all(agrees)
    }

    fn add(&mut self, metric: Metric, labels: &[String], values: &[f64]) {
        let names = metric.by().labels().iter().copied();
        self.labels.extend(names.zip(labels.iter().cloned()));
        self.metrics.insert(metric, values.to_vec());
    }
}

/// A figure to the thousandth, whole where it is.
fn number(value: f64) -> Value {
    let rounded = (value * 1000.0).round() / 1000.0;
    #[allow(clippy::cast_possible_truncation)] // it is whole, and far from the largest
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        Value::from(rounded as i64)
    } else {
        Value::from(rounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(by_workflow: bool, figures: &[Measurement]) -> Vec<Value> {
        let meter = EmfMeter::new("prod", by_workflow);
        figures.iter().cloned().for_each(|one| meter.record(one));
        let lines = meter.lines(1_772_341_200_000);
        let again = meter.lines(1_772_341_200_001);
        assert!(again.is_empty(), "each figure is told once");
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn figures_of_one_team_share_a_line() {
        let of = |metric, value| Measurement::of(metric, value, ["weather"]);
        let figures = [
            of(Metric::TasksSucceeded, 1.0),
            of(Metric::TaskDuration, 60.0),
            of(Metric::TasksSucceeded, 1.0),
            of(Metric::TaskDuration, 1.2345),
            Measurement::one(Metric::RunsSucceeded, ["weather", "daily"]),
            Measurement::of(Metric::StoreLatency, 0.004, []),
            Measurement::of(Metric::StoreLatency, 0.002, []),
        ];
        let lines = lines(true, &figures);
        let metric = |name: &str| json!({ "Name": name });
        let namespace = "murmur/prod";
        let expected = json!({
            "_aws": {
                "Timestamp": 1_772_341_200_000_i64,
                "CloudWatchMetrics": [
                    {
                        "Namespace": namespace,
                        "Dimensions": [[]],
                        "Metrics": [metric("store_latency_seconds")],
                    },
                    {
                        "Namespace": namespace,
                        "Dimensions": [["team"]],
                        "Metrics": [
                            metric("tasks_succeeded"),
                            metric("task_duration_seconds"),
                        ],
                    },
                    {
                        "Namespace": namespace,
                        "Dimensions": [["team"], ["team", "workflow"]],
                        "Metrics": [metric("runs_succeeded")],
                    },
                ],
            },
            "team": "weather",
            "workflow": "daily",
            "runs_succeeded": 1,
            "tasks_succeeded": 2,
            "task_duration_seconds": [60, 1.235],
            "store_latency_seconds": 0.004,
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn figures_of_the_platform_are_told_now_and_then_in_a_line_that_is_written_anyway() {
        let meter = EmfMeter::new("prod", true);
        let work = || meter.record(Measurement::one(Metric::TaskRetries, ["weather"]));
        let told = |now_ms| {
            let platform = meter.lines(now_ms).join("");
            (
                !platform.is_empty(),
                platform.contains("bus_latency_seconds"),
            )
        };
        let begin = PATIENCE_MS;
        let call = |took| meter.record(Measurement::of(Metric::BusLatency, took, []));
        call(0.01);
        assert_eq!(told(begin), (true, true), "nothing was told for long");
        call(0.5);
        assert_eq!(told(begin + 1), (false, false), "it waits");
        work();
        assert_eq!(told(begin + 2), (true, false), "it was told just now");
        call(0.02);
        work();
        let line = meter.lines(begin + OFTEN_MS).join("");
        assert!(line.contains("\"bus_latency_seconds\":0.5"), "{line}");
        call(0.01);
        assert_eq!(told(begin + OFTEN_MS + PATIENCE_MS), (true, true));
    }

    #[test]
    fn what_cannot_share_a_line_has_its_own() {
        let figures = [
            Measurement::one(Metric::RunsFailed, ["weather", "daily"]),
            Measurement::one(Metric::RunsFailed, ["weather", "hourly"]),
            Measurement::one(Metric::RunsFailed, ["sales", "daily"]),
        ];
        let lines = lines(false, &figures);
        assert_eq!(lines.len(), 3);
        for line in lines {
            let dimensions = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
            assert_eq!(dimensions, &json!([["team"]]));
        }
    }

    #[test]
    fn no_line_holds_more_values_than_cloudwatch_takes() {
        let figures: Vec<Measurement> = (0..250)
            .map(|_| Measurement::of(Metric::TaskDuration, 1.0, ["weather"]))
            .collect();
        let counts: Vec<usize> = lines(true, &figures)
            .iter()
            .map(|line| line["task_duration_seconds"].as_array().map_or(1, Vec::len))
            .collect();
        assert_eq!(counts, [100, 100, 50]);
    }
}
