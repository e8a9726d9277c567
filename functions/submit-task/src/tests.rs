use model::definition::Workflow;
use model::key::Key;
use model::limit::{QueueRef, Waiter};
use model::message::{Function, Message};
use model::registry::CurrentTeam;
use model::run::{Run, RunState};
use model::task::{FailureClass, Task, TaskState};
use model::units::Seconds;
use ports::{Clock as _, Delivery, Ports as _, Verdict};
use testkit::flow::{ready, seed_run, workflow};
use testkit::{SubmitAnswer, TestPorts, block_on};

fn world(workflow: &Workflow) -> (TestPorts, Run) {
    let ports = TestPorts::new();
    let run = seed_run(&ports.store, workflow, ports.clock().now());
    (ports, run)
}

fn deliver(ports: &TestPorts, messages: &[Message]) -> Vec<Verdict> {
    let batch = messages.iter().map(|message| Delivery {
        message: message.clone(),
        receives: 1,
    });
    block_on(crate::handle(ports, batch.collect()))
}

/// Delivers until the message is done, passing the time each verdict asks for.
fn until_done(ports: &TestPorts, message: &Message) {
    for _ in 0..20 {
        match &deliver(ports, std::slice::from_ref(message))[0] {
            Verdict::Done => return,
            Verdict::Later(delay) => ports.clock.pass(*delay),
            Verdict::Failed(_) => ports.clock.pass(Seconds(1)),
            Verdict::Poison(reason) => panic!("poison: {reason}"),
        }
    }
    panic!("never done");
}

fn task(ports: &TestPorts, run: &Run, name: &str) -> Task {
    ports
        .store
        .peek(&Key::Task(run.run.clone(), name.parse().unwrap()))
        .unwrap()
}

#[test]
fn a_ready_attempt_is_submitted_under_its_key() {
    let (ports, run) = world(&workflow(&[("a", &[], "")]));
    until_done(&ports, &ready(&run, "a", 1, 1));
    let work = ports.compute.work();
    assert_eq!(work.len(), 1);
    assert_eq!(work[0].key.to_string(), format!("{}--a--1-1", run.run));
    let task = task(&ports, &run, "a");
    assert_eq!(
        (task.state, task.submission),
        (TaskState::Submitted, Some(work[0].submission.clone()))
    );
}

#[test]
fn a_crash_before_or_after_any_step_leaves_exactly_one_submission() {
    let (ports, run) = world(&workflow(&[("a", &[], "")]));
    until_done(&ports, &ready(&run, "a", 1, 1));
    let steps = ports.faults.steps();
    assert!(steps >= 3, "claim, submission and id are steps, {steps}");
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let (ports, run) = world(&workflow(&[("a", &[], "")]));
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            let message = ready(&run, "a", 1, 1);
            deliver(&ports, std::slice::from_ref(&message));
            ports.faults.heal();
            until_done(&ports, &message);
            until_done(&ports, &message);
            let work = ports.compute.work();
            assert_eq!(work.len(), 1, "step {step}, takes effect: {takes_effect}");
            let task = task(&ports, &run, "a");
            assert_eq!(task.submission.as_ref(), Some(&work[0].submission));
        }
    }
}

#[test]
fn no_answer_is_looked_up_after_the_lease_before_anything_is_submitted_again() {
    for (answer, epoch) in [
        (SubmitAnswer::UnknownTaken, 2),
        (SubmitAnswer::UnknownLost, 2),
    ] {
        let (ports, run) = world(&workflow(&[("a", &[], "")]));
        ports.compute.answer_submissions([answer]);
        let message = ready(&run, "a", 1, 1);
        assert!(matches!(
            deliver(&ports, std::slice::from_ref(&message))[0],
            Verdict::Later(_)
        ));
        // Within the lease nobody looks.
        let early = deliver(&ports, std::slice::from_ref(&message));
        assert!(matches!(early[0], Verdict::Later(_)), "{early:?}");
        until_done(&ports, &message);
        assert_eq!(ports.compute.work().len(), 1, "{answer:?}");
        let task = task(&ports, &run, "a");
        assert_eq!((task.state, task.epoch), (TaskState::Submitted, epoch));
    }
}

#[test]
fn an_attempt_that_is_twice_in_a_batch_is_submitted_once() {
    let (ports, run) = world(&workflow(&[("a", &[], "")]));
    let message = ready(&run, "a", 1, 1);
    let verdicts = deliver(&ports, &[message.clone(), message.clone()]);
    assert_eq!(verdicts, [Verdict::Done, Verdict::Later(Seconds(1))]);
    until_done(&ports, &message);
    assert_eq!(ports.compute.work().len(), 1);
}

#[test]
fn throttling_spends_no_budget() {
    let (ports, run) = world(&workflow(&[("a", &[], "")]));
    ports
        .compute
        .answer_submissions([SubmitAnswer::Throttle; 3]);
    until_done(&ports, &ready(&run, "a", 1, 1));
    let task = task(&ports, &run, "a");
    assert_eq!((task.state, task.attempt), (TaskState::Submitted, 1));
    assert_eq!(
        (task.failures.application, task.failures.infrastructure),
        (0, 0)
    );
}

#[test]
fn what_is_refused_for_good_fails_and_says_so_again_after_a_crash() {
    let (ports, run) = world(&workflow(&[("a", &[], "retries=3")]));
    ports.compute.answer_submissions([SubmitAnswer::Refuse]);
    let message = ready(&run, "a", 1, 1);
    // claim, submission, failed; the publish is lost.
    ports.faults.crash_before(4);
    deliver(&ports, std::slice::from_ref(&message));
    ports.faults.heal();
    assert!(ports.bus.take_published().is_empty());
    until_done(&ports, &message);
    let told = ports.bus.take_published();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body.type_name(), "murmur.task.failed.v1");
    assert_eq!(task(&ports, &run, "a").failure, Some(FailureClass::Refused));
}

#[test]
fn nothing_starts_for_a_run_that_was_cancelled() {
    let (ports, mut run) = world(&workflow(&[("a", &[], "")]));
    run.state = RunState::Cancelled;
    ports.store.seed(&run);
    until_done(&ports, &ready(&run, "a", 1, 1));
    assert!(ports.compute.work().is_empty());
    // So that whoever glanced at the run before cannot claim it any more.
    assert_eq!(task(&ports, &run, "a").state, TaskState::Cancelled);
}

#[test]
fn an_attempt_that_was_to_run_again_ends_with_its_cancelled_run() {
    let (ports, mut run) = world(&workflow(&[("a", &[], "")]));
    until_done(&ports, &ready(&run, "a", 1, 1));
    let mut ended = task(&ports, &run, "a");
    ended.state = TaskState::Failed;
    ended.failure = Some(FailureClass::Application);
    ports.store.seed(&ended);
    (run.state, run.generation) = (RunState::Cancelled, 2);
    ports.store.seed(&run);
    let again = ready(&run, "a", 2, 1);
    until_done(&ports, &again);
    let task = task(&ports, &run, "a");
    assert_eq!((task.generation, task.state), (2, TaskState::Cancelled));
    let past = ports.store.all::<model::task::PastAttempt>();
    assert_eq!(past.len(), 1, "the older attempt is history");
}

#[test]
fn what_ended_before_it_was_claimed_is_told_also_after_a_crash() {
    let (ports, mut run) = world(&workflow(&[("a", &[], "")]));
    run.state = RunState::Cancelled;
    ports.store.seed(&run);
    // Of two steps, the item and the fact, the first takes effect.
    ports.faults.crash_after(1);
    let message = ready(&run, "a", 1, 1);
    deliver(&ports, std::slice::from_ref(&message));
    assert!(ports.bus.published().is_empty());
    ports.faults.heal();
    until_done(&ports, &message);
    assert_eq!(ports.bus.published().len(), 1);
}

#[test]
fn a_full_pool_makes_the_lower_priority_wait() {
    let (ports, run) = world(&workflow(&[("a", &[], "pool=one"), ("b", &[], "pool=one")]));
    ports.store.seed(&CurrentTeam {
        team: "team".parse().unwrap(),
        quota: Default::default(),
        pools: [("one".parse().unwrap(), 1)].into(),
        execution_role: None,
    });
    let verdicts = deliver(&ports, &[ready(&run, "a", 1, 1), ready(&run, "b", 1, 1)]);
    assert_eq!(verdicts, [Verdict::Done, Verdict::Done]);
    assert_eq!(ports.compute.work().len(), 1);
    let waiting = task(&ports, &run, "b");
    assert_eq!(waiting.state, TaskState::Waiting);
    assert_eq!(
        waiting.reason.as_deref(),
        Some("waits for one of the 1 places of pool/team/one")
    );
    let waiters: Vec<Waiter> = ports.store.all();
    assert_eq!(waiters.len(), 1);
    assert_eq!(
        waiters[0].queue,
        QueueRef::Limit("pool/team/one".parse().unwrap())
    );
}

#[test]
fn work_for_a_cluster_that_is_not_there_waits_and_cluster_ready_releases_it() {
    let flow = workflow(&[("a", &[], "on=etl"), ("b", &[], "on=etl")]);
    let (ports, run) = world(&flow);
    let verdicts = deliver(&ports, &[ready(&run, "a", 1, 1), ready(&run, "b", 1, 1)]);
    assert_eq!(verdicts, [Verdict::Done, Verdict::Done]);
    assert!(ports.compute.work().is_empty());
    assert_eq!(ports.store.all::<Waiter>().len(), 2);

    let instance = instance(&ports);
    ports.store.seed(&instance);
    let fact = model::fact::ClusterFact {
        cluster: instance.instance.cluster.clone(),
        instance: instance.instance.clone(),
        id: instance.id.clone(),
        endpoint: None,
        reason: None,
        history: None,
    };
    let body = model::fact::FactBody::ClusterReady(fact);
    let now = ports.clock().now();
    let message = Message::Fact(model::fact::Fact::new(
        instance.team.clone(),
        None,
        now,
        body,
    ));
    assert_eq!(deliver(&ports, &[message]), [Verdict::Done]);
    assert!(ports.store.all::<Waiter>().is_empty());
    let released = ports.bus.receive(Function::SubmitTask);
    assert_eq!(released.len(), 2);
    deliver(&ports, &released);
    let submissions: Vec<_> = ports
        .compute
        .take_calls()
        .into_iter()
        .filter(|call| matches!(call, testkit::Call::Submit { .. }))
        .collect();
    assert_eq!(
        submissions.len(),
        1,
        "steps for one instance go in one call"
    );
    let running = task(&ports, &run, "a");
    assert_eq!(running.state, TaskState::Submitted);
    assert!(running.reason.unwrap().contains("only ready instance"));
}

fn instance(ports: &TestPorts) -> model::cluster::Instance {
    let now = ports.clock().now();
    let key = model::cluster::InstanceKey {
        cluster: "team/etl".parse().unwrap(),
        window_start: Seconds::hours(1).before(now),
        ordinal: 1,
    };
    let id = ports
        .compute
        .add_cluster(&key, model::observation::ClusterState::Waiting);
    model::cluster::Instance {
        instance: key.clone(),
        team: "team".parse().unwrap(),
        cluster: "etl".parse().unwrap(),
        state: model::cluster::InstanceState::Ready,
        definition: "hash".into(),
        tags: Default::default(),
        step_concurrency: 10,
        window_start: key.window_start,
        window_end: Seconds::hours(2).after(now),
        drain_until: Seconds::hours(3).after(now),
        epoch: 1,
        lease_until: None,
        id: Some(id),
        endpoint: None,
        requested_at: now,
        ready_at: Some(now),
        draining_at: None,
        ended_at: None,
        reason: None,
        due_at: None,
        idle_after: model::cluster::IDLE_AFTER,
        waste: model::cluster::Waste::default(),
    }
}

fn pool_of_one(ports: &TestPorts, run: &Run) {
    ports.store.seed(&CurrentTeam {
        team: run.team.clone(),
        quota: Default::default(),
        pools: [("small".parse().unwrap(), 1)].into(),
        execution_role: None,
    });
}

#[test]
fn a_dead_submitters_claim_is_given_up_once_its_run_is_cancelled() {
    let table = [
        (SubmitAnswer::UnknownLost, TaskState::Cancelled, 0),
        // The service's word is still to come, and its places are needed until then.
        (SubmitAnswer::UnknownTaken, TaskState::Submitted, 1),
    ];
    for (answer, state, held) in table {
        let (ports, mut run) = world(&workflow(&[("a", &[], "pool=small")]));
        pool_of_one(&ports, &run);
        ports.compute.answer_submissions([answer]);
        let message = ready(&run, "a", 1, 1);
        deliver(&ports, std::slice::from_ref(&message));
        run.state = RunState::Cancelled;
        ports.store.seed(&run);
        until_done(&ports, &message);
        assert_eq!(task(&ports, &run, "a").state, state, "{answer:?}");
        assert_eq!(
            ports.store.all::<model::limit::Place>().len(),
            held,
            "{answer:?}"
        );
        let (_, stopped) = ports.compute.settle();
        assert_eq!(stopped.len(), held, "{answer:?}");
    }
}

#[test]
fn who_is_released_and_waits_for_something_else_lets_the_next_one_go() {
    let (ports, run) = world(&workflow(&[
        ("a", &[], "pool=small on=etl"),
        ("b", &[], "pool=small"),
        ("c", &[], "pool=small"),
    ]));
    pool_of_one(&ports, &run);
    let [a, b, c] = ["a", "b", "c"].map(|name| ready(&run, name, 1, 1));
    until_done(&ports, &c);
    deliver(&ports, &[a, b]);
    let pool = model::limit::LimitRef::Pool("team/small".parse().unwrap());
    let held = format!("{}--c--1-1", run.run);
    block_on(protocols::limits::free_all(&ports, &pool, &held)).unwrap();
    block_on(protocols::limits::release(
        &ports,
        &QueueRef::Limit(pool),
        1,
    ))
    .unwrap();
    for _ in 0..3 {
        let released = ports.bus.receive(Function::SubmitTask);
        deliver(&ports, &released);
    }
    assert_eq!(
        task(&ports, &run, "a").state,
        TaskState::Waiting,
        "there is no cluster"
    );
    assert_eq!(task(&ports, &run, "b").state, TaskState::Submitted);
}
