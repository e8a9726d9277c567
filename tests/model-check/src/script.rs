//! Ports that answer from a script and stop where it ends.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

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
use ports::{
    BusError, Clock, ClusterRequest, CommitError, Compute, ComputeError, ContentCache, EventBus,
    Nameless, Outgoing, Ports, StateStore, StoreError, Stored, Submission, SubmitError, Versioned,
    Write,
};

use crate::answer::{Answer, Call};
use crate::items::{Items, Row};
use crate::process::Known;

/// What never changes during a check: read without asking, since nobody can tell when.
#[derive(Default)]
pub struct Fixed {
    pub items: Items,
    /// Partitions of which `items` holds all there is.
    pub partitions: BTreeSet<String>,
    pub cache: ContentCache,
    /// Where handlers have been.
    pub known: Known,
}

impl Fixed {
    fn knows(&self, key: &Key) -> bool {
        self.partitions.contains(&key.partition()) || self.items.find(key).is_some()
    }

    /// Whether a write would change what is fixed, which would make the check wrong.
    pub fn is_touched_by(&self, write: &Write) -> bool {
        self.knows(write.key())
    }
}

/// Answers a handler's calls as they were answered before.
pub struct Script<'a> {
    fixed: &'a Fixed,
    /// What the clock shows where the script ends.
    now: Timestamp,
    answers: RefCell<Vec<Arc<Answer>>>,
    at: Cell<usize>,
    /// The first call that the script does not answer.
    pending: RefCell<Option<Call>>,
}

impl<'a> Script<'a> {
    /// A script of these answers.
    pub fn new(fixed: &'a Fixed, now: Timestamp, answers: Vec<Arc<Answer>>) -> Self {
        Self {
            fixed,
            now,
            answers: RefCell::new(answers),
            at: Cell::new(0),
            pending: RefCell::new(None),
        }
    }

    /// The call it stopped at, and the script with what the clock showed on the way.
    pub fn stopped(self) -> (Option<Call>, Vec<Arc<Answer>>) {
        (self.pending.into_inner(), self.answers.into_inner())
    }

    fn next(&self) -> Option<Arc<Answer>> {
        let next = self.answers.borrow().get(self.at.get()).cloned()?;
        self.at.set(self.at.get() + 1);
        Some(next)
    }

    async fn ask(&self, call: impl FnOnce() -> Call) -> Arc<Answer> {
        if let Some(answer) = self.next() {
            return answer;
        }
        *self.pending.borrow_mut() = Some(call());
        std::future::pending().await
    }

    async fn work(
        &self,
        call: impl FnOnce() -> Call,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        match &*self.ask(call).await {
            Answer::Work(seen) => Ok(seen.clone()),
            other => unexpected(other),
        }
    }

    async fn done(&self, call: impl FnOnce() -> Call) {
        match &*self.ask(call).await {
            Answer::Done => {}
            other => unexpected(other),
        }
    }
}

fn unexpected<T>(answer: &Answer) -> T {
    panic!("a handler that is run again asks something else: {answer:?}")
}

fn stored(row: &Row) -> Stored {
    row.stored.clone()
}

impl StateStore for Script<'_> {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let read = self.read_many(std::slice::from_ref(key)).await?;
        Ok(read.into_iter().next().flatten())
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let open = keys.iter().filter(|key| !self.fixed.knows(key));
        let open: Vec<Key> = open.cloned().collect();
        let mut rows = if open.is_empty() {
            Vec::new()
        } else {
            match &*self.ask(|| Call::Read(open)).await {
                Answer::Rows(rows) => rows.clone(),
                other => unexpected(other),
            }
        }
        .into_iter();
        let found = keys.iter().map(|key| {
            let row = if self.fixed.knows(key) {
                self.fixed.items.find(key).cloned()
            } else {
                rows.next().flatten()
            };
            row.as_deref().map(stored)
        });
        Ok(found.collect())
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        if self.fixed.partitions.contains(partition) {
            let rows = self.fixed.items.scan(partition, prefix, after, limit);
            return Ok(rows.iter().map(|row| stored(row)).collect());
        }
        let call = || Call::Scan {
            partition: partition.to_owned(),
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            limit,
        };
        match &*self.ask(call).await {
            Answer::Rows(rows) => Ok(rows.iter().flatten().map(|row| stored(row)).collect()),
            other => unexpected(other),
        }
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        match &*self.ask(|| Call::Commit(writes)).await {
            Answer::Committed(true) => Ok(()),
            Answer::Committed(false) => Err(CommitError::Conflict),
            other => unexpected(other),
        }
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        match &*self
            .ask(|| Call::Arrive(key.clone(), arrivals.clone()))
            .await
        {
            Answer::Joined(join) => Ok(join.clone()),
            other => unexpected(other),
        }
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        match &*self.ask(|| Call::Due(until, limit)).await {
            Answer::Rows(rows) => Ok(rows.iter().flatten().map(|row| stored(row)).collect()),
            other => unexpected(other),
        }
    }

    async fn runs_of(
        &self,
        _: &WorkflowRef,
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        panic!("no protocol that is checked lists runs")
    }
}

impl EventBus for Script<'_> {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        if !facts.is_empty() {
            self.done(|| Call::Publish(facts)).await;
        }
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        if !messages.is_empty() {
            self.done(|| Call::Send(inbox, messages)).await;
        }
        Ok(())
    }
}

impl Compute for Script<'_> {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        match &*self
            .ask(|| Call::Submit(place.clone(), work.to_vec()))
            .await
        {
            Answer::Submitted(answers) => answers.clone(),
            other => unexpected(other),
        }
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.work(|| Call::Find(place.clone(), key.clone())).await
    }

    async fn describe(
        &self,
        _: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.work(|| Call::Describe(ids.to_vec())).await
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        _: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.work(|| Call::ListSteps(cluster.clone())).await
    }

    async fn cancel(&self, _: &Place, ids: &[SubmissionId], _: &str) -> Result<(), ComputeError> {
        self.done(|| Call::Cancel(ids.to_vec())).await;
        Ok(())
    }

    async fn request_cluster(&self, _: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        panic!("no protocol that is checked requests clusters")
    }

    async fn list_clusters(&self, _: Timestamp) -> Result<Vec<ClusterObservation>, ComputeError> {
        match &*self.ask(|| Call::ListClusters).await {
            Answer::Clusters(seen) => Ok(seen.clone()),
            other => unexpected(other),
        }
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        match &*self.ask(|| Call::DescribeCluster(id.clone())).await {
            Answer::Clusters(seen) => Ok(seen.first().cloned()),
            other => unexpected(other),
        }
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        self.done(|| Call::TerminateClusters(ids.to_vec())).await;
        Ok(())
    }
}

impl Clock for Script<'_> {
    fn now(&self) -> Timestamp {
        match self.next().as_deref() {
            Some(Answer::Now(instant)) => *instant,
            Some(other) => unexpected(other),
            None => {
                let mut answers = self.answers.borrow_mut();
                answers.push(Arc::new(Answer::Now(self.now)));
                self.at.set(answers.len());
                self.now
            }
        }
    }
}

impl Ports for Script<'_> {
    type Store = Self;
    type Bus = Self;
    type Compute = Self;
    type Clock = Self;
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
    fn clock(&self) -> &Self {
        self
    }
    fn names(&self) -> &Nameless {
        &Nameless
    }
    fn cache(&self) -> &ContentCache {
        &self.fixed.cache
    }
}
