//! Open steps of an instance: comparing its places with what the service lists, in one call, and
//! telling whoever can act on a difference (rule 17).

use choreography::open_step::{self, Word};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceState};
use model::fact::TaskReady;
use model::key::Key;
use model::limit::{LimitRef, Place, PlaceRef};
use model::message::{Function, Message};
use model::run::Run;
use model::task::Task;
use ports::{Compute as _, EventBus as _, Outgoing, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Versioned};

use crate::{facts, limits, registry, stop};

/// Reads the places of an instance's open steps.
pub async fn held(ports: &impl Ports, instance: &Instance) -> Result<Vec<Place>, Trouble> {
    let limit = LimitRef::Steps(instance.instance.clone());
    let held = limits::held(ports, &limit).await?;
    Ok(held.into_iter().map(|place| place.value).collect())
}

/// Compares places with what the service lists and acts on every difference. Repeating it tells
/// the same again, which whoever is told takes for a duplicate.
pub async fn compare(
    ports: &impl Ports,
    instance: &Instance,
    places: &[Place],
    now: Timestamp,
) -> Result<(), Trouble> {
    let held: Vec<(&Place, AttemptKey)> = places
        .iter()
        .filter_map(|place| Some((place, place.holder.parse().ok()?)))
        .collect();
    if held.is_empty() {
        return Ok(());
    }
    let wanted: Vec<AttemptKey> = held.iter().map(|(_, key)| key.clone()).collect();
    let listed = match &instance.id {
        Some(id) => ports.compute().list_steps(id, &wanted).await?,
        None => Vec::new(),
    };
    let tasks = tasks(ports, &wanted).await?;
    for ((place, key), task) in held.iter().zip(&tasks) {
        let seen: Vec<_> = listed.iter().filter(|seen| seen.key == *key).collect();
        let task = task.as_ref();
        for word in open_step::judge(instance, place, key, task, &seen, now) {
            act(ports, instance, place, key, task, word).await?;
        }
    }
    Ok(())
}

async fn tasks(ports: &impl Ports, wanted: &[AttemptKey]) -> Result<Vec<Option<Task>>, Trouble> {
    let keys: Vec<Key> = wanted
        .iter()
        .map(|key| Key::Task(key.run.clone(), key.task.clone()))
        .collect();
    let stored = ports.store().read_many(&keys).await?;
    let tasks = stored.into_iter().map(|stored| {
        let task: Option<Versioned<Task>> = stored.map(|stored| stored.read()).transpose()?;
        Ok(task.map(|task| task.value))
    });
    tasks.collect()
}

async fn act(
    ports: &impl Ports,
    instance: &Instance,
    place: &Place,
    key: &AttemptKey,
    task: Option<&Task>,
    word: Word,
) -> Result<(), Trouble> {
    match word {
        Word::Tell(seen) => {
            let word = Outgoing::from(Message::Work(seen));
            Ok(ports.bus().send(Function::ObserveTask, vec![word]).await?)
        }
        Word::TimeOut => {
            stop::time_out(ports, key).await?;
            Ok(())
        }
        Word::Submit => submit_again(ports, key, task).await,
        Word::Free => {
            tracing::warn!(limit = %place.limit, holder = %place.holder, "freeing a left-over place");
            let place = PlaceRef {
                limit: place.limit.clone(),
                number: place.number,
            };
            let waits_for = (instance.state == InstanceState::Ready).then_some(instance);
            registry::free_and_release(ports, &[place], &key.to_string(), waits_for).await
        }
    }
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
    };
    let fact = Message::Fact(facts::ready(&run.value, ready));
    Ok(ports
        .bus()
        .send(Function::SubmitTask, vec![fact.into()])
        .await?)
}
