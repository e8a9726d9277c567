//! Finding what a scenario means by its short names.

use anyhow::{Result, ensure};
use model::Timestamp;
use model::name::ClusterRef;
use model::observation::{ClusterObservation, WorkObservation};
use ports::Compute as _;
use testkit::block_on;

use crate::world::World;

/// Open work of tasks, oldest first; at least one.
pub fn open_work(world: &World, tasks: &str) -> Result<Vec<WorkObservation>> {
    let mut work = world.ports.compute.work();
    work.retain(|work| !work.state.is_terminal() && means(tasks, work));
    let known: Vec<String> = world
        .ports
        .compute
        .work()
        .iter()
        .map(|work| format!("{} {:?}", work.key, work.state))
        .collect();
    ensure!(
        !work.is_empty(),
        "no open work is named `{tasks}`; there is\n{}",
        known.join("\n")
    );
    Ok(work)
}

/// The newest instance of a cluster.
pub fn instance(world: &World, cluster: &ClusterRef) -> Result<ClusterObservation> {
    let known = block_on(world.ports.compute.list_clusters(Timestamp::MIN))?;
    let newest = known
        .into_iter()
        .rfind(|seen| seen.instance.cluster == *cluster);
    newest.ok_or_else(|| anyhow::anyhow!("{cluster} was never requested"))
}

fn means(tasks: &str, work: &WorkObservation) -> bool {
    let (run, task) = tasks.rsplit_once('/').unwrap_or(("", tasks));
    work.key.run.as_str().contains(run) && matches(task, work.key.task.as_str())
}

/// Whether a text is what a pattern says, where one `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
}
