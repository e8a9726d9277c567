//! The compute that does nothing, with a watch on when work was submitted and when its end was
//! told.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use local::EngineClock;
use local::compute::NothingCompute;
use local::compute_events::{LocalCompute, Mark, ObservationSink};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::message::{Function, Message};
use model::observation::{ClusterObservation, WorkObservation, WorkState};
use model::task::Place;
use model::work::Submission;
use ports::{ClusterRequest, Compute, ComputeError, SubmitError};

/// What happened to one attempt, and when.
pub type Event = (AttemptKey, Instant);

/// Passes everything on, noting submissions and ends while it is told to.
pub struct Meter {
    inner: NothingCompute<EngineClock>,
    pub submitted: RefCell<Vec<Event>>,
    pub ended: RefCell<Vec<Event>>,
    notes: std::cell::Cell<bool>,
    fails: bool,
}

impl Meter {
    /// Measures work done on this clock.
    pub fn new(clock: EngineClock) -> Self {
        Self {
            inner: NothingCompute::new(clock),
            submitted: RefCell::default(),
            ended: RefCell::default(),
            notes: std::cell::Cell::new(false),
            fails: false,
        }
    }

    /// The same, of work that fails.
    pub fn failing(clock: EngineClock) -> Self {
        Self {
            fails: true,
            ..Self::new(clock)
        }
    }

    /// Notes instants from now on, or stops noting them and forgets.
    pub fn note(&self, notes: bool) {
        self.notes.set(notes);
        self.submitted.borrow_mut().clear();
        self.ended.borrow_mut().clear();
    }
}

impl Compute for Meter {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        if self.notes.get() {
            let now = Instant::now();
            self.submitted
                .borrow_mut()
                .extend(work.iter().map(|work| (work.key.clone(), now)));
        }
        self.inner.submit(place, work).await
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.inner.find(place, key).await
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.inner.describe(place, ids).await
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.inner.list_steps(cluster, wanted).await
    }

    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        self.inner.cancel(place, ids, reason).await
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        self.inner.request_cluster(request).await
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        self.inner.list_clusters(created_since).await
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        self.inner.describe_cluster(id).await
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        self.inner.terminate_clusters(ids).await
    }
}

/// Notes ends on their way into the inbox.
struct Watch<'a> {
    sink: &'a mut dyn ObservationSink,
    ended: Option<&'a RefCell<Vec<Event>>>,
    fails: bool,
}

impl ObservationSink for Watch<'_> {
    fn emit(&mut self, inbox: Function, mut message: Message) {
        if let Message::Work(seen) = &mut message
            && seen.state == WorkState::Succeeded
        {
            if self.fails {
                seen.state = WorkState::Failed;
                seen.reason = Some("exit code 3".to_owned());
            }
            if let Some(ended) = self.ended {
                ended.borrow_mut().push((seen.key.clone(), Instant::now()));
            }
        }
        self.sink.emit(inbox, message);
    }
}

impl LocalCompute for Meter {
    fn advance(
        &self,
        now: Timestamp,
        sink: &mut dyn ObservationSink,
    ) -> Result<Mark, ComputeError> {
        let ended = self.notes.get().then_some(&self.ended);
        let fails = self.fails;
        self.inner.advance(now, &mut Watch { sink, ended, fails })
    }

    fn acknowledge(&self, mark: Mark) -> Result<(), ComputeError> {
        self.inner.acknowledge(mark)
    }

    fn in_flight(&self) -> usize {
        self.inner.in_flight()
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.inner.next_timer()
    }

    fn wait(&self, at_most: Duration) -> bool {
        self.inner.wait(at_most)
    }
}
