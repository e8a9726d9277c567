//! What is to be true, chapter by chapter.

mod alerts;
mod clusters;
mod definitions;
mod delivery;
mod demo;
mod end;
mod exports;
mod history;
mod lost;
mod operations;
mod outage;
mod people;
mod stop;
mod strays;
mod trouble;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::aws::QueueMessage;
use crate::world::World;

/// Plays a chapter.
pub type Chapter = fn(&World, &mut Course) -> Result<()>;

/// What earlier chapters have begun.
#[derive(Debug, Default)]
pub struct Course {
    /// Runs by what they are for.
    runs: BTreeMap<&'static str, String>,
    /// The window of the cluster that comes and goes by the Scheduler alone.
    brief: Option<(Timestamp, Timestamp)>,
    /// Two clusters of one name.
    twins: Vec<String>,
    /// Facts that were told.
    facts: Vec<QueueMessage>,
}

/// All chapters, in the order in which they are played.
pub const CHAPTERS: &[(&str, Chapter)] = &[
    ("a_second_apply_changes_nothing", definitions::second_apply),
    (
        "a_broken_definition_fails_the_apply_and_changes_nothing",
        definitions::broken,
    ),
    ("clusters_come_by_their_ticks", clusters::come),
    (
        "a_definition_is_dropped_in_while_runs_are_in_flight",
        definitions::dropped_in,
    ),
    (
        "an_event_of_another_application_starts_a_run",
        delivery::event_rule,
    ),
    ("throttled_submissions_come_back", trouble::throttled),
    ("what_no_service_takes_fails_for_good", trouble::refused),
    ("people_cancel_rerun_and_backfill", operations::operate),
    ("a_failure_is_told_once_and_soon", alerts::told),
    ("runs_are_told_as_traces_and_as_lineage", exports::told),
    ("a_cluster_comes_by_its_tick", clusters::comes),
    (
        "what_is_run_again_or_not_wanted_is_stopped",
        stop::overtaken,
    ),
    ("what_nobody_asked_for_is_ended", strays::ended),
    (
        "a_cluster_killed_under_a_step_costs_no_retry",
        trouble::killed,
    ),
    (
        "a_cluster_that_fails_to_start_is_replaced",
        trouble::unlucky,
    ),
    ("a_secret_reaches_emr_and_nobody_else", clusters::secret),
    ("the_demo_runs_with_real_spark", demo::runs),
    ("a_job_of_which_no_event_tells_is_asked_about", lost::job),
    ("a_step_that_outlives_its_time_is_stopped", stop::unfit),
    ("what_is_cancelled_in_doubt_is_looked_up", stop::doubted),
    (
        "with_every_event_of_emr_lost_runs_end_all_the_same",
        trouble::silent,
    ),
    (
        "submissions_without_an_answer_are_looked_up_and_made_once",
        trouble::unanswered,
    ),
    ("of_two_clusters_of_one_name_one_is_kept", strays::twins),
    (
        "a_cluster_whose_window_is_over_is_looked_up_and_ended",
        clusters::fleeting,
    ),
    ("a_cluster_drains_and_goes_by_its_tick", clusters::goes),
    ("a_deadline_that_was_met_is_done_with", lost::deadline),
    (
        "what_a_step_printed_is_told_once_it_is_in_s3",
        alerts::printed,
    ),
    (
        "facts_told_again_in_another_order_change_nothing",
        delivery::told_again,
    ),
    ("in_an_outage_messages_come_back", outage::outage),
    ("poison_is_set_aside_and_redriven", delivery::poison),
    ("what_has_ended_is_kept_for_analysis", history::kept),
    ("people_get_by_with_the_policies_for_people", people::rights),
    (
        "functions_call_what_their_policies_allow_and_no_more",
        end::rights,
    ),
    ("destroy_leaves_nothing", end::destroy),
];

impl Course {
    fn run(&self, name: &str) -> Result<&str> {
        let run = self.runs.get(name).map(String::as_str);
        run.with_context(|| format!("the run {name} was never begun"))
    }
}
