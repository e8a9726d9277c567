//! When a local run begins: its clusters must be open, so time begins where they last were.

use choreography::expected::schedule_of;
use model::Timestamp;
use model::cluster::Instance;
use model::definition::{Cluster, ClusterChoice, Definitions, Workflow};
use model::expected::ScheduleRef;
use model::key::Key;
use model::message::{Message, Tick};
use model::name::ClusterRef;
use ports::{StateStore, TypedStore as _};

use crate::exit::Failure;
use crate::output::time::Zone;
use crate::view::cluster::{next_window, present_window};

/// The clusters that would do for each cluster that the tasks name.
pub fn needed<'a>(definitions: &'a Definitions, workflow: &Workflow) -> Vec<Vec<&'a Cluster>> {
    let mut choices: Vec<&ClusterChoice> = workflow
        .tasks
        .iter()
        .filter_map(|task| task.kind.cluster())
        .collect();
    choices.sort();
    choices.dedup();
    let fits = |choice: &ClusterChoice, cluster: &Cluster| match choice {
        ClusterChoice::Named(name) => cluster.reference() == *name,
        ClusterChoice::Tagged(tags) => {
            cluster.team == workflow.team
                && tags
                    .iter()
                    .all(|(key, value)| cluster.tags.get(key) == Some(value))
        }
    };
    let all = || definitions.clusters.values();
    choices
        .into_iter()
        .map(|choice| all().filter(|cluster| fits(choice, cluster)).collect())
        .collect()
}

/// The instant at which the last windows of the clusters began; now when none is needed.
pub fn last_opening(needed: &[Vec<&Cluster>], now: Timestamp) -> Timestamp {
    let opened = |cluster: &&Cluster| {
        schedule_of(&cluster.provision)
            .ok()?
            .previous_at_or_before(now)
    };
    let openings = needed
        .iter()
        .filter_map(|fitting| fitting.iter().filter_map(opened).max());
    openings.min().unwrap_or(now)
}

/// Refuses when a cluster is needed that is not open now.
pub fn must_be_open(needed: &[Vec<&Cluster>], now: Timestamp, zone: &Zone) -> Result<(), Failure> {
    for fitting in needed {
        if fitting
            .iter()
            .any(|cluster| present_window(cluster, now).is_some())
        {
            continue;
        }
        let names: Vec<String> = fitting
            .iter()
            .map(|cluster| cluster.reference().to_string())
            .collect();
        let next = fitting
            .iter()
            .filter_map(|cluster| next_window(cluster, now));
        let failure =
            Failure::not_as_it_should_be(format!("{} is not open now", names.join(" or ")));
        let failure = match next.min_by_key(|window| window.start) {
            Some(window) => failure.help(format!(
                "its next window is {} until {} {}",
                zone.weekday(window.start),
                zone.beside(window.end, window.start),
                zone.name()
            )),
            None => failure,
        };
        return Err(failure.help("leave `--clock real` away: time then begins where it was open"));
    }
    Ok(())
}

/// The ticks of windows that lie open and have no instance: their own may have come before the
/// engine was there.
pub async fn missed_provisions(
    store: &impl StateStore,
    needed: &[Vec<&Cluster>],
    now: Timestamp,
) -> Result<Vec<Message>, Failure> {
    let mut ticks = Vec::new();
    for cluster in needed.iter().flatten() {
        let Some(window) = present_window(cluster, now) else {
            continue;
        };
        let reference: ClusterRef = cluster.reference();
        let partition = Key::cluster_partition(&reference);
        let instances = store.list::<Instance>(&partition, "instance#").await?;
        let has_one = instances
            .iter()
            .any(|instance| instance.value.window_start == window.start);
        if !has_one {
            ticks.push(Message::Tick(Tick {
                schedule: ScheduleRef::Provision(reference),
                scheduled_time: window.start,
                late: false,
                skip: false,
            }));
        }
    }
    Ok(ticks)
}
