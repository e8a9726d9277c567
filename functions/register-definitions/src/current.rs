//! What is registered now.

use std::collections::{BTreeMap, BTreeSet};

use model::alert::CurrentAlerts;
use model::definition::Definitions;
use model::expected::{Expected, ScheduleRef};
use model::key::Key;
use model::name::{ClusterRef, TeamName, WorkflowRef};
use model::record::Record;
use model::registry::{Catalogue, CurrentCluster, CurrentTeam, CurrentWorkflow};
use ports::{Ports, StateStore as _, Trouble, Versioned};

/// The most keys read at once.
const PAGE: usize = 100;

/// Everything the registration may have to change, at the versions it was read at.
pub(crate) struct Current {
    pub teams: BTreeMap<TeamName, Versioned<CurrentTeam>>,
    pub alerts: BTreeMap<TeamName, Versioned<CurrentAlerts>>,
    pub catalogues: BTreeMap<TeamName, Versioned<Catalogue>>,
    pub workflows: BTreeMap<WorkflowRef, Versioned<CurrentWorkflow>>,
    pub clusters: BTreeMap<ClusterRef, Versioned<CurrentCluster>>,
    pub expected: BTreeMap<ScheduleRef, Versioned<Expected>>,
}

impl Current {
    /// Reads what these teams have and what the new set names.
    pub async fn read<P: Ports>(
        ports: &P,
        teams: &BTreeSet<TeamName>,
        wanted: &Definitions,
    ) -> Result<Self, Trouble> {
        let teams: BTreeSet<TeamName> = teams.iter().chain(wanted.teams.keys()).cloned().collect();
        let keys = teams.iter().cloned().map(Key::CurrentTeam);
        let current_teams = read_all::<CurrentTeam, P>(ports, keys).await?;
        let keys = teams.iter().cloned().map(Key::CurrentAlerts);
        let alerts = read_all::<CurrentAlerts, P>(ports, keys).await?;
        let keys = teams.iter().cloned().map(Key::Catalogue);
        let catalogues = read_all::<Catalogue, P>(ports, keys).await?;

        let mut workflows: BTreeSet<WorkflowRef> = wanted.workflows.keys().cloned().collect();
        let mut clusters: BTreeSet<ClusterRef> = wanted.clusters.keys().cloned().collect();
        for Versioned {
            value: catalogue, ..
        } in &catalogues
        {
            let team = || catalogue.team.clone();
            let names = catalogue.workflows.keys().cloned();
            workflows.extend(names.map(|name| WorkflowRef::new(team(), name)));
            let names = catalogue.clusters.keys().cloned();
            clusters.extend(names.map(|name| ClusterRef::new(team(), name)));
        }
        let schedules = schedules_of(&workflows, &clusters);
        let keys = workflows.into_iter().map(Key::CurrentWorkflow);
        let workflows = read_all::<CurrentWorkflow, P>(ports, keys).await?;
        let keys = clusters.into_iter().map(Key::CurrentCluster);
        let clusters = read_all::<CurrentCluster, P>(ports, keys).await?;
        let keys = schedules.into_iter().map(Key::Expected);
        let expected = read_all::<Expected, P>(ports, keys).await?;
        Ok(Self {
            teams: by(current_teams, |team| team.team.clone()),
            alerts: by(alerts, |alerts| alerts.team.clone()),
            catalogues: by(catalogues, |catalogue| catalogue.team.clone()),
            workflows: by(workflows, |workflow| workflow.workflow.clone()),
            clusters: by(clusters, |cluster| cluster.cluster.clone()),
            expected: by(expected, |expected| expected.schedule.clone()),
        })
    }
}

fn schedules_of(
    workflows: &BTreeSet<WorkflowRef>,
    clusters: &BTreeSet<ClusterRef>,
) -> Vec<ScheduleRef> {
    let of_workflows = workflows.iter().flat_map(|workflow| {
        [
            ScheduleRef::Workflow(workflow.clone()),
            ScheduleRef::Upstreams(workflow.clone()),
        ]
    });
    let of_clusters = clusters.iter().flat_map(|cluster| {
        [
            ScheduleRef::Provision(cluster.clone()),
            ScheduleRef::Terminate(cluster.clone()),
        ]
    });
    of_workflows.chain(of_clusters).collect()
}

async fn read_all<R: Record, P: Ports>(
    ports: &P,
    keys: impl IntoIterator<Item = Key>,
) -> Result<Vec<Versioned<R>>, Trouble> {
    let keys: Vec<Key> = keys.into_iter().collect();
    let mut records = Vec::with_capacity(keys.len());
    for page in keys.chunks(PAGE) {
        for stored in ports.store().read_many(page).await?.into_iter().flatten() {
            records.push(stored.read::<R>()?);
        }
    }
    Ok(records)
}

fn by<K: Ord, R>(records: Vec<Versioned<R>>, key: impl Fn(&R) -> K) -> BTreeMap<K, Versioned<R>> {
    records
        .into_iter()
        .map(|record| (key(&record.value), record))
        .collect()
}
