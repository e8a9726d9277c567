//! What one batch has read of runs, teams and instances, so that a wide layer reads its run once.

use std::collections::BTreeMap;
use std::sync::Arc;

use choreography::plan::Plan;
use choreography::scope::Scopes;
use choreography::selection;
use model::Timestamp;
use model::cluster::{Instance, InstanceKey};
use model::fact::TaskReady;
use model::id::RunId;
use model::key::Key;
use model::name::{ClusterRef, TeamName};
use model::registry::CurrentTeam;
use model::run::{Run, RunState};
use ports::{Ports, StateStore as _, Trouble, TypedStore as _};
use protocols::{lots, plans, registry};

/// A run with what it goes by.
pub(crate) struct View {
    pub run: Run,
    pub plan: Arc<Plan>,
    pub scopes: Scopes,
}

impl View {
    /// Whether the run goes on and the attempt is of the generation its task is in.
    pub fn wants(&self, ready: &TaskReady) -> bool {
        self.run.state == RunState::Running
            && self.scopes.marked(&ready.task).is_none()
            && self.scopes.effective(&ready.task) == ready.generation
    }
}

async fn view<P: Ports>(ports: &P, run: Run) -> Result<Arc<View>, Trouble> {
    let plan = plans::plan(ports, &run.definition).await?;
    let scopes = plans::scopes(ports, &run).await?;
    Ok(Arc::new(View { run, plan, scopes }))
}

/// The runs, teams and instances of a batch.
#[derive(Default)]
pub(crate) struct Views {
    runs: BTreeMap<RunId, Arc<View>>,
    glanced: BTreeMap<RunId, Arc<View>>,
    teams: BTreeMap<TeamName, Option<Arc<CurrentTeam>>>,
    instances: BTreeMap<ClusterRef, Arc<[Instance]>>,
    open: BTreeMap<InstanceKey, u32>,
}

impl Views {
    /// Reads a run, once per batch.
    pub async fn run<P: Ports>(&mut self, ports: &P, id: &RunId) -> Result<Arc<View>, Trouble> {
        if let Some(view) = self.runs.get(id) {
            return Ok(Arc::clone(view));
        }
        let Some(run) = ports.store().get::<Run>(&Key::Run(id.clone())).await? else {
            return Err(Trouble::Poison(format!("run {id} does not exist")));
        };
        let view = view(ports, run.value).await?;
        self.runs.insert(id.clone(), Arc::clone(&view));
        Ok(view)
    }

    /// Glances at a run, once per batch, unless it was read: it may be as it was a moment ago.
    pub async fn glance<P: Ports>(
        &mut self,
        ports: &P,
        id: &RunId,
    ) -> Result<Option<Arc<View>>, Trouble> {
        if let Some(view) = self.runs.get(id).or_else(|| self.glanced.get(id)) {
            return Ok(Some(Arc::clone(view)));
        }
        let Some(run) = ports.store().glance(&Key::Run(id.clone())).await? else {
            return Ok(None);
        };
        let view = view(ports, run.read()?.value).await?;
        self.glanced.insert(id.clone(), Arc::clone(&view));
        Ok(Some(view))
    }

    /// Reads a team's limits, once per batch.
    pub async fn team<P: Ports>(
        &mut self,
        ports: &P,
        team: &TeamName,
    ) -> Result<Option<Arc<CurrentTeam>>, Trouble> {
        if let Some(read) = self.teams.get(team) {
            return Ok(read.clone());
        }
        let stored = ports
            .store()
            .get::<CurrentTeam>(&Key::CurrentTeam(team.clone()))
            .await?;
        let read = stored.map(|team| Arc::new(team.value));
        self.teams.insert(team.clone(), read.clone());
        Ok(read)
    }

    /// Reads the instances of a cluster, once per batch; the one that is chosen is looked at again
    /// once the claim is written.
    pub async fn instances<P: Ports>(
        &mut self,
        ports: &P,
        cluster: &ClusterRef,
        now: Timestamp,
    ) -> Result<Arc<[Instance]>, Trouble> {
        if let Some(read) = self.instances.get(cluster) {
            return Ok(Arc::clone(read));
        }
        let read = registry::recent_instances(ports, cluster, now).await?;
        let read: Arc<[Instance]> = read.into_iter().map(|one| one.value).collect();
        self.instances.insert(cluster.clone(), Arc::clone(&read));
        Ok(read)
    }

    /// Counts the open steps of an instance, once per batch, with those the batch chose it for.
    pub async fn open<P: Ports>(&mut self, ports: &P, instance: &Instance) -> Result<u32, Trouble> {
        if let Some(open) = self.open.get(&instance.instance) {
            return Ok(*open);
        }
        let limit = selection::steps_limit(instance).limit;
        let open = lots::open(ports.store(), &limit).await?.len();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        self.open.insert(instance.instance.clone(), open);
        Ok(open)
    }

    /// Notes that an instance was chosen.
    pub fn one_more(&mut self, instance: &Instance) {
        if let Some(open) = self.open.get_mut(&instance.instance) {
            *open += 1;
        }
    }
}
