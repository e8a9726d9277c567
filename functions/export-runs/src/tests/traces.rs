//! A run as a trace.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;
use model::fact::FactBody;
use model::run::{Run, RunState};
use model::task::{Task, TaskState};
use ports::{Clock as _, Export, Verdict};
use proptest::prelude::*;
use protocols::facts;
use serde_json::Value;

use super::fixture::{Day, minute};
use super::lineage::opened;
use crate::trace::{Ended, Pass, Span, spans};
use crate::{AGAIN, PATIENCE};

/// The spans that were handed over.
fn handed_over(day: &Day) -> Vec<Value> {
    let documents = day.exporter.of(Export::Traces);
    let spans = documents.iter().flat_map(|document| {
        let document: Value = serde_json::from_str(document).unwrap();
        let spans = document.pointer("/resourceSpans/0/scopeSpans/0/spans");
        spans.unwrap().as_array().unwrap().clone()
    });
    spans.collect()
}

#[test]
fn a_day_is_traced_as_it_always_was() {
    let day = Day::new();
    day.tell();
    let documents = day.exporter.of(Export::Traces);
    assert_eq!(documents.len(), 1, "one run, one trace");
    let document: Value = serde_json::from_str(&documents[0]).unwrap();
    insta::assert_json_snapshot!("traces", document);
}

#[test]
fn every_fact_and_every_job_is_of_a_span_of_the_trace() {
    let day = Day::new();
    day.tell();
    let spans = handed_over(&day);
    let known: BTreeSet<(String, String)> = spans
        .iter()
        .map(|span| {
            let text = |key: &str| span[key].as_str().unwrap().to_owned();
            (text("traceId"), text("spanId"))
        })
        .collect();
    let traces: BTreeSet<&String> = known.iter().map(|(trace, _)| trace).collect();
    assert_eq!(traces.len(), 1);
    for fact in &day.facts {
        let written = serde_json::to_value(fact).unwrap();
        let traceparent = written["traceparent"].as_str().unwrap();
        let parts: Vec<&str> = traceparent.split('-').collect();
        let named = (parts[1].to_owned(), parts[2].to_owned());
        assert!(known.contains(&named), "{traceparent} of {fact:?}");
    }
}

#[test]
fn a_cancelled_run_waits_for_its_attempts_within_reason() {
    let mut day = Day::new();
    let run = Run {
        state: RunState::Cancelled,
        ..day.run.clone()
    };
    day.ports.store.seed(&run);
    let open = Task {
        state: TaskState::Running,
        ended_at: None,
        ..day.attempt("stopped", 1, TaskState::Cancelled, [1, 2, 3, 20])
    };
    day.ports.store.seed(&open);
    let ended = facts::run(&run);
    day.ports.clock.set(minute(31));
    assert_eq!(
        day.deliver(std::slice::from_ref(&ended)),
        [Verdict::Later(AGAIN)]
    );
    assert!(day.exporter.taken.borrow().is_empty());
    day.ports.clock.set(PATIENCE.after(ended.time));
    assert_eq!(day.deliver(std::slice::from_ref(&ended)), [Verdict::Done]);
    let without = handed_over(&day).len();
    day.exporter.taken.take();
    day.ports
        .store
        .seed(&day.attempt("stopped", 1, TaskState::Cancelled, [1, 2, 3, 50]));
    day.facts = vec![ended];
    day.tell();
    assert_eq!(
        handed_over(&day).len(),
        without + 2,
        "the task and its attempt"
    );
    assert!(day.ports.clock.now() > minute(31));
}

#[test]
fn a_pass_holds_what_it_overtook_and_nothing_before_it() {
    let run = |generation: u32, started: i64| Run {
        generation,
        started_at: Some(minute(started)),
        ..Day::new().run
    };
    let reruns = BTreeMap::from([(2, minute(40)), (3, minute(50))]);
    let cases = [
        // Never run again.
        (run(1, 1), 1, BTreeMap::new(), [true, false, false]),
        // Twice while it was under way.
        (run(3, 1), 3, reruns.clone(), [true, true, true]),
        // After its end, then while it was under way.
        (run(3, 40), 3, reruns.clone(), [false, true, true]),
        // After its end, twice.
        (run(3, 50), 3, reruns.clone(), [false, false, true]),
        // Told only after it was run again.
        (run(3, 50), 1, reruns.clone(), [true, false, false]),
        (run(3, 50), 2, reruns, [false, true, false]),
    ];
    for (run, ended, opened, expected) in cases {
        let pass = Pass::of(&run, ended, &opened);
        let held = [1, 2, 3].map(|generation| pass.contains(generation));
        assert_eq!(held, expected, "{ended} of {run:?}");
    }
}

#[test]
fn a_rerun_is_a_span_beside_the_first_that_leads_back_to_it() {
    let mut day = Day::new();
    let rerun = Run {
        state: RunState::Succeeded,
        generation: 2,
        started_at: Some(minute(40)),
        ended_at: Some(minute(50)),
        reason: None,
        ..day.run.clone()
    };
    day.ports.store.seed(&rerun);
    day.ports.store.seed(&opened(&rerun, minute(40)));
    let again = Task {
        generation: 2,
        ..day.attempt("bad", 1, TaskState::Succeeded, [40, 41, 42, 49])
    };
    let first = day.attempt("bad", 1, TaskState::Failed, [1, 2, 3, 9]);
    day.ports.store.seed(&model::task::PastAttempt {
        attempt: first,
        retried: false,
    });
    day.ports.store.seed(&again);
    let both = [day.facts.last().unwrap().clone(), facts::run(&rerun)];
    assert!(matches!(both[0].body, FactBody::RunFailed(_)));
    day.facts = vec![both[1].clone()];
    day.tell();
    let names = |spans: &[Value]| {
        let names = spans
            .iter()
            .map(|span| span["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let second = handed_over(&day);
    assert_eq!(names(&second), ["team/flow", "bad", "bad attempt"]);
    day.exporter.taken.take();
    day.facts = vec![both[0].clone()];
    day.tell();
    let first = handed_over(&day);
    assert_eq!(first.len(), 9, "{:?}", names(&first));
    let link = &second[0]["links"][0];
    assert_eq!(link["spanId"], first[0]["spanId"]);
    assert_eq!(link["traceId"], first[0]["traceId"]);
}

#[test]
fn a_wide_run_is_told_in_parts() {
    let mut day = Day::new();
    for number in 0..1_000 {
        let name = format!("wide-{number}");
        let task = day.attempt(&name, 1, TaskState::Succeeded, [1, 2, 3, 4]);
        day.ports.store.seed(&task);
    }
    day.facts
        .retain(|fact| matches!(fact.body, FactBody::RunFailed(_)));
    day.tell();
    let documents = day.exporter.of(Export::Traces);
    assert_eq!(documents.len(), 5);
    assert!(documents.iter().all(|document| document.len() < 1_000_000));
    assert_eq!(handed_over(&day).len(), 2_009);
}

prop_compose! {
    /// An attempt of some task, at times in no order.
    fn any_attempt()(
        name in 0..4_u32,
        generation in 1..4_u32,
        number in 0..4_u32,
        at in prop::array::uniform4(0..600_i64),
        state in prop::sample::select(vec![
            TaskState::Succeeded, TaskState::Failed, TaskState::Cancelled, TaskState::Skipped,
            TaskState::Blocked, TaskState::Running, TaskState::Retrying, TaskState::Waiting,
        ]),
        known in prop::array::uniform2(any::<bool>()),
    ) -> (String, u32, u32, [i64; 4], TaskState, [bool; 2]) {
        (format!("t{name}"), generation, number, at, state, known)
    }
}

/// What must hold of the spans of any run.
fn assert_sound(spans: &[Span], run: &Run) {
    let ids: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(ids.len(), spans.len(), "every span has an id of its own");
    for span in spans {
        assert_eq!(span.trace, model::trace::trace_id(&run.run));
        assert!(span.began <= span.ended, "{span:?}");
        let within = |at: Timestamp| (span.began..=span.ended).contains(&at);
        assert!(span.events.iter().all(|(_, at)| within(*at)), "{span:?}");
        if let Some(parent) = &span.parent {
            let parent = ids.get(parent.as_str()).expect("a parent is there");
            assert!(parent.began <= span.began, "{parent:?} holds {span:?}");
            assert!(span.ended <= parent.ended, "{parent:?} holds {span:?}");
        }
    }
}

proptest! {
    #[test]
    fn spans_are_unique_have_their_parents_and_lie_within_them(
        attempts in prop::collection::vec(any_attempt(), 0..30),
        ended in 1..4_u32,
        newer in 0..2_u32,
        started in 0..4_usize,
    ) {
        let day = Day::new();
        let opened = BTreeMap::from([(2, minute(200)), (3, minute(300)), (4, minute(400))]);
        let run = Run {
            generation: ended + newer,
            started_at: Some([minute(0), minute(200), minute(300), minute(400)][started]),
            ..day.run.clone()
        };
        let tasks = attempts.into_iter().map(|(name, generation, number, at, state, known)| Task {
            generation,
            attempt: number,
            state,
            submitted_at: known[0].then(|| minute(at[1])),
            started_at: known[1].then(|| minute(at[2])),
            ..day.attempt(&name, number, TaskState::Succeeded, at)
        });
        let tasks: Vec<Task> = tasks.collect();
        let pass = Pass::of(&run, ended, &opened);
        let it = Ended { run: &run, at: minute(250), state: RunState::Failed, reason: None };
        let found = spans(&it, &pass, &tasks);
        assert_sound(&found, &run);
        prop_assert_eq!(&found, &spans(&it, &pass, &tasks));
        let roots = found.iter().filter(|span| span.parent.is_none()).count();
        let generations = (1..=4).filter(|generation| pass.contains(*generation)).count();
        prop_assert_eq!(roots, generations);
    }
}
