//! The ports a function is given by the engine.
//!
//! What a call to the compute services rests on is committed before the call: whoever is told to
//! run something is named by a claim that survives a crash (rule 9). So each call with an effect
//! closes the open group first.

use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use model::work::Submission;
use ports::{ClusterRequest, Compute, ComputeError, ContentCache, Meter, Nameless, Ports};
use ports::{SubmitError, Unmetered};
use telemetry::{SharedMeter, Timed, Watched};

use crate::bus::LocalBus;
use crate::clock::EngineClock;
use crate::database::Failure;
use crate::journal::Journal;
use crate::store::SqliteStateStore;

/// State, inboxes, compute and clock of one engine.
pub struct LocalPorts<C> {
    store: Watched<SqliteStateStore>,
    bus: Timed<LocalBus>,
    compute: Timed<CommittingCompute<C>>,
    clock: EngineClock,
    cache: ContentCache,
    meter: OnceLock<SharedMeter>,
}

impl<C> LocalPorts<C> {
    pub(crate) fn new(journal: &Rc<Journal>, compute: C) -> Self {
        Self {
            store: Watched::new(SqliteStateStore::new(Rc::clone(&journal.database))),
            bus: Timed::new(LocalBus::new(Rc::clone(journal))),
            compute: Timed::new(CommittingCompute {
                inner: compute,
                journal: Rc::clone(journal),
            }),
            clock: journal.clock.clone(),
            cache: ContentCache::default(),
            meter: OnceLock::new(),
        }
    }

    /// Measures for a meter from now on; a second one is told nothing.
    pub(crate) fn measure(&self, meter: &SharedMeter) {
        self.store.tell(Arc::clone(meter));
        self.bus.tell(Arc::clone(meter));
        self.compute.tell(Arc::clone(meter));
        // Whoever was there first stays.
        let _ = self.meter.set(Arc::clone(meter));
    }

    /// Commits everything done so far.
    pub(crate) fn commit(&self) -> Result<(), Failure> {
        self.compute.journal.flush()
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        let database = self.compute.journal.database.path();
        database.parent().unwrap_or(database)
    }

    /// The compute behind the port.
    pub(crate) fn inner_compute(&self) -> &C {
        &self.compute.inner
    }
}

impl<C: Compute> Ports for LocalPorts<C> {
    type Store = Watched<SqliteStateStore>;
    type Bus = Timed<LocalBus>;
    type Compute = Timed<CommittingCompute<C>>;
    type Clock = EngineClock;
    type Names = Nameless;

    fn store(&self) -> &Watched<SqliteStateStore> {
        &self.store
    }
    fn bus(&self) -> &Timed<LocalBus> {
        &self.bus
    }
    fn compute(&self) -> &Timed<CommittingCompute<C>> {
        &self.compute
    }
    fn clock(&self) -> &EngineClock {
        &self.clock
    }
    fn names(&self) -> &Nameless {
        &Nameless
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
    fn meter(&self) -> &dyn Meter {
        match self.meter.get() {
            Some(meter) => &**meter,
            None => &Unmetered,
        }
    }
}

/// A compute that is called only after everything done so far was committed.
pub struct CommittingCompute<C> {
    inner: C,
    journal: Rc<Journal>,
}

impl<C> CommittingCompute<C> {
    /// Commits before a submission; if that fails, the submission has not taken effect.
    fn commit_first(&self) -> Result<(), SubmitError> {
        let flushed = self.journal.flush();
        flushed.map_err(|failure| SubmitError::Throttled {
            reason: failure.to_string(),
        })
    }

    /// Commits before a request to stop something.
    fn commit_before_asking(&self) -> Result<(), ComputeError> {
        self.journal.flush().map_err(|failure| ComputeError {
            reason: failure.to_string(),
        })
    }
}

impl<C: Compute> Compute for CommittingCompute<C> {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        match self.commit_first() {
            Ok(()) => self.inner.submit(place, work).await,
            Err(error) => work.iter().map(|_| Err(error.clone())).collect(),
        }
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
        self.commit_before_asking()?;
        self.inner.cancel(place, ids, reason).await
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        self.commit_first()?;
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
        self.commit_before_asking()?;
        self.inner.terminate_clusters(ids).await
    }
}
