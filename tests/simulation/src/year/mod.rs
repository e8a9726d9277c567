//! A year of ordinary work on a fine day after the other: a thousand runs a day, ten tasks each,
//! through the real handlers. It shows that nothing grows and nothing is lost in the long run.
//!
//! Two halves of the workflows live on two threads; they share nothing, as two deployments would.

mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::ports::{Delivery, Unheard, Unprinted, Verdict};
use model::Timestamp;
use model::definition::{CatchUp, Definitions, ScheduleSpec, Team, Workflow};
use model::expected::ScheduleRef;
use model::id::RunId;
use model::key::Key;
use model::message::{Function, Message, Tick};
use model::units::Seconds;
use testkit::{block_on, flow, instant};

use self::ports::YearPorts;
use crate::platform::services::Event;

/// How a year went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Year {
    pub days: u64,
    pub runs: u64,
    pub tasks: u64,
    pub succeeded: u64,
    pub messages: u64,
    /// The most items that were stored at midnight.
    pub items: u64,
}

const BEGIN: &str = "2027-01-01T00:00:00Z";

/// How many messages a handler takes at once.
const BATCH: usize = 10;

/// How often each workflow runs in a day.
const RUNS_A_DAY: u64 = 4;

/// Lives through so many days with so many runs on each, on these threads.
pub fn live(days: u64, runs_a_day: u64, threads: u64) -> Result<Year, String> {
    let share = runs_a_day / threads / RUNS_A_DAY;
    let half = |number: u64| Half::new(number, share).live(days);
    let halves: Vec<Result<Year, String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || half(number)))
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker
                .join()
                .unwrap_or_else(|_| Err("a handler panicked".to_owned()))
        };
        workers.into_iter().map(join).collect()
    });
    let mut year = Year::default();
    for half in halves {
        let half = half?;
        year.days = half.days;
        year.runs += half.runs;
        year.tasks += half.tasks;
        year.succeeded += half.succeeded;
        year.messages += half.messages;
        year.items += half.items;
    }
    Ok(year)
}

/// Half of the workflows.
struct Half {
    ports: YearPorts,
    workflows: Vec<Workflow>,
    inboxes: BTreeMap<(Timestamp, u64), (Function, Message)>,
    letters: u64,
    year: Year,
    ended: BTreeSet<RunId>,
}

impl Half {
    fn new(number: u64, workflows: u64) -> Self {
        let workflow = |at: u64| workflow(number, at);
        let half = Self {
            ports: YearPorts::at(instant(BEGIN)),
            workflows: (0..workflows).map(workflow).collect(),
            inboxes: BTreeMap::new(),
            letters: 0,
            year: Year::default(),
            ended: BTreeSet::new(),
        };
        let definitions = half.definitions();
        let registered = block_on(register_definitions::apply(&half.ports, &definitions));
        registered.expect("nothing fails in this year");
        half
    }

    fn definitions(&self) -> Definitions {
        let name: model::name::TeamName = "team".parse().expect("a name");
        let team = Team {
            name: name.clone(),
            description: None,
            quota: model::definition::Quota::default(),
            pools: BTreeMap::new(),
            execution_role: None,
            job_definitions: None,
            alerts: Vec::new(),
            log_lines: true,
        };
        let workflows = self
            .workflows
            .iter()
            .map(|one| (one.reference(), one.clone()));
        Definitions {
            teams: BTreeMap::from([(name, team)]),
            clusters: BTreeMap::new(),
            workflows: workflows.collect(),
        }
    }

    fn live(mut self, days: u64) -> Result<Year, String> {
        for day in 0..days {
            let midnight = Seconds::hours(24 * day).after(instant(BEGIN));
            self.one_day(midnight)?;
            self.year.days += 1;
        }
        let owed = days * RUNS_A_DAY * self.workflows.len() as u64;
        if self.year.succeeded != owed {
            return Err(format!(
                "{owed} runs were owed, {} succeeded",
                self.year.succeeded
            ));
        }
        Ok(self.year)
    }

    /// Ticks and sweeps of a day, and all they cause.
    fn one_day(&mut self, midnight: Timestamp) -> Result<(), String> {
        for sweep in 0..720 {
            self.put(
                Seconds(120 * sweep).after(midnight),
                Function::Reconcile,
                Message::Sweep,
            );
        }
        for at in 0..self.workflows.len() {
            let reference = self.workflows[at].reference();
            for tick in ticks(at as u64, midnight) {
                let message = Message::Tick(Tick {
                    schedule: ScheduleRef::Workflow(reference.clone()),
                    scheduled_time: tick,
                    late: false,
                    skip: false,
                });
                self.put(tick, Function::StartRun, message);
            }
        }
        let next_midnight = Seconds::hours(24).after(midnight);
        self.until(next_midnight)?;
        self.forget();
        Ok(())
    }

    /// Lets everything happen that happens before an instant.
    fn until(&mut self, end: Timestamp) -> Result<(), String> {
        loop {
            let letter = self.inboxes.first_key_value().map(|((at, _), _)| *at);
            let service = self.ports.services.borrow().next_at();
            let Some(next) = [letter, service].into_iter().flatten().min() else {
                return Ok(());
            };
            if next >= end {
                return Ok(());
            }
            self.ports.clock.set(next);
            for event in self.ports.go_on(next) {
                let (inbox, message) = match event {
                    Event::Work(seen) => (Function::ObserveTask, Message::Work(seen)),
                    Event::Cluster(seen) => (Function::RecordCluster, Message::Cluster(seen)),
                };
                self.put(next, inbox, message);
            }
            self.deliver(next)?;
        }
    }

    /// Delivers all that is visible, in batches.
    fn deliver(&mut self, now: Timestamp) -> Result<(), String> {
        while self
            .inboxes
            .first_key_value()
            .is_some_and(|((at, _), _)| *at <= now)
        {
            let mut batch: Vec<Message> = Vec::with_capacity(BATCH);
            let mut inbox = None;
            while batch.len() < BATCH {
                let Some(first) = self.inboxes.first_entry() else {
                    break;
                };
                let same = inbox.is_none_or(|inbox| inbox == first.get().0);
                if first.key().0 > now || !same {
                    break;
                }
                let (function, message) = first.remove();
                inbox = Some(function);
                batch.push(message);
            }
            let inbox = inbox.expect("there was a letter");
            self.handle(inbox, batch)?;
        }
        Ok(())
    }

    fn handle(&mut self, inbox: Function, batch: Vec<Message>) -> Result<(), String> {
        let now = self.ports.now();
        self.year.messages += batch.len() as u64;
        let kept = batch.clone();
        let delivery = |message| Delivery {
            message,
            receives: 1,
        };
        let batch = batch.into_iter().map(delivery).collect();
        let verdicts = block_on(handler(&self.ports, inbox, batch));
        for (verdict, message) in verdicts.into_iter().zip(kept) {
            match verdict {
                Verdict::Done => {}
                Verdict::Later(delay) => self.put(delay.after(now), inbox, message),
                Verdict::Failed(why) | Verdict::Poison(why) => {
                    return Err(format!("{why}: {message:?}"));
                }
            }
        }
        for (at, function, message) in self.ports.take_sent() {
            self.put(at, function, message);
        }
        for run in self.ports.take_succeeded() {
            self.year.succeeded += 1;
            self.ended.insert(run);
        }
        Ok(())
    }

    fn put(&mut self, at: Timestamp, inbox: Function, message: Message) {
        self.letters += 1;
        self.inboxes.insert((at, self.letters), (inbox, message));
    }

    /// What has ended is kept for a day here, as a time to live keeps it for longer.
    fn forget(&mut self) {
        self.year.items = self.year.items.max(self.ports.store.items().len() as u64);
        for run in std::mem::take(&mut self.ended) {
            self.year.runs += 1;
            self.ports.store.forget(&Key::run_partition(&run));
        }
        self.year.tasks += self.ports.forget_work();
    }
}

/// Ten tasks: one, then four, a join, then three, and a last one.
fn workflow(half: u64, number: u64) -> Workflow {
    let middle: [&str; 4] = ["b0", "b1", "b2", "b3"];
    let last: [&str; 3] = ["d0", "d1", "d2"];
    let mut rows: Vec<(&str, &[&str], &str)> = vec![("a", &[], "")];
    rows.extend(middle.iter().map(|name| (*name, &["a"][..], "")));
    rows.push(("c", &middle, ""));
    rows.extend(last.iter().map(|name| (*name, &["c"][..], "")));
    rows.push(("e", &last, ""));
    let mut workflow = flow::workflow(&rows);
    workflow.name = format!("flow-{half}-{number}").parse().expect("a name");
    workflow.schedule = Some(ScheduleSpec {
        expression: format!("cron({} {}/6 * * ? *)", number % 60, number / 60 % 6),
        timezone: "UTC".into(),
        catch_up: CatchUp::Latest,
    });
    workflow
}

/// When a workflow fires on a day: every six hours, at a minute of its own.
fn ticks(number: u64, midnight: Timestamp) -> impl Iterator<Item = Timestamp> {
    let first = number % 60 + number / 60 % 6 * 60;
    (0..RUNS_A_DAY).map(move |at| Seconds::minutes(first + at * 360).after(midnight))
}

async fn handler(ports: &YearPorts, inbox: Function, batch: Vec<Delivery>) -> Vec<Verdict> {
    match inbox {
        Function::StartRun => start_run::handle(ports, batch).await,
        Function::AdvanceRun => advance_run::handle(ports, batch).await,
        Function::SubmitTask => submit_task::handle(ports, batch).await,
        Function::ObserveTask => observe_task::handle(ports, batch).await,
        Function::ProvisionCluster => provision_cluster::handle(ports, batch).await,
        Function::RecordCluster => record_cluster::handle(ports, batch).await,
        Function::TerminateCluster => terminate_cluster::handle(ports, batch).await,
        Function::Operate => operate::handle(ports, batch).await,
        Function::Reconcile => reconcile::handle(ports, batch).await,
        Function::Alert => alert::handle(ports, &Unheard, &Unprinted, batch).await,
        Function::ExportRuns => panic!("nobody has switched it on"),
    }
}

/// The figures, for people.
pub fn table(year: &Year, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a rate, for people
    let rate = year.tasks as f64 / seconds.max(0.001);
    let rows = [
        ("days", year.days.to_string()),
        ("runs, all succeeded", year.succeeded.to_string()),
        ("tasks", year.tasks.to_string()),
        ("messages handled", year.messages.to_string()),
        ("items stored at midnight, at most", year.items.to_string()),
        ("wall-clock seconds", format!("{seconds:.1}")),
        ("tasks per second", format!("{rate:.0}")),
    ];
    let line = |(name, value): &(&str, String)| format!("{name:<36} {value:>12}\n");
    rows.iter().map(line).collect()
}
