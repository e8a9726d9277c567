//! Looking after writing (rule 16): claims of runs that were cancelled or rerun, and of instances
//! that drain, are given up before anything is submitted.

use std::collections::BTreeMap;

use choreography::selection;
use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceKey};
use model::id::{RunId, SubmissionId};
use model::key::Key;
use model::run::{Run, RunState};
use model::task::{Place, Stopping, TaskState};
use ports::{
    Clock as _, Compute as _, Ports, StateStore as _, Trouble, TypedStore as _, Verdict, Write,
};

use crate::abandon;
use crate::claim::Claimed;

/// Keeps the claims that may go on; the others are given up and get their verdict.
pub(crate) async fn keep_allowed<P: Ports>(
    ports: &P,
    claims: Vec<(usize, Claimed)>,
    verdicts: &mut [Verdict],
) -> Vec<(usize, Claimed)> {
    let mut looked = Looked::default();
    let mut kept = Vec::with_capacity(claims.len());
    for (position, claimed) in claims {
        match allowed(ports, &mut looked, &claimed).await {
            Ok(Ruling::Submit) => kept.push((position, claimed)),
            Ok(Ruling::Drop(reason)) => {
                verdicts[position] = Verdict::from(drop_claim(ports, claimed, reason).await);
            }
            Ok(Ruling::Again) => {
                verdicts[position] = Verdict::from(undo(ports, claimed).await);
            }
            Err(trouble) => verdicts[position] = Verdict::from(Err(trouble)),
        }
    }
    kept
}

/// What was read after every claim of the batch was written.
#[derive(Default)]
struct Looked {
    runs: BTreeMap<RunId, Option<Run>>,
    instances: BTreeMap<InstanceKey, Option<Instance>>,
}

impl Looked {
    async fn run<P: Ports>(&mut self, ports: &P, id: &RunId) -> Result<Option<&Run>, Trouble> {
        if !self.runs.contains_key(id) {
            let run = ports.store().get::<Run>(&Key::Run(id.clone())).await?;
            self.runs.insert(id.clone(), run.map(|run| run.value));
        }
        Ok(self.runs.get(id).and_then(Option::as_ref))
    }

    async fn instance<P: Ports>(
        &mut self,
        ports: &P,
        instance: &InstanceKey,
    ) -> Result<Option<&Instance>, Trouble> {
        if !self.instances.contains_key(instance) {
            let key = Key::Instance(instance.clone());
            let read = ports.store().get::<Instance>(&key).await?;
            let read = read.map(|read| read.value);
            self.instances.insert(instance.clone(), read);
        }
        Ok(self.instances.get(instance).and_then(Option::as_ref))
    }
}

enum Ruling {
    Submit,
    /// The attempt is not wanted any more.
    Drop(String),
    /// The place takes no work any more: choose another.
    Again,
}

async fn allowed<P: Ports>(
    ports: &P,
    looked: &mut Looked,
    claimed: &Claimed,
) -> Result<Ruling, Trouble> {
    let Some(run) = looked.run(ports, &claimed.ready.run).await? else {
        return Ok(Ruling::Drop("the run is gone".to_owned()));
    };
    if run.state != RunState::Running {
        return Ok(Ruling::Drop("the run was cancelled".to_owned()));
    }
    if run.generation != claimed.view.run.generation || run.paused != claimed.view.run.paused {
        // Decide again on what is there now.
        return Ok(if claimed.look_up {
            Ruling::Submit
        } else {
            Ruling::Again
        });
    }
    let Some(instance) = &claimed.instance else {
        return Ok(Ruling::Submit);
    };
    if claimed.look_up {
        return Ok(Ruling::Submit);
    }
    let instance = looked.instance(ports, &instance.instance).await?;
    let now = ports.clock().now();
    let takes = instance.is_some_and(|instance| selection::takes_work(instance, now));
    Ok(if takes { Ruling::Submit } else { Ruling::Again })
}

/// Gives a claim up for good. What a former submitter may have submitted is stopped.
async fn drop_claim<P: Ports>(ports: &P, claimed: Claimed, reason: String) -> Result<(), Trouble> {
    if claimed.look_up {
        let why = Stopping::Cancelled {
            by: "submit-task".to_owned(),
        };
        abandon::abandon(ports, &claimed.task, why).await?;
        return Ok(());
    }
    // First: once the item says cancelled, a repeated message would not come this far.
    claimed.give_back(ports).await?;
    let mut task = claimed.task.value.clone();
    task.state = TaskState::Cancelled;
    task.ended_at = Some(ports.clock().now());
    task.reason = Some(reason);
    Ok(ports
        .store()
        .commit(vec![Write::replace(&task, Some(claimed.task.version))])
        .await?)
}

/// Undoes a claim that was not submitted; the message is tried again at once.
async fn undo<P: Ports>(ports: &P, claimed: Claimed) -> Result<(), Trouble> {
    let mut task = claimed.task.value.clone();
    task.state = TaskState::Waiting;
    task.claim = None;
    task.cluster = None;
    task.reason = None;
    ports
        .store()
        .commit(vec![Write::replace(&task, Some(claimed.task.version))])
        .await?;
    claimed.give_back(ports).await?;
    Err(Trouble::Conflict)
}

/// Stops everything alive at a place under a key, but for one submission.
pub(crate) async fn cancel_all<P: Ports>(
    ports: &P,
    place: &Place,
    key: &AttemptKey,
    but: Option<&SubmissionId>,
) -> Result<(), Trouble> {
    let found = ports.compute().find(place, key).await?;
    let strays: Vec<SubmissionId> = found
        .into_iter()
        .filter(|seen| !seen.state.is_terminal() && Some(&seen.submission) != but)
        .map(|seen| seen.submission)
        .collect();
    if strays.is_empty() {
        return Ok(());
    }
    tracing::warn!(%key, ?strays, "stray submissions are cancelled");
    Ok(ports
        .compute()
        .cancel(place, &strays, "not the attempt that counts")
        .await?)
}
