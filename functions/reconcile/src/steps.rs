//! Steps that have been open for long without a place at their instance, whose look therefore passes
//! them by: a submitter that slept may have been heard of under a claim that had no place yet.

use std::collections::BTreeMap;

use choreography::plan::Plan;
use model::Timestamp;
use model::cluster::{Instance, InstanceKey};
use model::id::RunId;
use model::key::Key;
use model::limit::{LimitRef, Place};
use model::task::Task;
use ports::{Ports, Trouble, TypedStore as _};
use protocols::lots::{self, Held};
use protocols::open_steps;

use crate::runs;

/// Steps to be looked at, by instance.
#[derive(Default)]
pub(crate) struct Steps {
    by_instance: BTreeMap<InstanceKey, Vec<Held>>,
}

impl Steps {
    /// Adds a task's newest attempt, if it is a step.
    pub fn add(&mut self, task: &Task, plan: &Plan) {
        let claim = task.claim.as_ref();
        let Some(instance) = claim.and_then(|claim| claim.instance.as_ref()) else {
            return;
        };
        let since = task.submitted_at.unwrap_or(task.ready_at);
        let timeout = plan
            .position(&task.task)
            .and_then(|position| plan.written(position).timeout);
        let key = task.attempt_key();
        let place = Place {
            limit: LimitRef::Steps(instance.clone()),
            number: 0,
            holder: key.to_string(),
            epoch: task.epoch,
            since,
            timeout_at: timeout.map(|timeout| timeout.after(since)),
            due_at: None,
        };
        let steps = self.by_instance.entry(instance.clone()).or_default();
        steps.push(Held {
            place,
            key,
            epoch: task.epoch,
            task: Some(task.clone()),
        });
    }

    /// Compares those without a place with what the service says, as if they had one. Returns the runs
    /// of which some step was not answered for.
    pub async fn look<P: Ports>(self, ports: &P, now: Timestamp) -> Vec<(RunId, Trouble)> {
        let mut unanswered = Vec::new();
        for (instance, steps) in self.by_instance {
            if let Err(trouble) = compare(ports, &instance, &steps, now).await {
                let asked = steps.iter().map(|step| &step.key.run);
                unanswered.extend(runs::unanswered(asked, &trouble));
            }
        }
        unanswered
    }
}

async fn compare<P: Ports>(
    ports: &P,
    instance: &InstanceKey,
    steps: &[Held],
    now: Timestamp,
) -> Result<(), Trouble> {
    let seated = lots::holders(ports.store(), &LimitRef::Steps(instance.clone())).await?;
    let unseated: Vec<Held> = steps
        .iter()
        .filter(|step| !seated.contains(&step.place.holder))
        .cloned()
        .collect();
    if unseated.is_empty() {
        return Ok(());
    }
    let item = Key::Instance(instance.clone());
    let Some(read) = ports.store().get::<Instance>(&item).await? else {
        return Ok(());
    };
    open_steps::compare(ports, &read.value, &unseated, now).await
}
