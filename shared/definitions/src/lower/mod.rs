//! Written definitions become the model's, with every default filled in.
//!
//! Reports nothing: what it cannot convert, a check has refused.

mod cluster;
mod machines;
mod task;
mod team;
mod workflow;

use std::collections::BTreeMap;

use model::definition::Definitions;
use model::name::{Name, TeamName};

use crate::check::Set;
use crate::read::{Argument, Map, Text};

pub(crate) use cluster::drain;
pub(crate) use machines::{instances, spot_search, type_name};
pub(crate) use task::{for_each, kind, located};

/// Converts a set in which nothing is wrong.
pub(crate) fn definitions(set: &Set) -> Option<Definitions> {
    let mut definitions = Definitions::default();
    for (name, loaded) in &set.teams {
        definitions
            .teams
            .insert(name.clone(), team::lower(name, loaded.written.as_ref()?)?);
    }
    for (name, loaded) in &set.clusters {
        let cluster = cluster::lower(name, loaded.written.as_ref()?)?;
        definitions.clusters.insert(name.clone(), cluster);
    }
    for (name, loaded) in &set.workflows {
        let workflow = workflow::lower(name, loaded.written.as_ref()?)?;
        definitions.workflows.insert(name.clone(), workflow);
    }
    Some(definitions)
}

/// Takes `team/name`, or a name of the own team, apart.
fn reference(text: &Text, own: &TeamName) -> Option<(TeamName, Name)> {
    match text.0.split_once('/') {
        Some((team, name)) => Some((TeamName::new(team).ok()?, Name::new(name).ok()?)),
        None => Some((own.clone(), Name::new(&text.0).ok()?)),
    }
}

fn text(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.0.clone())
}

fn arguments(map: Option<&Map<Argument>>) -> BTreeMap<String, String> {
    let values = map.iter().flat_map(|map| map.values());
    values
        .map(|(key, value)| (key.value.clone(), value.0.clone()))
        .collect()
}
