//! export-runs: runs as others see them, as traces (OTLP) and as lineage (OpenLineage).
//!
//! In: facts that a run or an attempt began or ended. Out: documents to whoever keeps them.
//!
//! Optional, and it writes nothing: what is handed over follows from the fact and from what is
//! stored, ids and times included. So a repeat hands over the same again, which their receivers know
//! by its ids.

mod lineage;
mod otlp;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::BTreeMap;

use choreography::work::{self, Datasets};
use futures_util::StreamExt as _;
use futures_util::stream;
use model::attempt::AttemptKey;
use model::fact::{Fact, FactBody, RunFact, TaskFact};
use model::id::RunId;
use model::key::Key;
use model::message::Message;
use model::run::{Cause, Run};
use model::task::{PastAttempt, Task};
use model::units::Seconds;
use ports::{Clock as _, Delivery, Export, Exporter, Ports, Trouble};
use ports::{TypedStore as _, Verdict};
use protocols::plans;

use lineage::Upstream;
use trace::{Ended, Pass};

/// How many messages are handled at the same time, each waiting for somebody elsewhere.
const AT_ONCE: usize = 8;
/// When a run is looked at again whose attempts have not ended yet: it was cancelled.
const AGAIN: Seconds = Seconds(60);
/// For how long; then its trace is told without them.
const PATIENCE: Seconds = Seconds::minutes(60);

/// Handles a batch.
pub async fn handle<P: Ports, E: Exporter>(
    ports: &P,
    exporter: &E,
    batch: Vec<Delivery>,
) -> Vec<Verdict> {
    let verdicts = batch.into_iter().map(|delivery| async move {
        match delivery.message {
            Message::Fact(fact) => on_fact(ports, exporter, &fact).await.into(),
            Message::Tick(_)
            | Message::Work(_)
            | Message::Cluster(_)
            | Message::Event(_)
            | Message::Start(_)
            | Message::Drain(_)
            | Message::Sweep
            | Message::Alert(_) => Verdict::Poison("export-runs takes facts".to_owned()),
        }
    });
    stream::iter(verdicts).buffered(AT_ONCE).collect().await
}

/// Neither of the two keeps the other waiting, and the message returns for both.
async fn on_fact<P: Ports, E: Exporter>(
    ports: &P,
    exporter: &E,
    fact: &Fact,
) -> Result<(), Trouble> {
    let traces = if exporter.takes(Export::Traces) {
        traces(ports, fact).await?
    } else {
        Vec::new()
    };
    let lineage = if exporter.takes(Export::Lineage) {
        events(ports, fact).await?
    } else {
        Vec::new()
    };
    let traced = hand_over(exporter, Export::Traces, traces).await;
    hand_over(exporter, Export::Lineage, lineage).await?;
    traced
}

async fn hand_over<E: Exporter>(
    exporter: &E,
    export: Export,
    documents: Vec<String>,
) -> Result<(), Trouble> {
    for document in documents {
        // One that is throttled waits as long as one that failed, longer with each time: what is put
        // off instead uses up its deliveries within minutes.
        exporter.hand_over(export, &document).await?;
    }
    Ok(())
}

/// The trace of a run that has ended; none of other facts.
async fn traces<P: Ports>(ports: &P, fact: &Fact) -> Result<Vec<String>, Trouble> {
    let (FactBody::RunSucceeded(ended)
    | FactBody::RunFailed(ended)
    | FactBody::RunCancelled(ended)) = &fact.body
    else {
        return Ok(Vec::new());
    };
    let run = run(ports, &ended.run).await?;
    let opened = if run.generation == 1 {
        BTreeMap::new()
    } else {
        let generations = plans::generations(ports, &run).await?;
        let opened = generations.into_iter().map(|it| (it.generation, it.at));
        opened.collect()
    };
    let pass = Pass::of(&run, ended.generation, &opened);
    let mut attempts = attempts(ports, &ended.run).await?;
    attempts.retain(|attempt| pass.contains(attempt.generation));
    let is_open = attempts.iter().any(|attempt| attempt.state.is_open());
    if is_open && ports.clock().now() < PATIENCE.after(fact.time) {
        return Err(Trouble::Later(AGAIN));
    }
    let ended = Ended {
        run: &run,
        at: fact.time,
        state: ended.state,
        reason: ended.reason.as_deref(),
    };
    Ok(otlp::documents(&trace::spans(&ended, &pass, &attempts)))
}

/// Every attempt of a run, and what was decided without one.
async fn attempts<P: Ports>(ports: &P, run: &RunId) -> Result<Vec<Task>, Trouble> {
    let (store, partition) = (ports.store(), Key::run_partition(run));
    let past = store.list::<PastAttempt>(&partition, "past#").await?;
    let past = past.into_iter().map(|past| past.value.attempt);
    let tasks = store.list::<Task>(&partition, "task#").await?;
    Ok(past
        .chain(tasks.into_iter().map(|task| task.value))
        .collect())
}

/// What a fact is in lineage.
async fn events<P: Ports>(ports: &P, fact: &Fact) -> Result<Vec<String>, Trouble> {
    let events = match &fact.body {
        FactBody::RunStarted(started) => {
            let run = run(ports, &started.run).await?;
            let upstreams = upstreams(ports, &run, started).await?;
            lineage::run_started(&run, started, fact.time, &upstreams)
        }
        FactBody::RunSucceeded(ended)
        | FactBody::RunFailed(ended)
        | FactBody::RunCancelled(ended) => {
            let run = run(ports, &ended.run).await?;
            vec![lineage::run_ended(&run, ended, fact.time)]
        }
        FactBody::TaskStarted(task)
        | FactBody::TaskSucceeded(task)
        | FactBody::TaskFailed(task)
        | FactBody::TaskCancelled(task) => of_attempt(ports, fact, task, task.attempt).await?,
        // It names the attempt to come.
        FactBody::TaskRetrying(task) => {
            of_attempt(ports, fact, task, task.attempt.saturating_sub(1)).await?
        }
        FactBody::RunWaiting(_)
        | FactBody::RunSkipped(_)
        | FactBody::RunSlow(_)
        | FactBody::TaskReady(_)
        | FactBody::TaskSkipped(_)
        | FactBody::ClusterRequested(_)
        | FactBody::ClusterReady(_)
        | FactBody::ClusterDraining(_)
        | FactBody::ClusterTerminated(_)
        | FactBody::ClusterFailed(_)
        | FactBody::ClusterIdle(_)
        | FactBody::ClusterLeaked(_)
        | FactBody::DeadlineMissed(_)
        | FactBody::DeadlineAtRisk(_)
        | FactBody::TickMissed(_)
        | FactBody::LettersSetAside(_)
        | FactBody::LettersGone(_)
        | FactBody::OperationRequested(_)
        | FactBody::OperationDone(_) => Vec::new(),
    };
    Ok(events.iter().map(ToString::to_string).collect())
}

async fn of_attempt<P: Ports>(
    ports: &P,
    fact: &Fact,
    task: &TaskFact,
    number: u32,
) -> Result<Vec<serde_json::Value>, Trouble> {
    if number == 0 {
        // Decided without an attempt: nothing ran.
        return Ok(Vec::new());
    }
    let key = AttemptKey {
        run: task.run.clone(),
        task: task.task.clone(),
        generation: task.generation,
        attempt: number,
    };
    let run = run(ports, &task.run).await?;
    let datasets = datasets(ports, &run, &key).await?;
    let told = lineage::Attempt {
        run: &run,
        key: &key,
        fact: task,
        at: fact.time,
        datasets: &datasets,
    };
    if let FactBody::TaskStarted(_) = fact.body {
        return Ok(vec![told.started(fact.time)]);
    }
    let item = attempt(ports, &key).await?;
    Ok(told.ended(&fact.body, item.as_ref()))
}

/// The item of an attempt, from among the newest or from history.
async fn attempt<P: Ports>(ports: &P, key: &AttemptKey) -> Result<Option<Task>, Trouble> {
    let newest = Key::Task(key.run.clone(), key.task.clone());
    let newest = ports.store().get::<Task>(&newest).await?;
    let newest = newest.map(|stored| stored.value);
    if let Some(newest) = newest.filter(|newest| newest.attempt_key() == *key) {
        return Ok(Some(newest));
    }
    let past = Key::PastAttempt(key.clone());
    let past = ports.store().get::<PastAttempt>(&past).await?;
    Ok(past.map(|past| past.value.attempt))
}

/// What an attempt's task declares; nothing where its plan is not known any more, or where a template
/// has no value: that it ran is worth telling all the same.
async fn datasets<P: Ports>(ports: &P, run: &Run, key: &AttemptKey) -> Result<Datasets, Trouble> {
    if key.generation < run.definition_since {
        return Ok(Datasets::default());
    }
    let plan = plans::plan(ports, &run.definition).await?;
    let Some(position) = plan.position(&key.task) else {
        return Ok(Datasets::default());
    };
    match work::datasets(&plan, position, run, key) {
        Ok(datasets) => Ok(datasets),
        Err(error) => {
            tracing::warn!(run = %key.run, task = %key.task, %error, "its datasets are not known");
            Ok(Datasets::default())
        }
    }
}

/// The runs that made a run start.
async fn upstreams<P: Ports>(
    ports: &P,
    run: &Run,
    started: &RunFact,
) -> Result<Vec<Upstream>, Trouble> {
    let mut upstreams = Vec::new();
    let Cause::Upstream { runs } = &run.cause else {
        return Ok(upstreams);
    };
    // A rerun was asked for by somebody.
    for (id, generation) in runs.iter().filter(|_| started.generation == 1) {
        let workflow = self::run(ports, id).await?.workflow_ref();
        upstreams.push(Upstream {
            workflow,
            run: id.clone(),
            generation: *generation,
        });
    }
    Ok(upstreams)
}

async fn run<P: Ports>(ports: &P, id: &RunId) -> Result<Run, Trouble> {
    let stored = ports.store().get::<Run>(&Key::Run(id.clone())).await?;
    let none = || Trouble::Poison(format!("there is no run `{id}`"));
    stored.map(|stored| stored.value).ok_or_else(none)
}
