//! Facts, calls and messages as lines a person reads.

use model::Timestamp;
use model::alert::AlertRequest;
use model::cluster::InstanceKey;
use model::fact::{ClusterFact, Fact, FactBody, RunFact, TaskFact};
use model::message::{Function, Message};
use model::task::Place;
use model::work::Work;
use ports::Outgoing;
use testkit::Call;

/// `type subject details`; the time only when it is not now.
pub fn fact(fact: &Fact, now: Timestamp) -> String {
    let kind = fact.body.type_name();
    let kind = kind.trim_start_matches("murmur.").trim_end_matches(".v1");
    let time = if fact.time == now {
        String::new()
    } else {
        format!(" @{}", fact.time)
    };
    let subject = &fact.subject;
    format!("{kind} {subject}{}{time}", details(&fact.body))
}

fn details(body: &FactBody) -> String {
    match body {
        FactBody::RunWaiting(run)
        | FactBody::RunStarted(run)
        | FactBody::RunSucceeded(run)
        | FactBody::RunFailed(run)
        | FactBody::RunCancelled(run)
        | FactBody::RunSkipped(run) => run_details(run),
        FactBody::TaskReady(ready) => format!(" {}-{}", ready.generation, ready.attempt),
        FactBody::TaskStarted(task)
        | FactBody::TaskRetrying(task)
        | FactBody::TaskSucceeded(task)
        | FactBody::TaskFailed(task)
        | FactBody::TaskSkipped(task)
        | FactBody::TaskCancelled(task) => task_details(task),
        FactBody::ClusterRequested(cluster)
        | FactBody::ClusterReady(cluster)
        | FactBody::ClusterDraining(cluster)
        | FactBody::ClusterTerminated(cluster)
        | FactBody::ClusterIdle(cluster)
        | FactBody::ClusterLeaked(cluster)
        | FactBody::ClusterFailed(cluster) => cluster_details(cluster),
        FactBody::RunSlow(slow) => format!(" longest {}", slow.longest),
        FactBody::TickMissed(tick) => format!(" {}", tick.scheduled_time),
        FactBody::LettersSetAside(letters) | FactBody::LettersGone(letters) => {
            format!(" {}, since {}", letters.letters, letters.since)
        }
        FactBody::DeadlineMissed(missed) => match missed.state {
            Some(state) => {
                let state = format!("{state:?}").to_lowercase();
                format!(" due {}, {state}", missed.deadline_at)
            }
            None => format!(" due {}, never started", missed.deadline_at),
        },
        FactBody::DeadlineAtRisk(risk) => {
            format!(" due {}, likely {}", risk.deadline_at, risk.likely_at)
        }
        FactBody::OperationRequested(request) => format!(" by {}", request.by),
        FactBody::OperationDone(operation) => {
            let word = if operation.done { "done" } else { "refused" };
            format!(" {word}: {}", operation.result)
        }
    }
}

fn run_details(run: &RunFact) -> String {
    let generation = match run.generation {
        1 => String::new(),
        other => format!(" generation {other}"),
    };
    generation + &because(run.reason.as_deref())
}

fn task_details(task: &TaskFact) -> String {
    let outcome = task
        .outcome
        .map(|outcome| format!(" {outcome:?}").to_lowercase());
    let failure = task
        .failure
        .map(|class| format!(" ({class:?})").to_lowercase());
    format!(
        " {}-{}{}{}{}",
        task.generation,
        task.attempt,
        outcome.unwrap_or_default(),
        failure.unwrap_or_default(),
        because(task.reason.as_deref())
    )
}

fn cluster_details(cluster: &ClusterFact) -> String {
    let id = cluster.id.as_ref().map(|id| format!(" {id}"));
    id.unwrap_or_default() + &because(cluster.reason.as_deref())
}

fn because(reason: Option<&str>) -> String {
    reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
}

/// One line for each thing a call asks for.
pub fn call(call: &Call) -> Vec<String> {
    match call {
        Call::Submit { place, work } => {
            let submitted = work.iter().map(|one| {
                let key = &one.key;
                match &one.work {
                    Work::Step { argv } => {
                        format!("> submit {key} to {}: {}", at(place), argv.join(" "))
                    }
                    Work::Job(job) => {
                        let command = job.command.join(" ");
                        format!(
                            "> submit {key} to {}: {} {command}",
                            at(place),
                            job.definition
                        )
                    }
                }
            });
            submitted.collect()
        }
        Call::Cancel { place, ids, reason } => {
            let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
            vec![format!(
                "> cancel {} at {}: {reason}",
                ids.join(", "),
                at(place)
            )]
        }
        Call::RequestCluster(request) => vec![format!("> request {}", request.instance)],
        Call::TerminateClusters(ids) => {
            let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
            vec![format!("> terminate {}", ids.join(", "))]
        }
    }
}

/// Where work is.
pub fn at(place: &Place) -> String {
    match place {
        Place::Instance(id) => id.to_string(),
        Place::Queue(queue) => format!("queue {queue}"),
    }
}

/// A message one function sends to another's inbox.
pub fn sent(inbox: Function, outgoing: &Outgoing, now: Timestamp) -> String {
    let delay = match outgoing.delay.0 {
        0 => String::new(),
        _ => format!(" in {}", outgoing.delay),
    };
    let what = match &outgoing.message {
        Message::Tick(tick) => {
            let late = if tick.late { " late" } else { "" };
            let skip = if tick.skip { " skip" } else { "" };
            format!("tick {} {}{late}{skip}", tick.schedule, tick.scheduled_time)
        }
        Message::Fact(sent) => fact(sent, now),
        Message::Work(seen) => format!("work {} {:?}", seen.key, seen.state).to_lowercase(),
        Message::Cluster(seen) => {
            format!("cluster {} {:?}", seen.instance, seen.state).to_lowercase()
        }
        Message::Event(event) => format!("event for {}", event.workflow),
        Message::Start(request) => format!("start {} for {}", request.workflow, request.slot),
        Message::Drain(instance) => drain(instance),
        Message::Sweep => "sweep".to_owned(),
        Message::Alert(AlertRequest::Notice { route, incident }) => {
            format!("does {route} know of {incident}")
        }
        Message::Alert(AlertRequest::Digest { route }) => format!("digest for {route}"),
    };
    format!("to {inbox}{delay}: {what}")
}

fn drain(instance: &InstanceKey) -> String {
    format!("drain {instance}")
}
