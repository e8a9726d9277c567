//! Which schedules are meant: an expression, or what the definitions say about some names.

use choreography::expected::{RATE_ANCHOR, schedule_of};
use choreography::schedule::{Schedule, ScheduleError, SchedulePart};
use model::definition::{CatchUp, Definitions, ScheduleSpec};

use crate::exit::Failure;
use crate::nearest::nearest;

/// A schedule with what it does.
#[derive(Debug)]
pub struct Chosen {
    pub what: &'static str,
    pub name: String,
    pub spec: ScheduleSpec,
    pub schedule: Schedule,
}

/// An expression from the command line.
pub fn expression(expression: &str, zone: &str) -> Result<Chosen, Failure> {
    let spec = ScheduleSpec {
        expression: expression.to_owned(),
        timezone: zone.to_owned(),
        catch_up: CatchUp::default(),
    };
    let schedule = Schedule::parse(expression, zone, RATE_ANCHOR)
        .map_err(|error| refused(&error, expression, zone))?;
    Ok(Chosen {
        what: "expression",
        name: expression.to_owned(),
        spec,
        schedule,
    })
}

fn refused(error: &ScheduleError, expression: &str, zone: &str) -> Failure {
    let (text, place) = match error.part {
        SchedulePart::Expression => (expression, &error.range),
        SchedulePart::TimeZone => (zone, &error.range),
    };
    let before = text.get(..place.start).unwrap_or_default().chars().count();
    let marked = text
        .get(place.clone())
        .unwrap_or_default()
        .chars()
        .count()
        .max(1);
    let underline = format!("{}{}", " ".repeat(before), "^".repeat(marked));
    Failure::usage(format!("{}\n  {text}\n  {underline}", error.what)).help(error.hint.clone())
}

/// What the definitions say about these names, and what is to be said about those that have no
/// schedule. No names mean everything.
pub fn among(
    definitions: &Definitions,
    names: &[String],
) -> Result<(Vec<Chosen>, Vec<String>), Failure> {
    for name in names {
        if !is_known(definitions, name) {
            return Err(unknown(definitions, name));
        }
    }
    let wanted = |team: &str, reference: &str| {
        names.is_empty() || names.iter().any(|name| name == team || name == reference)
    };
    let (mut chosen, mut without) = (Vec::new(), Vec::new());
    for (reference, workflow) in &definitions.workflows {
        let name = reference.to_string();
        if !wanted(workflow.team.as_str(), &name) {
            continue;
        }
        match &workflow.schedule {
            Some(spec) => chosen.push(read("workflow", name, spec)?),
            None if workflow.after.is_empty() => {
                let by = if workflow.events.is_empty() {
                    "by hand"
                } else {
                    "on events"
                };
                without.push(format!("{name} has no schedule: it starts {by}"));
            }
            None => {
                let after: Vec<String> = workflow.after.iter().map(ToString::to_string).collect();
                without.push(format!(
                    "{name} has no schedule: it starts after {}",
                    after.join(", ")
                ));
            }
        }
    }
    for (reference, cluster) in &definitions.clusters {
        let name = reference.to_string();
        if wanted(cluster.team.as_str(), &name) {
            chosen.push(read("provision", name.clone(), &cluster.provision)?);
            chosen.push(read("terminate", name, &cluster.terminate)?);
        }
    }
    Ok((chosen, without))
}

fn read(what: &'static str, name: String, spec: &ScheduleSpec) -> Result<Chosen, Failure> {
    let schedule =
        schedule_of(spec).map_err(|error| refused(&error, &spec.expression, &spec.timezone))?;
    Ok(Chosen {
        what,
        name,
        spec: spec.clone(),
        schedule,
    })
}

fn is_known(definitions: &Definitions, name: &str) -> bool {
    known(definitions).iter().any(|known| known == name)
}

fn known(definitions: &Definitions) -> Vec<String> {
    let teams = definitions.teams.keys().map(ToString::to_string);
    let workflows = definitions.workflows.keys().map(ToString::to_string);
    let clusters = definitions.clusters.keys().map(ToString::to_string);
    workflows.chain(clusters).chain(teams).collect()
}

fn unknown(definitions: &Definitions, name: &str) -> Failure {
    let failure = Failure::not_found(format!("there is no team, workflow or cluster `{name}`"));
    let known = known(definitions);
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure.help(format!("there are: {}", known.join(", "))),
    }
}
