//! What murmur measures of itself: each metric with its name, unit and labels, the same on AWS and on
//! one machine. Must not know who counts, or where figures go.
//!
//! On CloudWatch every combination of label values is billed by the month, so only few metrics name
//! the workflow, and none the run or the task.

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    RunsWaiting,
    RunsStarted,
    RunsSucceeded,
    RunsFailed,
    RunsCancelled,
    RunsSkipped,
    /// From a run's start to its end.
    RunDuration,
    TasksSucceeded,
    TasksFailed,
    TasksSkipped,
    /// Skipped because of a failure above.
    TasksBlocked,
    TasksCancelled,
    /// Attempts that the service started.
    AttemptsStarted,
    AttemptsFailedApplication,
    AttemptsFailedInfrastructure,
    AttemptsFailedRefused,
    /// Attempts that were followed by another of their generation.
    TaskRetries,
    /// From when an attempt could have been submitted to when the service started it.
    QueueToStart,
    /// From when the service started an attempt to its end.
    TaskDuration,
    DeadlinesMissed,
    /// Hours that an instance was there, told at its end.
    ClusterHours,
    ClustersFailed,
    /// Open steps of an instance, whenever reconcile looks.
    ClusterOpenSteps,
    /// Places of a pool or a quota that are taken, whenever one is.
    LimitUsed,
    /// How old a message was when its function took it.
    InboxLag,
    /// How long calls to the state table took.
    StoreLatency,
    /// How long calls to the topic and the queues took.
    BusLatency,
    /// How long calls to the compute services took.
    ComputeLatency,
    /// What reconcile found amiss and mended.
    ReconcileCorrections,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Count,
    Seconds,
    Hours,
}

/// How figures of one metric go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// They are added up.
    Counter,
    /// The newest counts.
    Gauge,
    /// Their distribution counts.
    Histogram,
}

/// By what a metric is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    Nothing,
    Team,
    /// The team, and the team's workflow.
    Workflow,
    /// The team, and the team's cluster.
    Cluster,
    Limit,
    Function,
    Correction,
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    pub metric: Metric,
    pub value: f64,
    /// A value for each of the labels of [`By::labels`], in their order.
    pub labels: Vec<String>,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 29] = [
        Self::RunsWaiting,
        Self::RunsStarted,
        Self::RunsSucceeded,
        Self::RunsFailed,
        Self::RunsCancelled,
        Self::RunsSkipped,
        Self::RunDuration,
        Self::TasksSucceeded,
        Self::TasksFailed,
        Self::TasksSkipped,
        Self::TasksBlocked,
        Self::TasksCancelled,
        Self::AttemptsStarted,
        Self::AttemptsFailedApplication,
        Self::AttemptsFailedInfrastructure,
        Self::AttemptsFailedRefused,
        Self::TaskRetries,
        Self::QueueToStart,
        Self::TaskDuration,
        Self::DeadlinesMissed,
        Self::ClusterHours,
        Self::ClustersFailed,
        Self::ClusterOpenSteps,
        Self::LimitUsed,
        Self::InboxLag,
        Self::StoreLatency,
        Self::BusLatency,
        Self::ComputeLatency,
        Self::ReconcileCorrections,
    ];

    /// Its name, on CloudWatch and, after `murmur_`, for Prometheus.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunsWaiting => "runs_waiting",
            Self::RunsStarted => "runs_started",
            Self::RunsSucceeded => "runs_succeeded",
            Self::RunsFailed => "runs_failed",
            Self::RunsCancelled => "runs_cancelled",
            Self::RunsSkipped => "runs_skipped",
            Self::RunDuration => "run_duration_seconds",
            Self::TasksSucceeded => "tasks_succeeded",
            Self::TasksFailed => "tasks_failed",
            Self::TasksSkipped => "tasks_skipped",
            Self::TasksBlocked => "tasks_blocked",
            Self::TasksCancelled => "tasks_cancelled",
            Self::AttemptsStarted => "attempts_started",
            Self::AttemptsFailedApplication => "attempts_failed_application",
            Self::AttemptsFailedInfrastructure => "attempts_failed_infrastructure",
            Self::AttemptsFailedRefused => "attempts_failed_refused",
            Self::TaskRetries => "task_retries",
            Self::QueueToStart => "queue_to_start_seconds",
            Self::TaskDuration => "task_duration_seconds",
            Self::DeadlinesMissed => "deadlines_missed",
            Self::ClusterHours => "cluster_hours",
            Self::ClustersFailed => "clusters_failed",
            Self::ClusterOpenSteps => "cluster_open_steps",
            Self::LimitUsed => "limit_used",
            Self::InboxLag => "inbox_lag_seconds",
            Self::StoreLatency => "store_latency_seconds",
            Self::BusLatency => "bus_latency_seconds",
            Self::ComputeLatency => "compute_latency_seconds",
            Self::ReconcileCorrections => "reconcile_corrections",
        }
    }

    /// What it counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::RunDuration
            | Self::QueueToStart
            | Self::TaskDuration
            | Self::InboxLag
            | Self::StoreLatency
            | Self::BusLatency
            | Self::ComputeLatency => Unit::Seconds,
            Self::ClusterHours => Unit::Hours,
            Self::RunsWaiting
            | Self::RunsStarted
            | Self::RunsSucceeded
            | Self::RunsFailed
            | Self::RunsCancelled
            | Self::RunsSkipped
            | Self::TasksSucceeded
            | Self::TasksFailed
            | Self::TasksSkipped
            | Self::TasksBlocked
            | Self::TasksCancelled
            | Self::AttemptsStarted
            | Self::AttemptsFailedApplication
            | Self::AttemptsFailedInfrastructure
            | Self::AttemptsFailedRefused
            | Self::TaskRetries
            | Self::DeadlinesMissed
            | Self::ClustersFailed
            | Self::ClusterOpenSteps
            | Self::LimitUsed
            | Self::ReconcileCorrections => Unit::Count,
        }
    }

    /// How its figures go together.
    pub fn kind(self) -> Kind {
        match (self.unit(), self) {
            (Unit::Count, Self::ClusterOpenSteps | Self::LimitUsed) => Kind::Gauge,
            (Unit::Count | Unit::Hours, _) => Kind::Counter,
            (Unit::Seconds, _) => Kind::Histogram,
        }
    }

    /// By what it is told apart.
    pub fn by(self) -> By {
        match self {
            Self::RunsSucceeded | Self::RunsFailed | Self::RunDuration => By::Workflow,
            Self::RunsWaiting
            | Self::RunsStarted
            | Self::RunsCancelled
            | Self::RunsSkipped
            | Self::TasksSucceeded
            | Self::TasksFailed
            | Self::TasksSkipped
            | Self::TasksBlocked
            | Self::TasksCancelled
            | Self::AttemptsStarted
            | Self::AttemptsFailedApplication
            | Self::AttemptsFailedInfrastructure
            | Self::AttemptsFailedRefused
            | Self::TaskRetries
            | Self::QueueToStart
            | Self::TaskDuration
            | Self::DeadlinesMissed
            | Self::ClusterHours
            | Self::ClustersFailed => By::Team,
            Self::ClusterOpenSteps => By::Cluster,
            Self::LimitUsed => By::Limit,
            Self::InboxLag => By::Function,
            Self::StoreLatency | Self::BusLatency | Self::ComputeLatency => By::Nothing,
            Self::ReconcileCorrections => By::Correction,
        }
    }
}

impl By {
    /// The labels' names.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Team => &["team"],
            Self::Workflow => &["team", "workflow"],
            Self::Cluster => &["team", "cluster"],
            Self::Limit => &["limit"],
            Self::Function => &["function"],
            Self::Correction => &["correction"],
        }
    }
}

impl Measurement {
    /// One of something; `labels` are those of the metric's [`By`], in their order.
    pub fn one<const N: usize>(metric: Metric, labels: [&str; N]) -> Self {
        Self::of(metric, 1.0, labels)
    }

    /// A figure; `labels` are those of the metric's [`By`], in their order.
    pub fn of<const N: usize>(metric: Metric, value: f64, labels: [&str; N]) -> Self {
        debug_assert_eq!(N, metric.by().labels().len(), "{metric:?}");
        let labels = labels.map(str::to_owned).to_vec();
        Self {
            metric,
            value,
            labels,
        }
    }
}

/// What was found amiss and mended: each means that something was lost, or that somebody died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// What an instance did was not heard of.
    Instance,
    /// What a Batch job did was not heard of.
    Job,
    /// Somebody who has ended still held a place.
    Place,
    /// An instance was asked for, and nobody knows whether.
    Request,
    /// An outcome or a ready task of a run did not arrive.
    Run,
    /// What a step did was not heard of.
    Step,
    /// A schedule did not fire.
    Tick,
}

impl Correction {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Instance,
        Self::Job,
        Self::Place,
        Self::Request,
        Self::Run,
        Self::Step,
        Self::Tick,
    ];

    /// As it is counted and logged, in the field `correction`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Job => "job",
            Self::Place => "place",
            Self::Request => "request",
            Self::Run => "run",
            Self::Step => "step",
            Self::Tick => "tick",
        }
    }

    /// The figure of so many of them.
    pub fn figure(self, count: usize) -> Measurement {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        Measurement::of(Metric::ReconcileCorrections, count, [self.name()])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_say_their_unit_and_are_each_once() {
        let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            let name = metric.name();
            let says_seconds = name.ends_with("_seconds");
            assert_eq!(says_seconds, metric.unit() == Unit::Seconds, "{name}");
        }
    }

    #[test]
    fn the_dashboard_of_the_platform_has_every_correction() {
        let names = Correction::ALL.map(|correction| format!("{:?}", correction.name()));
        let line = format!("corrections = [{}]", names.join(", "));
        let dashboards = include_str!("../../../infra/terraform/dashboards.tf");
        assert!(dashboards.contains(&line), "{line}");
    }

    /// Terraform's dashboards and alarms are held to this file, and it to the code.
    #[test]
    fn the_list_for_dashboards_is_that_of_the_code() {
        let listed: serde_json::Value =
            serde_json::from_str(include_str!("../../../infra/terraform/metrics.json")).unwrap();
        let known: serde_json::Map<String, serde_json::Value> = Metric::ALL
            .iter()
            .map(|metric| (metric.name().to_owned(), metric.by().labels().into()))
            .collect();
        assert_eq!(listed, serde_json::Value::Object(known));
    }
}
