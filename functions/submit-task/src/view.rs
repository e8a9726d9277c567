//! What one batch has read of runs and teams, so that a wide layer reads its run once.

use std::collections::BTreeMap;
use std::sync::Arc;

use choreography::plan::Plan;
use choreography::scope::Scopes;
use model::fact::TaskReady;
use model::id::RunId;
use model::key::Key;
use model::name::TeamName;
use model::registry::CurrentTeam;
use model::run::{Run, RunState};
use ports::{Ports, Trouble, TypedStore as _};
use protocols::plans;

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

/// The runs and teams of a batch.
#[derive(Default)]
pub(crate) struct Views {
    runs: BTreeMap<RunId, Arc<View>>,
    teams: BTreeMap<TeamName, Option<Arc<CurrentTeam>>>,
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
        let plan = plans::plan(ports, &run.value.definition).await?;
        let scopes = plans::scopes(ports, &run.value).await?;
        let view = Arc::new(View {
            run: run.value,
            plan,
            scopes,
        });
        self.runs.insert(id.clone(), Arc::clone(&view));
        Ok(view)
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
}
