//! An engine in a temporary folder, whose functions are closures.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::fact::{Fact, FactBody, TaskReady};
use model::id::{EmrClusterId, SubmissionId};
use model::message::{Function, Message};
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use model::work::Submission;
use ports::{ClusterRequest, Compute, ComputeError, Delivery, Outgoing, SubmitError, Verdict};

use crate::compute_events::{LocalCompute, Mark, ObservationSink};
use crate::{ClockMode, Data, Engine, Handlers, LocalPorts, Options};

pub type TestEngine = Engine<FakeCompute, Closure>;
type Handle = dyn Fn(Function, &LocalPorts<FakeCompute>, Vec<Delivery>) -> Vec<Verdict>;

/// Functions that do what a test says.
pub struct Closure(Box<Handle>);

impl Handlers<FakeCompute> for Closure {
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<FakeCompute>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict> {
        (self.0)(function, ports, batch)
    }
}

pub const START: &str = "2026-03-01T05:00:00Z";

pub fn start() -> Timestamp {
    testkit::instant(START)
}

/// Opens a skipping engine; reconcile's sweeps are done silently.
pub fn open(
    folder: &Path,
    handle: impl Fn(Function, &LocalPorts<FakeCompute>, Vec<Delivery>) -> Vec<Verdict> + 'static,
) -> TestEngine {
    open_with(folder, FakeCompute::default(), handle)
}

pub fn open_with(
    folder: &Path,
    compute: FakeCompute,
    handle: impl Fn(Function, &LocalPorts<FakeCompute>, Vec<Delivery>) -> Vec<Verdict> + 'static,
) -> TestEngine {
    let clock = ClockMode::Skip { start: start() };
    let data = Data::open(
        folder,
        Options {
            clock,
            ..Options::default()
        },
    )
    .unwrap();
    let quiet = move |function, ports: &LocalPorts<FakeCompute>, batch: Vec<Delivery>| match batch
        .iter()
        .all(|delivery| delivery.message == Message::Sweep)
    {
        true => done(&batch),
        false => handle(function, ports, batch),
    };
    Engine::new(data, compute, Closure(Box::new(quiet)))
}

pub fn done(batch: &[Delivery]) -> Vec<Verdict> {
    batch.iter().map(|_| Verdict::Done).collect()
}

/// Puts messages into submit-task's inbox, durably.
pub fn send(engine: &TestEngine, tasks: impl IntoIterator<Item = &'static str>) {
    for task in tasks {
        engine
            .send(Function::SubmitTask, Outgoing::from(message(task)))
            .unwrap();
    }
}

pub fn message(task: &str) -> Message {
    Message::Fact(ready(task))
}

/// A fact that submit-task subscribes to.
pub fn ready(task: &str) -> Fact {
    let body = FactBody::TaskReady(TaskReady {
        run: "weather--report--20260301t050000z".into(),
        task: task.parse().unwrap(),
        generation: 1,
        attempt: 1,
        since: start(),
        released_by: None,
    });
    Fact::new(
        "weather".parse().unwrap(),
        Some("report".parse().unwrap()),
        start(),
        body,
    )
}

/// The task a message is about.
pub fn task_of(delivery: &Delivery) -> String {
    match &delivery.message {
        Message::Fact(Fact {
            body: FactBody::TaskReady(ready),
            ..
        }) => ready.task.to_string(),
        other => panic!("not expected here: {other:?}"),
    }
}

/// What was delivered, in order.
pub type Log<T> = Rc<RefCell<Vec<T>>>;

type Look = Box<dyn FnMut()>;

/// A compute that says what a test told it to say, and remembers what it was asked.
#[derive(Clone, Default)]
pub struct FakeCompute {
    pub script: Log<(Timestamp, Function, Message)>,
    pub emitted: Rc<Cell<usize>>,
    pub acknowledged: Rc<Cell<u64>>,
    pub flying: Rc<Cell<usize>>,
    pub submitted: Log<Submission>,
    pub on_submit: Rc<RefCell<Option<Look>>>,
}

impl LocalCompute for FakeCompute {
    fn advance(
        &self,
        now: Timestamp,
        sink: &mut dyn ObservationSink,
    ) -> Result<Mark, ComputeError> {
        let script = self.script.borrow();
        while let Some((at, function, message)) = script.get(self.emitted.get())
            && *at <= now
        {
            sink.emit(*function, message.clone());
            self.emitted.set(self.emitted.get() + 1);
        }
        Ok(Mark(self.emitted.get() as u64))
    }

    fn acknowledge(&self, mark: Mark) -> Result<(), ComputeError> {
        self.acknowledged.set(mark.0);
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.flying.get()
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.script
            .borrow()
            .get(self.emitted.get())
            .map(|(at, ..)| *at)
    }

    fn wait(&self, at_most: Duration) -> bool {
        std::thread::sleep(at_most);
        false
    }
}

impl Compute for FakeCompute {
    async fn submit(
        &self,
        _place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        if let Some(look) = self.on_submit.borrow_mut().as_mut() {
            look();
        }
        self.submitted.borrow_mut().extend_from_slice(work);
        work.iter()
            .map(|work| Ok(work.key.to_string().into()))
            .collect()
    }

    async fn find(
        &self,
        _place: &Place,
        _key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Ok(Vec::new())
    }

    async fn describe(
        &self,
        _place: &Place,
        _ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Ok(Vec::new())
    }

    async fn list_steps(
        &self,
        _cluster: &EmrClusterId,
        _wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Ok(Vec::new())
    }

    async fn cancel(
        &self,
        _place: &Place,
        _ids: &[SubmissionId],
        _reason: &str,
    ) -> Result<(), ComputeError> {
        Ok(())
    }

    async fn request_cluster(&self, _: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        Ok("j-1".into())
    }

    async fn list_clusters(
        &self,
        _created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        Ok(Vec::new())
    }

    async fn describe_cluster(
        &self,
        _id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        Ok(None)
    }

    async fn terminate_clusters(&self, _ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        Ok(())
    }
}
