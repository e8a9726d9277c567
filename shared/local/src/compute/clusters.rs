//! How clusters come and go: EMR's states, its asynchronous terminate, its auto-termination.

use std::collections::BTreeMap;

use model::Timestamp;
use model::id::EmrClusterId;
use model::observation::ClusterState;
use model::task::Place;

use super::faults::Fate;
use super::record::{ClusterRow, Stop, StopCause};
use super::state::{Open, State};
use super::turn::Turn;

/// Moves every cluster to where it is now.
pub fn forward(state: &mut State, turn: &mut Turn<'_>) {
    let State { clusters, open, .. } = state;
    for cluster in clusters.values_mut() {
        while let Some(next) = next_state(cluster, open, turn) {
            enter(cluster, next, open, turn);
        }
    }
    clusters.retain(|_, cluster| !cluster.is_over());
}

/// Tells clusters that have come to work from those that wait for some.
pub fn note_activity(state: &mut State, turn: &mut Turn<'_>) {
    let State { clusters, open, .. } = state;
    for cluster in clusters
        .values_mut()
        .filter(|cluster| cluster.state.is_up())
    {
        let busy = open_at(open, &cluster.id).any(|open| !open.running.is_empty());
        let actual = if busy {
            ClusterState::Running
        } else {
            ClusterState::Waiting
        };
        if cluster.state != actual {
            cluster.state = actual;
            cluster.at = turn.now;
            turn.cluster_changed(cluster);
        }
    }
}

/// Begins to end a cluster; one that is ending already is left alone.
pub fn terminate(cluster: &mut ClusterRow, reason: String, at: Timestamp, turn: &mut Turn<'_>) {
    if cluster.state.is_ending() {
        return;
    }
    cluster.state = ClusterState::Terminating;
    cluster.reason = Some(reason);
    cluster.at = at;
    cluster.next_at = Some(turn.configuration.clusters.terminating.after(at));
    turn.cluster_changed(cluster);
}

/// Asks for the end of everything open on a cluster, or hastens it.
pub fn stop_steps(
    open: &mut BTreeMap<u64, Open>,
    cluster: &EmrClusterId,
    stop: &Stop,
    turn: &mut Turn<'_>,
) {
    let place = Place::Instance(cluster.clone());
    for step in open.values_mut().filter(|step| step.row.place == place) {
        match &mut step.row.stop {
            Some(earlier) => earlier.at_once |= stop.at_once,
            none => *none = Some(stop.clone()),
        }
        turn.changes.submissions.push(step.row.clone());
    }
}

/// The instant of the next change that comes by itself.
pub fn next_timer(cluster: &ClusterRow, open: &BTreeMap<u64, Open>) -> Option<Timestamp> {
    let idle = idle_until(cluster, open);
    cluster.next_at.into_iter().chain(idle).min()
}

/// A state to enter, since when, and why.
struct Next {
    state: ClusterState,
    at: Timestamp,
    reason: Option<String>,
    /// When the state after it comes by itself.
    next_at: Option<Timestamp>,
}

fn next_state(cluster: &ClusterRow, open: &BTreeMap<u64, Open>, turn: &Turn<'_>) -> Option<Next> {
    let habits = &turn.configuration.clusters;
    let fails = |at, reason: String| Next {
        state: ClusterState::TerminatedWithErrors,
        at,
        reason: Some(reason),
        next_at: None,
    };
    if let Some(reason) = cluster.killed.as_ref().filter(|_| !cluster.is_over()) {
        return Some(fails(turn.now, format!("INSTANCE_FAILURE: {reason}")));
    }
    if let Some(at) = idle_until(cluster, open).filter(|at| *at <= turn.now) {
        let idle = cluster.auto_termination;
        return Some(Next {
            state: ClusterState::Terminating,
            at,
            reason: Some(format!(
                "ALL_STEPS_COMPLETED: terminated by itself after {idle} without work"
            )),
            next_at: Some(habits.terminating.after(at)),
        });
    }
    let at = cluster.next_at.filter(|at| *at <= turn.now)?;
    match cluster.state {
        ClusterState::Starting => Some(Next {
            state: ClusterState::Bootstrapping,
            at,
            reason: None,
            next_at: Some(habits.bootstrapping.after(at)),
        }),
        ClusterState::Bootstrapping => Some(match cluster.fate {
            Fate::FailsToStart => fails(at, "BOOTSTRAP_FAILURE: it was told to fail".into()),
            Fate::Lives => up(at, None),
            Fate::Dies(after) => up(at, Some(after.after(at))),
        }),
        ClusterState::Running | ClusterState::Waiting => {
            Some(fails(at, "INSTANCE_FAILURE: it was told to die".into()))
        }
        ClusterState::Terminating => Some(Next {
            state: ClusterState::Terminated,
            at,
            reason: cluster.reason.clone(),
            next_at: None,
        }),
        ClusterState::Terminated | ClusterState::TerminatedWithErrors => None,
    }
}

fn up(at: Timestamp, next_at: Option<Timestamp>) -> Next {
    Next {
        state: ClusterState::Waiting,
        at,
        reason: None,
        next_at,
    }
}

fn enter(
    cluster: &mut ClusterRow,
    next: Next,
    open: &mut BTreeMap<u64, Open>,
    turn: &mut Turn<'_>,
) {
    cluster.state = next.state;
    cluster.at = next.at;
    cluster.reason = next.reason;
    cluster.next_at = next.next_at;
    turn.cluster_changed(cluster);
    let cause = match next.state {
        ClusterState::Terminated => StopCause::Asked,
        ClusterState::TerminatedWithErrors => StopCause::ClusterDied,
        ClusterState::Starting
        | ClusterState::Bootstrapping
        | ClusterState::Running
        | ClusterState::Waiting
        | ClusterState::Terminating => return,
    };
    let reason = cluster.reason.as_deref().unwrap_or("no reason is known");
    let stop = Stop {
        reason: format!("the cluster ended: {reason}"),
        cause,
        at_once: true,
    };
    stop_steps(open, &cluster.id, &stop, turn);
}

/// When a cluster without work ends by itself.
fn idle_until(cluster: &ClusterRow, open: &BTreeMap<u64, Open>) -> Option<Timestamp> {
    let waits = cluster.state == ClusterState::Waiting
        && cluster.auto_termination.0 > 0
        && open_at(open, &cluster.id).next().is_none();
    waits.then(|| cluster.auto_termination.after(cluster.at))
}

fn open_at<'a>(
    open: &'a BTreeMap<u64, Open>,
    cluster: &'a EmrClusterId,
) -> impl Iterator<Item = &'a Open> {
    open.values()
        .filter(move |open| matches!(&open.row.place, Place::Instance(id) if id == cluster))
}
