//! The tasks of a run: each in a line, or summed up by what was written.

use std::collections::BTreeMap;

use model::Timestamp;
use model::name::TaskName;
use model::task::{FailureClass, Task, TaskState};

use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, maybe, plain};
use crate::output::time::{Zone, took};
use crate::view::places;
use crate::view::run::{RunView, Standing};

/// The most tasks that are shown beside a summary.
const MOST_NOTABLE: usize = 20;

/// Each task in a line.
pub fn list(view: &RunView, names: &[TaskName], zone: &Zone, now: Timestamp) -> Table {
    let mut table = Table::new([
        ("task", Fit::Whole),
        ("state", Fit::Whole),
        ("try", Fit::Drop),
        ("started", Fit::Drop),
        ("took", Fit::Whole),
        ("where", Fit::Drop),
        ("reason", Fit::Wrap),
    ]);
    let beside = view.run.started_at.unwrap_or(view.run.created_at);
    for name in names {
        let (standing, task) = (view.standing(name), view.task(name));
        let started = task.and_then(|task| task.started_at);
        let ended = task.and_then(|task| task.ended_at);
        table.row([
            (name.to_string(), Paint::Strong),
            (standing.word().to_owned(), Paint::of_standing(standing)),
            maybe(
                task.filter(|task| task.attempt > 0)
                    .map(|task| task.attempt),
            ),
            maybe(started.map(|started| zone.beside(started, beside))),
            maybe(started.map(|started| took(started, ended.unwrap_or(now)))),
            plain(task.map(places::of_task).unwrap_or_default()),
            plain(task.map_or_else(|| awaited(view, name), reason)),
        ]);
    }
    table
}

fn reason(task: &Task) -> String {
    // What is stored then is why its place was chosen, which `why` tells.
    if task.state == TaskState::Succeeded {
        return String::new();
    }
    let class = match task.failure {
        Some(FailureClass::Application) | None => "",
        Some(FailureClass::Infrastructure) => "infrastructure: ",
        Some(FailureClass::Refused) => "refused: ",
    };
    format!("{class}{}", task.reason.as_deref().unwrap_or_default())
}

/// What of the tasks above is still to come.
fn awaited(view: &RunView, name: &TaskName) -> String {
    if view.run.state.is_terminal() {
        return String::new();
    }
    let above = view.above(name);
    let open: Vec<&TaskName> = above
        .iter()
        .filter(|above| !has_ended(view, above))
        .collect();
    match open.as_slice() {
        [] => String::new(),
        [only] if above.len() == 1 => format!("after {only}"),
        [first, ..] if open.len() > 3 => {
            format!("after {} of {}: {first}, …", open.len(), above.len())
        }
        few => {
            let names: Vec<&str> = few.iter().map(|name| name.as_str()).collect();
            format!(
                "after {} of {}: {}",
                few.len(),
                above.len(),
                names.join(", ")
            )
        }
    }
}

fn has_ended(view: &RunView, name: &TaskName) -> bool {
    view.task(name)
        .is_some_and(|task| task.state.outcome().is_some())
}

/// How many tasks of each that is written are where.
pub fn summary(view: &RunView) -> Table {
    let mut table = Table::new([
        ("task", Fit::Whole),
        ("tasks", Fit::Whole),
        ("where they are", Fit::Wrap),
    ]);
    let mut groups: BTreeMap<u32, BTreeMap<Standing, usize>> = BTreeMap::new();
    let Some(plan) = &view.plan else { return table };
    for task in &plan.tasks {
        let standing = view.standing(&task.name);
        *groups
            .entry(task.written)
            .or_default()
            .entry(standing)
            .or_default() += 1;
    }
    for (written, counts) in groups {
        let paint = counts
            .keys()
            .map(|standing| Paint::of_standing(*standing))
            .find(|paint| *paint == Paint::Bad);
        let said: Vec<String> = counts
            .iter()
            .map(|(standing, count)| format!("{count} {}", standing.word()))
            .collect();
        table.row([
            (
                plan.workflow.tasks[written as usize].name.to_string(),
                Paint::Strong,
            ),
            plain(counts.values().sum::<usize>().to_string()),
            (said.join(", "), paint.unwrap_or(Paint::Plain)),
        ]);
    }
    table
}

/// Failed tasks, else those at work.
pub fn notable(view: &RunView) -> Vec<TaskName> {
    let with = |paint: Paint| -> Vec<TaskName> {
        let names = view.names().into_iter();
        names
            .filter(|name| {
                view.task(name).is_some() && Paint::of_standing(view.standing(name)) == paint
            })
            .take(MOST_NOTABLE)
            .collect()
    };
    let failed = with(Paint::Bad);
    if failed.is_empty() {
        with(Paint::Busy)
    } else {
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{MemoryStore, flow};

    fn text(table: &Table) -> String {
        anstream::adapter::strip_str(&table.render(None)).to_string()
    }

    #[test]
    fn ten_thousand_tasks_are_summed_up_in_a_few_lines() {
        let store = MemoryStore::default();
        let workflow = flow::workflow(&[
            ("first", &[], ""),
            ("wide", &["first"], "n=10000"),
            ("last", &["wide"], ""),
        ]);
        let now: Timestamp = "2026-03-01T05:00:00Z".parse().unwrap();
        let run = flow::seed_run(&store, &workflow, now);
        let ended = |name: &str, state: &str| -> Task {
            serde_json::from_value(serde_json::json!({
                "run": run.run, "task": name, "team": run.team, "workflow": run.workflow,
                "state": state, "generation": 1, "attempt": 1, "ready_at": now, "ended_at": now,
            }))
            .unwrap()
        };
        for (name, state) in [
            ("first", "succeeded"),
            ("wide-7", "succeeded"),
            ("wide-8", "failed"),
            ("wide-9", "running"),
        ] {
            store.seed(&ended(name, state));
        }
        let view = pollster::block_on(RunView::load(&store, run)).unwrap();
        let expected = "\
TASK   TASKS  WHERE THEY ARE
first  1      1 succeeded
wide   10000  9997 pending, 1 running, 1 succeeded, 1 failed
last   1      1 pending
";
        assert_eq!(text(&summary(&view)), expected);
        let notable: Vec<String> = notable(&view).iter().map(ToString::to_string).collect();
        assert_eq!(notable, ["wide-8"]);
        let last = list(&view, &["last".parse().unwrap()], &Zone::default(), now);
        assert!(
            text(&last).contains("after 9998 of 10000: wide-0, …"),
            "{}",
            text(&last)
        );
    }
}
