//! The tables: their columns, in order, are what files hold. Partitions add `date` (the day something
//! ended, in UTC) and `team`.
//!
//! Columns are only ever added, at the end: older files then read as empty there.

/// A table of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// A run's generation that has ended.
    Runs,
    /// An attempt of a task that has ended, or a task that was decided without one (attempt 0).
    Tasks,
    /// An instance of a cluster that has ended.
    Clusters,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// For people.
    pub about: &'static str,
}

/// What a column holds; any value may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Count,
    /// In UTC, to the millisecond.
    Instant,
    /// How long something took, to the millisecond.
    Seconds,
}

impl Kind {
    /// The type's name in Hive, and so in Glue, Athena and Presto's catalogue.
    pub fn hive(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Count => "bigint",
            Self::Instant => "timestamp",
            Self::Seconds => "double",
        }
    }
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Runs, Self::Tasks, Self::Clusters];

    /// Its name, and its folder's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Tasks => "tasks",
            Self::Clusters => "clusters",
        }
    }

    /// Its columns, in the order of the files.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Runs => RUNS,
            Self::Tasks => TASKS,
            Self::Clusters => CLUSTERS,
        }
    }

    /// The columns that tell rows apart; two rows with the same are one that came twice.
    pub fn key(self) -> &'static [&'static str] {
        match self {
            Self::Runs => &["run", "generation"],
            Self::Tasks => &["run", "task", "generation", "attempt"],
            Self::Clusters => &["instance"],
        }
    }

    /// Where a column stands.
    pub fn position(self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name == name)
    }
}

const fn text(name: &'static str, about: &'static str) -> Column {
    column(name, Kind::Text, about)
}

const fn count(name: &'static str, about: &'static str) -> Column {
    column(name, Kind::Count, about)
}

const fn instant(name: &'static str, about: &'static str) -> Column {
    column(name, Kind::Instant, about)
}

const fn seconds(name: &'static str, about: &'static str) -> Column {
    column(name, Kind::Seconds, about)
}

const fn column(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column { name, kind, about }
}

const RUNS: &[Column] = &[
    text("workflow", "The workflow's name within its team"),
    text("run", "The run's id"),
    text("slot", "What the run is for"),
    instant("logical_date", "The slot's instant"),
    count("generation", "1 for the first pass, more for reruns"),
    text("state", "succeeded, failed, cancelled or skipped"),
    text("reason", "Why, if it did not succeed"),
    instant("created_at", "When the run was recorded"),
    instant(
        "started_at",
        "When this generation began; absent if it never did",
    ),
    instant("ended_at", "When it ended"),
    seconds("seconds", "From its start to its end"),
];

const TASKS: &[Column] = &[
    text("workflow", "The workflow's name within its team"),
    text("run", "The run's id"),
    text("task", "The task's name within its workflow"),
    count("generation", "The run's generation"),
    count(
        "attempt",
        "From 1; 0 if the task was decided without an attempt",
    ),
    text(
        "state",
        "succeeded, failed, retried (it failed and another attempt followed), cancelled, skipped or blocked",
    ),
    text(
        "failure",
        "Whose fault a failure was: application, infrastructure or refused",
    ),
    text("reason", "Why, if it did not succeed"),
    text("cluster", "The cluster it ran on, as team/name"),
    text("instance", "The instance of that cluster"),
    text("queue", "The Batch job queue it ran in"),
    text("submission", "The EMR step's or Batch job's id"),
    instant("ready_at", "Since when it could have been submitted"),
    instant("submitted_at", "When the service took it"),
    instant("started_at", "When it began to run"),
    instant("ended_at", "When it ended"),
    seconds(
        "waited_seconds",
        "From when it could have been submitted to its start",
    ),
    seconds("seconds", "From its start to its end"),
];

const CLUSTERS: &[Column] = &[
    text("cluster", "The cluster's name within its team"),
    text("instance", "The instance: its cluster, window and ordinal"),
    text("id", "EMR's id; absent if it never had one"),
    text("purpose", "The tag `purpose`"),
    text("tags", "All tags, as a JSON object"),
    text("state", "terminated, or failed if murmur did not end it"),
    text("reason", "What EMR said of its end"),
    instant("requested_at", "When it was requested"),
    instant(
        "ready_at",
        "When it began to take work; absent if it never did",
    ),
    instant("ended_at", "When it ended"),
    seconds("seconds", "From its request to its end"),
];
