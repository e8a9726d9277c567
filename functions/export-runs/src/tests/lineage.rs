//! A run as lineage.

use model::fact::FactBody;
use model::run::{Generation, Run, RunState};
use model::task::{Task, TaskState};
use model::units::Seconds;
use ports::{Export, NotifyError, Verdict};
use protocols::facts;
use serde_json::Value;

use super::fixture::{Day, minute};

/// Of each event: what happened, to which job, when.
fn told(day: &Day) -> Vec<String> {
    let events = day.exporter.of(Export::Lineage);
    let told = events.iter().map(|event| {
        let event: Value = serde_json::from_str(event).unwrap();
        let text = |place: &str| event.pointer(place).unwrap().as_str().unwrap().to_owned();
        let (kind, at) = (text("/eventType"), text("/eventTime"));
        format!("{kind} {} {}", text("/job/name"), &at[11..16])
    });
    told.collect()
}

#[test]
fn every_attempt_that_ran_begins_once_and_ends_once() {
    let day = Day::new();
    day.tell();
    let expected = [
        "START flow 05:01",
        "START flow.wobbly 05:03",
        "FAIL flow.wobbly 05:05",
        "START flow.wobbly 05:08",
        "COMPLETE flow.wobbly 05:12",
        // Nobody saw it run.
        "START flow.bad 05:02",
        "FAIL flow.bad 05:09",
        "START flow.stopped 05:03",
        "ABORT flow.stopped 05:20",
        "FAIL flow 05:30",
    ];
    assert_eq!(told(&day), expected);
}

#[test]
fn a_day_is_told_as_it_always_was() {
    let day = Day::new();
    day.tell();
    let events = day.exporter.of(Export::Lineage);
    let events: Vec<Value> = events
        .iter()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    insta::assert_json_snapshot!("lineage", events);
}

#[test]
fn a_repeat_is_the_same_to_the_last_byte() {
    let day = Day::new();
    day.tell();
    let once = day.exporter.taken.take();
    day.tell();
    assert_eq!(day.exporter.taken.take(), once);
    // Backwards, and one after the other.
    for fact in day.facts.iter().rev() {
        assert_eq!(day.deliver(std::slice::from_ref(fact)), [Verdict::Done]);
    }
    let mut backwards = day.exporter.taken.take();
    let mut once = once;
    backwards.sort();
    once.sort();
    assert_eq!(backwards, once);
}

#[test]
fn what_never_ran_is_not_told_of() {
    let mut day = Day::new();
    let cancelled = Task {
        submission: None,
        submitted_at: None,
        started_at: None,
        ..day.attempt("below", 1, TaskState::Cancelled, [1, 2, 3, 4])
    };
    day.ports.store.seed(&cancelled);
    day.facts = facts::task(&cancelled).into_iter().collect();
    day.tell();
    assert_eq!(told(&day), Vec::<String>::new());
}

#[test]
fn a_pass_that_a_rerun_overtook_is_ended_by_it_and_no_other() {
    for (overtaken, expected) in [
        (true, vec!["ABORT flow 05:40", "START flow 05:40"]),
        (false, vec!["START flow 05:40"]),
    ] {
        let mut day = Day::new();
        let at = minute(40);
        let rerun = Run {
            state: RunState::Running,
            generation: 2,
            started_at: Some(if overtaken { minute(1) } else { at }),
            ended_at: None,
            reason: None,
            ..day.run.clone()
        };
        day.ports.store.seed(&rerun);
        day.ports.store.seed(&opened(&rerun, at));
        day.facts = vec![facts::run(&Run {
            started_at: Some(at),
            ..rerun
        })];
        day.tell();
        assert_eq!(told(&day), expected);
        let first: Value = serde_json::from_str(&day.exporter.of(Export::Lineage)[0]).unwrap();
        let dependencies = first.pointer("/run/facets/jobDependencies");
        assert!(dependencies.is_none(), "a person made it run again");
    }
}

/// The generation a run is in, opened then.
pub fn opened(run: &Run, at: model::Timestamp) -> Generation {
    Generation {
        run: run.run.clone(),
        generation: run.generation,
        part: 0,
        definition: run.definition.clone(),
        scope: ["bad".parse().unwrap()].into(),
        marked: Default::default(),
        operation: "o".into(),
        by: "ann".into(),
        why: None,
        at,
    }
}

#[test]
fn a_service_that_fails_keeps_its_message_and_takes_nothing_from_the_other() {
    let unavailable = NotifyError::Unavailable {
        reason: "it is away".into(),
    };
    let throttled = NotifyError::Throttled {
        after: Seconds(7),
        reason: "too often".into(),
    };
    let refused = NotifyError::Refused {
        reason: "no key".into(),
    };
    for error in [unavailable, throttled, refused] {
        let expected = Verdict::Failed(error.to_string());
        for (failing, other) in [
            (Export::Traces, Export::Lineage),
            (Export::Lineage, Export::Traces),
        ] {
            let day = Day::new();
            *day.exporter.fails.borrow_mut() = Some((failing, error.clone()));
            let ended = day.facts.last().unwrap().clone();
            assert!(matches!(ended.body, FactBody::RunFailed(_)));
            let told = day.deliver(std::slice::from_ref(&ended));
            assert_eq!(told, std::slice::from_ref(&expected));
            assert_eq!(day.exporter.of(other).len(), 1, "{other:?}");
        }
    }
}

#[test]
fn only_what_is_switched_on_is_made() {
    for off in [Export::Traces, Export::Lineage] {
        let day = Day::new();
        day.exporter.off.set(Some(off));
        day.tell();
        assert!(day.exporter.of(off).is_empty());
        assert!(!day.exporter.taken.borrow().is_empty());
    }
}
