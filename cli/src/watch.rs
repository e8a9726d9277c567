//! Watching a run until it has ended: a bar and what is at work in a terminal, lines elsewhere.
//!
//! Looks at the state only, so it works beside any engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use choreography::plan::Plan;
use indicatif::ProgressBar;
use model::Timestamp;
use model::id::{DefinitionHash, RunId};
use model::key::Key;
use model::name::TaskName;
use model::run::Run;
use model::task::{Task, TaskState};
use ports::{StateStore, TypedStore as _};

use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::progress;
use crate::output::time::{Zone, took};
use crate::view::run::RunView;
use crate::view::{definitions, places, words};

/// The most tasks that are shown moving.
const MOST_MOVING: usize = 8;

/// Shows how a run goes.
pub struct Watch {
    run: RunId,
    zone: Zone,
    /// What was told of each task last.
    told: BTreeMap<TaskName, Told>,
    bar: Option<ProgressBar>,
    moving: Vec<ProgressBar>,
    told_waiting: Option<String>,
    /// The plan of the definition it goes by, read once.
    plan: Option<(DefinitionHash, Option<Arc<Plan>>)>,
    /// A wide run takes long to look at, so it is looked at less often.
    next_look: Instant,
}

/// How often the state is looked at, at most.
pub const LOOK_EVERY: Duration = Duration::from_millis(150);
/// Looking takes no more than one part in so many of the time.
const LEISURE: u32 = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    generation: u32,
    attempt: u32,
    state: TaskState,
    reason: Option<String>,
}

impl Told {
    fn of(task: &Task) -> Self {
        let (generation, attempt) = (task.generation, task.attempt);
        Self {
            generation,
            attempt,
            state: task.state,
            reason: task.reason.clone(),
        }
    }
}

impl Watch {
    /// Begins; nothing is shown yet.
    pub fn new(run: RunId, zone: Zone) -> Self {
        let (told, moving) = (BTreeMap::new(), Vec::new());
        Self {
            run,
            zone,
            told,
            bar: None,
            moving,
            told_waiting: None,
            plan: None,
            next_look: Instant::now(),
        }
    }

    /// Whether it is time to look.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.next_look
    }

    /// Looks once and shows what is new; gives the run once it has ended.
    pub async fn look(
        &mut self,
        store: &impl StateStore,
        now: Timestamp,
    ) -> Result<Option<Run>, Failure> {
        let Some(run) = store.get::<Run>(&Key::Run(self.run.clone())).await? else {
            return Ok(None);
        };
        let began = Instant::now();
        let plan = self.plan(store, &run.value.definition).await?;
        let view = RunView::by_plan(store, run.value, plan).await?;
        let open: Vec<&Task> = view
            .names()
            .iter()
            .filter_map(|name| view.tasks.get(name))
            .filter(|task| self.tell(task))
            .collect();
        self.tell_waiting(&view.run);
        self.move_bars(&view, &open, now);
        let ended = view.run.state.is_terminal();
        if ended {
            self.clear();
        }
        self.next_look = Instant::now() + LOOK_EVERY.max(began.elapsed() * LEISURE);
        Ok(ended.then_some(view.run))
    }

    async fn plan(
        &mut self,
        store: &impl StateStore,
        hash: &DefinitionHash,
    ) -> Result<Option<Arc<Plan>>, Failure> {
        if let Some((_, plan)) = self.plan.as_ref().filter(|(known, _)| known == hash) {
            return Ok(plan.clone());
        }
        let plan = definitions::plan(store, hash).await?.map(Arc::new);
        self.plan = Some((hash.clone(), plan.clone()));
        Ok(plan)
    }

    /// Takes everything that moves away.
    pub fn clear(&mut self) {
        for bar in self.bar.take().into_iter().chain(self.moving.drain(..)) {
            bar.finish_and_clear();
        }
    }

    /// Tells what has changed of a task; says whether it is open.
    fn tell(&mut self, task: &Task) -> bool {
        let now = Told::of(task);
        if self.told.get(&task.task) != Some(&now) {
            if let Some(line) = self.line(task, self.told.get(&task.task)) {
                progress::line(&line);
            }
            self.told.insert(task.task.clone(), now);
        }
        task.state.outcome().is_none()
    }

    fn line(&self, task: &Task, before: Option<&Told>) -> Option<String> {
        let name = Paint::Strong.text(task.task.as_str());
        let state = Paint::of_task(task.state).text(words::task(task.state));
        let attempt = if task.attempt > 1 {
            format!(" (attempt {})", task.attempt)
        } else {
            String::new()
        };
        let reason = task
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let (at, said) = match task.state {
            // On its way; what holds it back or moves it is told.
            TaskState::Claimed | TaskState::Submitted => return None,
            // In a terminal the bars show them.
            TaskState::Running if progress::is_shown() => return None,
            TaskState::Running => (
                task.started_at,
                format!("{state}{attempt} on {}", places::of_task(task)),
            ),
            TaskState::Waiting => {
                let same = before.is_some_and(|told| told.reason == task.reason);
                if same {
                    return None;
                }
                (Some(task.ready_at), format!("{state}{reason}"))
            }
            TaskState::Retrying
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::Skipped
            | TaskState::Blocked
            | TaskState::Cancelled => {
                let ran = task.started_at.zip(task.ended_at);
                let ran = ran.map(|(started, ended)| format!(" in {}", took(started, ended)));
                let reason = if task.state == TaskState::Succeeded {
                    ""
                } else {
                    &reason
                };
                (
                    task.ended_at,
                    format!("{state}{}{attempt}{reason}", ran.unwrap_or_default()),
                )
            }
        };
        let at = Paint::Faint.text(&self.zone.full(at.unwrap_or(task.ready_at)));
        Some(format!("{at}  {name} {said}"))
    }

    fn tell_waiting(&mut self, run: &Run) {
        let waits = run.reason.clone().filter(|_| !run.state.is_terminal());
        if waits.is_some() && waits != self.told_waiting {
            let state = Paint::of_run(run.state).text(words::run(run.state));
            progress::line(&format!(
                "the run is {state}: {}",
                waits.as_deref().unwrap_or_default()
            ));
        }
        self.told_waiting = waits;
    }

    fn move_bars(&mut self, view: &RunView, open: &[&Task], now: Timestamp) {
        if !progress::is_shown() {
            return;
        }
        let all = view.names().len();
        let ended = view
            .tasks
            .values()
            .filter(|task| task.state.outcome().is_some())
            .count();
        let at_work = open
            .iter()
            .filter(|task| task.state == TaskState::Running)
            .count();
        let shown = open.len().min(MOST_MOVING);
        while self.moving.len() > shown {
            if let Some(bar) = self.moving.pop() {
                bar.finish_and_clear();
            }
        }
        let bar = self.bar.get_or_insert_with(|| progress::bar(all));
        while self.moving.len() < shown {
            self.moving.push(progress::spinner(Some(bar)));
        }
        for (bar, task) in self.moving.iter().zip(open) {
            bar.set_message(moving(task, now));
        }
        bar.set_position(ended as u64);
        let clock = self.zone.full(now);
        bar.set_message(format!("{at_work} at work, {} open, {clock}", open.len()));
    }
}

fn moving(task: &Task, now: Timestamp) -> String {
    let (name, word, place) = (&task.task, words::task(task.state), places::of_task(task));
    match (task.state, task.started_at, &task.reason) {
        (TaskState::Running, Some(since), _) => {
            format!("{name} {} on {place}", took(since, now))
        }
        (_, _, Some(reason)) => format!("{name} {word}: {reason}"),
        (_, _, None) => format!("{name} {word} {place}"),
    }
}
