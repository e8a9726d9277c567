//! Ports on which nothing fails, as lean as they can be: a year is three and a half million tasks.

use std::cell::RefCell;
use std::rc::Rc;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::fact::{Fact, FactBody};
use model::id::{EmrClusterId, RunId, SubmissionId};
use model::message::{Function, Message};
use model::observation::{ClusterObservation, WorkObservation, WorkState};
use model::task::Place;
use model::units::Seconds;
use model::work::Submission;
use ports::{
    BusError, Clock as _, ClusterRequest, Compute, ComputeError, ContentCache, EventBus, Nameless,
    Outgoing, Ports, SubmitError,
};
use testkit::{ManualClock, MemoryStore};

use crate::platform::services::{Event, Fate, Services};

/// A world without trouble.
pub struct YearPorts {
    pub store: MemoryStore,
    pub clock: ManualClock,
    pub services: RefCell<Services>,
    sent: RefCell<Vec<(Timestamp, Function, Message)>>,
    succeeded: RefCell<Vec<RunId>>,
    cache: Rc<ContentCache>,
}

impl YearPorts {
    /// Begins at an instant.
    pub fn at(now: Timestamp) -> Self {
        Self {
            store: MemoryStore::default(),
            clock: ManualClock::at(now),
            services: RefCell::default(),
            sent: RefCell::default(),
            succeeded: RefCell::default(),
            cache: Rc::default(),
        }
    }

    /// The instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes what was sent, with when it becomes visible.
    pub fn take_sent(&self) -> Vec<(Timestamp, Function, Message)> {
        std::mem::take(&mut self.sent.borrow_mut())
    }

    /// Takes the runs that were told to have succeeded.
    pub fn take_succeeded(&self) -> Vec<RunId> {
        std::mem::take(&mut self.succeeded.borrow_mut())
    }

    /// Lets work go on to an instant.
    pub fn go_on(&self, now: Timestamp) -> Vec<Event> {
        self.services.borrow_mut().go_on(now)
    }

    /// Forgets work that has ended; says how much there was.
    pub fn forget_work(&self) -> u64 {
        self.services.borrow_mut().forget_ended()
    }
}

impl Ports for YearPorts {
    type Store = MemoryStore;
    type Bus = Self;
    type Compute = Self;
    type Clock = ManualClock;
    type Names = Nameless;

    fn store(&self) -> &MemoryStore {
        &self.store
    }
    fn bus(&self) -> &Self {
        self
    }
    fn compute(&self) -> &Self {
        self
    }
    fn clock(&self) -> &ManualClock {
        &self.clock
    }
    fn names(&self) -> &Nameless {
        &Nameless
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
}

impl EventBus for YearPorts {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        let now = self.now();
        for fact in facts {
            if let FactBody::RunSucceeded(run) = &fact.body {
                self.succeeded.borrow_mut().push(run.run.clone());
            }
            for function in Function::subscribers(fact.body.type_name()) {
                let message = Message::Fact(fact.clone());
                self.sent.borrow_mut().push((now, *function, message));
            }
        }
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let now = self.now();
        let visible = messages
            .into_iter()
            .map(|one| (one.delay.after(now), inbox, one.message));
        self.sent.borrow_mut().extend(visible);
        Ok(())
    }
}

impl Compute for YearPorts {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        let now = self.now();
        let mut services = self.services.borrow_mut();
        let take = |work: &Submission| {
            let runs_at = Seconds(20).after(now);
            let fate = Fate {
                runs_at,
                ends_at: Seconds(300).after(runs_at),
                ends_as: (WorkState::Succeeded, None),
            };
            Ok(services.take(&work.key, place, now, true, fate))
        };
        work.iter().map(take).collect()
    }

    async fn find(
        &self,
        _: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let services = self.services.borrow();
        Ok(services.of_key(key).map(|work| work.seen.clone()).collect())
    }

    async fn describe(
        &self,
        _: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let services = self.services.borrow();
        let known = ids.iter().filter_map(|id| services.work.get(id));
        Ok(known.map(|work| work.seen.clone()).collect())
    }

    async fn list_steps(
        &self,
        _: &EmrClusterId,
        _: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Err(no_clusters())
    }

    async fn cancel(&self, _: &Place, _: &[SubmissionId], _: &str) -> Result<(), ComputeError> {
        Err(ComputeError {
            reason: "nobody stops anything this year".into(),
        })
    }

    async fn request_cluster(&self, _: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        Err(SubmitError::Refused {
            reason: no_clusters().reason,
        })
    }

    async fn list_clusters(&self, _: Timestamp) -> Result<Vec<ClusterObservation>, ComputeError> {
        Ok(Vec::new())
    }

    async fn describe_cluster(
        &self,
        _: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        Ok(None)
    }

    async fn terminate_clusters(&self, _: &[EmrClusterId]) -> Result<(), ComputeError> {
        Err(no_clusters())
    }
}

fn no_clusters() -> ComputeError {
    ComputeError {
        reason: "there are no clusters this year".into(),
    }
}
