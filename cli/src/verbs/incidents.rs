//! `murmur incidents`: what is wrong now, and who was told.

use clap::Args;
use model::alert::{IncidentState, Root};

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint, maybe, plain};
use crate::output::time::Zone;
use crate::output::{Screen, note};
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;
use crate::view::incident::{self, IncidentView};

const EXAMPLES: &str = "\
Examples:
  murmur incidents                                            # those that are open; exits with 1 when there are any
  murmur incidents run/weather--daily_report--20260302        # one, with its symptoms and who was told
  murmur incidents cluster/weather/overnight-etl

In JSON each incident has: incident, team, workflow, state, opening, opened_at, resolved_at, title,
standing, symptoms and told.";

/// Shows what is wrong now, and who was told
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Incidents {
    /// One incident: `run/<run>`, `cluster/<team>/<name>` or `inbox/<function>` [default: all that are
    /// open]
    incident: Option<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

impl Incidents {
    /// Prints them.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        let zone = self.shown.or(None)?;
        block_on(async {
            match &self.incident {
                None => list(&target, &zone, screen).await,
                Some(name) => one(&target, name, &zone, screen).await,
            }
        })
    }
}

async fn list(target: &impl Target, zone: &Zone, screen: Screen) -> Result<Exit, Failure> {
    let store = target.store();
    let mut views = Vec::new();
    for root in incident::open(store).await? {
        views.extend(IncidentView::load(store, &root).await?);
    }
    let exit = if views.is_empty() {
        Exit::Fine
    } else {
        Exit::NotAsItShouldBe
    };
    if screen.is_json() {
        screen.json(&views)?;
        return Ok(exit);
    }
    if views.is_empty() {
        note("nothing is wrong that anybody knows of");
        return Ok(exit);
    }
    let mut table = Table::new([
        ("since", Fit::Whole),
        ("incident", Fit::Whole),
        ("symptoms", Fit::Drop),
        ("told", Fit::Drop),
        ("what is wrong", Fit::Wrap),
    ]);
    for view in &views {
        let told = view.told.iter().filter(|told| told.said.is_some());
        table.row([
            plain(zone.full(view.incident.opened_at)),
            (view.incident.incident.to_string(), Paint::Strong),
            plain(view.standing.to_string()),
            faint(format!("{} of {}", told.count(), view.told.len())),
            (view.title.clone(), Paint::Bad),
        ]);
    }
    screen.table(&table)?;
    note(&Paint::Faint.text(&format!("times in {}", zone.name())));
    Ok(exit)
}

async fn one(
    target: &impl Target,
    name: &str,
    zone: &Zone,
    screen: Screen,
) -> Result<Exit, Failure> {
    let store = target.store();
    let root: Root = name
        .parse()
        .map_err(|error| Failure::usage(format!("{error}")))?;
    let Some(view) = IncidentView::load(store, &root).await? else {
        let open = incident::open(store).await?;
        let known: Vec<String> = open.iter().map(ToString::to_string).collect();
        return Err(find::unknown("incident", name, &known));
    };
    let exit = match view.incident.state {
        IncidentState::Open => Exit::NotAsItShouldBe,
        IncidentState::Resolved => Exit::Fine,
    };
    if screen.is_json() {
        screen.json(&view)?;
        return Ok(exit);
    }
    let (state, paint) = match view.incident.resolved_at {
        Some(at) => (format!("resolved {}", zone.full(at)), Paint::Good),
        None => ("open".to_owned(), Paint::Bad),
    };
    screen.text(&format!(
        "{} {}, since {}\n",
        Paint::Strong.text(name),
        paint.text(&state),
        zone.full(view.incident.opened_at)
    ))?;
    screen.text(&format!("{}\n\n", view.title))?;
    let mut symptoms = Table::new([
        ("at", Fit::Whole),
        ("symptom", Fit::Whole),
        ("attempt", Fit::Drop),
        ("cleared", Fit::Drop),
        ("reason", Fit::Wrap),
    ]);
    for symptom in &view.symptoms {
        symptoms.row([
            plain(zone.full(symptom.at)),
            (symptom.symptom.to_string(), Paint::Strong),
            plain(match symptom.attempt {
                0 => String::new(),
                attempt => attempt.to_string(),
            }),
            maybe(symptom.cleared_at.map(|at| zone.full(at))),
            maybe(symptom.reason.as_ref()),
        ]);
    }
    screen.table(&symptoms)?;
    let mut told = Table::new([
        ("who", Fit::Whole),
        ("was told", Fit::Whole),
        ("at", Fit::Whole),
        ("waits until", Fit::Drop),
    ]);
    for route in &view.told {
        told.row([
            (route.to.clone(), Paint::Strong),
            plain(match route.said {
                None => "nothing yet".to_owned(),
                Some(IncidentState::Open) => "that it is open".to_owned(),
                Some(IncidentState::Resolved) => "that it is over".to_owned(),
            }),
            maybe(route.at.map(|at| zone.full(at))),
            maybe(route.due_at.map(|at| zone.full(at))),
        ]);
    }
    if !view.told.is_empty() {
        screen.table(&told)?;
    }
    note(&Paint::Faint.text(&format!("times in {}", zone.name())));
    Ok(exit)
}
