//! Where a task runs, in a few words.

use model::task::{Place, Task};

/// The place of a task's newest attempt; empty when it has none yet.
pub fn of_task(task: &Task) -> String {
    let place = task.claim.as_ref().map(|claim| &claim.place);
    match (place, &task.cluster) {
        (Some(Place::Queue(queue)), _) => format!("queue {queue}"),
        (Some(Place::Instance(id)), Some(cluster)) => format!("{cluster} {id}"),
        (Some(Place::Instance(id)), None) => id.to_string(),
        (None, Some(cluster)) => cluster.to_string(),
        (None, None) => String::new(),
    }
}
