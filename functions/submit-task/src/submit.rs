//! The calls: one for each place, and the commit of what each gave.

use std::collections::BTreeMap;

use choreography::claim::{self, LEASE};
use choreography::retry;
use model::id::SubmissionId;
use model::key::Key;
use model::message::{Function, Message};
use model::observation::{WorkObservation, WorkState};
use model::task::{Place, Task, TaskState};
use model::units::Seconds;
use ports::{
    Clock as _, CommitError, Compute as _, EventBus as _, Outgoing, Ports, StateStore as _,
    SubmitError, Trouble, TypedStore as _, Verdict, Write,
};
use protocols::{limits, stop};

use crate::claimed::Claimed;
use crate::look;

/// How long an attempt stays away from a place that takes no work; its event or reconcile tells
/// the registry by then.
const PLACE_GONE: Seconds = Seconds(15);

/// Submits every claim, and says what becomes of each message.
pub(crate) async fn all<P: Ports>(
    ports: &P,
    claims: Vec<(usize, Claimed)>,
) -> Vec<(usize, Verdict)> {
    let mut verdicts = Vec::with_capacity(claims.len());
    let mut by_place: BTreeMap<Place, Vec<(usize, Claimed)>> = BTreeMap::new();
    for (position, claimed) in claims {
        if claimed.look_up {
            match adopt(ports, &claimed).await {
                Ok(true) => {
                    verdicts.push((position, Verdict::Done));
                    continue;
                }
                Ok(false) if claimed.seated => {}
                // The former submitter died before it had a place, and none is free.
                Ok(false) => {
                    let given_back = release_claim(ports, claimed, "waits for a place".to_owned());
                    verdicts.push((position, again(given_back.await)));
                    continue;
                }
                Err(trouble) => {
                    verdicts.push((position, Verdict::from(Err(trouble))));
                    continue;
                }
            }
        }
        by_place
            .entry(claimed.claim().place.clone())
            .or_default()
            .push((position, claimed));
    }
    for (place, claims) in by_place {
        let work: Vec<_> = claims
            .iter()
            .map(|(_, claimed)| claimed.submission.clone())
            .collect();
        let answers = ports.compute().submit(&place, &work).await;
        if answers
            .iter()
            .any(|answer| matches!(answer, Err(SubmitError::Gone { .. })))
        {
            tell_gone(ports, &place).await;
        }
        for ((position, claimed), answer) in claims.into_iter().zip(answers) {
            verdicts.push((
                position,
                Verdict::from(answered(ports, claimed, answer).await),
            ));
        }
    }
    verdicts
}

/// Tells the registry of an instance that has gone, whose event may be lost: until it knows, work
/// goes there. Reconcile tells it, too, so this may fail.
async fn tell_gone<P: Ports>(ports: &P, place: &Place) {
    let Place::Instance(id) = place else { return };
    let described = ports.compute().describe_cluster(id).await;
    let Ok(Some(seen)) = described else { return };
    if seen.state.is_ending() {
        let message = Outgoing::from(Message::Cluster(seen));
        if let Err(error) = ports
            .bus()
            .send(Function::RecordCluster, vec![message])
            .await
        {
            tracing::warn!(%id, %error, "the registry was not told that an instance is gone");
        }
    }
}

/// The message is tried again at once.
fn again(done: Result<(), Trouble>) -> Verdict {
    Verdict::from(done.and(Err(Trouble::Conflict)))
}

/// Looks the key up where the former submitter meant to submit; adopts what is there of this claim.
async fn adopt<P: Ports>(ports: &P, claimed: &Claimed) -> Result<bool, Trouble> {
    let place = &claimed.claim().place;
    let found = ports.compute().find(place, &claimed.submission.key).await?;
    let first = found
        .iter()
        .filter(|seen| claim::is_of_claim(seen, claimed.claim()))
        .min_by_key(|seen| (seen.at, seen.submission.clone()));
    let Some(first) = first else { return Ok(false) };
    let key = &claimed.submission.key;
    tracing::warn!(
        run = %key.run,
        task = %key.task,
        generation = key.generation,
        attempt = key.attempt,
        submission = %first.submission,
        "adopted"
    );
    // A slow submitter may have committed another id since: then that one is the attempt.
    let counts = commit_id(ports, claimed, &first.submission).await?;
    look::cancel_all(ports, place, &claimed.submission.key, counts.as_ref()).await?;
    let seen = found
        .iter()
        .find(|seen| Some(&seen.submission) == counts.as_ref());
    if let Some(seen) = seen {
        tell_progress(ports, seen).await?;
    }
    Ok(true)
}

/// What the look-up saw may never be told by an event again.
async fn tell_progress<P: Ports>(ports: &P, seen: &WorkObservation) -> Result<(), Trouble> {
    match seen.state {
        WorkState::Pending => Ok(()),
        WorkState::Running
        | WorkState::Succeeded
        | WorkState::Failed
        | WorkState::Cancelled
        | WorkState::Interrupted => {
            let message = Outgoing::from(Message::Work(seen.clone()));
            Ok(ports
                .bus()
                .send(Function::ObserveTask, vec![message])
                .await?)
        }
    }
}

async fn answered<P: Ports>(
    ports: &P,
    claimed: Claimed,
    answer: Result<SubmissionId, SubmitError>,
) -> Result<(), Trouble> {
    let key = claimed.submission.key.clone();
    match answer {
        Ok(id) => commit_id(ports, &claimed, &id).await.map(|_| ()),
        Err(SubmitError::Throttled { reason }) => {
            let delay = retry::throttled(&key, claimed.receives);
            release_claim(ports, claimed, format!("throttled: {reason}")).await?;
            Err(Trouble::Later(delay))
        }
        Err(SubmitError::Gone { reason }) => {
            release_claim(ports, claimed, reason).await?;
            Err(Trouble::Later(PLACE_GONE))
        }
        Err(SubmitError::Refused { reason }) => claimed.taken().refuse(ports, reason).await,
        Err(SubmitError::Unknown { reason }) => {
            tracing::warn!(
                run = %key.run,
                task = %key.task,
                generation = key.generation,
                attempt = key.attempt,
                reason,
                "no answer: it may have been submitted"
            );
            Err(Trouble::Later(Seconds(LEASE.0 + 1)))
        }
    }
}

/// Commits the id: the first one committed is the attempt. A submitter that was refused by its
/// epoch cancels its own submission. Gives the id that counts; `None` when the attempt is over.
async fn commit_id<P: Ports>(
    ports: &P,
    claimed: &Claimed,
    id: &SubmissionId,
) -> Result<Option<SubmissionId>, Trouble> {
    let mut read = claimed.task.clone();
    loop {
        let mut task = read.value;
        let ours =
            task.epoch == claimed.task.value.epoch && task.attempt_key() == claimed.submission.key;
        let is_it = task.submission.as_ref() == Some(id);
        if is_it && task.attempt_key() == claimed.submission.key && !ours {
            // Whoever took the claim over has found and adopted it, or it has ended by itself.
            if task.state.outcome().is_some() {
                claimed.taken().give_back(ports).await?;
            }
            return Ok(task.submission);
        }
        let ended_without = task.state.outcome().is_some() && task.submission.is_none();
        // Who took the claim over looks at the same place and may be adopting this very submission:
        // the first id committed is the attempt, whoever commits it. Under a claim that was made anew
        // since, what we took for ours may be another's by now.
        let shared = task.attempt_key() == claimed.submission.key
            && task.state == TaskState::Claimed
            && task.claim.as_ref().is_some_and(|claim| {
                let ours = claimed.claim();
                (&claim.place, claim.since) == (&ours.place, ours.since)
            });
        if !(ours || shared)
            || ended_without
            || task
                .submission
                .as_ref()
                .is_some_and(|committed| committed != id)
        {
            let place = &claimed.claim().place;
            let key = &claimed.submission.key;
            tracing::warn!(
                run = %key.run,
                task = %key.task,
                generation = key.generation,
                attempt = key.attempt,
                submission = %id,
                "refused: cancels its own submission"
            );
            let ids = std::slice::from_ref(id);
            ports.compute().cancel(place, ids, claim::STRAY).await?;
            // Under our own claim the places are the attempt's.
            if !ours || task.state.outcome().is_some() {
                claimed.taken().give_back_of_others(ports, &task).await?;
            }
            let is_over = ended_without || task.attempt_key() != claimed.submission.key;
            return Ok(task.submission.filter(|_| !is_over));
        }
        if let Some(claim) = task.claim.as_mut().filter(|_| ours) {
            let places = claimed.places.iter();
            claim.limits = places
                .map(|place| limits::reference(&place.value))
                .collect();
            claim.seeks.clear();
        }
        if task.submission.is_none() {
            task.submission = Some(id.clone());
            task.submitted_at = Some(ports.clock().now());
            task.state = TaskState::Submitted;
        }
        if task.state.outcome().is_some() {
            // It ended before we could say where it sits; observe-task did not know the places.
            claimed.taken().give_back(ports).await?;
            return Ok(task.submission);
        }
        match ports
            .store()
            .commit(vec![Write::replace(&task, Some(read.version))])
            .await
        {
            Ok(()) => {
                tell(&task, &claimed.claim().place, id);
                stop_if_marked(ports, claimed, &task, id).await?;
                return Ok(task.submission);
            }
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        let key = Key::Task(task.run, task.task);
        let Some(again) = ports.store().get::<Task>(&key).await? else {
            return Err(Trouble::Poison("the task's item is gone".to_owned()));
        };
        read = again;
    }
}

/// Says where an attempt went, and why there: no fact does.
fn tell(task: &Task, place: &Place, id: &SubmissionId) {
    let place = match place {
        Place::Instance(id) => id.as_str(),
        Place::Queue(queue) => queue,
    };
    tracing::info!(
        run = %task.run,
        task = %task.task,
        generation = task.generation,
        attempt = task.attempt,
        submission = %id,
        place,
        reason = task.reason,
        "submitted"
    );
}

/// Whoever marked the attempt while it was claimed had no id to stop it by (rule 16).
async fn stop_if_marked<P: Ports>(
    ports: &P,
    claimed: &Claimed,
    task: &Task,
    id: &SubmissionId,
) -> Result<(), Trouble> {
    let Some(why) = &task.stopping else {
        return Ok(());
    };
    let ids = std::slice::from_ref(id);
    Ok(ports
        .compute()
        .cancel(&claimed.claim().place, ids, &stop::reason(why))
        .await?)
}

/// Gives the claim back: nothing was submitted, and no budget is spent.
async fn release_claim<P: Ports>(
    ports: &P,
    claimed: Claimed,
    reason: String,
) -> Result<(), Trouble> {
    let mut task = claimed.task.value.clone();
    task.state = TaskState::Waiting;
    task.claim = None;
    task.cluster = None;
    task.reason = Some(reason);
    claimed.taken().give_up(ports, &task).await
}
