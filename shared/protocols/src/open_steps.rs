//! Open steps of an instance: comparing its places with what the service lists, in one call,
//! telling whoever can act on a difference (rule 17), and clearing away what has ended.

use std::collections::BTreeMap;

use choreography::open_step::{self, Word};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceState};
use model::fact::TaskReady;
use model::key::Key;
use model::limit::LimitRef;
use model::message::{Function, Message};
use model::metric::Correction;
use model::observation::WorkObservation;
use model::run::Run;
use model::task::Task;
use ports::{Compute as _, EventBus as _, Outgoing, Ports, Trouble, TypedStore as _};

use crate::lots::{self, Held};
use crate::{facts, registry, stop};

/// Reads the places of an instance's steps, open and ended.
pub async fn held(ports: &impl Ports, instance: &Instance) -> Result<Vec<Held>, Trouble> {
    let limit = LimitRef::Steps(instance.instance.clone());
    Ok(lots::held(ports.store(), &limit).await?)
}

/// How many of the places are open.
pub fn open(held: &[Held]) -> usize {
    held.iter().filter(|held| held.is_open()).count()
}

/// Compares places with what the service lists and acts on every difference. Repeating it tells
/// the same again, which whoever is told takes for a duplicate. The service is asked only if a
/// step is open.
pub async fn compare(
    ports: &impl Ports,
    instance: &Instance,
    held: &[Held],
    now: Timestamp,
) -> Result<(), Trouble> {
    if held.is_empty() {
        return Ok(());
    }
    let wanted = held.iter().filter(|held| held.is_open());
    let wanted: Vec<AttemptKey> = wanted.map(|held| held.key.clone()).collect();
    let listed = match &instance.id {
        Some(id) if !wanted.is_empty() => ports.compute().list_steps(id, &wanted).await?,
        Some(_) | None => Vec::new(),
    };
    let mut by_key: BTreeMap<&AttemptKey, Vec<&WorkObservation>> = BTreeMap::new();
    for seen in &listed {
        by_key.entry(&seen.key).or_default().push(seen);
    }
    let mut gone = Vec::new();
    for held in held {
        let seen = by_key.get(&held.key).map_or(&[][..], Vec::as_slice);
        let task = held.task.as_ref();
        for word in open_step::judge(instance, &held.place, &held.key, task, seen, now) {
            match word {
                Word::Tell(seen) => {
                    ports.meter().record(Correction::Step.figure(1));
                    tracing::warn!(
                        correction = Correction::Step.name(),
                        run = %seen.key.run,
                        task = %seen.key.task,
                        generation = seen.key.generation,
                        attempt = seen.key.attempt,
                        state = ?seen.state,
                        "its event was lost, or is late"
                    );
                    let word = Outgoing::from(Message::Work(seen));
                    ports.bus().send(Function::ObserveTask, vec![word]).await?;
                }
                Word::TimeOut => {
                    stop::time_out(ports, &held.key).await?;
                }
                Word::Submit => submit_again(ports, &held.key, task).await?,
                Word::Free if held.is_open() && lots::has_moved(ports.store(), held).await? => {}
                Word::Free => gone.push(held),
            }
        }
    }
    lots::clear(ports, &gone).await?;
    if !gone.is_empty() && instance.state == InstanceState::Ready {
        registry::release_for(ports, instance, gone.len()).await?;
    }
    Ok(())
}

/// Sends submit-task the attempt once more; it looks the key up before it submits.
async fn submit_again(
    ports: &impl Ports,
    key: &AttemptKey,
    task: Option<&Task>,
) -> Result<(), Trouble> {
    let run = ports.store().get::<Run>(&Key::Run(key.run.clone())).await?;
    let (Some(run), Some(task)) = (run, task) else {
        return Ok(());
    };
    let ready = TaskReady {
        run: key.run.clone(),
        task: key.task.clone(),
        generation: key.generation,
        attempt: key.attempt,
        since: task.ready_at,
        released_by: None,
    };
    let fact = Message::Fact(facts::ready(&run.value, ready));
    Ok(ports
        .bus()
        .send(Function::SubmitTask, vec![fact.into()])
        .await?)
}
