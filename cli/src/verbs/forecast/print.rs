//! Forecasts as tables, sentences and JSON.

use choreography::forecast::{Calibration, Outlook};
use jiff::SignedDuration;
use model::Timestamp;
use model::name::WorkflowRef;
use serde_json::{Value, json};

use super::Foreseen;
use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, maybe, plain};
use crate::output::time::{Zone, took};
use crate::output::{Screen, note};

/// What is said where nothing can be foreseen.
const TOO_FEW: &str = "too few earlier runs";

/// Prints a line for each run.
pub fn all(
    screen: Screen,
    foreseen: &[Foreseen],
    zone: &Zone,
    now: Timestamp,
) -> Result<(), Failure> {
    if foreseen.is_empty() {
        note("no run is under way");
        return Ok(());
    }
    let mut table = Table::new([
        ("run", Fit::Whole),
        ("outlook", Fit::Whole),
        ("likely end", Fit::Whole),
        ("late end", Fit::Drop),
        ("deadline", Fit::Drop),
        ("waits for", Fit::Wrap),
    ]);
    for one in foreseen {
        let told = one.told.as_ref();
        let shown = |at: Timestamp| zone.beside(at, now);
        let next = told.and_then(|told| told.path.first());
        table.row([
            (one.run.run.to_string(), Paint::Strong),
            outlook(one, now),
            maybe(told.map(|told| shown(told.likely))),
            maybe(told.map(|told| shown(told.late))),
            maybe(one.deadline_at.map(shown)),
            plain(next.map_or(String::new(), |leg| leg.task.to_string())),
        ]);
    }
    screen.table(&table)
}

/// Prints one run and what its end waits for.
pub fn one(screen: Screen, one: &Foreseen, zone: &Zone, now: Timestamp) -> Result<(), Failure> {
    all(screen, std::slice::from_ref(one), zone, now)?;
    let Some(told) = &one.told else {
        return Ok(());
    };
    screen.text("\n")?;
    let mut table = Table::new([
        ("its end waits for", Fit::Whole),
        ("usually takes", Fit::Drop),
        ("likely until", Fit::Whole),
    ]);
    for leg in &told.path {
        table.row([
            (leg.task.to_string(), Paint::Strong),
            maybe(leg.usual.map(shown_duration)),
            plain(zone.beside(leg.ends, now)),
        ]);
    }
    screen.table(&table)?;
    if !told.unknown.is_empty() {
        let names: Vec<&str> = told.unknown.iter().map(|task| task.as_str()).collect();
        note(&format!(
            "no earlier run says anything of {}",
            names.join(", ")
        ));
    }
    note(&format!(
        "from {} earlier runs; times in {}",
        told.scenarios,
        zone.name()
    ));
    Ok(())
}

/// Prints how forecasts came out.
pub fn calibration(
    screen: Screen,
    workflow: &WorkflowRef,
    found: &Calibration,
) -> Result<(), Failure> {
    let share = |count: usize| 100 * count / found.runs;
    if screen.is_json() {
        return screen.json(&json!({
            "workflow": workflow.to_string(),
            "runs": found.runs,
            "by_likely": found.by_likely,
            "by_late": found.by_late,
            "off_seconds": found.off.as_secs_f64(),
        }));
    }
    let lines = [
        format!(
            "{} runs of {workflow}, each forecast at its start from those before it:",
            found.runs
        ),
        format!(
            "  {:>3} % ended by their likely end (50 % should)",
            share(found.by_likely)
        ),
        format!(
            "  {:>3} % ended by their late end (90 % should)",
            share(found.by_late)
        ),
        format!(
            "  half of them were off by {} or less",
            shown_duration(found.off)
        ),
    ];
    screen.text(&format!("{}\n", lines.join("\n")))
}

/// The JSON of one run.
pub fn document(one: &Foreseen, now: Timestamp) -> Value {
    let told = one.told.as_ref();
    let path = told.map(|told| {
        let legs = told.path.iter().map(|leg| {
            json!({
                "task": leg.task.as_str(),
                "ends": leg.ends,
                "usual_seconds": leg.usual.map(|usual| usual.as_secs_f64()),
            })
        });
        legs.collect::<Vec<_>>()
    });
    json!({
        "run": one.run.run.as_str(),
        "likely": told.map(|told| told.likely),
        "late": told.map(|told| told.late),
        "deadline": one.deadline_at,
        "outlook": one.outlook(now).map(|outlook| word(outlook).replace(' ', "_")),
        "scenarios": told.map(|told| told.scenarios),
        "path": path,
        "unknown": told.map(|told| told.unknown.iter().map(|task| task.as_str()).collect::<Vec<_>>()),
    })
}

fn outlook(one: &Foreseen, now: Timestamp) -> (String, Paint) {
    match one.outlook(now) {
        None if one.told.is_none() => (TOO_FEW.to_owned(), Paint::Faint),
        None => ("no deadline".to_owned(), Paint::Faint),
        Some(outlook) => (word(outlook).to_owned(), paint(outlook)),
    }
}

/// A duration as people read it.
fn shown_duration(duration: SignedDuration) -> String {
    let end = Timestamp::UNIX_EPOCH.checked_add(duration);
    took(Timestamp::UNIX_EPOCH, end.unwrap_or(Timestamp::MAX))
}

fn word(outlook: Outlook) -> &'static str {
    match outlook {
        Outlook::OnTime => "on time",
        Outlook::AtRisk => "at risk",
        Outlook::Late => "late",
        Outlook::Missed => "missed",
    }
}

fn paint(outlook: Outlook) -> Paint {
    match outlook {
        Outlook::OnTime => Paint::Good,
        Outlook::AtRisk => Paint::Waiting,
        Outlook::Late | Outlook::Missed => Paint::Bad,
    }
}
