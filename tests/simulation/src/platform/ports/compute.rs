//! The compute services as handlers call them, with their faults.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, ClusterState, WorkObservation};
use model::task::Place;
use model::units::Seconds;
use model::work::Submission;
use ports::{ClusterRequest, Compute, ComputeError, SubmitError};

use super::{PlatformPorts, Point, Shared};
use crate::platform::faults::Fault;
use crate::platform::invariants::Invariant;
use crate::platform::services::STEPS;

/// How long a listing may lag. Beyond the lease nobody could ever know: then work would be
/// submitted twice, and the second be a stray.
const LAG: Seconds = Seconds(45);

/// A submission that the service carries out later, without anybody having heard of it.
pub struct Pending {
    pub at: Timestamp,
    pub key: AttemptKey,
    pub place: Place,
}

/// How a submitting call goes: the error its caller sees, and whether and when it takes effect.
enum Answer {
    Accepted,
    Refused(SubmitError),
    Unheard,
    UnheardLost,
    UnheardLate(Seconds),
}

impl PlatformPorts {
    async fn asks(&self) -> Result<(), ComputeError> {
        self.turn(Point::BeforeRead).await;
        if self.shared.faults.strikes(Fault::LookUpFails) {
            return Err(unavailable());
        }
        Ok(())
    }

    /// Before when things were created that a listing shows.
    fn listed_until(&self) -> Timestamp {
        let now = self.shared.now();
        let lags = self.shared.faults.strikes(Fault::ListingLags);
        if lags { LAG.before(now) } else { now }
    }

    fn answer(&self) -> Answer {
        let faults = &self.shared.faults;
        let reason = || "simulated".to_owned();
        if faults.strikes(Fault::SubmitThrottled) {
            return Answer::Refused(SubmitError::Throttled { reason: reason() });
        }
        if faults.strikes(Fault::TakenUnheard) {
            return Answer::Unheard;
        }
        if faults.strikes(Fault::LostUnheard) {
            return Answer::UnheardLost;
        }
        if faults.strikes(Fault::TakenLate) {
            return Answer::UnheardLate(Seconds(1 + faults.below(Fault::TakenLate, 60)));
        }
        if faults.strikes(Fault::TakenTooLate) {
            return Answer::UnheardLate(Seconds(150 + faults.below(Fault::TakenTooLate, 300)));
        }
        Answer::Accepted
    }

    /// Invariant 2: nobody submits again what he may have submitted, unless he has looked.
    fn is_not_a_guess(&self, key: &AttemptKey) {
        let is_heard = !self.unheard.borrow().contains(key);
        self.shared
            .watch
            .check(Invariant::OneLiveJob, is_heard, || {
                format!("{key} is submitted again, though it may have been already")
            });
    }

    fn submit_one(&self, place: &Place, key: &AttemptKey) -> Result<SubmissionId, SubmitError> {
        let shared = &self.shared;
        let gone = || SubmitError::Gone {
            reason: "it takes no steps".into(),
        };
        if !shared.services.borrow().takes_work(place) {
            return Err(gone());
        }
        if let Place::Instance(_) = place {
            shared.watch.steps_fit(shared, place);
            let own = shared.services.borrow().open_at(place);
            if own >= STEPS || shared.faults.strikes(Fault::StepsFull) {
                let reason = "256 steps are open".to_owned();
                return Err(SubmitError::Throttled { reason });
            }
        }
        if shared.faults.strikes(Fault::PlaceGone) {
            return Err(gone());
        }
        if shared.fates.is_refused(key) && shared.faults.happens(Fault::Refused) {
            let reason = "simulated".to_owned();
            return Err(SubmitError::Refused { reason });
        }
        match self.answer() {
            Answer::Accepted => Ok(carry_out(shared, key, place)),
            Answer::Refused(error) => Err(error),
            Answer::Unheard => {
                carry_out(shared, key, place);
                Err(unknown())
            }
            Answer::UnheardLost => Err(unknown()),
            Answer::UnheardLate(delay) => {
                let at = delay.after(shared.now());
                let (key, place) = (key.clone(), place.clone());
                shared.pending.borrow_mut().push(Pending { at, key, place });
                Err(unknown())
            }
        }
    }
}

/// The service takes the work.
pub fn carry_out(shared: &Shared, key: &AttemptKey, place: &Place) -> SubmissionId {
    let now = shared.now();
    let is_orderly = shared.watch.submitted(key, now);
    let of_it = (key, shared.watch.is_retried(key));
    let fate = shared
        .fates
        .draw(of_it, place, now, &shared.lengths, &shared.faults);
    let mut services = shared.services.borrow_mut();
    let id = services.take(key, place, now, is_orderly, fate);
    shared.watch.trace.mix_text(id.as_str());
    shared
        .watch
        .trace
        .note(now, || format!("  {key} is taken as {id} at {place:?}"));
    id
}

/// The service carries out what it was asked long ago, if the place still takes work.
pub fn carry_out_late(shared: &Shared, pending: &Pending) {
    if shared.services.borrow().takes_work(&pending.place) {
        carry_out(shared, &pending.key, &pending.place);
    }
}

impl Compute for PlatformPorts {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        self.turn(Point::BeforeEffect).await;
        let one = |work: &Submission| {
            self.is_not_a_guess(&work.key);
            let answer = self.submit_one(place, &work.key);
            if matches!(answer, Err(SubmitError::Unknown { .. })) {
                self.unheard.borrow_mut().insert(work.key.clone());
            }
            answer
        };
        let answers = work.iter().map(one).collect();
        // The answer is on its way; whoever is gone by then never hears it.
        self.turn(Point::AfterEffect).await;
        answers
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.asks().await?;
        self.unheard.borrow_mut().remove(key);
        let until = self.listed_until();
        let services = self.shared.services.borrow();
        let there = services
            .of_key(key)
            .filter(|work| work.seen.place == *place);
        let shown = there.filter(|work| work.taken_at <= until);
        Ok(shown.map(|work| work.seen.clone()).collect())
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.asks().await?;
        let services = self.shared.services.borrow();
        let known = ids.iter().filter_map(|id| services.work.get(id));
        let there = known.filter(|work| work.seen.place == *place);
        Ok(there.map(|work| work.seen.clone()).collect())
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        self.asks().await?;
        let until = self.listed_until();
        let services = self.shared.services.borrow();
        let mut listed = Vec::new();
        let mut missing: Vec<&AttemptKey> = wanted.iter().collect();
        let there = Place::Instance(cluster.clone());
        let shown = services.of_place(&there).rev();
        for (at, work) in shown.filter(|work| work.taken_at <= until).enumerate() {
            // Pages of 50: only a whole page is looked at before the next is asked for.
            if at % 50 == 0 && missing.is_empty() && at > 0 {
                break;
            }
            missing.retain(|key| **key != work.seen.key);
            listed.push(work.seen.clone());
        }
        Ok(listed)
    }

    async fn cancel(
        &self,
        _place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        self.turn(Point::BeforeEffect).await;
        if self.shared.faults.strikes(Fault::LookUpFails) {
            return Err(unavailable());
        }
        let now = self.shared.now();
        for id in ids {
            self.shared
                .watch
                .trace
                .note(now, || format!("  {id} is asked to stop: {reason}"));
            if !self.shared.faults.strikes(Fault::CancelIgnored) {
                let at = Seconds(self.shared.lengths.below(60)).after(now);
                self.shared.services.borrow_mut().stop(id, reason, at);
            }
        }
        self.turn(Point::AfterEffect).await;
        Ok(())
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        self.turn(Point::BeforeEffect).await;
        // A request that nobody heard of is never carried out late: a cluster is looked up by name.
        let answer = match self.answer() {
            Answer::Accepted => Ok(self.create(request)),
            Answer::Refused(error) => Err(error),
            Answer::Unheard | Answer::UnheardLate(_) => {
                self.create(request);
                Err(unknown())
            }
            Answer::UnheardLost => Err(unknown()),
        };
        self.turn(Point::AfterEffect).await;
        answer
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        self.asks().await?;
        let until = self.listed_until();
        let services = self.shared.services.borrow();
        let all = services.clusters.values();
        let shown = all.filter(|one| created_since <= one.created_at && one.created_at <= until);
        // As in EMR, the endpoint is told only by describing.
        let listed = shown.map(|cluster| ClusterObservation {
            endpoint: None,
            ..cluster.seen.clone()
        });
        Ok(listed.collect())
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        self.asks().await?;
        let services = self.shared.services.borrow();
        Ok(services
            .clusters
            .get(id)
            .map(|cluster| cluster.seen.clone()))
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        self.turn(Point::BeforeEffect).await;
        if self.shared.faults.strikes(Fault::LookUpFails) {
            return Err(unavailable());
        }
        let now = self.shared.now();
        for id in ids {
            self.shared
                .watch
                .trace
                .note(now, || format!("  {id} is asked to end"));
            let at = Seconds(self.shared.lengths.below(120)).after(now);
            self.shared.services.borrow_mut().end(id, at);
        }
        self.turn(Point::AfterEffect).await;
        Ok(())
    }
}

impl PlatformPorts {
    fn create(&self, request: &ClusterRequest) -> EmrClusterId {
        let (now, faults) = (self.shared.now(), &self.shared.faults);
        let lengths = &self.shared.lengths;
        let late = faults.strikes(Fault::ReadyLate);
        let takes = if late {
            600 + lengths.below(2400)
        } else {
            lengths.below(300)
        };
        let comes_up_as = if faults.strikes(Fault::BootstrapFails) {
            ClusterState::TerminatedWithErrors
        } else {
            ClusterState::Waiting
        };
        let mut services = self.shared.services.borrow_mut();
        let comes_up = (Seconds(takes).after(now), comes_up_as);
        let id = services.create(&request.instance, now, comes_up);
        let instance = &request.instance;
        self.shared
            .watch
            .trace
            .note(now, || format!("  {instance} is taken as {id}"));
        id
    }
}

fn unknown() -> SubmitError {
    SubmitError::Unknown {
        reason: "simulated: timed out".into(),
    }
}

fn unavailable() -> ComputeError {
    ComputeError {
        reason: "simulated: no answer".into(),
    }
}
