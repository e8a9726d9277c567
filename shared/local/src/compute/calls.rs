//! The services' calls, as the port asks for them.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::Endpoint;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::units::Seconds;
use model::work::Submission;
use ports::{Clock, ClusterRequest, Compute, ComputeError, SubmitError};

use super::configuration::LocalConfiguration;
use super::database::DatabaseError;
use super::directory::WorkDirectory;
use super::faults::SubmitAnswer;
use super::launch::Launch;
use super::record::{ClusterRow, Stop, StopCause, SubmissionRow};
use super::service::{ProcessCompute, Services};
use super::state::{Open, State, StateError};
use super::turn::Turn;
use super::{admission, clusters, identity, launch};

/// Entries of one page of a list, as EMR has it.
const PAGE: u32 = 50;

impl From<DatabaseError> for ComputeError {
    fn from(error: DatabaseError) -> Self {
        Self {
            reason: error.to_string(),
        }
    }
}

impl<C: Clock> Compute for ProcessCompute<C> {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        let now = self.clock.now();
        let mut services = self.lock();
        match place {
            Place::Instance(cluster) => services.add_steps(cluster, work, now),
            Place::Queue(_) => {
                let one_by_one = work.iter();
                one_by_one
                    .map(|job| services.submit_job(place, job, now))
                    .collect()
            }
        }
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Ok(observations(self.lock().database.under_key(place, key)?))
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let mut found = self.lock().database.by_id(ids)?;
        found.retain(|row| row.place == *place);
        Ok(observations(found))
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let services = self.lock();
        let place = Place::Instance(cluster.clone());
        let mut listed: Vec<SubmissionRow> = Vec::new();
        loop {
            let before = listed.last().map_or(u64::MAX >> 1, |row| row.sequence);
            let page = services.database.newest(&place, before, PAGE)?;
            let is_last = page.len() < PAGE as usize;
            listed.extend(page);
            let seen = |key: &AttemptKey| listed.iter().any(|row| row.key == *key);
            if is_last || wanted.iter().all(seen) {
                return Ok(observations(listed));
            }
        }
    }

    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        let now = self.clock.now();
        let cancelled = self.lock().change(now, |state, turn| {
            let named = |open: &&mut Open| open.row.place == *place && ids.contains(&open.row.id);
            for open in state.open.values_mut().filter(named) {
                open.row.stop.get_or_insert_with(|| Stop {
                    reason: reason.into(),
                    cause: StopCause::Asked,
                    at_once: false,
                });
                turn.changes.submissions.push(open.row.clone());
            }
        });
        Ok(cancelled?)
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        let now = self.clock.now();
        let mut services = self.lock();
        let answer = services.faults.next_answer();
        before_effect(answer)?;
        let id = services.run_job_flow(request, now).map_err(unknown)?;
        after_effect(answer)?;
        Ok(id)
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        let rows = self.lock().database.clusters_since(created_since)?;
        Ok(rows.iter().map(ClusterRow::observation).collect())
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        let services = self.lock();
        let Some(row) = services.database.cluster(id)? else {
            return Ok(None);
        };
        Ok(Some(ClusterObservation {
            endpoint: endpoint(&services.configuration, &row),
            ..row.observation()
        }))
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        let now = self.clock.now();
        let asked = self.lock().change(now, |state, turn| {
            for id in ids {
                let State { clusters, open, .. } = state;
                let Some(cluster) = clusters.get_mut(id) else {
                    continue;
                };
                let reason = "USER_REQUEST: terminated by user request";
                clusters::terminate(cluster, reason.into(), now, turn);
                let stop = Stop {
                    reason: format!("the cluster is terminating: {reason}"),
                    cause: StopCause::Asked,
                    at_once: false,
                };
                clusters::stop_steps(open, id, &stop, turn);
            }
        });
        Ok(asked?)
    }
}

impl Services {
    /// AddJobFlowSteps: what is wrong is refused, the rest is taken as a whole or not at all.
    fn add_steps(
        &mut self,
        cluster: &EmrClusterId,
        work: &[Submission],
        now: Timestamp,
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        let answer = self.faults.next_answer();
        let checked: Vec<_> = work.iter().map(admission::check_step).collect();
        let sound = checked.iter().filter(|step| step.is_ok()).count();
        let admitted = before_effect(answer).and_then(|()| self.admit(cluster, sound));
        if let Err(error) = admitted {
            return work.iter().map(|_| Err(error.clone())).collect();
        }
        let place = Place::Instance(cluster.clone());
        let steps: Vec<(&Submission, Launch)> = work
            .iter()
            .zip(&checked)
            .filter_map(|(submission, argv)| {
                let argv = argv.as_ref().ok()?;
                let launch = launch::step(&self.configuration, &submission.key, argv);
                Some((submission, launch))
            })
            .collect();
        let taken = self
            .take(&place, &steps, now)
            .map_err(unknown)
            .and_then(|ids| after_effect(answer).map(|()| ids));
        let mut ids = taken.map(Vec::into_iter);
        checked
            .into_iter()
            .map(|step| {
                step?;
                match &mut ids {
                    Ok(ids) => Ok(ids.next().expect("every sound step was given an id")),
                    Err(error) => Err(error.clone()),
                }
            })
            .collect()
    }

    fn admit(&mut self, cluster: &EmrClusterId, steps: usize) -> Result<(), SubmitError> {
        let lost = |error: StateError| SubmitError::Throttled {
            reason: error.to_string(),
        };
        let state = self.state().map_err(lost)?;
        let Some(row) = state.clusters.get(cluster) else {
            let reason =
                format!("InvalidRequestException: cluster `{cluster}` is not there (any more)");
            return Err(SubmitError::Gone { reason });
        };
        admission::takes_steps(row.state)?;
        let place = Place::Instance(cluster.clone());
        admission::has_room(state.at(&place).count(), steps)
    }

    /// SubmitJob.
    fn submit_job(
        &mut self,
        place: &Place,
        job: &Submission,
        now: Timestamp,
    ) -> Result<SubmissionId, SubmitError> {
        let answer = self.faults.next_answer();
        before_effect(answer)?;
        let spec = admission::check_job(job)?;
        let launch = launch::job(&self.configuration, &job.key, spec).map_err(|error| {
            SubmitError::Refused {
                reason: error.to_string(),
            }
        })?;
        let ids = self.take(place, &[(job, launch)], now).map_err(unknown)?;
        after_effect(answer)?;
        Ok(ids.into_iter().next().expect("one job was taken"))
    }

    /// Keeps submissions; they start at the next look.
    fn take(
        &mut self,
        place: &Place,
        work: &[(&Submission, Launch)],
        now: Timestamp,
    ) -> Result<Vec<SubmissionId>, StateError> {
        self.change(now, |state, turn| {
            let rows = work.iter().map(|(submission, launch)| {
                let row = new_row(place, submission, launch, turn);
                turn.changes.submissions.push(row.clone());
                let id = row.id.clone();
                state.open.insert(row.sequence, Open::new(row));
                id
            });
            rows.collect()
        })
    }

    /// RunJobFlow.
    fn run_job_flow(
        &mut self,
        request: &ClusterRequest,
        now: Timestamp,
    ) -> Result<EmrClusterId, StateError> {
        let cluster = &request.instance.cluster;
        let earlier = self.database.count_instances(&cluster.to_string())?;
        let faults = self.configuration.cluster_faults.get(cluster);
        let fate = faults.cloned().unwrap_or_default().fate(earlier);
        let starting = self.configuration.clusters.starting;
        let spec = &request.cluster;
        self.change(now, |state, turn| {
            let row = ClusterRow {
                id: identity::cluster(turn.next_sequence()),
                instance: request.instance.clone(),
                state: ClusterState::Starting,
                reason: None,
                created_at: now,
                at: now,
                step_concurrency: usize::try_from(spec.step_concurrency).unwrap_or(usize::MAX),
                applications: spec.emr.applications.clone(),
                auto_termination: spec.emr.auto_termination,
                fate,
                next_at: Some(starting.after(now)),
                killed: None,
            };
            turn.cluster_changed(&row);
            let id = row.id.clone();
            state.clusters.insert(id.clone(), row);
            id
        })
    }
}

fn new_row(
    place: &Place,
    submission: &Submission,
    launch: &Launch,
    turn: &mut Turn<'_>,
) -> SubmissionRow {
    let (sequence, id) = loop {
        let sequence = turn.next_sequence();
        let id = match place {
            Place::Instance(_) => identity::step(sequence),
            Place::Queue(_) => identity::job(sequence),
        };
        // A directory outlives a database that somebody deleted; its end is not this one's end.
        let directory = WorkDirectory::of(turn.data, &submission.key, &id, None);
        if !directory.path().exists() {
            break (sequence, id);
        }
    };
    let (timeout, array_size): (Option<Seconds>, Option<u32>) = match &submission.work {
        // EMR enforces none.
        model::work::Work::Step { .. } => (None, None),
        model::work::Work::Job(spec) => (submission.timeout, spec.array_size),
    };
    SubmissionRow {
        sequence,
        id,
        key: submission.key.clone(),
        place: place.clone(),
        state: WorkState::Pending,
        reason: None,
        submitted_at: turn.now,
        at: turn.now,
        timeout,
        array_size,
        launch: launch.clone(),
        stop: None,
    }
}

fn observations(rows: Vec<SubmissionRow>) -> Vec<WorkObservation> {
    rows.iter().map(SubmissionRow::observation).collect()
}

fn endpoint(configuration: &LocalConfiguration, cluster: &ClusterRow) -> Option<Endpoint> {
    let known = &configuration.clusters.ports;
    let port = |application: &String| {
        let name = application.to_ascii_lowercase();
        let port = known.get(&name).copied();
        port.map(|port| (name, port))
    };
    cluster.state.is_up().then(|| Endpoint {
        name: None,
        // Every name under `localhost` is this machine (RFC 6761).
        master_dns: format!("{}.localhost", cluster.id.as_str().to_ascii_lowercase()),
        private_ip: Some("127.0.0.1".into()),
        ports: cluster.applications.iter().filter_map(port).collect(),
    })
}

fn before_effect(answer: SubmitAnswer) -> Result<(), SubmitError> {
    match answer {
        SubmitAnswer::True | SubmitAnswer::UnknownButDone => Ok(()),
        SubmitAnswer::Throttled => Err(SubmitError::Throttled {
            reason: "ThrottlingException: rate exceeded".into(),
        }),
        SubmitAnswer::UnknownAndNotDone => after_effect(SubmitAnswer::UnknownButDone),
    }
}

fn after_effect(answer: SubmitAnswer) -> Result<(), SubmitError> {
    match answer {
        SubmitAnswer::UnknownButDone => Err(SubmitError::Unknown {
            reason: "the call timed out".into(),
        }),
        SubmitAnswer::True | SubmitAnswer::Throttled | SubmitAnswer::UnknownAndNotDone => Ok(()),
    }
}

/// A commit that failed may have happened.
fn unknown(error: StateError) -> SubmitError {
    SubmitError::Unknown {
        reason: error.to_string(),
    }
}
