//! What a platform is asked to run: a team with limits, clusters that come and go, and workflows on
//! a schedule, on events and after others, all drawn from the seed.

use std::collections::BTreeMap;

use choreography::expected::{GRACE, registered, schedule_of};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::definition::{
    ActiveRuns, Align, CatchUp, Cluster, ClusterChoice, CommandTask, EmrSpec, EventTrigger, Quota,
    ScheduleSpec, TaskKind, WhenFull, Workflow, hash_of,
};
use model::expected::ScheduleRef;
use model::id::DefinitionHash;
use model::limit::LimitRef;
use model::name::{Name, WorkflowRef};
use model::registry::{Catalogue, CurrentCluster, CurrentTeam, CurrentWorkflow, DefinitionPart};
use model::units::Seconds;
use serde::Serialize;
use testkit::{MemoryStore, flow};

use super::Plot;
use crate::dice::Dice;

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
    /// A later edition of the first workflow.
    pub edited: Workflow,
}

impl Scenery {
    /// Draws everything.
    pub fn draw(dice: &mut Dice, plot: Plot) -> Self {
        let mut size = |most: u64| {
            let drawn = u32::try_from(1 + dice.below(most)).expect("small");
            (plot.limits && dice.percent(60)).then_some(drawn)
        };
        let quota = Quota {
            running_tasks: size(4),
            active_runs: size(4),
        };
        let pools = ["small", "large"].map(|name| (name, size(3).unwrap_or(1000)));
        let pools = pools
            .into_iter()
            .map(|(name, size)| (name.parse().expect("a name"), size));
        let pools = pools.collect();
        let workflows = vec![
            scheduled(dice, plot),
            on_events(dice, plot),
            after(dice, plot, "third", &["first"]),
            after(dice, plot, "fourth", &["first", "second"]),
        ];
        let mut edited = workflows[0].clone();
        edited.tasks = tasks(dice, plot).tasks;
        // Between windows there is an instant without any instance, at which the day may end.
        let clusters = vec![cluster("red", 10, 40), cluster("blue", 20, 30)];
        Self {
            quota,
            pools,
            clusters,
            workflows,
            edited,
        }
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

    /// How many retries the task of an attempt has.
    pub fn retries(&self, key: &AttemptKey) -> u32 {
        let all = self.workflows.iter();
        let mut of = all.filter(|workflow| key.run.as_str().contains(workflow.name.as_str()));
        let workflow = of.next().expect("every run is of a workflow");
        let task = workflow.tasks.iter().find(|task| task.name == key.task);
        task.map_or(0, |task| task.retries.attempts)
    }

    /// Puts there what registering all of it does.
    pub fn register(&self, store: &MemoryStore, at: Timestamp) {
        let team: model::name::TeamName = "team".parse().expect("a name");
        store.seed(&CurrentTeam {
            team: team.clone(),
            quota: self.quota,
            pools: self.pools.clone(),
            execution_role: None,
        });
        let tags = self
            .clusters
            .iter()
            .map(|cluster| (cluster.name.clone(), cluster.tags.clone()));
        store.seed(&Catalogue {
            team,
            workflows: BTreeMap::new(),
            clusters: tags.collect(),
        });
        for cluster in &self.clusters {
            register_cluster(store, cluster, at);
        }
        for workflow in &self.workflows {
            self.register_workflow(store, workflow, at);
            if let Some(spec) = &workflow.schedule {
                expect(store, ScheduleRef::Workflow(workflow.reference()), spec, at);
            }
        }
    }

    /// Makes an edition of a workflow the current one.
    pub fn register_workflow(&self, store: &MemoryStore, workflow: &Workflow, at: Timestamp) {
        let reference = workflow.reference();
        let below = self
            .workflows
            .iter()
            .filter(|other| other.after.contains(&reference));
        store.seed(&CurrentWorkflow {
            workflow: reference.clone(),
            definition: content(store, workflow, hash_of(workflow)),
            downstreams: below.map(Workflow::reference).collect(),
            schedule: workflow.schedule.clone(),
            registered_at: at,
            removed: false,
        });
    }
}

fn register_cluster(store: &MemoryStore, cluster: &Cluster, at: Timestamp) {
    store.seed(&CurrentCluster {
        cluster: cluster.reference(),
        definition: content(store, cluster, hash_of(cluster)),
        tags: cluster.tags.clone(),
        registered_at: at,
        removed: false,
    });
    expect(
        store,
        ScheduleRef::Provision(cluster.reference()),
        &cluster.provision,
        at,
    );
    expect(
        store,
        ScheduleRef::Terminate(cluster.reference()),
        &cluster.terminate,
        at,
    );
}

fn content(
    store: &MemoryStore,
    definition: &impl Serialize,
    hash: DefinitionHash,
) -> DefinitionHash {
    let content = serde_json::to_string(definition).expect("plain data");
    store.seed(&DefinitionPart {
        hash: hash.clone(),
        part: 0,
        parts: 1,
        content,
    });
    hash
}

fn expect(store: &MemoryStore, reference: ScheduleRef, spec: &ScheduleSpec, at: Timestamp) {
    let schedule = schedule_of(spec).expect("a schedule");
    store.seed(&registered(reference, &schedule, at, GRACE));
}

fn scheduled(dice: &mut Dice, plot: Plot) -> Workflow {
    let catch_up = [CatchUp::None, CatchUp::Latest, CatchUp::All][dice.pick(3)];
    Workflow {
        schedule: Some(spec("0/30 5-7", catch_up)),
        max_active_runs: active(dice, plot),
        ..named(dice, plot, "first")
    }
}

fn on_events(dice: &mut Dice, plot: Plot) -> Workflow {
    let trigger = EventTrigger {
        pattern: serde_json::json!({ "source": ["orders"] }),
        slot: Some("detail.number".to_owned()),
    };
    Workflow {
        events: vec![trigger],
        max_active_runs: active(dice, plot),
        ..named(dice, plot, "second")
    }
}

fn after(dice: &mut Dice, plot: Plot, name: &str, upstreams: &[&str]) -> Workflow {
    let aligns = [Align::Hour, Align::Day, Align::Slot];
    // Events have slots of their own, so those who meet them do so by the clock.
    let align = aligns[dice.pick(if upstreams.len() == 1 { 3 } else { 2 })];
    let upstreams = upstreams.iter().map(|name| reference(name));
    Workflow {
        after: upstreams.collect(),
        align,
        ..named(dice, plot, name)
    }
}

/// The reference of a workflow.
pub fn reference(name: &str) -> WorkflowRef {
    format!("team/{name}").parse().expect("a reference")
}

fn active(dice: &mut Dice, plot: Plot) -> Option<ActiveRuns> {
    let policies: &[WhenFull] = if plot.refuses {
        &[WhenFull::Wait, WhenFull::Skip, WhenFull::CancelOlder]
    } else {
        &[WhenFull::Wait]
    };
    let when_full = policies[dice.pick(policies.len())];
    let max = u32::try_from(1 + dice.below(2)).expect("small");
    (plot.limits && dice.percent(70)).then_some(ActiveRuns { max, when_full })
}

fn named(dice: &mut Dice, plot: Plot, name: &str) -> Workflow {
    let mut workflow = tasks(dice, plot);
    workflow.name = name.parse().expect("a name");
    workflow.priority = i32::try_from(dice.below(3)).expect("small");
    workflow
}

fn tasks(dice: &mut Dice, plot: Plot) -> Workflow {
    let names: Vec<String> = (0..1 + dice.below(6)).map(|at| format!("t{at}")).collect();
    let mut rows: Vec<(&str, Vec<&str>, String)> = Vec::new();
    for at in 0..names.len() {
        let after = names[..at]
            .iter()
            .filter(|_| dice.percent(40))
            .map(String::as_str);
        let after: Vec<&str> = after.collect();
        let mut words = if dice.percent(50) {
            RULES[dice.pick(RULES.len())]
        } else {
            RULES[0]
        }
        .to_owned();
        if plot.clusters && dice.percent(35) {
            words.push_str([" on=red", " on=blue"][dice.pick(2)]);
        }
        if plot.limits && dice.percent(40) {
            words.push_str([" pool=small", " pool=large"][dice.pick(2)]);
        }
        rows.push((&names[at], after, words));
    }
    let rows: Vec<(&str, &[&str], &str)> = rows
        .iter()
        .map(|(name, after, words)| (*name, after.as_slice(), words.as_str()))
        .collect();
    let mut workflow = flow::workflow(&rows);
    for task in &mut workflow.tasks {
        task.priority = i32::try_from(dice.below(3)).expect("small");
        task.retries.attempts = u32::try_from(dice.below(3)).expect("small");
        // Instances die as they please, which is not what a task's outcome is about.
        task.retries.infrastructure_attempts = 50;
        if dice.percent(25) {
            task.retries.backoff = Seconds::minutes(50);
            task.retries.max_backoff = Seconds::minutes(50);
        }
        if plot.operations && dice.percent(15) {
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

fn cluster(name: &str, provision: u8, terminate: u8) -> Cluster {
    Cluster {
        team: "team".parse().expect("a name"),
        name: name.parse().expect("a name"),
        description: None,
        provision: spec(
            &format!("{provision} 5,7,9,11,13,15,17,19,21"),
            CatchUp::Latest,
        ),
        terminate: spec(
            &format!("{terminate} 6,8,10,12,14,16,18,20,22"),
            CatchUp::Latest,
        ),
        drain: Seconds::minutes(20),
        tags: BTreeMap::from([("purpose".into(), "paint".into())]),
        step_concurrency: 10,
        replacements: 2,
        emr: EmrSpec::default(),
    }
}

/// A schedule of minutes and hours on the days of the simulation.
fn spec(minutes_and_hours: &str, catch_up: CatchUp) -> ScheduleSpec {
    let days = if minutes_and_hours.contains("5-7") {
        "1"
    } else {
        "1-3"
    };
    ScheduleSpec {
        expression: format!("cron({minutes_and_hours} {days} 3 ? 2026)"),
        timezone: "UTC".into(),
        catch_up,
    }
}
