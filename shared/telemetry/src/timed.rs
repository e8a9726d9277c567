//! A bus and a compute whose calls are timed; facts are told as they are published.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::OnceLock;
use std::time::Instant;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::fact::Fact;
use model::id::{EmrClusterId, SubmissionId};
use model::message::Function;
use model::metric::{Measurement, Metric};
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use model::work::Submission;
use ports::{BusError, ClusterRequest, Compute, ComputeError, DeadLetter, EventBus};
use ports::{Outgoing, SubmitError};

use crate::fact::{is_heard, tell};
use crate::watched::SharedMeter;

/// Passes every call on, and tells how long it took once it has a meter.
pub struct Timed<T> {
    inner: T,
    meter: OnceLock<SharedMeter>,
}

impl<T> Timed<T> {
    /// Times calls, and tells nobody yet.
    pub fn new(inner: T) -> Self {
        let meter = OnceLock::new();
        Self { inner, meter }
    }

    /// Tells a meter from now on; a second one is told nothing.
    pub fn tell(&self, meter: SharedMeter) {
        // Whoever was there first stays.
        let _ = self.meter.set(meter);
    }

    async fn call<A>(&self, metric: Metric, call: impl Future<Output = A>) -> A {
        let Some(meter) = self.meter.get() else {
            return call.await;
        };
        let began = Instant::now();
        let answer = call.await;
        let took = began.elapsed().as_secs_f64();
        meter.record(Measurement::of(metric, took, []));
        answer
    }
}

/// What is timed, for what it can do besides.
impl<T> Deref for Timed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<B: EventBus> EventBus for Timed<B> {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        // Told only once they are taken, and by then the bus has them.
        let told = is_heard().then(|| facts.clone());
        let published = self.inner.publish(facts);
        self.call(Metric::BusLatency, published).await?;
        told.iter().flatten().for_each(tell);
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let sent = self.inner.send(inbox, messages);
        self.call(Metric::BusLatency, sent).await
    }

    async fn set_aside(&self) -> Result<BTreeMap<Function, u32>, BusError> {
        let counted = self.inner.set_aside();
        self.call(Metric::BusLatency, counted).await
    }

    async fn dead_letter(&self, inbox: Function) -> Result<Option<DeadLetter>, BusError> {
        let seen = self.inner.dead_letter(inbox);
        self.call(Metric::BusLatency, seen).await
    }
}

impl<C: Compute> Compute for Timed<C> {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        let call = self.inner.submit(place, work);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let call = self.inner.find(place, key);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let call = self.inner.describe(place, ids);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let call = self.inner.list_steps(cluster, wanted);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        let call = self.inner.cancel(place, ids, reason);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        let call = self.inner.request_cluster(request);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        let call = self.inner.list_clusters(created_since);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        let call = self.inner.describe_cluster(id);
        self.call(Metric::ComputeLatency, call).await
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        let call = self.inner.terminate_clusters(ids);
        self.call(Metric::ComputeLatency, call).await
    }
}
