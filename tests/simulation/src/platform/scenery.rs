//! What a platform is asked to run: a team with limits, clusters that come and go, and workflows on
//! a schedule, on events and after others, all drawn from the seed.

use std::collections::BTreeMap;

use model::alert::Severity;
use model::definition::{
    ActiveRuns, AlertChannel, AlertRoute, AlertRules, Align, CatchUp, Cluster, ClusterChoice,
    CommandTask, Definitions, EmrSpec, EventTrigger, QuietHours, Quota, ScheduleSpec, TaskKind,
    Team, WhenFull, Workflow,
};
use model::expected::ScheduleRef;
use model::limit::LimitRef;
use model::name::{Name, TeamName, WorkflowRef};
use model::units::Seconds;
use testkit::flow;

use super::calendar::Calendar;
use super::invariants::end::within;
use super::script::{Plot, Script};
use crate::dice::Dice;

/// The names of the workflows there are, upstreams first.
pub const WORKFLOWS: [&str; 4] = ["first", "second", "third", "fourth"];

/// The channel whose people want to hear of everything.
pub const FOR_ALL: &str = "#all";

const RULES: [&str; 5] = [
    "all_succeeded",
    "all_done",
    "any_failed",
    "any_succeeded",
    "none_failed",
];

/// All definitions of a platform.
pub struct Scenery {
    pub quota: Quota,
    pub pools: BTreeMap<Name, u32>,
    pub clusters: Vec<Cluster>,
    pub workflows: Vec<Workflow>,
    /// Later editions of the workflows.
    edited: Vec<Workflow>,
    alerts: bool,
}

impl Scenery {
    /// Draws everything; each part from dice of its own.
    pub fn draw(script: &Script) -> Self {
        let (plot, calendar) = (script.plot, script.calendar);
        let dice = Dice::stream(script.seed, 1);
        let size = |most: u64| {
            let drawn = u32::try_from(1 + dice.below(most)).expect("small");
            let limited = dice.percent(60);
            (plot.limits && limited).then_some(drawn)
        };
        // Hundreds of tasks one after the other would take days.
        let wide = if plot.is_wide { 25 } else { 1 };
        let quota = Quota {
            running_tasks: size(4).map(|size| size * wide),
            active_runs: size(4),
        };
        let pools = ["small", "large"].map(|name| {
            let name = name.parse().expect("a name");
            (name, size(3).unwrap_or(1000))
        });
        let edition = |stream: u64| -> Vec<Workflow> {
            let dice = |at: u64| Dice::stream(script.seed, stream + at);
            let all = vec![
                scheduled(&dice(0), script),
                on_events(&dice(1), script),
                after(&dice(2), script, "third", &["first"]),
                after(&dice(3), script, "fourth", &["first", "second"]),
            ];
            all.into_iter().take(plot.workflows).collect()
        };
        let workflows = edition(10);
        let edited = workflows
            .iter()
            .zip(edition(20))
            .map(|(now, later)| Workflow {
                tasks: later.tasks,
                ..now.clone()
            });
        Self {
            quota,
            pools: pools.into_iter().collect(),
            clusters: if plot.clusters {
                vec![
                    cluster(&calendar, "red", 10, 40),
                    cluster(&calendar, "blue", 20, 30),
                ]
            } else {
                Vec::new()
            },
            edited: edited.collect(),
            workflows,
            alerts: plot.alerts,
        }
    }

    /// All of it as one checked set; an edition keeps everything but what tasks there are.
    pub fn definitions(&self, is_edited: bool) -> Definitions {
        let name: TeamName = "team".parse().expect("a name");
        let team = Team {
            name: name.clone(),
            description: None,
            quota: self.quota,
            pools: self.pools.clone(),
            execution_role: None,
            job_definitions: None,
            alerts: if self.alerts { routes() } else { Vec::new() },
            log_lines: true,
        };
        let workflows = if is_edited {
            &self.edited
        } else {
            &self.workflows
        };
        let workflows = workflows.iter().map(|one| (one.reference(), one.clone()));
        let clusters = self
            .clusters
            .iter()
            .map(|one| (one.reference(), one.clone()));
        Definitions {
            teams: BTreeMap::from([(name, team)]),
            clusters: clusters.collect(),
            workflows: workflows.collect(),
        }
    }

    /// Whether the people of a workflow wait before they want to be told.
    pub fn is_patient(&self, workflow: Option<&Name>) -> bool {
        let mut own = self
            .workflows
            .iter()
            .filter(|one| Some(&one.name) == workflow);
        own.any(|one| one.alerts.in_a_row.is_some() || one.alerts.quiet.is_some())
    }

    /// Whether the people of any workflow are told only of failures in a row.
    pub fn counts_failures(&self) -> bool {
        let mut workflows = self.workflows.iter();
        workflows.any(|one| one.alerts.in_a_row.is_some())
    }

    /// Every schedule, with what it says.
    pub fn schedules(&self) -> Vec<(ScheduleRef, ScheduleSpec)> {
        let mut schedules = Vec::new();
        for workflow in &self.workflows {
            if let Some(spec) = &workflow.schedule {
                schedules.push((ScheduleRef::Workflow(workflow.reference()), spec.clone()));
            }
        }
        for cluster in &self.clusters {
            let (name, reference) = (cluster.reference(), cluster.reference());
            schedules.push((ScheduleRef::Provision(name), cluster.provision.clone()));
            schedules.push((ScheduleRef::Terminate(reference), cluster.terminate.clone()));
        }
        schedules
    }

    /// The sizes of all limits.
    pub fn sizes(&self) -> BTreeMap<LimitRef, u32> {
        let team: model::name::TeamName = "team".parse().expect("a name");
        let mut sizes = BTreeMap::new();
        for (name, size) in &self.pools {
            let pool = format!("team/{name}").parse().expect("a pool");
            sizes.insert(LimitRef::Pool(pool), *size);
        }
        sizes.extend(
            self.quota
                .running_tasks
                .map(|n| (LimitRef::TeamTasks(team.clone()), n)),
        );
        sizes.extend(
            self.quota
                .active_runs
                .map(|n| (LimitRef::TeamRuns(team.clone()), n)),
        );
        for workflow in &self.workflows {
            let limit = LimitRef::WorkflowRuns(workflow.reference());
            sizes.extend(workflow.max_active_runs.map(|active| (limit, active.max)));
        }
        sizes
    }
}

fn scheduled(dice: &Dice, script: &Script) -> Workflow {
    let catch_up = [CatchUp::None, CatchUp::Latest, CatchUp::All][dice.pick(3)];
    let calendar = script.calendar;
    let hours: Vec<String> = calendar.busy_hours().iter().map(i8::to_string).collect();
    let date = calendar.date();
    let minutes = if script.plot.is_small { "0" } else { "0/30" };
    let expression = format!(
        "cron({minutes} {} {} {} ? {})",
        hours.join(","),
        date.day(),
        date.month(),
        date.year()
    );
    Workflow {
        schedule: Some(ScheduleSpec {
            expression,
            timezone: calendar.zone.into(),
            catch_up,
        }),
        max_active_runs: active(dice, script.plot),
        ..named(dice, script, "first")
    }
}

fn on_events(dice: &Dice, script: &Script) -> Workflow {
    let trigger = EventTrigger {
        pattern: serde_json::json!({ "source": ["orders"] }),
        slot: Some("detail.number".to_owned()),
    };
    Workflow {
        events: vec![trigger],
        max_active_runs: active(dice, script.plot),
        ..named(dice, script, "second")
    }
}

fn after(dice: &Dice, script: &Script, name: &str, upstreams: &[&str]) -> Workflow {
    let aligns = [Align::Hour, Align::Day, Align::Slot];
    // Events have slots of their own, so those who meet them do so by the clock.
    let align = aligns[dice.pick(if upstreams.len() == 1 { 3 } else { 2 })];
    let upstreams = upstreams.iter().map(|name| reference(name));
    Workflow {
        after: upstreams.collect(),
        align,
        ..named(dice, script, name)
    }
}

/// The reference of a workflow.
pub fn reference(name: &str) -> WorkflowRef {
    format!("team/{name}").parse().expect("a reference")
}

fn active(dice: &Dice, plot: Plot) -> Option<ActiveRuns> {
    let policies: &[WhenFull] = if plot.refuses {
        &[WhenFull::Wait, WhenFull::Skip, WhenFull::CancelOlder]
    } else {
        &[WhenFull::Wait]
    };
    let when_full = policies[dice.pick(policies.len())];
    let max = u32::try_from(1 + dice.below(2)).expect("small");
    let limited = dice.percent(70);
    (plot.limits && limited).then_some(ActiveRuns { max, when_full })
}

fn named(dice: &Dice, script: &Script, name: &str) -> Workflow {
    let plot = script.plot;
    let is_wide = plot.is_wide && name == "first";
    let mut workflow = if is_wide {
        wide(dice, plot)
    } else {
        tasks(dice, plot)
    };
    workflow.name = name.parse().expect("a name");
    workflow.timezone = script.calendar.zone.into();
    workflow.priority = i32::try_from(dice.below(3)).expect("small");
    let (judged, minutes) = (dice.percent(30), 20 + dice.below(200));
    workflow.deadline = (plot.deadlines && judged).then(|| within(minutes));
    workflow.alerts = alert_rules(&Dice::stream(script.seed, 40 + name.len() as u64));
    workflow
}

/// Where the team is told: all of it, what is bad, what is worst.
fn routes() -> Vec<AlertRoute> {
    let route = |channel, to: &str, severity| AlertRoute {
        channel,
        to: to.to_owned(),
        secret: None,
        facts: Vec::new(),
        severity,
    };
    vec![
        route(AlertChannel::Slack, FOR_ALL, Severity::Warning),
        route(AlertChannel::Pagerduty, "on-call", Severity::Error),
        route(AlertChannel::Email, "boss", Severity::Critical),
    ]
}

fn alert_rules(dice: &Dice) -> AlertRules {
    let in_a_row = 2 + u32::try_from(dice.below(2)).expect("small");
    let from = u16::try_from(dice.below(1440)).expect("small");
    let to = (from + 60) % 1440;
    let (patient, quiet, worse) = (dice.percent(20), dice.percent(20), dice.percent(10));
    AlertRules {
        in_a_row: patient.then_some(in_a_row),
        quiet: quiet.then_some(QuietHours { from, to }),
        severity: worse.then_some(Severity::Critical),
    }
}

/// How often a task is tried again after its place failed: instances die as they please, which is not
/// what a task's outcome is about.
const PATIENT: u32 = 50;

/// A join of more tasks than one node holds.
fn wide(dice: &Dice, plot: Plot) -> Workflow {
    let on = if plot.clusters && dice.percent(50) {
        " on=red"
    } else {
        ""
    };
    let words = format!("n={}{on}", 101 + dice.below(200));
    let rule = RULES[dice.pick(RULES.len())];
    let mut workflow = flow::workflow(&[
        ("t0", &[], ""),
        ("t1", &["t0"], &words),
        ("t2", &["t1"], rule),
    ]);
    for task in &mut workflow.tasks {
        task.retries.infrastructure_attempts = PATIENT;
    }
    workflow
}

fn tasks(dice: &Dice, plot: Plot) -> Workflow {
    let count = (1 + dice.below(6)).min(plot.most_tasks);
    let names: Vec<String> = (0..count).map(|at| format!("t{at}")).collect();
    let mut rows: Vec<(&str, Vec<&str>, String)> = Vec::new();
    for at in 0..names.len() {
        let above = names[..at].iter().filter(|_| dice.percent(40));
        let after: Vec<&str> = above.map(String::as_str).collect();
        rows.push((&names[at], after, words(dice, plot)));
    }
    let rows: Vec<(&str, &[&str], &str)> = rows
        .iter()
        .map(|(name, after, words)| (*name, after.as_slice(), words.as_str()))
        .collect();
    let mut workflow = flow::workflow(&rows);
    for task in &mut workflow.tasks {
        task.priority = i32::try_from(dice.below(3)).expect("small");
        task.retries.attempts = u32::try_from(dice.below(3)).expect("small");
        task.retries.infrastructure_attempts = PATIENT;
        if dice.percent(25) {
            task.retries.backoff = Seconds::minutes(50);
            task.retries.max_backoff = Seconds::minutes(50);
        }
        if dice.percent(15) && plot.operations {
            task.timeout = Some(Seconds::minutes(5));
        }
        let tagged = dice.percent(40);
        if let TaskKind::Command(CommandTask { cluster, .. }) = &mut task.kind
            && tagged
        {
            *cluster = ClusterChoice::Tagged([("purpose".into(), "paint".into())].into());
        }
    }
    workflow
}

/// Rule, cluster and pool of a task.
fn words(dice: &Dice, plot: Plot) -> String {
    let rule = RULES[dice.pick(RULES.len())];
    let mut words = if dice.percent(50) { rule } else { RULES[0] }.to_owned();
    let (clustered, cluster) = (dice.percent(35), [" on=red", " on=blue"][dice.pick(2)]);
    if plot.clusters && clustered {
        words.push_str(cluster);
    }
    let (pooled, pool) = (
        dice.percent(40),
        [" pool=small", " pool=large"][dice.pick(2)],
    );
    if plot.limits && pooled {
        words.push_str(pool);
    }
    words
}

/// A cluster with a window every two hours; between windows there is an instant without any
/// instance, at which the day may end.
fn cluster(calendar: &Calendar, name: &str, provision: u8, terminate: u8) -> Cluster {
    let spec = |minute: u8, hours: [u8; 12]| ScheduleSpec {
        expression: format!(
            "cron({minute} {} * * ? {})",
            hours.map(|hour| hour.to_string()).join(","),
            calendar.date().year()
        ),
        timezone: calendar.zone.into(),
        catch_up: CatchUp::Latest,
    };
    let every_second = std::array::from_fn(|at| 2 * u8::try_from(at).expect("below 12"));
    Cluster {
        team: "team".parse().expect("a name"),
        name: name.parse().expect("a name"),
        description: None,
        provision: spec(provision, every_second),
        terminate: spec(terminate, every_second.map(|hour| hour + 1)),
        drain: Seconds::minutes(20),
        tags: BTreeMap::from([("purpose".into(), "paint".into())]),
        step_concurrency: 10,
        replacements: 2,
        idle_after: model::cluster::IDLE_AFTER,
        emr: EmrSpec::default(),
    }
}
