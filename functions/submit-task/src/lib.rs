//! submit-task: a ready attempt is claimed, given a place, and submitted, effectively once.
//!
//! In: `task.ready`, from the topic or released by a limit; `cluster.ready`.
//! Out: nothing on success (the service's events go on); `task.cancelled` for what its run wants no
//! more; `task.failed` for what can never be submitted.
//!
//! Safe to repeat from the middle (rule 9): the claim names key, epoch, lease and place before the
//! call; who finds a claim whose lease is over looks the key up there, adopts what is there, and
//! only then submits. The first id committed is the attempt.

mod abandon;
mod choose;
mod claim;
mod claimed;
mod look;
mod park;
mod seats;
mod submit;
mod view;

use model::fact::{FactBody, TaskReady};
use model::key::Key;
use model::message::Message;
use model::units::Seconds;
use ports::{Delivery, Ports, Trouble, TypedStore as _, Verdict};
use protocols::registry;

use crate::claimed::Claimed;
use crate::view::Views;

/// Handles a batch: all claims first, then their places and one call for each instance or queue.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = batch.iter().map(|_| Verdict::Done).collect();
    let wanted: Vec<(u32, Result<Wanted, String>)> = batch
        .into_iter()
        .map(|delivery| (delivery.receives, read(delivery.message)))
        .collect();
    let ready = wanted.iter().filter_map(|(_, wanted)| match wanted {
        Ok(Wanted::Submit(ready)) => Some(ready),
        Ok(Wanted::Release(_)) | Err(_) => None,
    });
    let mut views = match Views::glance(ports, ready).await {
        Ok(views) => views,
        Err(trouble) => {
            let verdict = Verdict::from(Err(trouble));
            return verdicts.iter().map(|_| verdict.clone()).collect();
        }
    };
    let mut claims: Vec<(usize, Claimed)> = Vec::new();
    for (position, (receives, wanted)) in wanted.into_iter().enumerate() {
        match wanted {
            // A claim of this very batch is nobody's to take over, however long the batch takes.
            Ok(Wanted::Submit(ready)) if has(&claims, &ready) => {
                verdicts[position] = Verdict::Later(Seconds(1));
            }
            Ok(Wanted::Submit(ready)) => {
                match claim::claim(ports, &mut views, &ready, receives).await {
                    Ok(Some(claimed)) => claims.push((position, claimed)),
                    Ok(None) => {}
                    Err(trouble) => verdicts[position] = Verdict::from(Err(trouble)),
                }
            }
            Ok(Wanted::Release(instance)) => {
                verdicts[position] = Verdict::from(release(ports, &instance).await);
            }
            Err(reason) => verdicts[position] = Verdict::Poison(reason),
        }
    }
    let claims = seats::take(ports, claims, &mut verdicts).await;
    let claims = look::keep_allowed(ports, claims, &mut verdicts).await;
    for (position, verdict) in submit::all(ports, claims).await {
        verdicts[position] = verdict;
    }
    verdicts
}

fn has(claims: &[(usize, Claimed)], ready: &TaskReady) -> bool {
    let key = ready.attempt_key();
    claims.iter().any(|(_, one)| one.submission.key == key)
}

enum Wanted {
    Submit(TaskReady),
    Release(model::cluster::InstanceKey),
}

fn read(message: Message) -> Result<Wanted, String> {
    let Message::Fact(fact) = message else {
        return Err("submit-task takes facts only".to_owned());
    };
    match fact.body {
        FactBody::TaskReady(ready) => Ok(Wanted::Submit(ready)),
        FactBody::ClusterReady(cluster) => Ok(Wanted::Release(cluster.instance)),
        other => Err(format!("submit-task does not take {}", other.type_name())),
    }
}

/// Lets work that waited for an instance go: as much as it takes.
async fn release<P: Ports>(ports: &P, key: &model::cluster::InstanceKey) -> Result<(), Trouble> {
    let key = Key::Instance(key.clone());
    let Some(instance) = ports.store().get::<model::cluster::Instance>(&key).await? else {
        return Ok(());
    };
    let places = choreography::selection::OPEN_STEPS as usize;
    registry::release_for(ports, &instance.value, places).await
}

#[cfg(test)]
mod tests;
