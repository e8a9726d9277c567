//! Where checks begin.

use model::Timestamp;
use model::definition::{Quota, Workflow, hash_of};
use model::key::Key;
use model::limit::{LimitRef, QueueRef};
use model::registry::{CurrentTeam, DefinitionPart};
use model::run::Run;
use model_check_tests::script::Fixed;
use testkit::{MemoryStore, flow, instant};

/// When every check begins.
pub fn noon() -> Timestamp {
    instant("2026-03-01T12:00:00Z")
}

/// A running run of a workflow, and its definition among what is fixed.
pub fn run(workflow: &Workflow, mut fixed: Fixed) -> (Run, Fixed) {
    let store = MemoryStore::default();
    let run = flow::seed_run(&store, workflow, noon());
    let hash = hash_of(workflow);
    let part: DefinitionPart = store.peek(&Key::DefinitionPart(hash.clone(), 0)).unwrap();
    fixed.items.seed(&part);
    fixed.partitions.insert(Key::definition_partition(&hash));
    let team = Key::CurrentTeam(workflow.team.clone());
    fixed.partitions.insert(team.partition());
    (run, fixed)
}

/// A running run that nobody writes to, in a team without a quota.
pub fn submitted(tasks: &[(&str, &[&str], &str)], fixed: Fixed) -> (Run, Fixed) {
    let workflow = flow::workflow(tasks);
    let (run, mut fixed) = self::run(&workflow, fixed);
    fixed.items.seed(&run);
    let quota = QueueRef::Limit(LimitRef::TeamTasks(workflow.team));
    fixed.partitions.insert(Key::queue_partition(&quota));
    (run, fixed)
}

/// A team with a pool of so many places, among what is fixed.
pub fn with_pool(size: u32) -> Fixed {
    let mut fixed = Fixed::default();
    fixed.items.seed(&CurrentTeam {
        team: "team".parse().unwrap(),
        quota: Quota::default(),
        pools: [("light".parse().unwrap(), size)].into(),
        execution_role: None,
    });
    fixed
}
