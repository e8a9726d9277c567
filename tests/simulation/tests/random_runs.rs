//! Random DAGs in bad weather end as the reference says, with one submission for each attempt.

use std::collections::BTreeSet;

use model::definition::Workflow;
use model::name::TaskName;
use model::task::TaskState;
use simulation_tests::dice::Dice;
use simulation_tests::reference;
use simulation_tests::world::{Weather, World};
use testkit::flow;

const RULES: [&str; 5] = [
    "all_succeeded",
    "all_done",
    "any_failed",
    "any_succeeded",
    "none_failed",
];

fn random_workflow(dice: &mut Dice) -> Workflow {
    let count = 1 + dice.below(10);
    let names: Vec<String> = (0..count).map(|at| format!("t{at}")).collect();
    let mut rows: Vec<(&str, Vec<&str>, &str)> = Vec::new();
    for at in 0..names.len() {
        let after: Vec<&str> = names[..at]
            .iter()
            .filter(|_| dice.percent(35))
            .map(String::as_str)
            .collect();
        let rule = if dice.percent(50) {
            RULES[dice.pick(RULES.len())]
        } else {
            RULES[0]
        };
        rows.push((&names[at], after, rule));
    }
    let rows: Vec<(&str, &[&str], &str)> = rows
        .iter()
        .map(|(name, after, rule)| (*name, after.as_slice(), *rule))
        .collect();
    let mut workflow = flow::workflow(&rows);
    for task in &mut workflow.tasks {
        task.retries.attempts = u32::try_from(dice.below(3)).expect("at most two");
    }
    workflow
}

fn check(seed: u64, weather: Weather) {
    let mut dice = Dice::of(seed);
    let workflow = random_workflow(&mut dice);
    let failing: BTreeSet<TaskName> = workflow
        .tasks
        .iter()
        .filter(|_| dice.percent(20))
        .map(|task| task.name.clone())
        .collect();
    let retried: BTreeSet<TaskName> = workflow
        .tasks
        .iter()
        .filter(|task| task.retries.attempts > 0 && dice.percent(40))
        .map(|task| task.name.clone())
        .collect();
    let mut world = World::start(&workflow, weather, seed);
    let ended = world.settle(|key| {
        failing.contains(&key.task) || (retried.contains(&key.task) && key.attempt == 1)
    });
    let (states, run) = reference::outcome(&workflow, |task| failing.contains(task));
    assert_eq!(world.states(), states, "seed {seed}: {workflow:#?}");
    assert_eq!(ended, run, "seed {seed}");
    for (key, submissions) in world.attempts() {
        assert_eq!(
            submissions.len(),
            1,
            "seed {seed}: {key} was submitted more than once"
        );
    }
    for task in &workflow.tasks {
        let started = world.attempts().keys().any(|key| key.task == task.name);
        let decided = states[&task.name];
        let skipped = matches!(decided, TaskState::Skipped | TaskState::Blocked);
        assert_eq!(
            started, !skipped,
            "seed {seed}: {} is {decided:?}",
            task.name
        );
    }
}

#[test]
fn runs_end_as_they_should_in_fine_weather() {
    for seed in 0..300 {
        check(
            seed,
            Weather {
                duplicate: 0,
                crash: 0,
                odd_answer: 0,
            },
        );
    }
}

#[test]
fn runs_end_as_they_should_in_bad_weather() {
    for seed in 0..2_000 {
        check(
            seed,
            Weather {
                duplicate: 30,
                crash: 20,
                odd_answer: 20,
            },
        );
    }
}
