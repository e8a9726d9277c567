//! What is told of runs that wait, from states as the functions leave them.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::definition::{CatchUp, Cluster, EmrSpec, Instances, ScheduleSpec, Workflow, hash_of};
use model::id::{RunId, Slot};
use model::limit::{LimitRef, Place, QueueRef, Waiter};
use model::message::Function;
use model::name::WorkflowRef;
use model::registry::{
    Catalogue, CurrentCluster, CurrentTeam, CurrentWorkflow, DefinitionPart, Deployment, Meeting,
    UpstreamRun,
};
use model::run::{Run, RunState};
use model::task::{Failures, Task, TaskState};
use model::units::Seconds;
use testkit::{MemoryStore, flow};

use super::explanation::Explanation;
use super::{run, slot, task};
use crate::output::time::Zone;
use crate::view::run::RunView;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-03-01T05:10:00Z")
}

/// What people read, without colours.
fn told(explanation: &Explanation) -> String {
    let text = explanation.text(&Zone::default(), None);
    anstream::adapter::strip_str(&text).to_string()
}

fn why(store: &MemoryStore, run: &Run, name: Option<&str>) -> String {
    pollster::block_on(async {
        let view = RunView::load(store, run.clone()).await.unwrap();
        let zone = Zone::default();
        let explanation = match name {
            None => run::explain(store, &view, &zone, now()).await,
            Some(name) => task::explain(store, &view, &name.parse().unwrap(), &zone, now()).await,
        };
        told(&explanation.unwrap())
    })
}

fn reached(run: &Run, name: &str, state: TaskState, reason: &str) -> Task {
    serde_json::from_value(serde_json::json!({
        "run": run.run, "task": name, "team": run.team, "workflow": run.workflow,
        "state": state, "generation": 1, "attempt": 1, "failures": Failures::default(),
        "reason": reason, "ready_at": "2026-03-01T05:00:00Z",
    }))
    .unwrap()
}

fn waiter(task: &Task, queue: QueueRef) -> Waiter {
    let key: AttemptKey = task.attempt_key();
    let start = model::message::Tick {
        schedule: "workflow/team/flow".parse().unwrap(),
        scheduled_time: now(),
        late: false,
        skip: false,
    };
    Waiter {
        queue,
        holder: key.to_string(),
        priority: 0,
        since: task.ready_at,
        inbox: Function::SubmitTask,
        message: Box::new(model::message::Message::Tick(start)),
    }
}

fn place(limit: &str, number: u32, holder: &str) -> Place {
    Place {
        limit: limit.parse().unwrap(),
        number,
        holder: holder.into(),
        epoch: 1,
        since: at("2026-03-01T04:00:00Z"),
        timeout_at: None,
        due_at: None,
    }
}

fn team(store: &MemoryStore) {
    store.seed(&CurrentTeam {
        team: "team".parse().unwrap(),
        quota: Default::default(),
        pools: [("light".parse().unwrap(), 2)].into(),
        execution_role: None,
    });
}

#[test]
fn a_task_that_waits_for_a_pool_is_told_who_holds_it() {
    let store = MemoryStore::default();
    let workflow = flow::workflow(&[("a", &[], "pool=light"), ("b", &["a"], "")]);
    let run = flow::seed_run(&store, &workflow, at("2026-03-01T05:00:00Z"));
    team(&store);
    let waits = reached(&run, "a", TaskState::Waiting, "waits");
    store.seed(&waits);
    let limit: LimitRef = "pool/team/light".parse().unwrap();
    store.seed(&waiter(&waits, QueueRef::Limit(limit)));
    store.seed(&place("pool/team/light", 0, "other--flow--x--clean--1-1"));
    store.seed(&place("pool/team/light", 1, "other--flow--y--clean--1-1"));
    let expected = "\
what is missing
  • a place of pool/team/light: 2 of 2 are held
      held by other--flow--x--clean--1-1 since 2026-03-01 04:00:00
      held by other--flow--y--clean--1-1 since 2026-03-01 04:00:00
      it waits for 10m00s; nobody is before it
";
    let told = why(&store, &run, Some("a"));
    assert!(told.contains(expected), "{told}");
    // What is below says what holds the task above it.
    let below = why(&store, &run, Some("b"));
    assert!(
        below.contains("• the task above it to succeed\n      a: waiting: waits"),
        "{below}"
    );
    assert!(
        below.contains("• a: a place of pool/team/light: 2 of 2 are held"),
        "{below}"
    );
}

fn nightly(name: &str) -> Cluster {
    let schedule = |expression: &str| ScheduleSpec {
        expression: expression.into(),
        timezone: "UTC".into(),
        catch_up: CatchUp::default(),
    };
    Cluster {
        team: "team".parse().unwrap(),
        name: name.parse().unwrap(),
        description: None,
        provision: schedule("cron(0 5 * * ? *)"),
        terminate: schedule("cron(0 8 * * ? *)"),
        drain: Seconds::minutes(30),
        tags: Default::default(),
        step_concurrency: 10,
        replacements: 2,
        idle_after: model::cluster::IDLE_AFTER,
        emr: EmrSpec {
            instances: Instances::default(),
            ..EmrSpec::default()
        },
    }
}

#[test]
fn a_task_that_waits_for_a_cluster_is_told_where_that_is_and_when_it_comes_again() {
    let store = MemoryStore::default();
    let workflow = flow::workflow(&[("a", &[], "on=etl")]);
    let run = flow::seed_run(&store, &workflow, at("2026-03-01T05:00:00Z"));
    let cluster = nightly("etl");
    let hash = hash_of(&cluster);
    store.seed(&DefinitionPart {
        hash: hash.clone(),
        part: 0,
        parts: 1,
        content: serde_json::to_string(&cluster).unwrap(),
    });
    store.seed(&CurrentCluster {
        cluster: cluster.reference(),
        definition: hash.clone(),
        tags: Default::default(),
        registered_at: now(),
        removed: false,
    });
    let instance: InstanceKey = "team--etl--20260301t050000z--1".parse().unwrap();
    let starting: Instance = serde_json::from_value(serde_json::json!({
        "instance": instance, "team": "team", "cluster": "etl",
        "state": InstanceState::Starting, "definition": hash, "step_concurrency": 10,
        "window_start": "2026-03-01T05:00:00Z", "window_end": "2026-03-01T08:00:00Z",
        "drain_until": "2026-03-01T08:30:00Z", "epoch": 1,
        "requested_at": "2026-03-01T05:00:00Z",
    }))
    .unwrap();
    store.seed(&starting);
    let waits = reached(&run, "a", TaskState::Waiting, "waits for the cluster");
    store.seed(&waits);
    store.seed(&waiter(&waits, QueueRef::Cluster(cluster.reference())));
    let expected = "\
what is missing
  • a place on a ready instance of team/etl
      team--etl--20260301t050000z--1 is starting, 0 of 10 steps open, its window ends 2026-03-01 08:00:00
      the next window of team/etl begins 2026-03-02 05:00:00
      it waits for 10m00s; nobody is before it
";
    let told = why(&store, &run, Some("a"));
    assert!(told.contains(expected), "{told}");
    let whole = why(&store, &run, None);
    assert!(
        whole.contains("• a: a place on a ready instance of team/etl"),
        "{whole}"
    );
}

#[test]
fn a_run_that_waits_for_its_turn_is_told_who_is_active() {
    let store = MemoryStore::default();
    let mut workflow = flow::workflow(&[("a", &[], "")]);
    workflow.max_active_runs = serde_json::from_value(serde_json::json!({ "max": 1 })).unwrap();
    let running = flow::seed_run(&store, &workflow, at("2026-03-01T05:00:00Z"));
    register(&store, &workflow);
    let waits = Run {
        run: "team--flow--20260302t050000z".into(),
        state: RunState::Waiting,
        reason: Some("waits for its turn".into()),
        started_at: None,
        ..running.clone()
    };
    store.seed(&waits);
    let limit = LimitRef::WorkflowRuns(workflow.reference());
    store.seed(&place(&limit.to_string(), 0, running.run.as_str()));
    let queue = QueueRef::Limit(limit);
    let task = reached(&waits, "a", TaskState::Waiting, "");
    store.seed(&Waiter {
        holder: waits.run.to_string(),
        ..waiter(&task, queue)
    });
    let told = why(&store, &waits, None);
    assert!(
        told.contains("has not started: waits for its turn"),
        "{told}"
    );
    assert!(
        told.contains("a place of workflow-runs/team/flow: 1 of 1 are held"),
        "{told}"
    );
    assert!(
        told.contains(&format!("held by {} since", running.run)),
        "{told}"
    );
}

fn register(store: &MemoryStore, workflow: &Workflow) {
    let hash = hash_of(workflow);
    store.seed(&DefinitionPart {
        hash: hash.clone(),
        part: 0,
        parts: 1,
        content: serde_json::to_string(workflow).unwrap(),
    });
    store.seed(&CurrentWorkflow {
        workflow: workflow.reference(),
        definition: hash.clone(),
        downstreams: Default::default(),
        schedule: workflow.schedule.clone(),
        registered_at: now(),
        removed: false,
    });
    store.seed(&Deployment {
        teams: [workflow.team.clone()].into(),
        set: "set".into(),
        registered_at: now(),
    });
    store.seed(&Catalogue {
        team: workflow.team.clone(),
        workflows: [(workflow.name.clone(), hash)].into(),
        clusters: Default::default(),
    });
}

#[test]
fn a_slot_without_a_run_is_told_which_upstream_has_not_succeeded() {
    let store = MemoryStore::default();
    let mut workflow = flow::workflow(&[("a", &[], "")]);
    let upstream = |name: &str| -> WorkflowRef { format!("team/{name}").parse().unwrap() };
    workflow.after = vec![upstream("one"), upstream("two")];
    register(&store, &workflow);
    let slot_of_day = Slot::from("2026-03-01");
    let first = RunId::from("team--one--1");
    store.seed(&Meeting {
        run: RunId::of(&workflow.reference(), &slot_of_day),
        workflow: workflow.reference(),
        slot: slot_of_day.clone(),
        logical_date: at("2026-03-01T00:00:00Z"),
        arrived: [(
            upstream("one"),
            UpstreamRun {
                run: first,
                generation: 1,
                depth: 0,
            },
        )]
        .into(),
        closed_by: None,
    });
    let other = Workflow {
        name: "two".parse().unwrap(),
        ..flow::workflow(&[("a", &[], "")])
    };
    let failed = flow::seed_run(&store, &other, at("2026-03-01T05:00:00Z"));
    store.seed(&Run {
        state: RunState::Failed,
        reason: Some("a task failed".into()),
        ..failed
    });
    let explanation = pollster::block_on(slot::explain(
        &store,
        &workflow.reference(),
        slot_of_day.as_str(),
        &Zone::default(),
        now(),
    ));
    let told = told(&explanation.unwrap().unwrap());
    assert!(
        told.contains("1 of its 2 upstream workflows has not succeeded for it"),
        "{told}"
    );
    assert!(told.contains("team/one succeeded for it"), "{told}");
    assert!(
        told.contains("• team/two has not succeeded for 2026-03-01"),
        "{told}"
    );
    assert!(
        told.contains("team--two--20260301 has failed: a task failed"),
        "{told}"
    );
}
