//! A team with routes, runs that fail, and what its people read.

use std::cell::RefCell;
use std::collections::VecDeque;

use model::alert::{CurrentAlerts, Severity};
use model::definition::{AlertChannel, AlertRoute, AlertRules, Workflow};
use model::fact::{Fact, FactBody, TaskFact};
use model::id::EmrClusterId;
use model::message::{Function, Message};
use model::post::{Link, PostKind};
use model::run::{Run, RunState};
use model::task::{Claim, FailureClass, Place, Task, TaskState};
use model::units::Seconds;
use ports::{Clock as _, Delivery, Printout, Printouts, Submitted, Verdict};
use testkit::{MemoryNotifier, TestPorts, block_on, flow, instant};

use crate::handle;

/// A world with one route, and what is in the inbox.
pub struct World {
    pub ports: TestPorts,
    pub notifier: MemoryNotifier,
    pub printouts: Prints,
    pub inbox: VecDeque<Message>,
}

/// Says of every attempt that it printed this.
#[derive(Default)]
pub struct Prints(pub RefCell<Printout>);

impl Printouts for Prints {
    async fn end_of(&self, _: &Submitted, links_only: bool) -> Printout {
        let printout = self.0.borrow().clone();
        Printout {
            end: if links_only {
                String::new()
            } else {
                printout.end
            },
            ..printout
        }
    }

    fn links_of(&self, instance: &EmrClusterId) -> Vec<Link> {
        vec![Link {
            label: "console".into(),
            url: format!("https://console/{instance}"),
        }]
    }
}

impl World {
    /// A team `team` whose people read all on one channel.
    pub fn with(channel: AlertChannel) -> Self {
        let world = Self {
            ports: TestPorts::at(instant("2026-03-02T05:30:00Z")),
            notifier: MemoryNotifier::default(),
            printouts: Prints::default(),
            inbox: VecDeque::new(),
        };
        world.ports.store.seed(&CurrentAlerts {
            team: "team".parse().unwrap(),
            log_lines: true,
            routes: vec![AlertRoute {
                channel,
                to: "#ops".into(),
                secret: None,
                facts: Vec::new(),
                severity: Severity::Warning,
            }],
        });
        world
    }

    /// A run of the workflow for a day, with tasks in these states.
    pub fn run(&self, day: u32, rules: AlertRules, tasks: &[(&str, TaskState)]) -> Run {
        let now = self.ports.clock.now();
        let workflow = Workflow {
            alerts: rules,
            ..flow::workflow(&[
                ("a", &[], ""),
                ("b", &["a"], ""),
                ("c", &["b"], ""),
                ("cleanup", &["c"], "all_done"),
            ])
        };
        let seeded = flow::seed_run(&self.ports.store, &workflow, now);
        let date = instant(&format!("2026-01-{day:02}T00:00:00Z"));
        let run = Run {
            run: format!("team--flow--202601{day:02}").into(),
            slot: format!("2026-01-{day:02}").into(),
            logical_date: date,
            ..seeded
        };
        self.ports.store.seed(&run);
        for (name, state) in tasks {
            self.ports.store.seed(&self.task(&run, name, *state));
        }
        run
    }

    fn task(&self, run: &Run, name: &str, state: TaskState) -> Task {
        let now = self.ports.clock.now();
        let outcome = state.outcome().unwrap_or(model::task::Outcome::Failed);
        let name = name.parse().unwrap();
        let decided = protocols::facts::decided(run, &name, 1, outcome, now, "exit code 1".into());
        Task {
            state,
            attempt: 1,
            failure: Some(FailureClass::Application),
            submission: Some("job-1".into()),
            claim: Some(Claim {
                since: now,
                lease_until: now,
                place: Place::Queue("light".into()),
                instance: None,
                limits: Vec::new(),
                seeks: Vec::new(),
            }),
            ..decided
        }
    }

    /// The run ends in a state; the fact of it arrives.
    pub fn ends(&mut self, run: &Run, state: RunState, generation: u32) {
        let ended = Run {
            state,
            generation,
            ended_at: Some(self.ports.clock.now()),
            ..run.clone()
        };
        self.ports.store.seed(&ended);
        let fact = protocols::facts::run(&ended);
        self.deliver(Message::Fact(fact));
    }

    /// Delivers messages, and all that comes of them without a delay; says whether all went well.
    pub fn deliver(&mut self, message: Message) -> Verdict {
        let verdict = self.once(message);
        while let Some(next) = self.inbox.pop_front() {
            if let Verdict::Later(Seconds(1)) = self.once(next.clone()) {
                self.ports.clock.pass(Seconds(1));
                self.inbox.push_back(next);
            }
        }
        verdict
    }

    fn once(&mut self, message: Message) -> Verdict {
        let delivery = Delivery {
            message,
            receives: 1,
        };
        let handled = block_on(handle(
            &self.ports,
            &self.notifier,
            &self.printouts,
            vec![delivery],
        ));
        for (inbox, outgoing) in self.ports.bus.take_sent() {
            assert_eq!(inbox, Function::Alert);
            if outgoing.delay == Seconds(0) {
                self.inbox.push_back(outgoing.message);
            }
        }
        handled.into_iter().next().unwrap()
    }

    /// What was read since the last time: kind and title.
    pub fn read(&self) -> Vec<(PostKind, String)> {
        let posted = self.notifier.take().into_iter();
        posted.map(|one| (one.post.kind, one.post.title)).collect()
    }
}

/// The fact that a task of a run failed for good.
pub fn failed(world: &World, run: &Run, task: &str) -> Message {
    let key = model::key::Key::Task(run.run.clone(), task.parse().unwrap());
    let stored: Task = world.ports.store.peek(&key).unwrap();
    Message::Fact(protocols::facts::task(&stored).unwrap())
}

/// The same for a task that nobody ever stored.
pub fn unknown(run: &Run) -> Message {
    let body = FactBody::TaskFailed(TaskFact {
        run: run.run.clone(),
        task: "gone".parse().unwrap(),
        generation: 1,
        attempt: 1,
        outcome: None,
        failure: None,
        reason: None,
        submission: None,
        history: None,
    });
    let workflow = Some(run.workflow.clone());
    Message::Fact(Fact::new(run.team.clone(), workflow, run.created_at, body))
}
