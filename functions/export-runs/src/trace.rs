//! The spans of a run that has ended: a pure function of what is stored of it.
//!
//! A pass of a run begins when it is recorded, or opened again after it had ended; what reruns open
//! meanwhile belongs to it, too. Each generation is a span without a parent, its tasks are its
//! children, their attempts the children of these. Clocks differ between services, so a parent is
//! as long as its children make it.

use std::collections::BTreeMap;

use model::Timestamp;
use model::name::TaskName;
use model::run::{Cause, Run, RunState};
use model::task::{FailureClass, Place, Task, TaskState};
use model::trace::{Span as Named, span_id, trace_id};
use serde_json::{Value, json};

/// A run that has ended, and how.
pub(crate) struct Ended<'a> {
    pub run: &'a Run,
    pub at: Timestamp,
    pub state: RunState,
    pub reason: Option<&'a str>,
}

/// The generations that ended together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pass {
    first: u32,
    last: u32,
    /// When each of them was opened, but for the very first of a run.
    opened: BTreeMap<u32, Timestamp>,
}

impl Pass {
    /// Those that ended with this one. `opened` says when reruns opened theirs.
    pub fn of(run: &Run, ended: u32, opened: &BTreeMap<u32, Timestamp>) -> Self {
        // Who opens a generation of a run that had ended starts it at that instant. Once it was
        // opened again nobody knows which those before had overtaken.
        let began = |(_, at): &(&u32, &Timestamp)| run.started_at == Some(**at);
        let first = if run.generation == ended {
            let mut reruns = opened.range(..=ended).rev();
            reruns.find(began).map_or(1, |(generation, _)| *generation)
        } else {
            ended
        };
        Self {
            first,
            last: ended,
            opened: opened.clone(),
        }
    }

    /// Whether a generation belongs to it.
    pub fn contains(&self, generation: u32) -> bool {
        (self.first..=self.last).contains(&generation)
    }
}

/// A span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub trace: String,
    pub id: String,
    pub parent: Option<String>,
    pub name: String,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Texts and whole numbers.
    pub attributes: Vec<(&'static str, Value)>,
    pub events: Vec<(&'static str, Timestamp)>,
    /// Other spans that led to it, by trace and id.
    pub links: Vec<(String, String)>,
    pub status: Status,
}

/// How a span went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// Neither well nor badly: it was skipped or stopped.
    Unset,
    Well,
    Failed(String),
}

impl Span {
    /// As long as what it holds.
    fn around<'a>(mut self, inner: impl IntoIterator<Item = &'a Self>) -> Self {
        for one in inner {
            self.began = self.began.min(one.began);
            self.ended = self.ended.max(one.ended);
        }
        self
    }
}

/// The spans of a pass; those before others that are their parents. What has not ended is left out.
pub(crate) fn spans(ended: &Ended<'_>, pass: &Pass, attempts: &[Task]) -> Vec<Span> {
    let mut tasks: BTreeMap<(u32, &TaskName), BTreeMap<u32, &Task>> = BTreeMap::new();
    let over = attempts.iter().filter(|it| it.state.outcome().is_some());
    for attempt in over.filter(|attempt| pass.contains(attempt.generation)) {
        let task = tasks
            .entry((attempt.generation, &attempt.task))
            .or_default();
        task.insert(attempt.attempt, attempt);
    }
    let mut spans = Vec::new();
    for generation in pass.first..=pass.last {
        let own = tasks.iter().filter(|((of, _), _)| *of == generation);
        let inner: Vec<Span> = own
            .flat_map(|((_, name), attempts)| of_task(ended.run, generation, name, attempts))
            .collect();
        spans.push(of_generation(ended, pass, generation).around(&inner));
        spans.extend(inner);
    }
    spans
}

fn of_generation(ended: &Ended<'_>, pass: &Pass, generation: u32) -> Span {
    let run = ended.run;
    let is_last = generation == pass.last;
    let opened = |generation: u32| pass.opened.get(&generation).copied();
    let mut attributes = vec![
        ("murmur.run", json!(run.run)),
        ("murmur.team", json!(run.team)),
        ("murmur.workflow", json!(run.workflow)),
        ("murmur.slot", json!(run.slot)),
        ("murmur.logical_date", json!(run.logical_date)),
        ("murmur.generation", json!(generation)),
    ];
    if is_last {
        attributes.push(("murmur.state", json!(ended.state)));
        attributes.extend(ended.reason.map(|reason| ("murmur.reason", json!(reason))));
    }
    let links = match (&run.cause, generation) {
        (Cause::Upstream { runs }, 1) => runs
            .iter()
            .map(|(run, of)| link(run, *of))
            .collect::<Vec<_>>(),
        (_, 1) => Vec::new(),
        // What it runs again.
        (_, rerun) => vec![link(&run.run, rerun - 1)],
    };
    let began = opened(generation).unwrap_or(run.created_at);
    let over = opened(generation + 1).filter(|_| !is_last);
    Span {
        trace: trace_id(&run.run),
        id: span_id(&run.run, Named::Run { generation }),
        parent: None,
        name: run.workflow_ref().to_string(),
        began,
        ended: over.unwrap_or(ended.at).max(began),
        attributes,
        events: Vec::new(),
        links,
        status: match ended.state {
            RunState::Succeeded if is_last => Status::Well,
            RunState::Failed if is_last => Status::Failed(said(ended.reason)),
            RunState::Succeeded
            | RunState::Failed
            | RunState::Cancelled
            | RunState::Skipped
            | RunState::Waiting
            | RunState::Running => Status::Unset,
        },
    }
}

fn link(run: &model::id::RunId, generation: u32) -> (String, String) {
    (trace_id(run), span_id(run, Named::Run { generation }))
}

/// A task with its attempts, oldest first.
fn of_task(
    run: &Run,
    generation: u32,
    name: &TaskName,
    attempts: &BTreeMap<u32, &Task>,
) -> Vec<Span> {
    let Some(last) = attempts.values().next_back() else {
        return Vec::new();
    };
    let task = Named::Task {
        task: name,
        generation,
    };
    let id = span_id(&run.run, task);
    let tried = attempts.values().filter(|attempt| attempt.attempt > 0);
    let inner: Vec<Span> = tried.map(|attempt| of_attempt(attempt, &id)).collect();
    let at = last.ended_at.unwrap_or(last.ready_at);
    let whole = Span {
        trace: trace_id(&run.run),
        id,
        parent: Some(span_id(&run.run, Named::Run { generation })),
        name: name.to_string(),
        began: last.ready_at.min(at),
        ended: at,
        attributes: of_state(last),
        events: Vec::new(),
        links: Vec::new(),
        status: status(last),
    };
    let whole = whole.around(&inner);
    std::iter::once(whole).chain(inner).collect()
}

fn of_attempt(attempt: &Task, parent: &str) -> Span {
    let named = Named::Attempt {
        task: &attempt.task,
        generation: attempt.generation,
        attempt: attempt.attempt,
    };
    let events = [
        ("submitted", attempt.submitted_at),
        ("started", attempt.started_at),
    ];
    let events: Vec<(&'static str, Timestamp)> = events
        .into_iter()
        .filter_map(|(name, at)| Some((name, at?)))
        .collect();
    let times = || {
        let known = [Some(attempt.ready_at), attempt.ended_at];
        let known = known.into_iter().flatten();
        known.chain(events.iter().map(|(_, at)| *at))
    };
    let mut attributes = of_state(attempt);
    attributes.push(("murmur.attempt", json!(attempt.attempt)));
    let submission = attempt.submission.as_ref();
    attributes.extend(submission.map(|id| ("murmur.submission", json!(id))));
    let cluster = attempt.cluster.as_ref();
    attributes.extend(cluster.map(|cluster| ("murmur.cluster", json!(cluster.to_string()))));
    if let Some(Place::Queue(queue)) = attempt.claim.as_ref().map(|claim| &claim.place) {
        attributes.push(("murmur.queue", json!(queue)));
    }
    Span {
        trace: trace_id(&attempt.run),
        id: span_id(&attempt.run, named),
        parent: Some(parent.to_owned()),
        name: format!("{} attempt", attempt.task),
        began: times().min().unwrap_or(attempt.ready_at),
        ended: times().max().unwrap_or(attempt.ready_at),
        attributes,
        events,
        links: Vec::new(),
        status: status(attempt),
    }
}

fn of_state(task: &Task) -> Vec<(&'static str, Value)> {
    let mut attributes = vec![
        ("murmur.task", json!(task.task)),
        ("murmur.state", json!(task.state)),
    ];
    let class = task.failure.filter(|_| task.state == TaskState::Failed);
    attributes.extend(class.map(|class| ("murmur.failure", json!(class))));
    let reason = task.reason.as_ref();
    attributes.extend(reason.map(|reason| ("murmur.reason", json!(reason))));
    attributes
}

fn status(task: &Task) -> Status {
    match task.state {
        TaskState::Succeeded => Status::Well,
        TaskState::Failed => {
            let class = match task.failure {
                Some(FailureClass::Application) => "application: ",
                Some(FailureClass::Infrastructure) => "infrastructure: ",
                Some(FailureClass::Refused) => "refused: ",
                None => "",
            };
            Status::Failed(format!("{class}{}", said(task.reason.as_deref())))
        }
        TaskState::Waiting
        | TaskState::Retrying
        | TaskState::Claimed
        | TaskState::Submitted
        | TaskState::Running
        | TaskState::Skipped
        | TaskState::Blocked
        | TaskState::Cancelled => Status::Unset,
    }
}

fn said(reason: Option<&str>) -> String {
    reason.unwrap_or("no reason is known").to_owned()
}
