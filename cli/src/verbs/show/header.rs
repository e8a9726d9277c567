//! What is said of a run before its tasks.

use std::fmt::Write as _;

use model::Timestamp;
use model::run::Run;
use model::trace::trace_id;

use crate::output::paint::Paint;
use crate::output::time::{Zone, took};
use crate::view::run::RunView;
use crate::view::words;

/// Everything about the run but its tasks.
pub fn text(view: &RunView, zone: &Zone, now: Timestamp) -> String {
    let run = &view.run;
    let mut text = String::new();
    let mut line = |title: &str, said: &str| {
        if !said.is_empty() {
            let title = Paint::Faint.text(&format!("{title:<12}"));
            let _ = writeln!(text, "{title} {said}");
        }
    };
    line("run", &Paint::Strong.text(run.run.as_str()));
    let mut state = Paint::of_run(run.state).text(words::run(run.state));
    if run.paused {
        state.push_str(&Paint::Waiting.text(", paused"));
    }
    if let Some(reason) = &run.reason {
        let _ = write!(state, ": {reason}");
    }
    line("state", &state);
    line("workflow", &run.workflow_ref().to_string());
    line("slot", run.slot.as_str());
    line(
        "logical date",
        &format!("{} {}", zone.full(run.logical_date), zone.name()),
    );
    line("cause", &words::cause(&run.cause));
    line("params", &params(run));
    line("started", &started(run, zone, now));
    line("tasks", &counts(view));
    if run.generation > 1 {
        line(
            "generation",
            &format!("{}: {}", run.generation, reruns(view, zone)),
        );
    }
    line("definition", &short(run.definition.as_str()));
    line("trace", &trace_id(&run.run));
    text
}

fn params(run: &Run) -> String {
    let params = run
        .params
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    params.collect::<Vec<_>>().join(" ")
}

fn started(run: &Run, zone: &Zone, now: Timestamp) -> String {
    match (run.started_at, run.ended_at) {
        (Some(started), Some(ended)) => format!(
            "{}, ended {} after {}",
            zone.full(started),
            zone.beside(ended, started),
            took(started, ended)
        ),
        (Some(started), None) => {
            format!("{}, {} ago", zone.full(started), took(started, now))
        }
        (None, _) => String::new(),
    }
}

/// How many tasks are where, in a line.
pub fn counts(view: &RunView) -> String {
    let counts = view.counts().into_iter();
    let said = counts.map(|(standing, count)| {
        Paint::of_standing(standing).text(&format!("{count} {}", standing.word()))
    });
    said.collect::<Vec<_>>().join(", ")
}

fn reruns(view: &RunView, zone: &Zone) -> String {
    let said = view.generations.iter().rev().map(|generation| {
        let count = generation.scope.len();
        let what = match (count, generation.scope.first()) {
            (1, Some(only)) => only.to_string(),
            _ => format!("{count} tasks"),
        };
        let marked = match generation.marked.iter().next() {
            Some((task, outcome)) => format!(", {task} marked {}", words::outcome(*outcome)),
            None => String::new(),
        };
        let why = generation
            .why
            .as_ref()
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        let (by, at) = (&generation.by, zone.full(generation.at));
        format!("{what} again{marked} by {by} at {at}{why}")
    });
    said.collect::<Vec<_>>().join("; before: ")
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
