//! One incident, one message; and none once all is well.

use model::alert::{Incident, IncidentState, OpenIncident, Root, Severity};
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::definition::{AlertChannel, AlertRules, QuietHours};
use model::expected::ScheduleRef;
use model::fact::{ClusterFact, Fact, FactBody, SlowFact, TickFact};
use model::key::Key;
use model::message::Message;
use model::post::PostKind;
use model::run::{Run, RunState};
use model::task::{FailureClass, Task, TaskState};
use model::units::Seconds;
use ports::{Clock as _, Verdict};

use super::fixture::{World, failed, unknown};

fn incident(world: &World, root: &str) -> Incident {
    let root: Root = root.parse().unwrap();
    world.ports.store.peek(&Key::Incident(root)).unwrap()
}

#[test]
fn a_failed_task_is_told_once_however_often_it_is_heard_of() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[("a", TaskState::Failed)]);
    let fact = failed(&world, &run, "a");
    assert_eq!(world.deliver(fact.clone()), Verdict::Done);
    let expected = (
        PostKind::Opened,
        "team/flow 20260105: a failed: exit code 1".to_owned(),
    );
    assert_eq!(world.read(), [expected]);
    assert_eq!(world.ports.store.all::<OpenIncident>().len(), 1);
    for _ in 0..3 {
        assert_eq!(world.deliver(fact.clone()), Verdict::Done);
    }
    world.ends(&run, RunState::Failed, 1);
    assert_eq!(world.read(), []);
}

#[test]
fn it_is_resolved_by_a_rerun_and_stays_so_when_old_facts_come_again() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[("a", TaskState::Failed)]);
    let fact = failed(&world, &run, "a");
    world.deliver(fact.clone());
    world.read();
    world.ends(&run, RunState::Succeeded, 2);
    let title = "resolved: team/flow 20260105: a failed: exit code 1".to_owned();
    assert_eq!(world.read(), [(PostKind::Resolved, title)]);
    world.deliver(fact);
    world.ends(&run, RunState::Succeeded, 2);
    assert_eq!(world.read(), []);
    let known = incident(&world, "run/team--flow--20260105");
    assert_eq!(known.state, IncidentState::Resolved);
    assert!(world.ports.store.all::<OpenIncident>().is_empty());
}

#[test]
fn an_old_success_hides_no_new_failure() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[]);
    world.ends(&run, RunState::Succeeded, 1);
    let run = world.run(5, AlertRules::default(), &[("a", TaskState::Failed)]);
    let again = Run {
        generation: 2,
        ..run.clone()
    };
    world.ports.store.seed(&again);
    let key = Key::Task(run.run.clone(), "a".parse().unwrap());
    let task: Task = world.ports.store.peek(&key).unwrap();
    world.ports.store.seed(&Task {
        generation: 2,
        ..task
    });
    let fact = failed(&world, &run, "a");
    world.deliver(fact);
    assert_eq!(world.read().len(), 1);
    let succeeded = Run {
        state: RunState::Succeeded,
        ended_at: Some(run.created_at),
        ..run
    };
    world.deliver(Message::Fact(protocols::facts::run(&succeeded)));
    assert_eq!(world.read(), []);
}

#[test]
fn what_is_heard_too_late_is_told_to_nobody() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[("a", TaskState::Failed)]);
    let fact = failed(&world, &run, "a");
    world.ends(&run, RunState::Succeeded, 2);
    world.deliver(fact);
    assert_eq!(world.deliver(unknown(&run)), Verdict::Done);
    assert_eq!(world.read(), []);
}

#[test]
fn a_failure_that_is_cleaned_up_after_is_told_only_if_the_run_fails() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[("c", TaskState::Failed)]);
    let fact = failed(&world, &run, "c");
    world.deliver(fact);
    assert_eq!(world.read(), []);
    world.ends(&run, RunState::Failed, 1);
    let title = "team/flow 20260105: c failed: exit code 1".to_owned();
    assert_eq!(world.read(), [(PostKind::Opened, title)]);
}

#[test]
fn a_run_that_fails_for_a_reason_of_its_own_is_told_with_it() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[]);
    let run = Run {
        reason: Some("too many runs above".into()),
        ..run
    };
    world.ends(&run, RunState::Failed, 1);
    let title = "team/flow 20260105 failed: too many runs above".to_owned();
    assert_eq!(world.read(), [(PostKind::Opened, title)]);
}

#[test]
fn a_dead_cluster_is_one_incident_however_many_tasks_it_fails() {
    let mut world = World::with(AlertChannel::Webhook);
    let instance: InstanceKey = "team--red--20260302t050000z--1".parse().unwrap();
    let told = |body| Message::Fact(Fact::new("team".parse().unwrap(), None, world_time(), body));
    let fact = ClusterFact {
        cluster: instance.cluster.clone(),
        instance: instance.clone(),
        id: None,
        endpoint: None,
        reason: Some("BOOTSTRAP_FAILURE".into()),
        history: None,
    };
    world.deliver(told(FactBody::ClusterFailed(fact.clone())));
    for day in 1..=20 {
        let run = world.run(day, AlertRules::default(), &[("a", TaskState::Failed)]);
        let key = Key::Task(run.run.clone(), "a".parse().unwrap());
        let task: Task = world.ports.store.peek(&key).unwrap();
        world.ports.store.seed(&Task {
            cluster: Some(instance.cluster.clone()),
            failure: Some(FailureClass::Infrastructure),
            ..task
        });
        let fact = failed(&world, &run, "a");
        world.deliver(fact);
        world.ends(&run, RunState::Failed, 1);
    }
    let title = "cluster team/red failed: BOOTSTRAP_FAILURE".to_owned();
    assert_eq!(world.read(), [(PostKind::Opened, title)]);
    // The next instance is ready, and the runs succeed in the end.
    let ready = ClusterFact {
        instance: InstanceKey {
            ordinal: 2,
            ..instance
        },
        ..fact
    };
    world.deliver(told(FactBody::ClusterReady(ready)));
    assert_eq!(world.read(), []);
    for day in 1..=20 {
        let run = world.run(day, AlertRules::default(), &[]);
        world.ends(&run, RunState::Succeeded, 2);
    }
    let title = "resolved: cluster team/red failed: BOOTSTRAP_FAILURE".to_owned();
    assert_eq!(world.read(), [(PostKind::Resolved, title)]);
}

fn world_time() -> model::Timestamp {
    testkit::instant("2026-03-02T05:30:00Z")
}

#[test]
fn people_who_want_only_what_happens_again_hear_of_the_second() {
    let mut world = World::with(AlertChannel::Slack);
    let rules = || AlertRules {
        in_a_row: Some(2),
        ..AlertRules::default()
    };
    for (day, heard) in [(1, 0), (2, 1), (3, 1)] {
        let run = world.run(day, rules(), &[("a", TaskState::Failed)]);
        let fact = failed(&world, &run, "a");
        world.deliver(fact);
        world.ends(&run, RunState::Failed, 1);
        assert_eq!(world.read().len(), heard, "day {day}");
    }
    let run = world.run(4, rules(), &[]);
    world.ends(&run, RunState::Succeeded, 1);
    let run = world.run(5, rules(), &[("a", TaskState::Failed)]);
    let fact = failed(&world, &run, "a");
    world.deliver(fact);
    assert_eq!(world.read(), []);
}

#[test]
fn at_night_it_waits_for_the_morning_unless_it_is_critical() {
    for (severity, heard) in [(None, 0), (Some(Severity::Critical), 1)] {
        let mut world = World::with(AlertChannel::Slack);
        let rules = AlertRules {
            quiet: Some(QuietHours { from: 0, to: 420 }),
            severity,
            ..AlertRules::default()
        };
        let run = world.run(5, rules, &[("a", TaskState::Failed)]);
        let fact = failed(&world, &run, "a");
        world.deliver(fact);
        assert_eq!(world.read().len(), heard);
        if heard == 1 {
            continue;
        }
        let due = world.ports.store.all::<model::alert::Notice>();
        let morning = testkit::instant("2026-03-02T07:00:00Z");
        assert_eq!(due[0].due_at, Some(morning));
        world.ports.clock.set(morning);
        let request = model::alert::AlertRequest::Notice {
            route: due[0].route.clone(),
            incident: due[0].incident.clone(),
        };
        world.deliver(Message::Alert(request.clone()));
        assert_eq!(world.read().len(), 1);
        let due = world.ports.store.all::<model::alert::Notice>();
        assert_eq!(due[0].due_at, None);
        world.ports.clock.pass(Seconds(5));
        world.deliver(Message::Alert(request));
        assert_eq!(world.read(), []);
        assert!(world.ports.clock.now() > morning);
    }
}

fn at_cluster(world: &World, body: fn(ClusterFact) -> FactBody, reason: &str) -> Message {
    let instance = testkit::night::key(1);
    let told = ClusterFact {
        cluster: instance.cluster.clone(),
        instance,
        id: None,
        endpoint: None,
        reason: Some(reason.to_owned()),
        history: None,
    };
    let now = world.ports.clock.now();
    Message::Fact(Fact::new("team".parse().unwrap(), None, now, body(told)))
}

#[test]
fn an_idle_cluster_and_one_that_does_not_end_are_told_of_until_they_end() {
    for (body, title) in [
        (
            FactBody::ClusterIdle as fn(ClusterFact) -> FactBody,
            "cluster weather/etl is idle: why",
        ),
        (
            FactBody::ClusterLeaked,
            "cluster weather/etl does not end: why",
        ),
    ] {
        let mut world = World::with(AlertChannel::Slack);
        let up = testkit::night::instance(InstanceState::Ready);
        world.ports.store.seed(&up);
        let fact = at_cluster(&world, body, "why");
        world.deliver(fact.clone());
        assert_eq!(world.read(), [(PostKind::Opened, title.to_owned())]);
        world.ports.store.seed(&Instance {
            state: InstanceState::Terminated,
            ..up
        });
        let ended = at_cluster(&world, FactBody::ClusterTerminated, "asked");
        world.deliver(ended);
        let resolved = format!("resolved: {title}");
        assert_eq!(world.read(), [(PostKind::Resolved, resolved)]);
        world.deliver(fact);
        assert_eq!(world.read(), [], "it has ended");
    }
}

#[test]
fn a_missed_tick_and_a_slow_run_are_over_once_the_run_has_succeeded() {
    let mut world = World::with(AlertChannel::Slack);
    let run = world.run(5, AlertRules::default(), &[]);
    let running = Run {
        state: RunState::Running,
        ..run.clone()
    };
    world.ports.store.seed(&running);
    let (team, workflow) = (run.team.clone(), Some(run.workflow.clone()));
    let now = world.ports.clock.now();
    let missed = FactBody::TickMissed(TickFact {
        schedule: ScheduleRef::Workflow(run.workflow_ref()),
        scheduled_time: now,
        run: Some(run.run.clone()),
    });
    let slow = FactBody::RunSlow(SlowFact {
        workflow: run.workflow_ref(),
        run: run.run.clone(),
        slot: run.slot.clone(),
        generation: 1,
        longest: Seconds::minutes(5),
    });
    let fact = |body| Message::Fact(Fact::new(team.clone(), workflow.clone(), now, body));
    world.deliver(fact(missed));
    let title = "the tick of team/flow 20260105 was missed";
    assert_eq!(world.read(), [(PostKind::Opened, title.to_owned())]);
    world.deliver(fact(slow));
    world.read();
    let symptoms = incident(&world, "run/team--flow--20260105");
    assert_eq!(symptoms.state, IncidentState::Open);
    world.ends(&run, RunState::Succeeded, 1);
    let read = world.read();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].0, PostKind::Resolved);
}
