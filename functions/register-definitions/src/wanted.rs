//! What a set of definitions says, as items of the registry.

use std::collections::{BTreeMap, BTreeSet};

use model::alert::CurrentAlerts;
use model::definition::{Definitions, Team, hash_of};
use model::name::{TeamName, WorkflowRef};
use model::registry::{Catalogue, CurrentTeam};

/// What submitters read of a team.
pub(crate) fn current_team(team: &Team) -> CurrentTeam {
    CurrentTeam {
        team: team.name.clone(),
        quota: team.quota,
        pools: team.pools.clone(),
        execution_role: team.execution_role.clone(),
    }
}

/// Where alerts of a team go.
pub(crate) fn current_alerts(team: &Team) -> CurrentAlerts {
    CurrentAlerts {
        team: team.name.clone(),
        routes: team.alerts.clone(),
        log_lines: team.log_lines,
    }
}

/// What each team has; every team has a catalogue, be it an empty one.
pub(crate) fn catalogues(definitions: &Definitions) -> BTreeMap<TeamName, Catalogue> {
    let mut catalogues: BTreeMap<TeamName, Catalogue> = BTreeMap::new();
    fn of<'a>(
        catalogues: &'a mut BTreeMap<TeamName, Catalogue>,
        team: &TeamName,
    ) -> &'a mut Catalogue {
        catalogues.entry(team.clone()).or_insert_with(|| Catalogue {
            team: team.clone(),
            workflows: BTreeMap::new(),
            clusters: BTreeMap::new(),
        })
    }
    for team in definitions.teams.keys() {
        of(&mut catalogues, team);
    }
    for (reference, workflow) in &definitions.workflows {
        let workflows = &mut of(&mut catalogues, &reference.team).workflows;
        workflows.insert(reference.name.clone(), hash_of(workflow));
    }
    for (reference, cluster) in &definitions.clusters {
        let clusters = &mut of(&mut catalogues, &reference.team).clusters;
        clusters.insert(reference.name.clone(), cluster.tags.clone());
    }
    catalogues
}

/// Who waits for each workflow.
pub(crate) fn downstreams(
    definitions: &Definitions,
) -> BTreeMap<WorkflowRef, BTreeSet<WorkflowRef>> {
    let mut downstreams: BTreeMap<WorkflowRef, BTreeSet<WorkflowRef>> = BTreeMap::new();
    for (reference, workflow) in &definitions.workflows {
        for upstream in &workflow.after {
            downstreams
                .entry(upstream.clone())
                .or_default()
                .insert(reference.clone());
        }
    }
    downstreams
}
