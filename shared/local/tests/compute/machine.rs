//! One machine with a compute on it, whose clock stands still unless it is moved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use local::compute::configuration::{ClusterHabits, JobDefinition};
use local::compute::{LocalConfiguration, ProcessCompute};
use local::compute_events::LocalCompute;
use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::definition::{CatchUp, Cluster, EmrSpec, ScheduleSpec};
use model::id::{EmrClusterId, SubmissionId};
use model::message::{Function, Message};
use model::observation::{ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::units::Seconds;
use model::work::{JobSpec, Submission, Work};
use ports::{Clock, ClusterRequest, Compute, SubmitError};

/// How long a fact may take to come true before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that is moved by hand.
#[derive(Debug, Clone)]
pub struct HandClock(Arc<Mutex<Timestamp>>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl HandClock {
    pub fn at(instant: &str) -> Self {
        Self(Arc::new(Mutex::new(instant.parse().unwrap())))
    }

    pub fn set(&self, instant: Timestamp) {
        let mut now = self.0.lock().unwrap();
        *now = instant.max(*now);
    }
}

pub struct Machine {
    pub data: PathBuf,
    pub clock: HandClock,
    pub compute: ProcessCompute<HandClock>,
    pub heard: Vec<(Function, Message)>,
    _folder: Option<tempfile::TempDir>,
}

/// The supervisor of the tests; a user's is `murmur __supervise`.
pub fn configuration() -> LocalConfiguration {
    let any = JobDefinition::default();
    LocalConfiguration {
        supervisor: Some(vec![env!("CARGO_BIN_EXE_murmur-work").into()]),
        clusters: ClusterHabits {
            starting: Seconds(60),
            bootstrapping: Seconds(30),
            terminating: Seconds(20),
            ..ClusterHabits::default()
        },
        job_definitions: [("any".to_owned(), any)].into(),
        grace: Seconds(5),
        ..LocalConfiguration::default()
    }
}

impl Machine {
    pub fn new(configuration: LocalConfiguration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut machine = Self::on(folder.path(), configuration);
        machine._folder = Some(folder);
        machine
    }

    pub fn on(data: &Path, configuration: LocalConfiguration) -> Self {
        let clock = HandClock::at("2026-03-01T00:00:00Z");
        let compute = ProcessCompute::open(data, configuration, clock.clone()).unwrap();
        Self {
            data: data.to_owned(),
            clock,
            compute,
            heard: Vec::new(),
            _folder: None,
        }
    }

    /// Looks once and takes what is said.
    pub fn look(&mut self) {
        let now = self.clock.now();
        let mark = self.compute.advance(now, &mut self.heard).unwrap();
        self.compute.acknowledge(mark).unwrap();
    }

    pub fn advance_clock(&mut self, by: Seconds) {
        self.clock.set(by.after(self.clock.now()));
        self.look();
    }

    /// Looks until something is so; the clock moves on only to what is due within a second, such as
    /// a signal that found nobody yet.
    pub fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        self.look();
        while !so(self) {
            assert!(Instant::now() < deadline, "{what}: {:#?}", self.heard);
            let ended = self.compute.wait(Duration::from_millis(20));
            let soon = Seconds(1).after(self.clock.now());
            if let Some(timer) = self
                .compute
                .next_timer()
                .filter(|timer| !ended && *timer <= soon)
            {
                self.clock.set(timer);
            }
            self.look();
        }
    }

    /// Looks until nothing is in flight and nothing is due before an instant, skipping ahead.
    pub fn settle(&mut self, end: &str) {
        let end: Timestamp = end.parse().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look();
            assert!(Instant::now() < deadline, "{:#?}", self.heard);
            if self.compute.in_flight() > 0 {
                self.compute.wait(Duration::from_millis(20));
                continue;
            }
            match self.compute.next_timer() {
                Some(timer) if timer <= end => self.clock.set(timer),
                Some(_) | None => return,
            }
        }
    }

    pub fn request(&mut self, request: &ClusterRequest) -> EmrClusterId {
        ready(self.compute.request_cluster(request)).unwrap()
    }

    /// A cluster that is up.
    pub fn cluster(&mut self, step_concurrency: u32) -> (EmrClusterId, Place) {
        let id = self.request(&cluster_request(1, step_concurrency));
        self.advance_clock(Seconds(60));
        self.advance_clock(Seconds(30));
        assert_eq!(self.cluster_state(&id), ClusterState::Waiting);
        (id.clone(), Place::Instance(id))
    }

    pub fn cluster_state(&self, id: &EmrClusterId) -> ClusterState {
        let described = ready(self.compute.describe_cluster(id)).unwrap();
        described.unwrap().state
    }

    pub fn submit(&self, place: &Place, work: &Submission) -> Result<SubmissionId, SubmitError> {
        let mut answers = ready(self.compute.submit(place, std::slice::from_ref(work)));
        answers.pop().unwrap()
    }

    /// Submits, and looks until it has ended.
    pub fn run(&mut self, place: &Place, work: &Submission) -> WorkObservation {
        let id = self.submit(place, work).unwrap();
        self.ended(place, &id)
    }

    pub fn ended(&mut self, place: &Place, id: &SubmissionId) -> WorkObservation {
        self.until(&format!("{id} has not ended"), |machine| {
            machine.describe(place, id).state.is_terminal()
        });
        self.describe(place, id)
    }

    pub fn describe(&self, place: &Place, id: &SubmissionId) -> WorkObservation {
        let found = ready(self.compute.describe(place, std::slice::from_ref(id)));
        found.unwrap().pop().unwrap()
    }

    /// What was said of a submission, in order.
    pub fn said_of(&self, id: &SubmissionId) -> Vec<WorkState> {
        let said = self
            .heard
            .iter()
            .filter_map(|(inbox, message)| match message {
                Message::Work(one) if one.submission == *id => {
                    assert_eq!(*inbox, Function::ObserveTask);
                    Some(one.state)
                }
                _ => None,
            });
        said.collect()
    }

    /// What was said of a cluster, in order, with the seconds since the first word.
    pub fn said_of_cluster(&self, id: &EmrClusterId) -> Vec<(ClusterState, u64)> {
        let said = self
            .heard
            .iter()
            .filter_map(|(inbox, message)| match message {
                Message::Cluster(one) if one.id == *id => {
                    assert_eq!(*inbox, Function::RecordCluster);
                    assert_eq!(one.endpoint, None, "events carry no endpoint");
                    Some((one.state, one.at))
                }
                _ => None,
            });
        let said: Vec<_> = said.collect();
        let first = said.first().map(|(_, at)| *at);
        said.into_iter()
            .map(|(state, at)| (state, Seconds::between(first.unwrap(), at).0))
            .collect()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }
}

/// Drives a future of the compute, none of which ever waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the compute waits"),
    }
}

pub fn key(task: &str) -> AttemptKey {
    format!("weather--daily--20260301t051500z--{task}--1-1")
        .parse()
        .unwrap()
}

pub fn step(task: &str, argv: &[&str]) -> Submission {
    Submission {
        key: key(task),
        work: Work::Step {
            argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        },
        timeout: None,
        execution_role: None,
        tags: BTreeMap::new(),
    }
}

/// A step of shell; the data folder is `$DATA`.
pub fn shell(machine: &Machine, task: &str, script: &str) -> Submission {
    let data = machine.data.display();
    step(
        task,
        &["sh", "-c", &format!("export DATA='{data}'\n{script}")],
    )
}

pub fn job(task: &str, spec: JobSpec) -> Submission {
    Submission {
        work: Work::Job(spec),
        ..step(task, &[])
    }
}

/// A job of shell; the data folder is `$DATA`.
pub fn shell_job(machine: &Machine, task: &str, script: &str) -> Submission {
    let spec = JobSpec {
        definition: "any".into(),
        command: ["sh", "-c", script].map(String::from).into(),
        environment: [("DATA".to_owned(), machine.data.display().to_string())].into(),
        ..JobSpec::default()
    };
    job(task, spec)
}

pub fn queue() -> Place {
    Place::Queue("light".into())
}

pub fn cluster_request(ordinal: u32, step_concurrency: u32) -> ClusterRequest {
    let schedule = |hour| ScheduleSpec {
        expression: format!("cron(0 {hour} * * ? *)"),
        timezone: "UTC".into(),
        catch_up: CatchUp::Latest,
    };
    let instance = format!("weather--etl--20260301t000000z--{ordinal}");
    let instance: InstanceKey = instance.parse().unwrap();
    ClusterRequest {
        cluster: Cluster {
            team: instance.cluster.team.clone(),
            name: instance.cluster.name.clone(),
            description: None,
            provision: schedule(0),
            terminate: schedule(3),
            drain: Seconds::minutes(30),
            tags: BTreeMap::new(),
            step_concurrency,
            replacements: 1,
            idle_after: model::cluster::IDLE_AFTER,
            emr: EmrSpec {
                release: "emr-7.9.0".into(),
                applications: vec!["Spark".into(), "Presto".into()],
                auto_termination: Seconds::hours(1),
                ..EmrSpec::default()
            },
        },
        instance,
    }
}

/// Whether a process exists and is no zombie.
pub fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
