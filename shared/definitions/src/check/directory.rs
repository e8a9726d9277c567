//! Who is there: resolves the names that definitions use for each other.

use std::collections::{BTreeMap, BTreeSet};

use model::name::{Name, TeamName};

use super::load::Set;
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::Text;
use crate::source::At;

/// All names, by team.
pub(crate) struct Directory {
    teams: BTreeSet<String>,
    workflows: BTreeMap<TeamName, BTreeSet<String>>,
    clusters: BTreeMap<TeamName, BTreeSet<String>>,
    /// A team whose file could not be read has no entry: nothing is known of its pools.
    pools: BTreeMap<TeamName, BTreeSet<String>>,
}

/// What a name is meant to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Workflow,
    Cluster,
    Pool,
}

/// A team and a name of it.
pub(crate) type Resolved = (TeamName, Name);

impl Directory {
    pub(crate) fn of(set: &Set) -> Self {
        let mut directory = Self {
            teams: set.teams.keys().map(ToString::to_string).collect(),
            workflows: BTreeMap::new(),
            clusters: BTreeMap::new(),
            pools: BTreeMap::new(),
        };
        for workflow in set.workflows.keys() {
            directory.teams.insert(workflow.team.to_string());
            let names = directory
                .workflows
                .entry(workflow.team.clone())
                .or_default();
            names.insert(workflow.name.to_string());
        }
        for cluster in set.clusters.keys() {
            directory.teams.insert(cluster.team.to_string());
            let names = directory.clusters.entry(cluster.team.clone()).or_default();
            names.insert(cluster.name.to_string());
        }
        for (name, team) in &set.teams {
            if let Some(written) = &team.written {
                let pools = written.pools.iter().flat_map(|pools| &pools.entries);
                let names = pools.map(|(pool, _)| pool.value.clone()).collect();
                directory.pools.insert(name.clone(), names);
            }
        }
        directory
    }

    /// Finds what a text names, in its own team unless it says `team/name`; reports it otherwise.
    pub(crate) fn resolve(
        &self,
        wanted: Wanted,
        written: &At<Text>,
        own: &TeamName,
        findings: &mut Findings<'_>,
    ) -> Option<Resolved> {
        let text = written.value.0.as_str();
        let (team, name) = text.split_once('/').unwrap_or((own.as_str(), text));
        let (names, word, code) = match wanted {
            Wanted::Workflow => (&self.workflows, "workflow", Code::UnknownWorkflow),
            Wanted::Cluster => (&self.clusters, "cluster", Code::UnknownCluster),
            Wanted::Pool => (&self.pools, "pool", Code::UnknownPool),
        };
        if !self.teams.contains(team) && team != own.as_str() {
            let help = findings
                .suggestions
                .help(team, self.teams.iter().map(String::as_str));
            findings
                .error(
                    Code::UnknownTeam,
                    written.at,
                    format!("there is no team `{team}`"),
                )
                .maybe_help(help);
            return None;
        }
        let resolved = TeamName::new(team).ok().zip(Name::new(name).ok());
        if let Some((team, _)) = &resolved {
            match names.get(team) {
                Some(names) if names.contains(name) => return resolved,
                // The pools of a team whose file is missing or broken are not known.
                None if wanted == Wanted::Pool => return None,
                Some(_) | None => {}
            }
        }
        let candidates = names.iter().flat_map(|(team, names)| {
            names.iter().map(move |name| match team == own {
                true => name.clone(),
                false => format!("{team}/{name}"),
            })
        });
        let candidates: Vec<String> = candidates.take(10_000).collect();
        let help = findings
            .suggestions
            .help(text, candidates.iter().map(String::as_str));
        findings
            .error(code, written.at, format!("there is no {word} `{text}`"))
            .maybe_help(help);
        None
    }
}
