//! What is left after the engine was killed with `kill -9`.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local::compute::LocalConfiguration;
use local::compute_events::LocalCompute;
use model::observation::{ClusterState, WorkState};
use model::task::Place;
use model::units::Seconds;
use ports::{Clock, Compute};

use crate::machine::{
    Machine, cluster_request, configuration, key, lives, queue, ready, shell, shell_job,
};

/// Where the engine in its own process works.
const DATA: &str = "MURMUR_TEST_ENGINE_DATA";
/// Jobs the engine submits, unless they were.
const JOBS: usize = 40;

fn tall() -> LocalConfiguration {
    LocalConfiguration {
        queues: [("light".to_owned(), 4)].into(),
        ..configuration()
    }
}

/// An engine in a process of its own, to be killed: this program, running the test below.
fn engine(data: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "restart::engine_to_be_killed", "--ignored"])
        .env(DATA, data)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// No test: the engine of the tests below.
#[test]
#[ignore = "runs only when a test starts it in a process of its own"]
fn engine_to_be_killed() {
    let data = std::env::var_os(DATA).unwrap();
    let mut machine = Machine::on(Path::new(&data), tall());
    for number in 0..JOBS {
        let task = format!("t{number}");
        if ready(machine.compute.find(&queue(), &key(&task)))
            .unwrap()
            .is_empty()
        {
            let script = format!("echo started >> $DATA/{task}; exit {}", number % 3);
            machine
                .submit(&queue(), &shell_job(&machine, &task, &script))
                .unwrap();
            // Appears whole, so that it never seems to go back.
            let [draft, submitted] = ["submitted.new", "submitted"].map(|name| machine.file(name));
            std::fs::write(&draft, (number + 1).to_string()).unwrap();
            std::fs::rename(draft, submitted).unwrap();
        }
        machine.look();
    }
    loop {
        machine.look();
        machine.compute.wait(Duration::from_millis(20));
    }
}

fn kill(mut engine: Child) {
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn whenever_the_engine_is_killed_every_job_runs_once_and_its_exit_code_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let submitted = || -> usize {
        let text = std::fs::read_to_string(folder.path().join("submitted"));
        text.unwrap_or_default().parse().unwrap_or(0)
    };
    // Killed at another point each time: so long after it was started, or after it submitted more.
    for round in 0..40_u64 {
        let before = submitted();
        let engine = engine(folder.path());
        let deadline = Instant::now() + Duration::from_secs(60);
        while round % 2 == 0 && submitted() <= before && before < JOBS {
            assert!(Instant::now() < deadline, "the engine submits nothing");
            std::thread::yield_now();
        }
        // No wait for anything: the length is what differs.
        std::thread::sleep(Duration::from_micros(round * 300));
        kill(engine);
    }
    let mut machine = Machine::on(folder.path(), tall());
    let many = submitted();
    assert!(many >= 20, "every other round submits one");
    for number in 0..many {
        let task = format!("t{number}");
        let found = ready(machine.compute.find(&queue(), &key(&task))).unwrap();
        assert_eq!(found.len(), 1, "{task} was submitted once");
        let end = machine.ended(&queue(), &found[0].submission);
        assert_eq!(machine.read(&task), "started\n", "{task}");
        let reason = match number % 3 {
            0 => None,
            code => Some(format!("exit code {code}")),
        };
        assert_eq!(end.reason, reason, "{task}");
    }
}

#[test]
fn work_goes_on_without_the_engine_and_its_end_is_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str| {
        format!(
            "echo started >> $DATA/{name}; until [ -e $DATA/gate-{name} ]; do sleep 0.01; done; exit 5"
        )
    };
    let mut machine = Machine::on(folder.path(), tall());
    let (cluster, place) = machine.cluster(4);
    let submit = |machine: &Machine, name: &str| {
        machine
            .submit(&place, &shell(machine, name, &script(name)))
            .unwrap()
    };
    let [meanwhile, later] = ["meanwhile", "later"].map(|name| submit(&machine, name));
    machine.until("both run", |machine| {
        machine.file("meanwhile").exists() && machine.file("later").exists()
    });
    let open = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
    drop(machine);

    open("gate-meanwhile");
    let mut machine = Machine::on(folder.path(), tall());
    assert_eq!(machine.compute.in_flight(), 2);
    let ended = machine.ended(&place, &meanwhile);
    assert_eq!(
        (ended.state, ended.reason.as_deref()),
        (WorkState::Failed, Some("exit code 5"))
    );
    assert_eq!(machine.describe(&place, &later).state, WorkState::Running);
    open("gate-later");
    assert_eq!(
        machine.ended(&place, &later).reason.as_deref(),
        Some("exit code 5")
    );
    assert_eq!(machine.said_of(&later).last(), Some(&WorkState::Failed));
    assert_eq!(
        machine.read("meanwhile") + &machine.read("later"),
        "started\nstarted\n"
    );
    assert_eq!(machine.cluster_state(&cluster), ClusterState::Waiting);
}

#[test]
fn adopted_work_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let mut machine = Machine::on(folder.path(), tall());
    let work = shell_job(
        &machine,
        "long",
        "echo $$ > $DATA/pid; touch $DATA/ready; sleep 1000",
    );
    let id = machine.submit(&queue(), &work).unwrap();
    machine.until("it runs", |machine| machine.file("ready").exists());
    drop(machine);
    let mut machine = Machine::on(folder.path(), tall());
    assert!(lives(machine.read("pid").trim()));
    ready(
        machine
            .compute
            .cancel(&queue(), std::slice::from_ref(&id), "by ann"),
    )
    .unwrap();
    assert_eq!(
        machine.ended(&queue(), &id).reason.as_deref(),
        Some("by ann")
    );
    assert!(!lives(machine.read("pid").trim()));
}

#[test]
fn work_whose_host_was_lost_is_interrupted_and_does_not_go_on_unwatched() {
    let mut machine = Machine::new(tall());
    let (_, cluster) = machine.cluster(4);
    for (place, state, reason) in [
        (cluster, WorkState::Interrupted, "host lost"),
        (
            queue(),
            WorkState::Failed,
            "Host EC2 (instance localhost) terminated: host lost",
        ),
    ] {
        let script = "echo $PPID > $DATA/supervisor; echo $$ > $DATA/pid; touch $DATA/ready; \
                      exec sleep 1000";
        let work = match &place {
            Place::Instance(_) => shell(&machine, "lost", script),
            Place::Queue(_) => shell_job(&machine, "lost", script),
        };
        let id = machine.submit(&place, &work).unwrap();
        machine.until("it runs", |machine| machine.file("ready").exists());
        let supervisor = machine.read("supervisor");
        let killed = Command::new("kill")
            .args(["-9", supervisor.trim()])
            .status();
        assert!(killed.unwrap().success());
        let ended = machine.ended(&place, &id);
        assert_eq!(
            (ended.state, ended.reason.as_deref()),
            (state, Some(reason))
        );
        machine.until("it is gone", |machine| !lives(machine.read("pid").trim()));
        std::fs::remove_file(machine.file("ready")).unwrap();
    }
}

#[test]
fn what_was_not_acknowledged_is_said_again() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::on(folder.path(), tall());
    let id = ready(machine.compute.request_cluster(&cluster_request(1, 1))).unwrap();
    let start = machine.clock.now();
    let mut lost = Vec::new();
    machine.compute.advance(start, &mut lost).unwrap();
    assert_eq!(lost.len(), 1);
    machine.compute.advance(start, &mut lost).unwrap();
    assert_eq!(lost.len(), 1, "said once while the engine lives");
    drop(machine);

    let mut machine = Machine::on(folder.path(), tall());
    machine.look();
    assert_eq!(machine.said_of_cluster(&id), [(ClusterState::Starting, 0)]);
    // The next commit forgets what was acknowledged.
    machine.advance_clock(Seconds(60));
    drop(machine);
    let mut machine = Machine::on(folder.path(), tall());
    machine.look();
    assert_eq!(
        machine.said_of_cluster(&id),
        [(ClusterState::Bootstrapping, 0)]
    );
}
