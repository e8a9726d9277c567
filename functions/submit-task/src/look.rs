//! Looking after writing (rule 16): claims of runs that were cancelled or rerun, and of instances
//! that drain, are given up before anything is submitted.

use std::collections::{BTreeMap, BTreeSet};

use choreography::claim::STRAY;
use choreography::selection;
use model::attempt::AttemptKey;
use model::cluster::Instance;
use model::id::SubmissionId;
use model::key::Key;
use model::record::Record;
use model::run::{Run, RunState};
use model::task::{Place, Stopping, TaskState};
use ports::{
    Clock as _, Compute as _, EventBus as _, Ports, StateStore as _, Stored, Trouble, Verdict,
    Write,
};
use protocols::facts;

use crate::abandon;
use crate::claimed::Claimed;

/// Keeps the claims that may go on; the others are given up and get their verdict.
pub(crate) async fn keep_allowed<P: Ports>(
    ports: &P,
    claims: Vec<(usize, Claimed)>,
    verdicts: &mut [Verdict],
) -> Vec<(usize, Claimed)> {
    let looked = match Looked::after(ports, &claims).await {
        Ok(looked) => looked,
        Err(trouble) => {
            // The claims stand until their lease is over, and are looked up then.
            let verdict = Verdict::from(Err(trouble));
            for (position, _) in claims {
                verdicts[position] = verdict.clone();
            }
            return Vec::new();
        }
    };
    let mut kept = Vec::with_capacity(claims.len());
    for (position, claimed) in claims {
        match allowed(ports, &looked, &claimed) {
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

/// What was read, in one call, after every claim of the batch was written.
struct Looked(BTreeMap<Key, Stored>);

impl Looked {
    async fn after<P: Ports>(ports: &P, claims: &[(usize, Claimed)]) -> Result<Self, Trouble> {
        let mut keys = BTreeSet::new();
        for (_, claimed) in claims {
            keys.insert(Key::Run(claimed.ready.run.clone()));
            let instance = claimed.instance.as_ref().filter(|_| !claimed.look_up);
            keys.extend(instance.map(|one| Key::Instance(one.instance.clone())));
        }
        let keys: Vec<Key> = keys.into_iter().collect();
        let stored = match keys.as_slice() {
            [] => Vec::new(),
            keys => ports.store().read_many(keys).await?,
        };
        let found = keys.into_iter().zip(stored);
        Ok(Self(
            found
                .filter_map(|(key, stored)| Some((key, stored?)))
                .collect(),
        ))
    }

    fn get<R: Record>(&self, key: &Key) -> Result<Option<R>, Trouble> {
        let read = self.0.get(key).map(Stored::read::<R>).transpose()?;
        Ok(read.map(|read| read.value))
    }
}

enum Ruling {
    Submit,
    /// The attempt is not wanted any more.
    Drop(String),
    /// The place takes no work any more: choose another.
    Again,
}

fn allowed<P: Ports>(ports: &P, looked: &Looked, claimed: &Claimed) -> Result<Ruling, Trouble> {
    let Some(run) = looked.get::<Run>(&Key::Run(claimed.ready.run.clone()))? else {
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
    let instance = looked.get::<Instance>(&Key::Instance(instance.instance.clone()))?;
    let now = ports.clock().now();
    let takes = instance.is_some_and(|instance| selection::takes_work(&instance, now));
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
    if !claimed.taken().give_back_what_is_free(ports).await? {
        return Err(Trouble::Conflict);
    }
    let mut task = claimed.task.value.clone();
    task.state = TaskState::Cancelled;
    task.ended_at = Some(ports.clock().now());
    task.reason = Some(reason);
    ports
        .store()
        .commit(vec![Write::replace(&task, Some(claimed.task.version))])
        .await?;
    // As a repeated message does.
    let told = facts::task(&task).into_iter().collect();
    Ok(ports.bus().publish(told).await?)
}

/// Undoes a claim that was not submitted; the message is tried again at once.
async fn undo<P: Ports>(ports: &P, claimed: Claimed) -> Result<(), Trouble> {
    let mut task = claimed.task.value.clone();
    task.state = TaskState::Waiting;
    task.claim = None;
    task.cluster = None;
    task.reason = None;
    claimed.taken().give_up(ports, &task).await?;
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
    tracing::warn!(
        run = %key.run,
        task = %key.task,
        generation = key.generation,
        attempt = key.attempt,
        ?strays,
        "stray submissions are cancelled"
    );
    Ok(ports.compute().cancel(place, &strays, STRAY).await?)
}
