//! Lets time pass: work begins and ends, clusters come and go, and events tell of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use local::compute_events::LocalCompute as _;
use model::id::EmrClusterId;
use model::message::{Function, Message};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use ports::{Clock as _, Compute as _};
use tokio::sync::mpsc::UnboundedSender;

use crate::events::{self, Event};
use crate::world::{Reason, World};
use crate::{batch, emr};

/// How soon a call is noticed that changed something.
const LOOK: Duration = Duration::from_millis(20);

/// Takes hold of the world; what a panic left is as good as anything in a test.
pub fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks again and again, for ever.
pub fn run(world: &Mutex<World>, events: &UnboundedSender<Event>) {
    let compute = lock(world).compute.clone();
    loop {
        look(&mut lock(world));
        for event in std::mem::take(&mut lock(world).events) {
            // Nobody to tell means that it is over.
            let _ = events.send(event);
        }
        compute.wait(LOOK);
    }
}

/// Looks once.
pub fn look(world: &mut World) {
    let now = world.clock.now();
    let timer = world.compute.next_timer();
    if timer.is_none_or(|timer| timer > now) && !ended(world) {
        return;
    }
    let mut heard: Vec<(Function, Message)> = Vec::new();
    let mark = match world.compute.advance(now, &mut heard) {
        Ok(mark) => mark,
        Err(error) => return eprintln!("stand-in: {error}"),
    };
    for (_, message) in heard {
        match message {
            Message::Cluster(seen) => cluster(world, seen),
            Message::Work(seen) => work(world, seen),
            other => eprintln!("stand-in: the local compute says {other:?}"),
        }
    }
    if let Err(error) = world.compute.acknowledge(mark) {
        eprintln!("stand-in: {error}");
    }
}

fn ended(world: &World) -> bool {
    world.compute.wait(Duration::ZERO)
}

fn cluster(world: &mut World, seen: ClusterObservation) {
    let at_ms = seen.at.as_millisecond();
    let Some(cluster) = world.clusters.get_mut(seen.id.as_str()) else {
        return;
    };
    let id = cluster.id.clone();
    cluster.state = seen.state;
    cluster.reason = seen.reason.as_deref().map(Reason::read);
    match seen.state {
        ClusterState::Waiting | ClusterState::Running => {
            cluster.ready_ms.get_or_insert(at_ms);
        }
        ClusterState::Terminated | ClusterState::TerminatedWithErrors => {
            cluster.ended_ms = Some(at_ms);
            if cluster.fails_to_bootstrap {
                cluster.reason = Some(Reason {
                    code: "BOOTSTRAP_FAILURE".into(),
                    message:
                        "On the master instance, bootstrap action 1 returned a non-zero return code"
                            .into(),
                });
            }
        }
        ClusterState::Bootstrapping => {
            if cluster.fails_to_bootstrap {
                kill(world, &id, "it was told to fail");
            }
            // EMR tells nobody of this state.
            return;
        }
        ClusterState::Starting | ClusterState::Terminating => {}
    }
    events::cluster(world, &id);
}

/// Pulls a cluster's plug; false when it is not up or coming up.
pub fn kill(world: &World, id: &str, reason: &str) -> bool {
    let killed = world.compute.kill_cluster(&EmrClusterId::from(id), reason);
    killed.expect("the local compute's memory can be written")
}

fn work(world: &mut World, seen: WorkObservation) {
    let id = seen.submission.as_str();
    if let Some(index) = world.steps.iter().position(|step| step.id == id) {
        step(world, index, &seen);
    } else if let Some(index) = world.jobs.iter().position(|job| job.id == id) {
        job(world, index, &seen);
    }
}

fn step(world: &mut World, index: usize, seen: &WorkObservation) {
    let step = &mut world.steps[index];
    step.state = seen.state;
    step.reason.clone_from(&seen.reason);
    moment(&mut step.started_ms, &mut step.ended_ms, seen);
    let failed = seen.state == WorkState::Failed;
    let (action, cluster) = (step.action_on_failure().to_owned(), step.cluster.clone());
    events::step(world, index);
    match action.as_str() {
        "CANCEL_AND_WAIT" if failed => emr::cancel_pending(world, &cluster),
        "TERMINATE_CLUSTER" | "TERMINATE_JOB_FLOW" if failed => {
            emr::terminate_after_failure(world, &cluster);
        }
        _ => {}
    }
}

fn job(world: &mut World, index: usize, seen: &WorkObservation) {
    let job = &mut world.jobs[index];
    job.state = seen.state;
    job.reason.clone_from(&seen.reason);
    moment(&mut job.started_ms, &mut job.ended_ms, seen);
    let status = batch::status(job);
    if seen.state == WorkState::Running {
        events::job(world, index, "STARTING");
    }
    events::job(world, index, status);
}

fn moment(started_ms: &mut Option<i64>, ended_ms: &mut Option<i64>, seen: &WorkObservation) {
    let at_ms = seen.at.as_millisecond();
    match seen.state {
        WorkState::Pending => {}
        WorkState::Running => *started_ms = Some(at_ms),
        WorkState::Succeeded
        | WorkState::Failed
        | WorkState::Cancelled
        | WorkState::Interrupted => *ended_ms = Some(at_ms),
    }
}

/// Stops all work, and waits until it has.
pub fn stop_all(world: &Mutex<World>) {
    let compute = lock(world).compute.clone();
    {
        let world = lock(world);
        let clusters: Vec<EmrClusterId> = world
            .clusters
            .keys()
            .map(|id| EmrClusterId::from(id.as_str()))
            .collect();
        for id in &clusters {
            // It may be gone already.
            let _ = world.compute.kill_cluster(id, "the stand-in is stopped");
        }
        for job in world.jobs.iter().filter(|job| !job.state.is_terminal()) {
            let place = model::task::Place::Queue(job.queue.clone());
            let ids = [model::id::SubmissionId::from(job.id.as_str())];
            let _ = pollster::block_on(world.compute.cancel(&place, &ids, "stopped"));
        }
    }
    // The drive goes on meanwhile; it ends what is to be stopped.
    for _ in 0..500 {
        if compute.in_flight() == 0 {
            return;
        }
        std::thread::sleep(LOOK);
    }
}
