//! What an event starts: every workflow with a pattern that matches it.

use std::io::Read as _;
use std::path::Path;

use choreography::pattern::Pattern;
use choreography::slot;
use model::id::{RunId, Slot};
use model::message::{Function, MatchedEvent, Message};
use model::name::WorkflowRef;
use ports::StateStore;
use serde::Serialize;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, plain};
use crate::output::{Screen, note};
use crate::target::Target;
use crate::view::definitions;

/// A workflow that the event starts.
#[derive(Debug, Serialize)]
struct Match {
    workflow: WorkflowRef,
    /// Which of its patterns, counted from 0.
    trigger: usize,
    /// `None` when the event lacks the field that is the slot; the workflow then does not start.
    slot: Option<Slot>,
    run: Option<RunId>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Starts what matches, or only says what would.
pub async fn trigger(
    target: &impl Target,
    file: &Path,
    dry_run: bool,
    screen: Screen,
) -> Result<Exit, Failure> {
    let event = read(file)?;
    let matches = matching(target.store(), &event).await?;
    if screen.is_json() {
        screen.json(&matches)?;
    } else if !matches.is_empty() {
        screen.table(&table(&matches))?;
    }
    let startable: Vec<&Match> = matches
        .iter()
        .filter(|found| found.slot.is_some())
        .collect();
    if startable.is_empty() {
        note("the event starts no workflow");
        return Ok(Exit::NotAsItShouldBe);
    }
    if dry_run {
        return Ok(Exit::Fine);
    }
    for found in &startable {
        let matched = MatchedEvent {
            workflow: found.workflow.clone(),
            trigger: found.trigger,
            event: event.clone(),
        };
        target
            .send(Function::StartRun, Message::Event(matched))
            .await?;
    }
    if !target.is_at_work()? {
        note(&format!(
            "accepted; they start when `{}` runs",
            target.how_to_start()
        ));
    }
    Ok(Exit::Fine)
}

fn read(file: &Path) -> Result<Value, Failure> {
    let shown = file.display();
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {shown}")),
        _ => Failure::trouble(format!("cannot read {shown}")).because(error),
    })?;
    let event: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{shown} is not JSON")).because(error))?;
    let wanted = ["id", "source", "detail-type", "time", "detail"];
    let absent: Vec<&str> = wanted
        .into_iter()
        .filter(|name| event.get(name).is_none())
        .collect();
    if !absent.is_empty() {
        let what = format!(
            "{shown} is not an event of EventBridge: it has no {}",
            absent.join(", ")
        );
        return Err(Failure::usage(what)
            .help("give the whole envelope, as EventBridge delivers it: id, source, detail-type, time, detail"));
    }
    Ok(event)
}

async fn matching(store: &impl StateStore, event: &Value) -> Result<Vec<Match>, Failure> {
    let mut matches = Vec::new();
    for workflow in definitions::workflows(store).await? {
        let Some((_, definition)) = definitions::current_workflow(store, &workflow).await? else {
            continue;
        };
        for (trigger, wanted) in definition.events.iter().enumerate() {
            let Ok(pattern) = Pattern::parse(&wanted.pattern) else {
                continue;
            };
            if !pattern.matches(event) {
                continue;
            }
            let found = slot::of_event(wanted.slot.as_deref(), event);
            let problem = found
                .as_ref()
                .err()
                .map(|path| format!("the event has no text at `{path}`, which is to be the slot"));
            let slot = found.ok();
            let run = slot.as_ref().map(|slot| RunId::of(&workflow, slot));
            matches.push(Match {
                workflow: workflow.clone(),
                trigger,
                slot,
                run,
                problem,
            });
        }
    }
    Ok(matches)
}

fn table(matches: &[Match]) -> Table {
    let mut table = Table::new([
        ("workflow", Fit::Whole),
        ("pattern", Fit::Drop),
        ("run", Fit::Whole),
        ("slot", Fit::Wrap),
        ("problem", Fit::Wrap),
    ]);
    for found in matches {
        table.row([
            (found.workflow.to_string(), Paint::Strong),
            plain(format!("{}", found.trigger + 1)),
            plain(
                found
                    .run
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            plain(
                found
                    .slot
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            (found.problem.clone().unwrap_or_default(), Paint::Bad),
        ]);
    }
    table
}
