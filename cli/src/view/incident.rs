//! An incident with its symptoms and who was told of it.

use std::collections::BTreeSet;

use choreography::alert::lines::title;
use choreography::alert::summary::Summary;
use model::Timestamp;
use model::alert::{CurrentAlerts, Incident, IncidentState, Notice, Root, RouteRef, Symptom};
use model::key::Key;
use model::letters::platform;
use model::name::TeamName;
use model::post::PostKind;
use model::registry::Deployment;
use ports::{StateStore, StoreError, TypedStore as _};
use serde::Serialize;

/// An incident, for people and machines.
#[derive(Debug, Serialize)]
pub struct IncidentView {
    #[serde(flatten)]
    pub incident: Incident,
    /// One line that says what is wrong.
    pub title: String,
    /// How many symptoms stand.
    pub standing: u32,
    pub symptoms: Vec<Symptom>,
    pub told: Vec<Told>,
}

/// What one route was told.
#[derive(Debug, Serialize)]
pub struct Told {
    pub route: String,
    pub to: String,
    /// What was said last; `None` when nothing was.
    pub said: Option<IncidentState>,
    pub at: Option<Timestamp>,
    /// When it is told: the end of quiet hours.
    pub due_at: Option<Timestamp>,
}

impl IncidentView {
    /// Loads one; `None` when there never was any.
    pub async fn load(store: &impl StateStore, root: &Root) -> Result<Option<Self>, StoreError> {
        let Some(stored) = store.get::<Incident>(&Key::Incident(root.clone())).await? else {
            return Ok(None);
        };
        let incident = stored.value;
        let partition = Key::incident_partition(root);
        let symptoms = store.list::<Symptom>(&partition, "symptom#").await?;
        let symptoms: Vec<Symptom> = symptoms.into_iter().map(|one| one.value).collect();
        let mut summary = Summary::default();
        for symptom in &symptoms {
            summary.add(symptom.clone(), None);
        }
        let kind = match incident.state {
            IncidentState::Open => PostKind::Opened,
            IncidentState::Resolved => PostKind::Resolved,
        };
        let mut told = Vec::new();
        let platform = match root {
            Root::Inbox(_) => Some(platform()),
            Root::Run(_) | Root::Cluster(_) => None,
        };
        let teams = summary.teams.iter().chain([&incident.team]);
        for team in teams.chain(&platform) {
            told.extend(told_of(store, team, root).await?);
        }
        told.sort_by(|one: &Told, other| one.route.cmp(&other.route));
        told.dedup_by(|one, other| one.route == other.route);
        Ok(Some(Self {
            title: title(&incident, &summary, kind),
            standing: summary.standing,
            incident,
            symptoms,
            told,
        }))
    }
}

async fn told_of(
    store: &impl StateStore,
    team: &TeamName,
    root: &Root,
) -> Result<Vec<Told>, StoreError> {
    let key = Key::CurrentAlerts(team.clone());
    let alerts = store.get::<CurrentAlerts>(&key).await?;
    let mut told = Vec::new();
    for route in alerts.iter().flat_map(|alerts| &alerts.value.routes) {
        let name = RouteRef::of(team, route);
        let key = Key::Notice(name.clone(), root.clone());
        let notice = store.get::<Notice>(&key).await?.map(|stored| stored.value);
        let said = notice.as_ref().and_then(|notice| notice.said.as_ref());
        told.push(Told {
            route: name.to_string(),
            to: format!("{} {}", route.channel.word(), route.to),
            said: said.map(|said| said.state),
            at: said.map(|said| said.at),
            due_at: notice.as_ref().and_then(|notice| notice.due_at),
        });
    }
    Ok(told)
}

/// The roots of all open incidents, those of one team first, the oldest first in each.
pub async fn open(store: &impl StateStore) -> Result<Vec<Root>, StoreError> {
    let deployment = store.get::<Deployment>(&Key::Deployment).await?;
    let mut roots = Vec::new();
    let teams = deployment.iter().flat_map(|one| one.value.teams.iter());
    // What is nobody's own is the platform's, also where it has no folder.
    let teams: BTreeSet<TeamName> = teams.cloned().chain([platform()]).collect();
    for team in &teams {
        let partition = Key::team_partition(team);
        let open = store
            .list::<model::alert::OpenIncident>(&partition, "open#")
            .await?;
        let mut open: Vec<_> = open.into_iter().map(|one| one.value).collect();
        open.sort_by_key(|one| one.opened_at);
        roots.extend(open.into_iter().map(|one| one.incident));
    }
    Ok(roots)
}
