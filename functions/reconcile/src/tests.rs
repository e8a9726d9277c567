//! Sweeps: what is due is acted on, armed again, and keeps nothing else waiting.

mod letters;
mod risks;
mod runs;
mod schedules;
mod sweeps;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Timestamp;
use model::fact::FactBody;
use model::key::Key;
use model::message::{Function, Message};
use model::run::Run;
use model::task::{Claim, Failures, Place, Task, TaskState};
use model::units::Seconds;
use ports::{Body, Clock as _, Delivery, Verdict};
use testkit::{TestPorts, block_on, instant};

use crate::handle;

/// Half past five, where no leaks are looked for.
fn world() -> TestPorts {
    TestPorts::at(instant("2026-03-01T05:30:00Z"))
}

fn ago(ports: &TestPorts, minutes: u64) -> Timestamp {
    Seconds::minutes(minutes).before(ports.clock.now())
}

fn sweep(ports: &TestPorts) -> Verdict {
    let delivery = Delivery {
        message: Message::Sweep,
        receives: 1,
    };
    block_on(handle(ports, vec![delivery])).pop().unwrap()
}

fn swept(ports: &TestPorts) -> Vec<String> {
    assert_eq!(sweep(ports), Verdict::Done);
    let told = told(ports);
    ports.bus.take_published();
    ports.bus.take_sent();
    told.into_iter().collect()
}

/// What was published and sent, each once.
fn told(ports: &TestPorts) -> BTreeSet<String> {
    let published = ports
        .bus
        .published()
        .into_iter()
        .map(|fact| match fact.body {
            FactBody::DeadlineMissed(missed) => {
                format!(
                    "missed {} {} {:?}",
                    missed.slot, missed.deadline_at, missed.state
                )
            }
            FactBody::TickMissed(tick) => format!("missed tick {}", tick.scheduled_time),
            other => format!("{} {}", other.type_name(), fact.subject),
        });
    let sent = ports.bus.sent().into_iter().map(|(inbox, outgoing)| {
        let what = match outgoing.message {
            Message::Fact(fact) => match fact.body {
                FactBody::TaskReady(ready) => {
                    format!(
                        "ready {} {}-{}",
                        ready.task, ready.generation, ready.attempt
                    )
                }
                other => format!("{} {}", other.type_name(), fact.subject),
            },
            Message::Tick(tick) => {
                let skip = if tick.skip { " skip" } else { "" };
                let late = if tick.late { " late" } else { "" };
                format!("{} {}{late}{skip}", tick.schedule, tick.scheduled_time)
            }
            Message::Work(seen) => format!("{} {:?}", seen.key, seen.state),
            Message::Start(start) => format!("start {} {}", start.workflow, start.slot),
            other => format!("{other:?}"),
        };
        format!("{inbox}: {what}")
    });
    published.chain(sent).collect()
}

fn the_run(ports: &TestPorts, run: &Run) -> Run {
    ports.store.peek(&Key::Run(run.run.clone())).unwrap()
}

/// A task of a run that got into its state at an instant, in the queue `queue`.
fn task(run: &Run, name: &str, state: TaskState, at: Timestamp) -> Task {
    let lease_until = Seconds::minutes(2).after(at);
    let place = Place::Queue("queue".into());
    let claim = Claim {
        since: model::Timestamp::UNIX_EPOCH,
        lease_until,
        place,
        instance: None,
        limits: Vec::new(),
        seeks: Vec::new(),
    };
    Task {
        run: run.run.clone(),
        task: name.parse().unwrap(),
        team: run.team.clone(),
        workflow: run.workflow.clone(),
        state,
        generation: 1,
        attempt: 1,
        failures: Failures::default(),
        epoch: 1,
        claim: state.is_open().then_some(claim),
        submission: None,
        cluster: None,
        reason: None,
        ready_at: at,
        submitted_at: None,
        started_at: None,
        ended_at: state.outcome().map(|_| at),
        failure: None,
        stopping: None,
        due_at: None,
    }
}

/// Everything that is stored, without versions, which a repetition may raise.
fn items(ports: &TestPorts) -> Vec<(Arc<str>, Arc<str>, Body)> {
    let items = ports.store.items().into_iter();
    items
        .map(|item| (item.partition, item.sort, item.body))
        .collect()
}

/// Ends the world before and after every step of a sweep, and checks that the next ones end in the
/// same place.
fn crash_everywhere(world: impl Fn() -> TestPorts) {
    let whole = world();
    whole.faults.heal();
    assert_eq!(sweep(&whole), Verdict::Done);
    let steps = whole.faults.steps();
    assert!(steps > 1);
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let ports = world();
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            assert!(matches!(sweep(&ports), Verdict::Failed(_)), "step {step}");
            ports.faults.heal();
            assert_eq!(sweep(&ports), Verdict::Done, "step {step}");
            assert_eq!(items(&ports), items(&whole), "step {step} {takes_effect}");
            assert_eq!(told(&ports), told(&whole), "step {step} {takes_effect}");
        }
    }
}

fn sent_to(ports: &TestPorts, inbox: Function) -> usize {
    ports
        .bus
        .sent()
        .iter()
        .filter(|(to, _)| *to == inbox)
        .count()
}
