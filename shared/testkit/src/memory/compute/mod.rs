//! Compute services in memory that do what a test tells them: nothing runs, nothing ends by itself.

mod services;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::work::Submission;
use ports::{Clock as _, ClusterRequest, Compute, ComputeError, SubmitError};

use self::services::{KnownWork, Services};
use super::clock::ManualClock;
use super::lock;
use crate::faults::{Faults, Step};

/// How many steps EMR lists on one page.
const PAGE: usize = 50;

/// Accepts everything a real service would, unless scripted otherwise.
#[derive(Debug, Default)]
pub struct ScriptedCompute {
    state: Mutex<Services>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

/// What the next submission or cluster request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitAnswer {
    Accept,
    Throttle,
    Gone,
    Refuse,
    /// No answer, but it took effect.
    UnknownTaken,
    /// No answer, and it did not take effect.
    UnknownLost,
}

/// A call with an effect, as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    Submit {
        place: Place,
        work: Vec<Submission>,
    },
    Cancel {
        place: Place,
        ids: Vec<SubmissionId>,
        reason: String,
    },
    RequestCluster(Box<ClusterRequest>),
    TerminateClusters(Vec<EmrClusterId>),
}

impl ScriptedCompute {
    /// Makes services that know nothing yet, on a clock; they fail when told to.
    pub fn new(clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self {
            state: Mutex::default(),
            clock,
            faults,
        }
    }

    /// Answers the next submissions so, one answer each; all further ones are accepted.
    pub fn answer_submissions(&self, answers: impl IntoIterator<Item = SubmitAnswer>) {
        lock(&self.state).submit_answers.extend(answers);
    }

    /// Answers the next cluster requests so; all further ones are accepted.
    pub fn answer_requests(&self, answers: impl IntoIterator<Item = SubmitAnswer>) {
        lock(&self.state).request_answers.extend(answers);
    }

    /// Makes the next lookups (find, describe, list) fail.
    pub fn fail_lookups(&self, count: u32) {
        lock(&self.state).failing_lookups = count;
    }

    /// Takes the calls that came since the last time.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }

    /// Lists everything that was taken, oldest first.
    pub fn work(&self) -> Vec<WorkObservation> {
        lock(&self.state)
            .work
            .iter()
            .map(|work| work.observation.clone())
            .collect()
    }

    /// Puts work there as if somebody had submitted it, such as a stray.
    pub fn add_work(&self, observation: WorkObservation) {
        lock(&self.state).work.push(KnownWork {
            observation,
            stopping: false,
        });
    }

    /// Moves work to a state, and returns what the service's event would say.
    ///
    /// # Panics
    /// When the id is unknown.
    pub fn set_work(
        &self,
        id: &SubmissionId,
        state: WorkState,
        reason: Option<&str>,
    ) -> WorkObservation {
        let at = self.clock.now();
        let mut services = lock(&self.state);
        let work = services
            .work
            .iter_mut()
            .find(|work| work.observation.submission == *id);
        let work = work.unwrap_or_else(|| panic!("nothing was submitted as {id}"));
        work.set(state, reason, at);
        work.observation.clone()
    }

    /// Creates a cluster in a state, as if it had been requested before.
    pub fn add_cluster(&self, instance: &InstanceKey, state: ClusterState) -> EmrClusterId {
        let now = self.clock.now();
        lock(&self.state).create(instance, state, now)
    }

    /// Moves a cluster to a state, and returns what describing it says.
    ///
    /// # Panics
    /// When the id is unknown.
    pub fn set_cluster(
        &self,
        id: &EmrClusterId,
        state: ClusterState,
        reason: Option<&str>,
    ) -> ClusterObservation {
        let at = self.clock.now();
        let mut services = lock(&self.state);
        let cluster = services
            .cluster(id)
            .unwrap_or_else(|| panic!("there is no cluster {id}"));
        cluster.set(state, reason, at);
        cluster.observation.clone()
    }

    /// Lets what was asked for happen: clusters come up, stopped work and ended clusters go, with
    /// all that was open on them. Returns what the events would say.
    pub fn settle(&self) -> (Vec<ClusterObservation>, Vec<WorkObservation>) {
        let at = self.clock.now();
        lock(&self.state).settle(at)
    }

    fn lookup(&self) -> Result<(), ComputeError> {
        let mut state = lock(&self.state);
        if state.failing_lookups > 0 || self.faults.is_down() {
            state.failing_lookups = state.failing_lookups.saturating_sub(1);
            return Err(unavailable());
        }
        Ok(())
    }

    /// Decides about one submitting call: whether it takes effect, and its error if it has one.
    fn decide(&self, scripted: Option<SubmitAnswer>) -> (bool, Option<SubmitError>) {
        let unknown = || {
            Some(SubmitError::Unknown {
                reason: "scripted: timed out".into(),
            })
        };
        match self.faults.step() {
            Step::Lost => return (false, unknown()),
            Step::Unanswered => return (true, unknown()),
            Step::Done => {}
        }
        let reason = "scripted".to_owned();
        match scripted.unwrap_or(SubmitAnswer::Accept) {
            SubmitAnswer::Accept => (true, None),
            SubmitAnswer::Throttle => (false, Some(SubmitError::Throttled { reason })),
            SubmitAnswer::Gone => (false, Some(SubmitError::Gone { reason })),
            SubmitAnswer::Refuse => (false, Some(SubmitError::Refused { reason })),
            SubmitAnswer::UnknownTaken => (true, unknown()),
            SubmitAnswer::UnknownLost => (false, unknown()),
        }
    }

    fn submit_one(&self, place: &Place, work: &Submission) -> Result<SubmissionId, SubmitError> {
        lock(&self.state).check(place, work)?;
        let scripted = lock(&self.state).submit_answers.pop_front();
        let (taken, error) = self.decide(scripted);
        let id = taken.then(|| lock(&self.state).take(place, work, self.clock.now()));
        match (error, id) {
            (None, Some(id)) => Ok(id),
            (Some(error), _) => Err(error),
            (None, None) => unreachable!("what is not taken has an error"),
        }
    }

    /// Takes a step that asks for something.
    fn ask(&self, call: Call, effect: impl FnOnce(&mut Services)) -> Result<(), ComputeError> {
        let step = self.faults.step();
        if step != Step::Lost {
            let mut state = lock(&self.state);
            state.calls.push(call);
            effect(&mut state);
        }
        if step == Step::Done {
            Ok(())
        } else {
            Err(unavailable())
        }
    }
}

impl Compute for ScriptedCompute {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        let call = Call::Submit {
            place: place.clone(),
            work: work.to_vec(),
        };
        lock(&self.state).calls.push(call);
        work.iter()
            .map(|work| self.submit_one(place, work))
            .collect()
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.lookup()?;
        Ok(lock(&self.state).at(place, |observation| observation.key == *key))
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.lookup()?;
        Ok(lock(&self.state).at(place, |observation| ids.contains(&observation.submission)))
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.lookup()?;
        let mut steps = lock(&self.state).at(&Place::Instance(cluster.clone()), |_| true);
        steps.reverse();
        let mut missing: BTreeSet<&AttemptKey> = wanted.iter().collect();
        let mut listed = Vec::new();
        for page in steps.chunks(PAGE) {
            listed.extend_from_slice(page);
            missing.retain(|key| !page.iter().any(|step| step.key == **key));
            if missing.is_empty() {
                break;
            }
        }
        Ok(listed)
    }

    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        let ids = ids.to_vec();
        let call = Call::Cancel {
            place: place.clone(),
            ids: ids.clone(),
            reason: reason.to_owned(),
        };
        self.ask(call, |state| {
            for work in &mut state.work {
                work.stopping |= ids.contains(&work.observation.submission);
            }
        })
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        let now = self.clock.now();
        let scripted = {
            let mut state = lock(&self.state);
            state
                .calls
                .push(Call::RequestCluster(Box::new(request.clone())));
            state.request_answers.pop_front()
        };
        let (taken, error) = self.decide(scripted);
        let id =
            taken.then(|| lock(&self.state).create(&request.instance, ClusterState::Starting, now));
        match (error, id) {
            (None, Some(id)) => Ok(id),
            (Some(error), _) => Err(error),
            (None, None) => unreachable!("what is not taken has an error"),
        }
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        self.lookup()?;
        let state = lock(&self.state);
        let young = state
            .clusters
            .iter()
            .filter(|cluster| cluster.created_at >= created_since);
        // As in EMR, the endpoint is told only by describing.
        Ok(young
            .map(|cluster| ClusterObservation {
                endpoint: None,
                ..cluster.observation.clone()
            })
            .collect())
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        self.lookup()?;
        Ok(lock(&self.state)
            .cluster(id)
            .map(|cluster| cluster.observation.clone()))
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        let ids = ids.to_vec();
        self.ask(Call::TerminateClusters(ids.clone()), |state| {
            for cluster in &mut state.clusters {
                cluster.ending |= ids.contains(&cluster.observation.id);
            }
        })
    }
}

fn unavailable() -> ComputeError {
    ComputeError {
        reason: "scripted: no answer".into(),
    }
}
