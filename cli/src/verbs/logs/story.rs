//! `murmur logs <run>`: what the functions decided about a run, in the order of time.

use model::run::Run;
use serde_json::Value;

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table};
use crate::output::time::Zone;
use crate::output::{Screen, note};
use crate::story::Told;
use crate::target::Target;

/// Fields with a place of their own.
const PLACED: [&str; 7] = [
    "run",
    "task",
    "generation",
    "attempt",
    "event",
    "reason",
    "submission",
];

/// Prints a run's story.
pub async fn print(
    target: &impl Target,
    run: &Run,
    shown: &ShownZone,
    screen: Screen,
) -> Result<Exit, Failure> {
    let story = target.story(run).await?;
    if screen.is_json() {
        screen.json(&story)?;
        return Ok(Exit::Fine);
    }
    if story.is_empty() {
        note(target.why_no_story());
        return Ok(Exit::Fine);
    }
    let zone = shown
        .of_workflows(target.store(), &[run.workflow_ref()])
        .await?;
    screen.table(&table(&story, &zone))?;
    note(&Paint::Faint.text(&format!(
        "what a task itself printed: murmur logs {} TASK",
        run.run
    )));
    Ok(Exit::Fine)
}

fn table(story: &[Told], zone: &Zone) -> Table {
    let mut table = Table::new([
        (zone.name(), Fit::Whole),
        ("function", Fit::Drop),
        ("task", Fit::Whole),
        ("what", Fit::Wrap),
    ]);
    let mut before = None;
    for told in story {
        let at = match before {
            Some(before) => zone.beside(told.at, before),
            None => zone.full(told.at),
        };
        before = Some(told.at);
        let paint = match told.level.as_str() {
            "ERROR" => Paint::Bad,
            "WARN" => Paint::Busy,
            _ if told.message.ends_with(".failed") => Paint::Bad,
            _ => Paint::Plain,
        };
        table.row([
            (at, Paint::Plain),
            (told.function.clone(), Paint::Faint),
            (task(told), Paint::Plain),
            (what(told), paint),
        ]);
    }
    table
}

/// The task, with its generation and attempt where they are not the first.
fn task(told: &Told) -> String {
    let mut shown = told.text("task").unwrap_or_default().to_owned();
    if let Some(attempt) = told.number("attempt").filter(|attempt| *attempt > 1) {
        shown = format!("{shown} #{attempt}");
    }
    if let Some(generation) = told.number("generation").filter(|number| *number > 1) {
        shown = format!("{shown} (generation {generation})");
    }
    shown.trim_start().to_owned()
}

fn what(told: &Told) -> String {
    let mut shown = told.message.clone();
    if let Some(submission) = told.text("submission") {
        shown = format!("{shown} {submission}");
    }
    if let Some(reason) = told.text("reason") {
        shown = format!("{shown}: {reason}");
    }
    let placed = |name: &String| PLACED.contains(&name.as_str());
    for (name, value) in told.fields.iter().filter(|(name, _)| !placed(name)) {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        shown = format!("{shown}, {name} {value}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_decided_and_why() {
        let told = |fields: Value| Told {
            at: "2026-03-01T05:00:00Z".parse().unwrap(),
            function: "submit-task".into(),
            level: "INFO".into(),
            message: "task.started".into(),
            fields: fields.as_object().cloned().unwrap(),
        };
        let first = told(serde_json::json!({ "task": "clean", "attempt": 1, "generation": 1 }));
        assert_eq!(
            (task(&first).as_str(), what(&first).as_str()),
            ("clean", "task.started")
        );
        let again = told(serde_json::json!({
            "run": "r", "task": "clean", "attempt": 2, "generation": 3, "event": "e",
            "submission": "s-1", "reason": "exit code 1", "ended": true,
        }));
        assert_eq!(task(&again), "clean #2 (generation 3)");
        assert_eq!(what(&again), "task.started s-1: exit code 1, ended true");
        assert_eq!(task(&told(serde_json::json!({}))), "");
    }
}
