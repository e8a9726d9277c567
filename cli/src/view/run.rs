//! A run with everything that is stored about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use choreography::plan::Plan;
use choreography::scope::Scopes;
use model::key::Key;
use model::name::TaskName;
use model::run::{Generation, Run};
use model::task::{PastAttempt, Task, TaskState};
use ports::{StateStore, TypedStore as _};

use super::{definitions, find, words};
use crate::exit::Failure;

/// A run, its plan, and how far its tasks have come.
#[derive(Debug, Clone)]
pub struct RunView {
    pub run: Run,
    /// `None` when its definition is no longer kept.
    pub plan: Option<Arc<Plan>>,
    /// Reruns, oldest first.
    pub generations: Vec<Generation>,
    /// Tasks that were reached.
    pub tasks: BTreeMap<TaskName, Task>,
    /// Attempts that were followed by others, oldest first.
    pub past: BTreeMap<TaskName, Vec<Task>>,
    /// The generation each task is in.
    pub scopes: Scopes,
}

/// Where a task is, seen from its run's present generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nobody has reached it yet.
    Pending,
    /// The run ended without reaching it.
    NeverReached,
    At(TaskState),
}

impl Standing {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::NeverReached => "never reached",
            Self::At(state) => words::task(state),
        }
    }
}

impl RunView {
    /// Reads everything about a run.
    pub async fn load(store: &impl StateStore, run: Run) -> Result<Self, Failure> {
        let plan = definitions::plan(store, &run.definition)
            .await?
            .map(Arc::new);
        Self::by_plan(store, run, plan).await
    }

    /// Reads everything about a run whose plan is known.
    pub async fn by_plan(
        store: &impl StateStore,
        run: Run,
        plan: Option<Arc<Plan>>,
    ) -> Result<Self, Failure> {
        let partition = Key::run_partition(&run.run);
        let generations = store.list::<Generation>(&partition, "generation#").await?;
        let generations = Generation::joined(generations.into_iter().map(|part| part.value));
        let tasks = store.list::<Task>(&partition, "task#").await?;
        let mut past: BTreeMap<TaskName, Vec<Task>> = BTreeMap::new();
        for attempt in store.list::<PastAttempt>(&partition, "past#").await? {
            let attempt = attempt.value.attempt;
            past.entry(attempt.task.clone()).or_default().push(attempt);
        }
        let scopes = Scopes::of(&run, &generations);
        let tasks = tasks
            .into_iter()
            .map(|task| (task.value.task.clone(), task.value))
            .collect();
        Ok(Self {
            run,
            plan,
            generations,
            tasks,
            past,
            scopes,
        })
    }

    /// Every task in the order of the definition; those of older plans come last.
    pub fn names(&self) -> Vec<TaskName> {
        let planned = self
            .plan
            .iter()
            .flat_map(|plan| plan.tasks.iter().map(|task| &task.name));
        let mut names: Vec<TaskName> = planned.cloned().collect();
        let known: BTreeSet<TaskName> = names.iter().cloned().collect();
        names.extend(
            self.tasks
                .keys()
                .filter(|name| !known.contains(*name))
                .cloned(),
        );
        names
    }

    /// The task's item, if it is of the generation it last runs in.
    pub fn task(&self, name: &TaskName) -> Option<&Task> {
        let effective = self.scopes.effective(name);
        self.tasks
            .get(name)
            .filter(|task| task.generation >= effective)
    }

    /// Where a task is.
    pub fn standing(&self, name: &TaskName) -> Standing {
        match self.task(name) {
            Some(task) => Standing::At(task.state),
            None if self.run.state.is_terminal() => Standing::NeverReached,
            None => Standing::Pending,
        }
    }

    /// How many tasks are where.
    pub fn counts(&self) -> BTreeMap<Standing, usize> {
        let mut counts = BTreeMap::new();
        for name in self.names() {
            *counts.entry(self.standing(&name)).or_default() += 1;
        }
        counts
    }

    /// The tasks directly above a task.
    pub fn above(&self, name: &TaskName) -> Vec<TaskName> {
        let Some(plan) = &self.plan else {
            return Vec::new();
        };
        let Some(position) = plan.position(name) else {
            return Vec::new();
        };
        plan.upstreams_of(position)
            .iter()
            .map(|at| plan.task(*at).name.clone())
            .collect()
    }

    /// The attempts of a task, oldest first.
    pub fn attempts(&self, name: &TaskName) -> Vec<&Task> {
        let past = self.past.get(name).into_iter().flatten();
        past.chain(self.tasks.get(name)).collect()
    }

    /// Finds a task by what people write.
    pub fn find(&self, text: &str) -> Result<TaskName, Failure> {
        let names = self.names();
        names
            .iter()
            .find(|name| name.as_str() == text)
            .cloned()
            .ok_or_else(|| {
                let known: Vec<String> = names.iter().map(ToString::to_string).collect();
                find::unknown("task", text, &known)
            })
    }
}
