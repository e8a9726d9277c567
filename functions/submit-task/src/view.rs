//! What one batch has read of runs, teams and instances, so that a wide layer reads its run once.

use std::collections::{BTreeMap, BTreeSet};
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
use model::task::{Failures, Task, TaskState};
use ports::{Ports, StateStore as _, Stored, Trouble, TypedStore as _, Versioned};
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

    /// The item of an attempt before anybody claims it.
    pub fn item(
        &self,
        ready: &TaskReady,
        stored: Option<&Versioned<Task>>,
        failures: Failures,
    ) -> Task {
        let run = &self.run;
        let ready_at = match stored {
            Some(stored) if stored.value.generation == ready.generation => stored.value.ready_at,
            Some(_) | None => ready.since,
        };
        Task {
            run: run.run.clone(),
            task: ready.task.clone(),
            team: run.team.clone(),
            workflow: run.workflow.clone(),
            state: TaskState::Waiting,
            generation: ready.generation,
            attempt: ready.attempt,
            failures,
            epoch: stored.map_or(0, |stored| stored.value.epoch),
            claim: None,
            submission: None,
            cluster: None,
            reason: None,
            ready_at,
            submitted_at: None,
            started_at: None,
            ended_at: None,
            failure: None,
            stopping: None,
            due_at: None,
        }
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
    glanced: BTreeMap<Key, Stored>,
    viewed: BTreeMap<RunId, Arc<View>>,
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

    /// Glances at the runs and tasks of ready attempts, all in one call: they may be as they were a
    /// moment ago.
    pub async fn glance<'a, P: Ports>(
        ports: &P,
        ready: impl Iterator<Item = &'a TaskReady>,
    ) -> Result<Self, Trouble> {
        let mut keys = BTreeSet::new();
        for ready in ready {
            keys.insert(Key::Run(ready.run.clone()));
            keys.insert(Key::Task(ready.run.clone(), ready.task.clone()));
        }
        let keys: Vec<Key> = keys.into_iter().collect();
        let stored = match keys.as_slice() {
            [] => Vec::new(),
            keys => ports.store().glance_many(keys).await?,
        };
        let glanced = keys.into_iter().zip(stored);
        Ok(Self {
            glanced: glanced
                .filter_map(|(key, stored)| Some((key, stored?)))
                .collect(),
            ..Self::default()
        })
    }

    /// A run as it was glanced at, unless it was read since.
    pub async fn glanced_run<P: Ports>(
        &mut self,
        ports: &P,
        id: &RunId,
    ) -> Result<Option<Arc<View>>, Trouble> {
        if let Some(view) = self.runs.get(id).or_else(|| self.viewed.get(id)) {
            return Ok(Some(Arc::clone(view)));
        }
        let Some(run) = self.glanced.get(&Key::Run(id.clone())) else {
            return Ok(None);
        };
        let view = view(ports, run.read()?.value).await?;
        self.viewed.insert(id.clone(), Arc::clone(&view));
        Ok(Some(view))
    }

    /// A task as it was glanced at.
    pub fn glanced_task(&self, key: &Key) -> Result<Option<Versioned<Task>>, Trouble> {
        let stored = self.glanced.get(key);
        Ok(stored.map(Stored::read).transpose()?)
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
