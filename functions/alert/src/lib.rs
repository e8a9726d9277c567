//! alert: the right people hear once, soon, with the cause.
//!
//! In: facts that something failed, is late or is well again; its own messages to look whether a
//! route knows. Out: posts to the channels of teams.
//!
//! A fact becomes a symptom of an incident; an incident is open while a symptom stands; each route
//! is brought up to date with it. Safe to repeat from the middle: symptoms are set elements, an
//! incident follows from its symptoms, and what a route was told is stored around each post: the
//! intent before it, so that a repeat after a crash says that it is one.

mod clear;
mod digest;
mod known;
mod notice;
mod printed;
mod symptoms;
#[cfg(test)]
mod tests;

use model::alert::{AlertRequest, SymptomRef};
use model::fact::{Fact, FactBody};
use model::message::Message;
use ports::{Delivery, Notifier, Ports, Printouts, Trouble, Verdict};

/// Handles a batch. Facts go one after the other; routes are told at the same time, so that one
/// whose channel hangs keeps no other waiting.
pub async fn handle<P: Ports, N: Notifier, O: Printouts>(
    ports: &P,
    notifier: &N,
    printouts: &O,
    batch: Vec<Delivery>,
) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(batch.len());
    let mut telling = Vec::new();
    for (position, delivery) in batch.into_iter().enumerate() {
        let receives = delivery.receives;
        verdicts.push(match delivery.message {
            Message::Fact(fact) => on_fact(ports, &fact, receives > 1).await.into(),
            Message::Alert(request) => {
                telling.push(async move {
                    let told = tell(ports, notifier, printouts, request).await;
                    (position, told)
                });
                Verdict::Done
            }
            Message::Tick(_)
            | Message::Work(_)
            | Message::Cluster(_)
            | Message::Event(_)
            | Message::Start(_)
            | Message::Drain(_)
            | Message::Sweep => {
                Verdict::Poison("alert takes facts and its own messages to look again".to_owned())
            }
        });
    }
    for (position, told) in futures_util::future::join_all(telling).await {
        verdicts[position] = told.into();
    }
    verdicts
}

async fn on_fact<P: Ports>(ports: &P, fact: &Fact, is_repeated: bool) -> Result<(), Trouble> {
    match &fact.body {
        FactBody::TaskFailed(task) => symptoms::task_failed(ports, task, is_repeated).await,
        FactBody::RunFailed(run) => symptoms::run_failed(ports, fact, run, is_repeated).await,
        FactBody::DeadlineMissed(missed) => {
            symptoms::deadline_missed(ports, fact, missed, is_repeated).await
        }
        FactBody::DeadlineAtRisk(risk) => symptoms::at_risk(ports, fact, risk, is_repeated).await,
        FactBody::ClusterFailed(cluster) => {
            clear::ended(ports, &cluster.instance).await?;
            let what = SymptomRef::Instance(cluster.instance.clone());
            symptoms::of_cluster(ports, fact, cluster, what, is_repeated).await
        }
        FactBody::RunSlow(slow) => symptoms::slow(ports, fact, slow, is_repeated).await,
        FactBody::TickMissed(tick) => symptoms::tick_missed(ports, fact, tick, is_repeated).await,
        FactBody::ClusterIdle(cluster) => {
            let what = SymptomRef::Idle(cluster.instance.clone());
            symptoms::of_cluster(ports, fact, cluster, what, is_repeated).await
        }
        FactBody::ClusterLeaked(cluster) => {
            let what = SymptomRef::Leaked(cluster.instance.clone());
            symptoms::of_cluster(ports, fact, cluster, what, is_repeated).await
        }
        FactBody::RunSucceeded(run) | FactBody::RunCancelled(run) | FactBody::RunSkipped(run) => {
            clear::run(ports, &run.run, run.generation).await
        }
        FactBody::ClusterReady(cluster) => clear::cluster(ports, &cluster.instance).await,
        FactBody::ClusterTerminated(cluster) => clear::ended(ports, &cluster.instance).await,
        FactBody::LettersSetAside(letters) => {
            symptoms::set_aside(ports, fact, letters, is_repeated).await
        }
        FactBody::LettersGone(letters) => clear::letters(ports, letters.inbox, fact.time).await,
        FactBody::RunWaiting(_)
        | FactBody::RunStarted(_)
        | FactBody::TaskReady(_)
        | FactBody::TaskStarted(_)
        | FactBody::TaskRetrying(_)
        | FactBody::TaskSucceeded(_)
        | FactBody::TaskSkipped(_)
        | FactBody::TaskCancelled(_)
        | FactBody::ClusterRequested(_)
        | FactBody::ClusterDraining(_)
        | FactBody::OperationRequested(_)
        | FactBody::OperationDone(_) => Err(Trouble::Poison(format!(
            "alert does not take {}",
            fact.body.type_name()
        ))),
    }
}

async fn tell<P: Ports, N: Notifier, O: Printouts>(
    ports: &P,
    notifier: &N,
    printouts: &O,
    request: AlertRequest,
) -> Result<(), Trouble> {
    match request {
        AlertRequest::Notice { route, incident } => {
            notice::tell(ports, notifier, printouts, &route, &incident).await
        }
        AlertRequest::Digest { route } => digest::post(ports, notifier, &route).await,
    }
}
