//! Joins: outcomes come in any order, more than once, to two processes that may die.
//!
//! `a` and `b` meet at `c`, which has each trigger rule in turn; `d` follows `c`. Every task that
//! is started ends as it likes.

use std::sync::Arc;

use model::definition::{TriggerRule, Workflow};
use model::key::Key;
use model::message::Function;
use model::run::Run;
use model::task::Outcome;
use model::units::Seconds;
use model_check_tests::budget::Budget;
use model_check_tests::check::{Action, Check, Protocol};
use model_check_tests::items::Address;
use model_check_tests::mutant::Mutant;
use model_check_tests::script::Fixed;
use model_check_tests::world::World;
use protocols::facts;
use stateright::Property;
use testkit::flow::workflow;

use crate::report::{faults, finds, holds};
use crate::start;

const TASKS: [&str; 4] = ["a", "b", "c", "d"];
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;

#[derive(Clone)]
struct Join {
    rule: TriggerRule,
    run: Run,
    run_item: Address,
    tasks: [Address; 4],
    subjects: [String; 4],
    /// The last that may fail.
    may_fail: usize,
    budget: Budget,
}

impl Join {
    /// How a task has ended, in the words of its item.
    fn outcome<'a>(&self, world: &'a World, task: usize) -> Option<&'a str> {
        world.items.state(&self.tasks[task])
    }

    fn starts(&self, world: &World, task: usize) -> usize {
        world.told_of("murmur.task.ready.v1", &self.subjects[task])
    }

    fn may_end(&self, world: &World, task: usize) -> bool {
        let is_root = task == A || task == B;
        self.outcome(world, task).is_none() && (is_root || self.starts(world, task) > 0)
    }

    /// Whether the rule is met, by its words, from what has ended so far.
    fn is_met(&self, world: &World) -> bool {
        let above = [self.outcome(world, A), self.outcome(world, B)];
        let all = above.iter().all(Option::is_some);
        let is = |outcome| above.contains(&Some(outcome));
        match self.rule {
            TriggerRule::AllSucceeded => above == [Some("succeeded"); 2],
            TriggerRule::AllDone => all,
            TriggerRule::AnyFailed => is("failed"),
            TriggerRule::AnySucceeded => is("succeeded"),
            TriggerRule::NoneFailed => all && !is("failed"),
        }
    }

    fn is_over(&self, world: &World) -> bool {
        world.is_quiet() && (A..=D).all(|task| !self.may_end(world, task))
    }

    /// How `c` ends when it is not started.
    fn kept_from(&self, world: &World) -> &'static str {
        let a_failure = [A, B]
            .map(|task| self.outcome(world, task))
            .contains(&Some("failed"));
        // Whom only a failure would have started was not kept from it by one.
        if a_failure && self.rule != TriggerRule::AnyFailed {
            "blocked"
        } else {
            "skipped"
        }
    }

    fn is_right_in_the_end(&self, world: &World) -> bool {
        let [c, d] = [C, D].map(|task| self.outcome(world, task));
        let met = self.is_met(world);
        let c_is_right =
            self.starts(world, C) == usize::from(met) && (met || c == Some(self.kept_from(world)));
        let d_should = match c {
            Some("succeeded") => "succeeded",
            Some("skipped") => "skipped",
            _ => "blocked",
        };
        let goes_on = c == Some("succeeded");
        let d_is_right = d == Some(d_should) && self.starts(world, D) == usize::from(goes_on);
        let [succeeded, failed] = ["succeeded", "failed"]
            .map(|end| world.told_of(&format!("murmur.run.{end}.v1"), self.run.run.as_str()));
        let state = world.items.state(&self.run_item);
        let run_is_right = if d == Some("blocked") {
            (state, succeeded, failed) == (Some("failed"), 0, 1)
        } else {
            (state, succeeded, failed) == (Some("succeeded"), 1, 0)
        };
        c_is_right && d_is_right && run_is_right
    }
}

impl Protocol for Join {
    fn initial(&self) -> Vec<World> {
        let mut world = World::at(self.run.created_at, &[Function::AdvanceRun], self.budget);
        world.items.seed(&self.run);
        vec![world]
    }

    fn outside(&self, world: &World, actions: &mut Vec<Action>) {
        for (event, task) in (0..).step_by(2).zip(A..=D) {
            if self.may_end(world, task) {
                actions.push(Action::Own(event));
                if task <= self.may_fail {
                    actions.push(Action::Own(event + 1));
                }
            }
        }
    }

    fn happen(&self, world: &mut World, event: u8) {
        let task = TASKS[usize::from(event / 2)].parse().unwrap();
        let outcome = if event.is_multiple_of(2) {
            Outcome::Succeeded
        } else {
            Outcome::Failed
        };
        let at = Seconds(u64::from(event)).after(world.instant());
        let ended = facts::decided(&self.run, &task, 1, outcome, at, "it ended".to_owned());
        world.items.seed(&ended);
        world.publish(&facts::task(&ended).unwrap());
    }

    fn properties() -> Vec<Property<Check<Self>>> {
        vec![
            Property::always(
                "a task starts only when its rule holds",
                |check: &Check<Self>, world: &World| {
                    let join = &check.protocol;
                    let d_may = join.outcome(world, C) == Some("succeeded");
                    (join.starts(world, C) == 0 || join.is_met(world))
                        && (join.starts(world, D) == 0 || d_may)
                },
            ),
            Property::always(
                "a task is started once",
                |check: &Check<Self>, world: &World| {
                    (A..=D).all(|task| check.protocol.starts(world, task) <= 1)
                },
            ),
            Property::always(
                "all ends as it must",
                |check: &Check<Self>, world: &World| {
                    !check.protocol.is_over(world) || check.protocol.is_right_in_the_end(world)
                },
            ),
            Property::sometimes(
                "it ends after everything went wrong",
                |check: &Check<Self>, world: &World| {
                    check.protocol.is_over(world) && world.left == Budget::NONE
                },
            ),
        ]
    }
}

fn checked(rule: &str, may_fail: usize, budget: Budget) -> Check<Join> {
    let flow: Workflow = workflow(&[
        ("a", &[], ""),
        ("b", &[], ""),
        ("c", &["a", "b"], rule),
        ("d", &["c"], ""),
    ]);
    let (run, fixed) = start::run(&flow, Fixed::default());
    let item = |name: &str| Key::Task(run.run.clone(), name.parse().unwrap());
    Check {
        protocol: Join {
            rule: flow.tasks[2].trigger_rule,
            run_item: Address::from(&Key::Run(run.run.clone())),
            tasks: TASKS.map(|name| Address::from(&item(name))),
            subjects: TASKS.map(|name| format!("{}/{name}", run.run)),
            run,
            may_fail,
            budget,
        },
        fixed: Arc::new(fixed),
        workers: 2,
        mutant: Mutant::Right,
    }
}

const CRASH: Budget = Budget {
    crashes: 1,
    ..Budget::NONE
};

const DUPLICATE: Budget = Budget {
    duplicates: 1,
    ..Budget::NONE
};

const BOTH: Budget = Budget {
    duplicates: 1,
    ..CRASH
};

const RULES: [&str; 5] = [
    "all_succeeded",
    "all_done",
    "any_failed",
    "any_succeeded",
    "none_failed",
];

#[test]
fn a_task_starts_if_and_only_if_its_rule_holds() {
    for rule in RULES {
        holds(&format!("join, {rule}"), checked(rule, C, Budget::NONE));
    }
}

#[test]
fn a_task_starts_if_and_only_if_its_rule_holds_through_a_crash() {
    for rule in RULES {
        holds(
            &format!("join, {rule}, a crash"),
            checked(rule, B, faults(CRASH, BOTH)),
        );
    }
}

#[test]
fn a_task_starts_if_and_only_if_its_rule_holds_through_a_duplicate() {
    for rule in RULES {
        holds(
            &format!("join, {rule}, a duplicate"),
            checked(rule, B, DUPLICATE),
        );
    }
}

#[test]
fn known_mistakes_of_joins_are_found() {
    let starts = "a task starts only when its rule holds";
    let ends = "all ends as it must";
    finds(
        Mutant::Counter,
        &[starts, ends],
        checked("all_succeeded", C, BOTH),
    );
    finds(
        Mutant::AcknowledgeFirst,
        &[ends],
        checked("all_succeeded", C, BOTH),
    );
}
