//! Figures of one engine, kept as Prometheus reads them: the names of CloudWatch, after `murmur_`.
//!
//! Counts begin at 0 with the process; that is how Prometheus knows them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

use model::metric::{Kind, Measurement, Metric, Unit};
use ports::Meter;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;
type Float = AtomicU64;

/// Every metric, from which a text is made whenever somebody asks.
pub struct Meters {
    registry: Registry,
    series: BTreeMap<Metric, Series>,
}

enum Series {
    Counter(Family<Labels, Counter<f64, Float>>),
    Gauge(Family<Labels, Gauge<f64, Float>>),
    Histogram(Family<Labels, Histogram, fn() -> Histogram>),
}

impl Meters {
    /// Begins to count.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("murmur");
        let series = Metric::ALL.map(|metric| (metric, Series::of(metric, &mut registry)));
        let series = series.into();
        Self { registry, series }
    }

    /// Everything so far, in the text format of `OpenMetrics`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a text takes whatever is written to it");
        text
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

impl Series {
    fn of(metric: Metric, registry: &mut Registry) -> Self {
        let (name, help) = (metric.name(), help(metric));
        match metric.kind() {
            Kind::Counter => {
                let family = Family::default();
                registry.register(name, help, family.clone());
                Self::Counter(family)
            }
            Kind::Gauge => {
                let family = Family::default();
                registry.register(name, help, family.clone());
                Self::Gauge(family)
            }
            Kind::Histogram => {
                let family = Family::new_with_constructor(seconds as fn() -> Histogram);
                registry.register(name, help, family.clone());
                Self::Histogram(family)
            }
        }
    }
}

/// From a millisecond to a day and a half.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 28))
}

fn help(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Count => "How many",
        Unit::Seconds => "How long, in seconds",
        Unit::Hours => "How long, in hours",
    }
}

impl Meter for Meters {
    fn record(&self, measurement: Measurement) {
        let Some(series) = self.series.get(&measurement.metric) else {
            return;
        };
        let names = measurement.metric.by().labels().iter().copied();
        let labels: Labels = names.zip(measurement.labels).collect();
        match series {
            Series::Counter(family) => {
                family.get_or_create(&labels).inc_by(measurement.value);
            }
            Series::Gauge(family) => {
                family.get_or_create(&labels).set(measurement.value);
            }
            Series::Histogram(family) => family.get_or_create(&labels).observe(measurement.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_names_of_cloudwatch() {
        let meters = Meters::new();
        for _ in 0..2 {
            meters.record(Measurement::one(Metric::RunsFailed, ["weather", "daily"]));
        }
        for used in [7.0, 3.0] {
            meters.record(Measurement::of(
                Metric::LimitUsed,
                used,
                ["pool/weather/light"],
            ));
        }
        meters.record(Measurement::of(Metric::TaskDuration, 60.0, ["weather"]));
        let text = meters.text();
        for line in [
            "murmur_runs_failed_total{team=\"weather\",workflow=\"daily\"} 2.0",
            "murmur_limit_used{limit=\"pool/weather/light\"} 3.0",
            "murmur_task_duration_seconds_sum{team=\"weather\"} 60.0",
            "murmur_task_duration_seconds_count{team=\"weather\"} 1",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|one| one == line),
                "{line} is not in\n{text}"
            );
        }
    }
}
