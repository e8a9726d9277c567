//! `murmur timeline`: clusters and runs over a stretch of time, one lane each.

mod chart;
mod lanes;
mod ruler;

use clap::Args;
use jiff::SignedDuration;
use model::Timestamp;
use model::cluster::Instance;
use model::key::Key;
use model::name::{TeamName, WorkflowRef};
use model::run::Run;
use model::task::Task;
use ports::{StateStore, TypedStore as _};
use serde::Serialize;

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::time::Zone;
use crate::output::{Screen, note, width};
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::run::RunView;
use crate::view::{definitions, find};
use chart::Chart;

const EXAMPLES: &str = "\
Examples:
  murmur timeline                                   # the last 24 hours
  murmur timeline --from 2026-03-02 --to 2026-03-03
  murmur timeline --from 2h --team weather
  murmur timeline weather/daily_report              # the tasks of one run

In JSON: from, to, instances (the registry's items) and runs, each a run with its attempts.";

/// How wide a chart is when nobody sees it.
const UNSEEN_WIDTH: u16 = 100;

/// How many runs of each workflow are looked at, the newest first.
const LOOKED_AT: usize = 500;

/// Draws clusters and runs over time
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Timeline {
    /// The tasks of this run instead: a run id, team/workflow, or team/workflow@SLOT
    #[arg(value_name = "RUN", conflicts_with_all = ["from", "to", "team"])]
    run: Option<String>,
    /// Where it begins: a date, an instant, or 2h, 3d ago [default: 24 hours before the end]
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Where it ends [default: now]
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Only this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

/// What there was, for machines.
#[derive(Debug, Serialize)]
struct Seen {
    from: Timestamp,
    to: Timestamp,
    instances: Vec<Instance>,
    runs: Vec<SeenRun>,
}

/// A run with its attempts, oldest first.
#[derive(Debug, Serialize)]
struct SeenRun {
    #[serde(flatten)]
    run: Run,
    attempts: Vec<Task>,
}

impl Timeline {
    /// Draws it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        match &self.run {
            Some(run) => block_on(self.of_run(&target, run, screen)),
            None => block_on(self.print(&target, screen)),
        }
    }

    async fn of_run(
        &self,
        target: &impl Target,
        run: &str,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let (store, now) = (target.store(), target.now()?);
        let run = find::run(store, run).await?;
        let zone = self
            .shown
            .of_workflows(store, &[run.workflow_ref()])
            .await?;
        let view = RunView::load(store, run).await?;
        let (from, to) = (view.run.created_at, view.run.ended_at.unwrap_or(now));
        if screen.is_json() {
            let runs = vec![SeenRun::of(view)];
            screen.json(&Seen {
                from,
                to,
                instances: Vec::new(),
                runs,
            })?;
            return Ok(Exit::Fine);
        }
        // Also what took no time at all has a length to be drawn on.
        let to = to.max(from.checked_add(SignedDuration::from_secs(1)).unwrap_or(to));
        let groups = vec![(view.run.run.as_str(), lanes::of_tasks(&view, now))];
        draw(
            &Chart {
                from,
                to,
                zone: &zone,
                groups,
            },
            screen,
        )
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let (store, now) = (target.store(), target.now()?);
        let workflows = definitions::workflows(store).await?;
        let zone = self.shown.of_workflows(store, &workflows).await?;
        let (from, to) = self.period(&zone, now)?;
        let (instances, nodes) = self.instances(store, from, to).await?;
        let runs = self.runs(store, &workflows, from, to).await?;
        if screen.is_json() {
            screen.json(&Seen {
                from,
                to,
                instances,
                runs,
            })?;
            return Ok(Exit::Fine);
        }
        let clusters = lanes::of_instances(instances.into_iter().zip(nodes), now);
        let runs = lanes::of_runs(&runs, &zone, now);
        if clusters.is_empty() && runs.is_empty() {
            note("there was neither a cluster nor a run");
            return Ok(Exit::Fine);
        }
        let groups = vec![("clusters", clusters), ("runs", runs)];
        draw(
            &Chart {
                from,
                to,
                zone: &zone,
                groups,
            },
            screen,
        )
    }

    fn period(&self, zone: &Zone, now: Timestamp) -> Result<(Timestamp, Timestamp), Failure> {
        let when = |text: &Option<String>| {
            let text = text.as_ref();
            text.map(|text| zone.parse_since(text, now)).transpose()
        };
        let to = when(&self.to)?.unwrap_or(now);
        let day_before = to.checked_sub(SignedDuration::from_hours(24));
        let from = when(&self.from)?.unwrap_or(day_before.unwrap_or(to));
        if from >= to {
            return Err(Failure::usage("the beginning is not before the end")
                .help("write e.g. --from 2026-03-02 --to 2026-03-03"));
        }
        Ok((from, to))
    }

    fn is_wanted(&self, team: &TeamName) -> bool {
        self.team.as_ref().is_none_or(|own| own == team.as_str())
    }

    /// The instances of a period, each with its number of machines.
    async fn instances(
        &self,
        store: &impl StateStore,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(Vec<Instance>, Vec<Option<u32>>), Failure> {
        let (mut instances, mut nodes) = (Vec::new(), Vec::new());
        for cluster in definitions::clusters(store).await? {
            if !self.is_wanted(&cluster.team) {
                continue;
            }
            let partition = Key::cluster_partition(&cluster);
            for instance in store.list::<Instance>(&partition, "instance#").await? {
                let instance = instance.value;
                if overlaps(instance.requested_at, instance.ended_at, from, to) {
                    nodes.push(node_count(store, &instance).await?);
                    instances.push(instance);
                }
            }
        }
        Ok((instances, nodes))
    }

    /// The runs of a period with their attempts, in the order they came to be.
    async fn runs(
        &self,
        store: &impl StateStore,
        workflows: &[WorkflowRef],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SeenRun>, Failure> {
        let mut seen = Vec::new();
        for workflow in workflows
            .iter()
            .filter(|workflow| self.is_wanted(&workflow.team))
        {
            let newest = store.runs_of(workflow, Timestamp::MIN, Timestamp::MAX, LOOKED_AT);
            for stored in newest.await? {
                let run = stored.read::<Run>()?.value;
                if overlaps(run.created_at, run.ended_at, from, to) {
                    seen.push(SeenRun::of(RunView::load(store, run).await?));
                }
            }
        }
        seen.sort_by(|one, other| {
            let key = |seen: &SeenRun| (seen.run.created_at, seen.run.logical_date);
            (key(one), &one.run.run).cmp(&(key(other), &other.run.run))
        });
        Ok(seen)
    }
}

impl SeenRun {
    fn of(view: RunView) -> Self {
        let names = view.names();
        let attempts = names.iter().flat_map(|name| view.attempts(name));
        let attempts = attempts.cloned().collect();
        Self {
            run: view.run,
            attempts,
        }
    }
}

fn overlaps(began: Timestamp, ended: Option<Timestamp>, from: Timestamp, to: Timestamp) -> bool {
    began < to && ended.is_none_or(|ended| ended >= from)
}

fn draw(chart: &Chart<'_>, screen: Screen) -> Result<Exit, Failure> {
    screen.text(&chart.render(width().unwrap_or(UNSEEN_WIDTH)))?;
    note(&Paint::Faint.text(&format!("times in {}", chart.zone.name())));
    Ok(Exit::Fine)
}

/// How many machines an instance has, as its definition has it.
async fn node_count(store: &impl StateStore, instance: &Instance) -> Result<Option<u32>, Failure> {
    let definition = definitions::pinned_cluster(store, &instance.definition).await?;
    Ok(definition.map(|definition| {
        let groups = &definition.emr.instances;
        let others = [&groups.core, &groups.task].into_iter().flatten();
        others.map(|group| group.count).sum()
    }))
}
