//! One run in a hostile world: messages are delivered in random order and number, handlers crash
//! before and after any effect, and submissions are answered as they please.

use std::collections::{BTreeMap, BTreeSet};

use model::attempt::AttemptKey;
use model::definition::Workflow;
use model::id::SubmissionId;
use model::key::Key;
use model::message::{Function, Message};
use model::name::TaskName;
use model::observation::WorkState;
use model::run::{Run, RunState};
use model::task::{Place, Task, TaskState};
use model::units::Seconds;
use ports::{Clock as _, Delivery, Ports as _, Verdict};
use testkit::{SubmitAnswer, TestPorts, block_on, flow};

use crate::dice::Dice;

/// How bad the world is: chances in a hundred.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub duplicate: u64,
    pub crash: u64,
    pub odd_answer: u64,
}

/// The inboxes that take part.
const INBOXES: [Function; 3] = [
    Function::AdvanceRun,
    Function::SubmitTask,
    Function::ObserveTask,
];

/// A world with one run in it.
pub struct World {
    pub ports: TestPorts,
    pub run: Run,
    weather: Weather,
    dice: Dice,
    waiting: Vec<(Function, Message)>,
    later: Vec<(model::Timestamp, Function, Message)>,
    ended: BTreeSet<SubmissionId>,
    attempts: BTreeMap<AttemptKey, BTreeSet<SubmissionId>>,
}

impl World {
    /// Starts the run: its roots are ready.
    pub fn start(workflow: &Workflow, weather: Weather, seed: u64) -> Self {
        let ports = TestPorts::new();
        let run = flow::seed_run(&ports.store, workflow, ports.clock().now());
        let roots = workflow.tasks.iter().filter(|task| task.after.is_empty());
        let waiting = roots
            .map(|task| {
                (
                    Function::SubmitTask,
                    flow::ready(&run, task.name.as_str(), 1, 1),
                )
            })
            .collect();
        Self {
            ports,
            run,
            weather,
            dice: Dice::of(seed),
            waiting,
            later: Vec::new(),
            ended: BTreeSet::new(),
            attempts: BTreeMap::new(),
        }
    }

    /// Lets everything happen until nothing is left to; says whether the run has ended.
    pub fn settle(&mut self, fails: impl Fn(&AttemptKey) -> bool) -> RunState {
        for _ in 0..100_000 {
            self.collect();
            if self.dice.percent(10) {
                // Beyond a lease, so that somebody looks while the work still runs.
                self.ports.clock.pass(Seconds(130));
            }
            if self.dice.percent(25) {
                self.end_some_work(&fails);
            }
            if self.waiting.is_empty() {
                if self.dice.percent(50) && !self.later.is_empty() {
                    continue;
                }
                if !self.end_some_work(&fails) && !self.pass_time() {
                    return self.peek_run().state;
                }
                continue;
            }
            self.deliver_some();
        }
        panic!("the world never settles");
    }

    /// The run as it is stored.
    pub fn peek_run(&self) -> Run {
        self.ports
            .store
            .peek(&Key::Run(self.run.run.clone()))
            .expect("it was seeded")
    }

    /// The states of all tasks that were reached.
    pub fn states(&self) -> BTreeMap<TaskName, TaskState> {
        let tasks: Vec<Task> = self.ports.store.all();
        tasks
            .into_iter()
            .map(|task| (task.task, task.state))
            .collect()
    }

    /// Submissions of each attempt, strays included.
    pub fn attempts(&self) -> &BTreeMap<AttemptKey, BTreeSet<SubmissionId>> {
        &self.attempts
    }

    fn collect(&mut self) {
        for inbox in INBOXES {
            for message in self.ports.bus.receive(inbox) {
                self.waiting.push((inbox, message));
            }
        }
        let now = self.ports.clock().now();
        let (due, later) = std::mem::take(&mut self.later)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.later = later;
        let due: Vec<(model::Timestamp, Function, Message)> = due;
        self.waiting
            .extend(due.into_iter().map(|(_, inbox, message)| (inbox, message)));
    }

    /// Delivers one to five messages of one inbox as a batch, perhaps crashing in the middle.
    fn deliver_some(&mut self) {
        let (inbox, _) = self.waiting[self.dice.pick(self.waiting.len())].clone();
        let mut batch = Vec::new();
        for _ in 0..=self.dice.below(5) {
            let same: Vec<usize> = (0..self.waiting.len())
                .filter(|position| self.waiting[*position].0 == inbox)
                .collect();
            if same.is_empty() {
                break;
            }
            let (_, message) = self.waiting.swap_remove(same[self.dice.pick(same.len())]);
            if self.dice.percent(self.weather.duplicate) {
                self.waiting.push((inbox, message.clone()));
            }
            batch.push(message);
        }
        self.ports.faults.heal();
        if self.dice.percent(self.weather.crash) {
            let step = 1 + self.dice.below(8);
            if self.dice.percent(50) {
                self.ports.faults.crash_before(step);
            } else {
                self.ports.faults.crash_after(step);
            }
        }
        if inbox == Function::SubmitTask && self.dice.percent(self.weather.odd_answer) {
            let answers = [
                SubmitAnswer::Throttle,
                SubmitAnswer::UnknownTaken,
                SubmitAnswer::UnknownLost,
                SubmitAnswer::Gone,
            ];
            let answer = answers[self.dice.pick(answers.len())];
            self.ports.compute.answer_submissions([answer]);
        }
        let verdicts = self.handle(inbox, &batch);
        let crashed = self.ports.faults.is_down();
        self.ports.faults.heal();
        let now = self.ports.clock().now();
        for (message, verdict) in batch.into_iter().zip(verdicts) {
            // A crash ends the process: nothing is acknowledged.
            let verdict = if crashed {
                Verdict::Failed("crash".into())
            } else {
                verdict
            };
            match verdict {
                Verdict::Done => {}
                Verdict::Later(delay) => self.later.push((delay.after(now), inbox, message)),
                Verdict::Failed(_) => self.later.push((Seconds(1).after(now), inbox, message)),
                Verdict::Poison(reason) => panic!("poison: {reason}: {message:?}"),
            }
        }
    }

    fn handle(&self, inbox: Function, batch: &[Message]) -> Vec<Verdict> {
        let batch: Vec<Delivery> = batch
            .iter()
            .map(|message| Delivery {
                message: message.clone(),
                receives: 1,
            })
            .collect();
        match inbox {
            Function::AdvanceRun => block_on(advance_run::handle(&self.ports, batch)),
            Function::SubmitTask => block_on(submit_task::handle(&self.ports, batch)),
            Function::ObserveTask => block_on(observe_task::handle(&self.ports, batch)),
            Function::StartRun
            | Function::ProvisionCluster
            | Function::RecordCluster
            | Function::TerminateCluster
            | Function::Operate
            | Function::Reconcile
            | Function::Alert
            | Function::ExportRuns => panic!("{inbox} takes no part"),
        }
    }

    /// Ends one piece of work that is alive, or tells again of one that ended.
    fn end_some_work(&mut self, fails: &impl Fn(&AttemptKey) -> bool) -> bool {
        let work = self.ports.compute.work();
        for seen in &work {
            self.attempts
                .entry(seen.key.clone())
                .or_default()
                .insert(seen.submission.clone());
        }
        let alive: Vec<_> = work
            .iter()
            .filter(|seen| !seen.state.is_terminal())
            .collect();
        if alive.is_empty() {
            return false;
        }
        let seen = alive[self.dice.pick(alive.len())];
        if self.dice.percent(30) && seen.state == WorkState::Pending {
            self.tell(seen, WorkState::Running);
            return true;
        }
        let state = if fails(&seen.key) {
            WorkState::Failed
        } else {
            WorkState::Succeeded
        };
        self.tell(seen, state);
        self.ended.insert(seen.submission.clone());
        true
    }

    fn tell(&mut self, seen: &model::observation::WorkObservation, state: WorkState) {
        assert!(
            matches!(seen.place, Place::Queue(_)),
            "the world has Batch jobs only"
        );
        let told = self.ports.compute.set_work(&seen.submission, state, None);
        self.waiting
            .push((Function::ObserveTask, Message::Work(told)));
    }

    /// Goes on to the next delayed message; false when there is none.
    fn pass_time(&mut self) -> bool {
        let before = self.waiting.len() + self.later.len();
        self.ports.clock.pass(Seconds(61));
        self.collect();
        self.waiting.len() + self.later.len() > 0 || before > 0 || self.messages_are_delayed()
    }

    /// Messages the bus still hides, such as retries after a backoff.
    fn messages_are_delayed(&mut self) -> bool {
        self.ports.clock.pass(Seconds(900));
        self.collect();
        !self.waiting.is_empty() || !self.later.is_empty()
    }
}
