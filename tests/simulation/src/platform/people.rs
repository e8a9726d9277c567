//! People operate on what runs: at any moment, and often on what makes no sense any more.

use model::fact::{Fact, FactBody};
use model::message::{Function, Message};
use model::name::TaskName;
use model::operation::{OperationKind, OperationRequest, PauseTarget, RerunDefinition, RerunScope};
use model::run::Run;
use model::task::Outcome;

use super::World;
use super::scenery::reference;

impl World {
    /// Somebody asks for something.
    pub(super) fn operate(&mut self) {
        let runs: Vec<Run> = self.shared.memory.store.all();
        if runs.is_empty() {
            return;
        }
        let run = runs[self.dice.pick(runs.len())].run.clone();
        let task: TaskName = format!("t{}", self.dice.below(6)).parse().expect("a name");
        let definition = match self.dice.below(3) {
            0 => RerunDefinition::Latest,
            _ => RerunDefinition::Pinned,
        };
        let what = match self.dice.below(14) {
            0 | 1 => OperationKind::Cancel { run, task: None },
            2 | 3 => OperationKind::Cancel {
                run,
                task: Some(task),
            },
            4..=9 => {
                let scope = match self.dice.below(4) {
                    0 => RerunScope::All,
                    1 => RerunScope::FromFailure,
                    2 => RerunScope::Task { task, below: true },
                    _ => RerunScope::Task { task, below: false },
                };
                let downstream = self.dice.percent(20);
                let (after, limits) = (None, Vec::new());
                OperationKind::Rerun {
                    run,
                    scope,
                    definition,
                    downstream,
                    after,
                    limits,
                }
            }
            10 => OperationKind::Pause {
                target: PauseTarget::Run(run),
            },
            11 => OperationKind::Resume {
                target: PauseTarget::Run(run),
            },
            12 => {
                let workflow = ["first", "second", "third", "fourth"][self.dice.pick(4)];
                OperationKind::Pause {
                    target: PauseTarget::Workflow(reference(workflow)),
                }
            }
            _ => {
                let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Skipped];
                OperationKind::Mark {
                    run,
                    task,
                    outcome: outcomes[self.dice.pick(3)],
                }
            }
        };
        self.ask(what);
    }

    /// Resumes what was paused, as somebody will.
    pub(super) fn resume_everything(&mut self) {
        if !self.plot.operations {
            return;
        }
        for workflow in ["first", "second", "third", "fourth"] {
            let target = PauseTarget::Workflow(reference(workflow));
            self.ask(OperationKind::Resume { target });
        }
        let runs: Vec<Run> = self.shared.memory.store.all();
        for run in runs {
            self.ask(OperationKind::Resume {
                target: PauseTarget::Run(run.run),
            });
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
        self.shared.watch.note(now, || format!("asks {request:?}"));
        let team = "team".parse().expect("a name");
        let fact = Fact::new(team, None, now, FactBody::OperationRequested(request));
        self.post(Function::Operate, Message::Fact(fact));
    }
}
