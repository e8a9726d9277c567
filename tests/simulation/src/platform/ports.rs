//! The ports of a platform: memory adapters that let others go first before every call, fail now
//! and then, and show every effect to the watch.
//!
//! A handler that is dropped while it waits for its turn has crashed between two calls, so crashes
//! need no other device.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::fact::Fact;
use model::id::{EmrClusterId, SubmissionId};
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::message::Function;
use model::name::WorkflowRef;
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use model::work::Submission;
use ports::{
    BusError, Clock as _, ClusterRequest, CommitError, Compute, ComputeError, ContentCache,
    EventBus, Nameless, Outgoing, Ports, StateStore, StoreError, Stored, SubmitError, Versioned, Write,
};
use testkit::{ManualClock, MemoryBus, MemoryStore, ScriptedCompute, SubmitAnswer, TestPorts};

use super::watch::Watch;

/// One world, as handlers and the scheduler share it.
pub struct Shared {
    pub memory: TestPorts,
    pub watch: Watch,
}

/// What handlers are given.
#[derive(Clone)]
pub struct PlatformPorts {
    pub shared: Rc<Shared>,
    cache: Rc<ContentCache>,
}

impl PlatformPorts {
    /// Makes the ports of a world.
    pub fn of(shared: &Rc<Shared>) -> Self {
        Self {
            shared: Rc::clone(shared),
            cache: Rc::default(),
        }
    }

    fn store(&self) -> &MemoryStore {
        &self.shared.memory.store
    }

    fn bus(&self) -> &MemoryBus {
        &self.shared.memory.bus
    }

    fn compute(&self) -> &ScriptedCompute {
        &self.shared.memory.compute
    }

    /// Lets others go first; says whether the call that follows fails.
    async fn fails(&self) -> bool {
        Turn(false).await;
        self.shared.watch.call_fails()
    }

    async fn reads(&self) -> Result<(), StoreError> {
        if self.fails().await {
            return Err(StoreError::Unavailable {
                reason: "simulated".into(),
            });
        }
        Ok(())
    }

    async fn asks(&self) -> Result<(), ComputeError> {
        if self.fails().await {
            return Err(ComputeError {
                reason: "simulated".into(),
            });
        }
        Ok(())
    }
}

/// Waits for one turn.
struct Turn(bool);

impl Future for Turn {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Ports for PlatformPorts {
    type Store = Self;
    type Bus = Self;
    type Compute = Self;
    type Clock = ManualClock;
    type Names = Nameless;

    fn store(&self) -> &Self {
        self
    }
    fn bus(&self) -> &Self {
        self
    }
    fn compute(&self) -> &Self {
        self
    }
    fn clock(&self) -> &ManualClock {
        &self.shared.memory.clock
    }
    fn names(&self) -> &Nameless {
        &Nameless
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
}

impl StateStore for PlatformPorts {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.reads().await?;
        self.store().read(key).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.reads().await?;
        self.store().read_many(keys).await
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.reads().await?;
        self.store().scan(partition, prefix, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        self.reads().await?;
        let before = self.shared.watch.before(&self.shared.memory, &writes);
        let committed = self.store().commit(writes).await;
        if committed.is_ok() {
            self.shared.watch.committed(&self.shared.memory, before);
            if self.shared.watch.call_fails() {
                let reason = "simulated: it took effect".into();
                return Err(StoreError::Unavailable { reason }.into());
            }
        }
        committed
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        self.reads().await?;
        self.store().arrive(key, arrivals).await
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.reads().await?;
        self.store().due(until, limit).await
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.reads().await?;
        self.store().runs_of(workflow, from, to, limit).await
    }
}

impl EventBus for PlatformPorts {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        for fact in facts {
            if self.fails().await {
                return Err(BusError {
                    reason: "simulated".into(),
                });
            }
            let now = self.shared.memory.clock.now();
            self.shared.watch.published(&fact, now);
            self.bus().publish(vec![fact]).await?;
        }
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        for message in messages {
            if self.fails().await {
                return Err(BusError {
                    reason: "simulated".into(),
                });
            }
            let visible = message.delay.after(self.shared.memory.clock.now());
            self.shared.watch.sent(message.delay, visible);
            self.bus().send(inbox, vec![message]).await?;
        }
        Ok(())
    }
}

impl Compute for PlatformPorts {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        Turn(false).await;
        let answers: Vec<SubmitAnswer> = work
            .iter()
            .map(|_| self.shared.watch.submit_answer())
            .collect();
        self.compute().answer_submissions(answers);
        let answers = self.compute().submit(place, work).await;
        self.shared.watch.submitted(&self.shared.memory);
        // The answer is on its way; whoever is gone by then never hears it.
        Turn(false).await;
        answers
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.asks().await?;
        self.compute().find(place, key).await
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.asks().await?;
        self.compute().describe(place, ids).await
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.asks().await?;
        self.compute().list_steps(cluster, wanted).await
    }

    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        self.asks().await?;
        self.compute().cancel(place, ids, reason).await
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        Turn(false).await;
        let answer = self.shared.watch.submit_answer();
        self.compute().answer_requests([answer]);
        let id = self.compute().request_cluster(request).await;
        Turn(false).await;
        id
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        self.asks().await?;
        self.compute().list_clusters(created_since).await
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        self.asks().await?;
        self.compute().describe_cluster(id).await
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        self.asks().await?;
        self.compute().terminate_clusters(ids).await
    }
}
