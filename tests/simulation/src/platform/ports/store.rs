//! The state table, with its faults.

use std::collections::BTreeSet;

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::name::WorkflowRef;
use ports::{CommitError, StateStore, StoreError, Stored, Versioned, Write};

use super::{PlatformPorts, Point};
use crate::platform::faults::Fault;
use crate::platform::mirror::Mirror;

impl PlatformPorts {
    fn throttles(&self) -> Result<(), StoreError> {
        if self.shared.faults.strikes(Fault::StoreThrottles) {
            return Err(unavailable("throttled"));
        }
        Ok(())
    }

    async fn reads(&self) -> Result<(), StoreError> {
        self.turn(Point::BeforeRead).await;
        self.throttles()
    }

    /// After a write took effect: others go first, and its answer may be lost.
    async fn written(&self) -> Result<(), StoreError> {
        self.turn(Point::AfterEffect).await;
        if self.shared.faults.strikes(Fault::StoreAnswerLost) {
            return Err(unavailable("it took effect, the answer is lost"));
        }
        Ok(())
    }
}

impl StateStore for PlatformPorts {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.reads().await?;
        self.shared.store.read(key).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.reads().await?;
        self.shared.store.read_many(keys).await
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.reads().await?;
        let store = &self.shared.store;
        store.scan(partition, prefix, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        self.turn(Point::BeforeEffect).await;
        self.throttles()?;
        if self.shared.faults.strikes(Fault::CommitConflicts) {
            return Err(CommitError::Conflict);
        }
        self.shared.watch.mixes(&writes);
        self.shared.store.commit(writes.clone()).await?;
        let parsed = Mirror::parse(writes);
        self.shared.watch.committed(&self.shared, parsed);
        Ok(self.written().await?)
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        self.turn(Point::BeforeEffect).await;
        self.throttles()?;
        let arrived = self.shared.store.arrive(key, arrivals).await?;
        self.shared.watch.trace.mix(arrived.version);
        self.written().await?;
        Ok(arrived)
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.reads().await?;
        let mut said = self.shared.said_due.borrow_mut();
        if self.shared.faults.strikes(Fault::IndexStale) {
            return Ok(said.clone());
        }
        let due = at_once(self.shared.store.due(until, limit))?;
        said.clone_from(&due);
        Ok(due)
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.reads().await?;
        let mut said = self.shared.said_runs.borrow_mut();
        let said = said.entry(workflow.clone()).or_default();
        if self.shared.faults.strikes(Fault::IndexStale) {
            return Ok(said.clone());
        }
        let runs = at_once(self.shared.store.runs_of(workflow, from, to, limit))?;
        said.clone_from(&runs);
        Ok(runs)
    }
}

/// The memory store answers at once, so nobody else runs while its answer is kept.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    testkit::block_on(answer)
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable {
        reason: format!("simulated: {reason}"),
    }
}
