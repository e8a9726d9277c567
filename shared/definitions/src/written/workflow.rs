//! `workflows/<name>.yaml`, but for its tasks.

use model::alert::Severity;
use model::definition::{Align, CatchUp, WhenFull};

use super::Task;
use crate::read::{
    Argument, ClockTime, Duration, Json, Map, OneOrMany, Plain, ShortOr, Text, Tried, Whole, Word,
    written,
};
use crate::source::At;

/// A default of a parameter, or a parameter with more to it.
pub(crate) type Param = ShortOr<Plain, ParamLong>;

/// A time of day, or a time span after the slot.
pub(crate) type Deadline = ShortOr<ClockTime, DeadlineLong>;

written! {
    /// A workflow of murmur: a DAG of tasks with what starts it.
    pub(crate) struct Workflow {
        /// What the workflow does, for people.
        description: Option<Text>,
        /// IANA time zone of logical dates, alignment and deadline, for workflows without a
        /// schedule, which has its own; `UTC` unless given.
        timezone: Option<At<Text>>,
        /// Starts a run at each firing.
        schedule: Option<Schedule>,
        /// Starts a run when these workflows have succeeded: `name`, or `team/name` of another team.
        after: Option<OneOrMany<At<Text>>>,
        /// By what several upstream workflows meet; `day` unless given.
        align: Option<Word<Align>>,
        /// Starts a run for each event that matches.
        events: Option<Vec<EventTrigger>>,
        /// When a run must have succeeded: a local time such as `"06:00"`, or `{ after: 3h }`.
        deadline: Option<Deadline>,
        /// How many runs may be active at once; no limit unless given.
        max_active_runs: Option<ShortOr<Whole<1, 10_000>, ActiveRunsLong>>,
        /// Parameters a run may be given: a default, or `{ default, description }`.
        params: Option<Map<Param>>,
        /// Higher goes first where a limit makes work wait; 0 unless given.
        priority: Option<Whole<-1000, 1000>>,
        /// When people are told that something is wrong with it; at once and always unless given.
        alerts: Option<Alerts>,
        /// The tasks, by name.
        tasks: Tried<Map<Task>>,
    }

    /// When people are told that something is wrong with a workflow.
    pub(crate) struct Alerts {
        /// Only once so many runs in a row have failed.
        in_a_row: Option<Whole<2, 100>>,
        /// Hours in which only what is critical is told; the rest is told afterwards.
        quiet: Option<Quiet>,
        /// How bad failures of this workflow are; `critical` ones are told at any hour.
        severity: Option<Word<Severity>>,
    }

    /// A part of each day, in the workflow's zone, over midnight when it ends before it begins.
    pub(crate) struct Quiet {
        /// When it begins, such as `"22:00"`.
        from: ClockTime,
        /// When it ends.
        to: ClockTime,
    }

    /// When a workflow starts.
    pub(crate) struct Schedule {
        /// `cron(…)`, `rate(…)` or `at(…)` of EventBridge Scheduler.
        expression: Tried<At<Text>>,
        /// IANA time zone, such as `America/New_York`; `UTC` unless given.
        timezone: Option<At<Text>>,
        /// What happens to slots that were missed; `latest` unless given.
        catch_up: Option<Word<CatchUp>>,
    }

    /// An event that starts a workflow.
    pub(crate) struct EventTrigger {
        /// An EventBridge pattern.
        pattern: Tried<At<Json>>,
        /// Dotted path of the field that names the slot, such as `detail.order_id`.
        slot: Option<At<Text>>,
    }

    /// When a run must have succeeded.
    pub(crate) struct DeadlineLong {
        /// This long after the slot.
        after: Duration,
    }

    /// How many runs may be active at once.
    pub(crate) struct ActiveRunsLong {
        /// How many.
        max: Whole<1, 10_000>,
        /// What a new run does when there are as many; `wait` unless given.
        when_full: Option<Word<WhenFull>>,
    }

    /// A parameter.
    pub(crate) struct ParamLong {
        /// Its value unless a run is given another; without this key every run must be given one.
        default: Option<Plain>,
        /// What it is for, for people.
        description: Option<Argument>,
    }
}
