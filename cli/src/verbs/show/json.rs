//! A run for machines.

use std::collections::BTreeMap;

use model::name::TaskName;
use model::run::{Generation, Run};
use model::task::Task;
use model::trace::trace_id;
use serde::Serialize;

use crate::view::run::RunView;

/// A run with its tasks.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    run: &'a Run,
    /// The id of its trace.
    trace: String,
    /// How many of all tasks are where.
    counts: BTreeMap<&'static str, usize>,
    tasks: Vec<Row<'a>>,
    generations: &'a [Generation],
}

/// A task; without attempts when nobody has reached it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    task: &'a TaskName,
    state: &'static str,
    after: Vec<TaskName>,
    /// The items of its attempts, the newest last.
    attempts: Vec<&'a Task>,
}

/// Puts the document together.
pub fn document<'a>(view: &'a RunView, names: &'a [TaskName]) -> Document<'a> {
    let counts = view.counts().into_iter();
    let row = |task: &'a TaskName| Row {
        task,
        state: view.standing(task).word(),
        after: view.above(task),
        attempts: view.attempts(task),
    };
    Document {
        run: &view.run,
        trace: trace_id(&view.run.run),
        counts: counts
            .map(|(standing, count)| (standing.word(), count))
            .collect(),
        tasks: names.iter().map(row).collect(),
        generations: &view.generations,
    }
}
