//! `team.yaml`.

use model::alert::Severity;
use model::definition::AlertChannel;

use crate::read::{FactName, Flag, Map, Text, Tried, Whole, Word, written};
use crate::source::At;

written! {
    /// A team of murmur: owner and boundary of workflows and clusters.
    pub(crate) struct Team {
        /// What the team is for, for people.
        description: Option<Text>,
        /// How much of the team may run at once.
        quota: Option<Quota>,
        /// Pools: how many tasks of each may run at once, such as `light: 4`.
        pools: Option<Map<At<Whole<1, 1_000_000>>>>,
        /// ARN of the role the team's steps run as.
        execution_role: Option<At<Text>>,
        /// Batch job definitions the team may use; without this key it may use any.
        job_definitions: Option<Vec<At<Text>>>,
        /// EC2 instance profiles the team's clusters may have instead of the deployment's.
        instance_profiles: Option<Vec<Text>>,
        /// Where alerts of the team go.
        alerts: Option<Vec<Alert>>,
        /// Whether alerts show the team the last lines that failed work printed; `true` unless given.
        log_lines: Option<Flag>,
    }

    /// How much of a team may run at once; what is left out has no limit.
    pub(crate) struct Quota {
        /// Tasks that run at once.
        running_tasks: Option<Whole<1, 1_000_000>>,
        /// Runs that are active at once.
        active_runs: Option<Whole<1, 1_000_000>>,
    }

    /// One destination of alerts.
    pub(crate) struct Alert {
        /// The kind of destination.
        channel: Tried<At<Word<AlertChannel>>>,
        /// Channel name, service name, https address or e-mail address, as the channel needs.
        to: Tried<At<Text>>,
        /// Name of the team's secret that holds the credential; never the credential itself.
        secret: Option<At<Text>>,
        /// The facts it wants, such as `task.failed`; without this key it wants all alerts.
        facts: Option<Vec<FactName>>,
        /// How bad something must be; `warning` unless given, which is everything.
        severity: Option<Word<Severity>>,
    }
}
