//! People operate on what runs: at any moment, and often on what makes no sense any more.

use std::collections::BTreeMap;

use model::fact::{Fact, FactBody};
use model::id::RunId;
use model::message::{Function, Message};
use model::name::TaskName;
use model::operation::{
    ExistingRuns, OperationKind, OperationRequest, PauseTarget, RerunDefinition, RerunScope,
};
use model::run::{Run, RunState};
use model::task::Outcome;

use super::World;
use super::scenery::{WORKFLOWS, reference};

impl World {
    /// Somebody asks for something.
    pub(super) fn operate(&mut self) {
        let Some(run) = self.some_run() else { return };
        let dice = &self.people;
        let task: TaskName = format!("t{}", dice.below(6)).parse().expect("a name");
        let workflow = reference(WORKFLOWS[dice.pick(WORKFLOWS.len())]);
        // What people begin together on a small day they also cancel together.
        let cancels = self.script.plot.is_small && dice.percent(40);
        let what = match dice.below(if cancels { 4 } else { 17 }) {
            0 | 1 => OperationKind::Cancel { run, task: None },
            2 | 3 => OperationKind::Cancel {
                run,
                task: Some(task),
            },
            4..=9 => self.rerun(run, task),
            10 => OperationKind::Pause {
                target: PauseTarget::Run(run),
            },
            11 => OperationKind::Resume {
                target: PauseTarget::Run(run),
            },
            12 => OperationKind::Pause {
                target: PauseTarget::Workflow(workflow),
            },
            13 => OperationKind::Start {
                workflow,
                slot: None,
                logical_date: None,
                params: BTreeMap::new(),
            },
            14 => OperationKind::Backfill {
                workflow: reference("first"),
                from: self.script.calendar.date(),
                to: self.script.calendar.date(),
                max_active_runs: 2,
                existing: [ExistingRuns::None, ExistingRuns::Failed, ExistingRuns::All]
                    [dice.pick(3)],
                params: BTreeMap::new(),
            },
            _ => OperationKind::Mark {
                run,
                task,
                outcome: [Outcome::Succeeded, Outcome::Failed, Outcome::Skipped][dice.pick(3)],
            },
        };
        self.ask(what);
    }

    /// Any run; on a small day mostly one that has not ended.
    fn some_run(&self) -> Option<RunId> {
        let dice = &self.people;
        let mirror = self.shared.watch.mirror.borrow();
        let is_open = |run: &&Run| !run.state.is_terminal();
        let mut runs: Vec<&Run> = mirror.runs.values().collect();
        if self.script.plot.is_small && runs.iter().any(is_open) && dice.percent(80) {
            runs.retain(is_open);
        }
        let chosen = (!runs.is_empty()).then(|| runs[dice.pick(runs.len())]);
        chosen.map(|run| run.run.clone())
    }

    fn rerun(&self, run: RunId, task: TaskName) -> OperationKind {
        let dice = &self.people;
        let scope = match dice.below(4) {
            0 => RerunScope::All,
            1 => RerunScope::FromFailure,
            2 => RerunScope::Task { task, below: true },
            _ => RerunScope::Task { task, below: false },
        };
        let definition = match dice.below(3) {
            0 => RerunDefinition::Latest,
            _ => RerunDefinition::Pinned,
        };
        OperationKind::Rerun {
            run,
            scope,
            definition,
            downstream: dice.percent(20),
            after: None,
            limits: Vec::new(),
        }
    }

    /// Resumes what was paused, as somebody will.
    pub(super) fn resume_everything(&mut self) {
        if !self.script.plot.operations {
            return;
        }
        for workflow in WORKFLOWS {
            let target = PauseTarget::Workflow(reference(workflow));
            self.ask(OperationKind::Resume { target });
        }
        let mirror = self.shared.watch.mirror.borrow();
        let runs = mirror.runs.values();
        let paused = runs.filter(|run| run.paused || run.state == RunState::Running);
        let paused: Vec<_> = paused.map(|run| run.run.clone()).collect();
        drop(mirror);
        for run in paused {
            let target = PauseTarget::Run(run);
            self.ask(OperationKind::Resume { target });
        }
    }

    fn ask(&mut self, what: OperationKind) {
        self.operations += 1;
        let now = self.now();
        let request = OperationRequest {
            operation: format!("op-{}", self.operations).as_str().into(),
            by: "ann".to_owned(),
            why: None,
            at: now,
            what,
        };
        self.shared
            .watch
            .trace
            .note(now, || format!("ann asks {request:?}"));
        let team = "team".parse().expect("a name");
        let fact = Fact::new(team, None, now, FactBody::OperationRequested(request));
        self.post(Function::Operate, Message::Fact(fact));
    }
}
