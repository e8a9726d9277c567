//! Trace context as the W3C has it: a run is one trace; the run, its tasks and their attempts are
//! its spans.
//!
//! Ids follow from what they stand for. So whoever names a span names the same one, however often,
//! and a fact that is told again belongs to the span it belonged to before. Must not know when spans
//! begin or end, nor who is told of them.

use crate::attempt::AttemptKey;
use crate::fact::FactBody;
use crate::id::{RunId, digest};
use crate::name::TaskName;

/// How many characters a `traceparent` has.
pub const TRACEPARENT: usize = 55;

/// What a span of a run's trace stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span<'a> {
    /// One pass of the run.
    Run { generation: u32 },
    /// A task in one generation, with all its attempts.
    Task { task: &'a TaskName, generation: u32 },
    /// One try of it.
    Attempt {
        task: &'a TaskName,
        generation: u32,
        attempt: u32,
    },
}

/// The id of a run's trace, 32 hexadecimal digits: the first half of the SHA-256 of the run's id and
/// a zero byte.
pub fn trace_id(run: &RunId) -> String {
    first(32, digest([run.as_str()]))
}

/// The id of a span, 16 hexadecimal digits.
pub fn span_id(run: &RunId, span: Span<'_>) -> String {
    let run = run.as_str();
    let (kind, task, generation, attempt) = match span {
        Span::Run { generation } => ("run", "", generation, 0),
        Span::Task { task, generation } => ("task", task.as_str(), generation, 0),
        Span::Attempt {
            task,
            generation,
            attempt,
        } => ("attempt", task.as_str(), generation, attempt),
    };
    let (generation, attempt) = (generation.to_string(), attempt.to_string());
    let parts = ["span", kind, run, task, &generation, &attempt];
    first(16, digest(parts))
}

/// A span as its `traceparent`: version 00, sampled.
pub fn traceparent(run: &RunId, span: Span<'_>) -> String {
    format!("00-{}-{}-01", trace_id(run), span_id(run, span))
}

/// The `traceparent` that an attempt's work is given.
pub fn of_attempt(key: &AttemptKey) -> String {
    let span = Span::Attempt {
        task: &key.task,
        generation: key.generation,
        attempt: key.attempt,
    };
    traceparent(&key.run, span)
}

/// The `traceparent` of a fact: the span of its subject; `None` of what belongs to no run.
pub fn of_fact(body: &FactBody) -> Option<String> {
    let (run, span) = match body {
        FactBody::RunWaiting(run)
        | FactBody::RunStarted(run)
        | FactBody::RunSucceeded(run)
        | FactBody::RunFailed(run)
        | FactBody::RunCancelled(run)
        | FactBody::RunSkipped(run) => (&run.run, whole(run.generation)),
        FactBody::RunSlow(slow) => (&slow.run, whole(slow.generation)),
        FactBody::DeadlineAtRisk(risk) => (&risk.run, whole(risk.generation)),
        // It may never have started, and then it is a run in its first generation.
        FactBody::DeadlineMissed(missed) => (&missed.run, whole(1)),
        FactBody::TickMissed(tick) => (tick.run.as_ref()?, whole(1)),
        FactBody::TaskReady(ready) => {
            let (task, generation) = (&ready.task, ready.generation);
            (&ready.run, of_task(task, generation, ready.attempt))
        }
        FactBody::TaskStarted(task)
        | FactBody::TaskRetrying(task)
        | FactBody::TaskSucceeded(task)
        | FactBody::TaskFailed(task)
        | FactBody::TaskSkipped(task)
        | FactBody::TaskCancelled(task) => {
            let span = of_task(&task.task, task.generation, task.attempt);
            (&task.run, span)
        }
        FactBody::ClusterRequested(_)
        | FactBody::ClusterReady(_)
        | FactBody::ClusterDraining(_)
        | FactBody::ClusterTerminated(_)
        | FactBody::ClusterFailed(_)
        | FactBody::ClusterIdle(_)
        | FactBody::ClusterLeaked(_)
        | FactBody::LettersSetAside(_)
        | FactBody::LettersGone(_)
        | FactBody::OperationRequested(_)
        | FactBody::OperationDone(_) => return None,
    };
    Some(traceparent(run, span))
}

fn whole(generation: u32) -> Span<'static> {
    Span::Run { generation }
}

/// The attempt's span, or the task's own where it was decided without one.
fn of_task(task: &TaskName, generation: u32, attempt: u32) -> Span<'_> {
    if attempt == 0 {
        return Span::Task { task, generation };
    }
    Span::Attempt {
        task,
        generation,
        attempt,
    }
}

fn first(digits: usize, mut digest: String) -> String {
    digest.truncate(digits);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_what_anybody_computes_from_the_runs_id() {
        // printf 'weather--daily--20260301t051500z\0' | sha256sum | head -c 32
        let run = RunId::from("weather--daily--20260301t051500z");
        assert_eq!(trace_id(&run), "5cbf5ada98880d84d3940a57c9e04623");
    }

    #[test]
    fn every_span_of_a_run_has_an_id_of_its_own_and_always_the_same() {
        let run = RunId::from("weather--daily--20260301t051500z");
        let names: Vec<TaskName> = ["a", "b", "a-1"].map(|name| name.parse().unwrap()).into();
        let mut ids = std::collections::BTreeSet::new();
        let mut count = 0;
        for generation in 1..=3 {
            let tasks = names.iter().flat_map(|task| {
                let attempts = (1..=12).map(move |attempt| Span::Attempt {
                    task,
                    generation,
                    attempt,
                });
                attempts.chain([Span::Task { task, generation }])
            });
            for span in tasks.chain([Span::Run { generation }]) {
                let id = span_id(&run, span);
                assert_eq!(id, span_id(&run, span));
                assert_eq!(id.len(), 16);
                ids.insert(id);
                count += 1;
            }
        }
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn a_traceparent_is_as_the_w3c_has_it() {
        let key: AttemptKey = "weather--daily--20260301t051500z--clean--1-2"
            .parse()
            .unwrap();
        let written = of_attempt(&key);
        assert_eq!(written.len(), TRACEPARENT);
        let parts: Vec<&str> = written.split('-').collect();
        let [version, trace, span, flags] = parts[..] else {
            panic!("{written}");
        };
        assert_eq!((version, flags), ("00", "01"));
        assert_eq!((trace.len(), span.len()), (32, 16));
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(trace.chars().chain(span.chars()).all(is_hex), "{written}");
        assert_eq!(trace, trace_id(&key.run));
    }
}
