//! A run with everything in it: a retry, a failure, what it blocks, a cancelled task, an upstream.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::definition::Dataset;
use model::fact::Fact;
use model::message::Message;
use model::run::{Cause, Run, RunState};
use model::task::{Claim, FailureClass, PastAttempt, Place, Task, TaskState};
use model::units::Seconds;
use ports::{Delivery, Export, Exporter, NotifyError, Verdict};
use protocols::facts;
use testkit::{TestPorts, block_on, flow, instant};

use crate::handle;

/// Keeps what it is handed, unless it was made to fail.
#[derive(Default)]
pub struct Kept {
    pub taken: RefCell<Vec<(Export, String)>>,
    /// Whether traces are switched off, or lineage.
    pub off: Cell<Option<Export>>,
    pub fails: RefCell<Option<(Export, NotifyError)>>,
}

impl Exporter for Kept {
    fn takes(&self, export: Export) -> bool {
        self.off.get() != Some(export)
    }

    async fn hand_over(&self, export: Export, document: &str) -> Result<(), NotifyError> {
        if let Some((failing, error)) = &*self.fails.borrow()
            && *failing == export
        {
            return Err(error.clone());
        }
        self.taken.borrow_mut().push((export, document.to_owned()));
        Ok(())
    }
}

impl Kept {
    pub fn of(&self, export: Export) -> Vec<String> {
        let taken = self.taken.borrow();
        let own = taken.iter().filter(|(one, _)| *one == export);
        own.map(|(_, document)| document.clone()).collect()
    }
}

/// An instant of that day, in minutes.
pub fn minute(minute: i64) -> Timestamp {
    Seconds(u64::try_from(minute).unwrap() * 60).after(instant("2026-03-01T05:00:00Z"))
}

/// A world, the run in it, and the facts about it in order.
pub struct Day {
    pub ports: TestPorts,
    pub exporter: Kept,
    pub run: Run,
    pub facts: Vec<Fact>,
}

impl Day {
    /// The run and all its attempts have ended.
    pub fn new() -> Self {
        let ports = TestPorts::at(minute(60));
        let mut workflow = flow::workflow(&[
            ("wobbly", &[], "retries=1"),
            ("bad", &[], ""),
            ("below", &["bad"], ""),
            ("stopped", &[], ""),
        ]);
        let dataset = |namespace: &str, name: &str| Dataset {
            namespace: namespace.into(),
            name: name.into(),
        };
        workflow.tasks[0].inputs = vec![dataset("s3://raw", "observations/{{ logical_date }}")];
        workflow.tasks[0].outputs = vec![dataset("trino://{{ team }}:8889", "hive.lake.clean")];
        let mut upstream = flow::workflow(&[("load", &[], "")]);
        upstream.name = "up".parse().unwrap();
        let up = flow::seed_run(&ports.store, &upstream, minute(0));
        let cause = Cause::Upstream {
            runs: BTreeMap::from([(up.run, 1)]),
        };
        let started = Run {
            cause,
            created_at: minute(0),
            started_at: Some(minute(1)),
            ..flow::seed_run(&ports.store, &workflow, minute(0))
        };
        let run = Run {
            state: RunState::Failed,
            ended_at: Some(minute(30)),
            reason: Some("bad failed".into()),
            ..started.clone()
        };
        ports.store.seed(&run);
        let mut day = Self {
            ports,
            exporter: Kept::default(),
            run,
            facts: vec![facts::run(&started)],
        };
        day.tasks();
        day.facts.push(facts::run(&day.run));
        day
    }

    fn tasks(&mut self) {
        let first = Task {
            failure: Some(FailureClass::Application),
            reason: Some("exit code 3".into()),
            ..self.attempt("wobbly", 1, TaskState::Failed, [1, 2, 3, 5])
        };
        let retrying = Task {
            state: TaskState::Retrying,
            attempt: 2,
            ..first.clone()
        };
        let second = self.attempt("wobbly", 2, TaskState::Succeeded, [6, 7, 8, 12]);
        let bad = Task {
            failure: Some(FailureClass::Infrastructure),
            reason: Some("the cluster is gone".into()),
            started_at: None,
            ..self.attempt("bad", 1, TaskState::Failed, [1, 2, 2, 9])
        };
        let stopped = Task {
            reason: Some("cancelled by ann".into()),
            ..self.attempt("stopped", 1, TaskState::Cancelled, [1, 2, 3, 20])
        };
        let name = "below".parse().unwrap();
        let blocked = model::task::Outcome::Blocked;
        let below = facts::decided(&self.run, &name, 1, blocked, minute(9), "bad failed".into());
        let began = |task: &Task| Task {
            state: TaskState::Running,
            ended_at: None,
            failure: None,
            ..task.clone()
        };
        let told = [
            &began(&first),
            &retrying,
            &began(&second),
            &second,
            &bad,
            &below,
            &began(&stopped),
            &stopped,
        ];
        self.facts.extend(told.into_iter().filter_map(facts::task));
        let past = PastAttempt {
            attempt: first,
            retried: true,
        };
        self.ports.store.seed(&past);
        for task in [second, bad, stopped, below] {
            self.ports.store.seed(&task);
        }
    }

    /// An attempt that was ready, submitted, started and ended in these minutes.
    pub fn attempt(&self, name: &str, attempt: u32, state: TaskState, at: [i64; 4]) -> Task {
        let outcome = state.outcome().unwrap();
        let name = name.parse().unwrap();
        let decided = facts::decided(&self.run, &name, 1, outcome, minute(at[0]), String::new());
        let key = AttemptKey {
            run: self.run.run.clone(),
            task: name,
            generation: 1,
            attempt,
        };
        Task {
            attempt,
            reason: None,
            claim: Some(Claim {
                since: minute(at[1]),
                lease_until: minute(at[1] + 2),
                place: Place::Queue("queue".into()),
                instance: None,
                limits: Vec::new(),
                seeks: Vec::new(),
            }),
            submission: Some(format!("job-{key}").as_str().into()),
            submitted_at: Some(minute(at[1])),
            started_at: Some(minute(at[2])),
            ended_at: Some(minute(at[3])),
            ..decided
        }
    }

    /// Delivers facts in one batch.
    pub fn deliver(&self, facts: &[Fact]) -> Vec<Verdict> {
        let batch = facts.iter().map(|fact| Delivery {
            message: Message::Fact(fact.clone()),
            receives: 1,
        });
        block_on(handle(&self.ports, &self.exporter, batch.collect()))
    }

    /// Delivers everything that happened; all goes well.
    pub fn tell(&self) {
        let verdicts = self.deliver(&self.facts);
        assert!(
            verdicts.iter().all(|it| *it == Verdict::Done),
            "{verdicts:?}"
        );
    }
}
