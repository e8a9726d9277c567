//! What a fact says is wrong, and at which root.

use model::alert::{Root, Symptom, SymptomRef};
use model::definition::TriggerRule;
use model::run::{Run, RunState};
use model::task::{FailureClass, Task, TaskState};

use crate::plan::{Consumers, Plan};

/// What is wrong with a task, if it has failed and nobody runs it again.
///
/// What failed with its cluster belongs to the cluster's incident, whichever runs it was in.
pub fn of_task(task: &Task) -> Option<Symptom> {
    if task.state != TaskState::Failed {
        return None;
    }
    let cluster = task
        .cluster
        .as_ref()
        .filter(|_| task.failure == Some(FailureClass::Infrastructure));
    let root = cluster.map_or_else(
        || Root::Run(task.run.clone()),
        |cluster| Root::Cluster(cluster.clone()),
    );
    Some(Symptom {
        incident: root,
        symptom: SymptomRef::Task(task.run.clone(), task.task.clone()),
        team: task.team.clone(),
        workflow: Some(task.workflow.clone()),
        generation: task.generation,
        attempt: task.attempt,
        failure: task.failure,
        reason: task.reason.clone(),
        at: task.ended_at.unwrap_or(task.ready_at),
        cleared_at: None,
    })
}

/// Whether a task's failure may be meant to happen: something waits for it, and all that does can
/// start when it fails. If the run fails after all, its end says so.
pub fn is_absorbed(plan: &Plan, position: u32) -> bool {
    let mut is_awaited = false;
    for feed in &plan.task(position).feeds {
        let Consumers::Tasks(by_rule) = &plan.join(feed.join).consumers else {
            continue;
        };
        for rule in by_rule.keys() {
            is_awaited = true;
            match rule {
                TriggerRule::AllSucceeded | TriggerRule::NoneFailed => return false,
                TriggerRule::AllDone | TriggerRule::AnyFailed | TriggerRule::AnySucceeded => {}
            }
        }
    }
    is_awaited
}

/// Whether a run's symptoms are over: it has succeeded, is skipped, or somebody cancelled it, in the
/// generation that told of them or later.
pub fn run_is_well(run: &Run, told: &Symptom) -> bool {
    match run.state {
        RunState::Succeeded | RunState::Cancelled | RunState::Skipped => {
            run.generation >= told.generation
        }
        RunState::Waiting | RunState::Running | RunState::Failed => false,
    }
}

/// How many runs have failed in a row up to this one, which counts; `earlier` is newest first, and
/// may have the run itself.
pub fn failed_in_a_row(run: &Run, earlier: &[Run]) -> u32 {
    let others = earlier.iter().filter(|other| other.run != run.run);
    let failed = others.take_while(|other| other.state == RunState::Failed);
    1 + u32::try_from(failed.count()).unwrap_or(u32::MAX - 1)
}

/// What is to be stored of a symptom that was told, given what is stored; `None` when that is as
/// new. What an older generation or attempt told is no news, and what was cleared stays so until
/// something newer is wrong.
pub fn recorded(stored: Option<&Symptom>, told: &Symptom) -> Option<Symptom> {
    let order = |symptom: &Symptom| (symptom.generation, symptom.attempt, symptom.at);
    match stored {
        Some(stored) if order(stored) >= order(told) => None,
        Some(_) | None => Some(told.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::flow;

    #[test]
    fn a_failure_is_absorbed_where_all_that_waits_can_start_after_it() {
        let plan = |rules: &[&str]| {
            let names = ["b", "c", "d"];
            let mut rows: Vec<(&str, &[&str], &str)> = vec![("a", &[], "")];
            for (name, rule) in names.into_iter().zip(rules) {
                rows.push((name, &["a"], rule));
            }
            Plan::of(flow::workflow(&rows)).unwrap()
        };
        for (rules, expected) in [
            (vec![], false),
            (vec!["all_succeeded"], false),
            (vec!["none_failed"], false),
            (vec!["all_done"], true),
            (vec!["any_failed", "any_succeeded"], true),
            (vec!["all_done", "all_succeeded"], false),
        ] {
            assert_eq!(is_absorbed(&plan(&rules), 0), expected, "{rules:?}");
        }
    }

    #[test]
    fn only_what_is_newer_replaces_what_is_known() {
        let symptom = |generation, attempt, second: i64| Symptom {
            incident: "run/r".parse().unwrap(),
            symptom: "task/r/t".parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: None,
            generation,
            attempt,
            failure: None,
            reason: None,
            at: model::Timestamp::from_second(second).unwrap(),
            cleared_at: None,
        };
        let known = symptom(2, 1, 10);
        for (told, is_news) in [
            (symptom(2, 1, 10), false),
            (symptom(1, 9, 99), false),
            (symptom(2, 0, 99), false),
            (symptom(2, 2, 11), true),
            (symptom(3, 1, 5), true),
        ] {
            assert_eq!(recorded(Some(&known), &told).is_some(), is_news, "{told:?}");
        }
        assert!(recorded(None, &known).is_some());
        let cleared = Symptom {
            cleared_at: Some(known.at),
            ..known.clone()
        };
        assert_eq!(recorded(Some(&cleared), &known), None);
    }

    fn run(slot: &str, state: RunState, generation: u32) -> Run {
        let store = testkit::MemoryStore::default();
        let now = model::Timestamp::UNIX_EPOCH;
        Run {
            run: slot.into(),
            state,
            generation,
            ..flow::seed_run(&store, &flow::workflow(&[("a", &[], "")]), now)
        }
    }

    fn failed(failure: FailureClass) -> Task {
        let at = |second| model::Timestamp::from_second(second).unwrap();
        Task {
            run: "team--flow--slot".into(),
            task: "t".parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            state: TaskState::Failed,
            generation: 2,
            attempt: 3,
            failures: model::task::Failures::default(),
            epoch: 1,
            claim: None,
            submission: None,
            cluster: Some("etl/red".parse().unwrap()),
            reason: Some("exit code 1".to_owned()),
            ready_at: at(1),
            submitted_at: None,
            started_at: None,
            ended_at: Some(at(9)),
            failure: Some(failure),
            stopping: None,
            due_at: None,
        }
    }

    #[test]
    fn a_failed_task_is_wrong_with_its_run_and_one_lost_with_its_cluster_with_that() {
        let told = of_task(&failed(FailureClass::Application)).unwrap();
        assert_eq!(told.incident.to_string(), "run/team--flow--slot");
        assert_eq!(told.symptom.to_string(), "task/team--flow--slot/t");
        assert_eq!((told.generation, told.attempt), (2, 3));
        assert_eq!(told.at.as_second(), 9);
        let lost = of_task(&failed(FailureClass::Infrastructure)).unwrap();
        assert_eq!(lost.incident.to_string(), "cluster/etl/red");
        let nowhere = Task {
            cluster: None,
            ..failed(FailureClass::Infrastructure)
        };
        let lost = of_task(&nowhere).unwrap();
        assert_eq!(lost.incident.to_string(), "run/team--flow--slot");
        let well = Task {
            state: TaskState::Succeeded,
            ..failed(FailureClass::Application)
        };
        assert_eq!(of_task(&well), None);
    }

    #[test]
    fn a_run_is_well_once_it_ends_well_in_that_generation_or_later() {
        use RunState::{Cancelled, Failed, Running, Skipped, Succeeded, Waiting};
        let told = of_task(&failed(FailureClass::Application)).unwrap();
        for (state, generation, expected) in [
            (Succeeded, 2, true),
            (Succeeded, 3, true),
            (Succeeded, 1, false),
            (Cancelled, 2, true),
            (Skipped, 2, true),
            (Failed, 3, false),
            (Running, 3, false),
            (Waiting, 3, false),
        ] {
            let run = run("r", state, generation);
            assert_eq!(run_is_well(&run, &told), expected, "{state:?} {generation}");
        }
    }

    #[test]
    fn failures_in_a_row_end_with_the_first_that_is_none() {
        use RunState::{Failed, Succeeded};
        let of = |slot, state| run(slot, state, 1);
        let this = of("r4", Failed);
        let (r3, r2) = (of("r3", Failed), of("r2", Failed));
        let (r1, r0) = (of("r1", Succeeded), of("r0", Failed));
        let earlier = [this.clone(), r3, r2, r1.clone(), r0];
        assert_eq!(failed_in_a_row(&this, &earlier), 3);
        assert_eq!(failed_in_a_row(&this, &[r1]), 1);
        assert_eq!(failed_in_a_row(&this, &[]), 1);
    }
}
