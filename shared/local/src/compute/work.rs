//! How work is taken up, stopped and ends: EMR's and Batch's states and words.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Timestamp;
use model::observation::WorkState;
use model::task::Place;
use rustix::process::Signal;

use super::directory::How;
use super::process::{End, ProcessError};
use super::record::{Stop, StopCause, SubmissionRow};
use super::state::{Hold, Open, State, Stopping, Unit, concurrency};
use super::turn::{Effect, Turn};

/// Finds processes that have ended and, with the last of each, ends the submission.
pub fn collect(state: &mut State, turn: &mut Turn<'_>) -> Result<(), ProcessError> {
    for open in state.open.values_mut() {
        let mut ended = Vec::new();
        for (index, unit) in &mut open.running {
            let end = match &mut unit.hold {
                Hold::Starting => None,
                Hold::Started(process) => process.end()?,
                Hold::Failed(reason) => Some(End::NeverBegan(reason.clone())),
            };
            if let Some(end) = end {
                ended.push((*index, end));
            }
        }
        for (index, end) in ended {
            let unit = open.running.remove(&index).expect("it was just there");
            let (verdict, at) = judge(&open.row, &unit, &end, turn.now);
            end_unit(open, verdict, at, turn);
        }
    }
    Ok(())
}

/// Sends signals to what is to end, and ends what never began.
pub fn stop(state: &mut State, turn: &mut Turn<'_>) -> Result<(), ProcessError> {
    for (sequence, open) in &mut state.open {
        if open.row.state.is_terminal() {
            continue;
        }
        if let Some(stop) = open.row.stop.clone() {
            open.give_up_pending(turn.data, turn.now)?;
            if open.running.is_empty() {
                let verdict = stopped(&open.row.place, &stop, StopCause::Asked);
                finish(&mut open.row, verdict, turn.now, turn);
                continue;
            }
        }
        for (index, unit) in &mut open.running {
            let overdue = unit.overdue_at(&open.row).is_some_and(|at| at <= turn.now);
            if open.row.stop.is_none() && !overdue {
                continue;
            }
            let at_once = open.row.stop.as_ref().is_some_and(|stop| stop.at_once);
            let grace = turn.configuration.grace;
            let stopping = unit
                .stopping
                .get_or_insert_with(|| Stopping::begin(turn.now, grace));
            if at_once && stopping.kill_from > turn.now {
                stopping.kill_from = turn.now;
                stopping.next_at = turn.now;
            }
            if stopping.next_at <= turn.now {
                let kill = stopping.kill_from <= turn.now;
                turn.effects.push(Effect::Signal {
                    sequence: *sequence,
                    index: *index,
                    signal: if kill { Signal::KILL } else { Signal::TERM },
                });
            }
        }
    }
    Ok(())
}

/// Starts what there is room for, first come, first served at each place.
pub fn start(state: &mut State, turn: &mut Turn<'_>) {
    let mut running: BTreeMap<Place, usize> = BTreeMap::new();
    for open in state.open.values() {
        *running.entry(open.row.place.clone()).or_default() += open.running.len();
    }
    let mut total: usize = running.values().sum();
    let most = turn.configuration.max_processes.unwrap_or(usize::MAX);
    for (sequence, open) in &mut state.open {
        if open.pending.is_empty() {
            continue;
        }
        let here = running.entry(open.row.place.clone()).or_default();
        let limit = concurrency(turn.configuration, &state.clusters, &open.row.place);
        while *here < limit && total < most {
            let Some(index) = open.pending.pop_front() else {
                break;
            };
            let unit = Unit {
                started_at: turn.now,
                hold: Hold::Starting,
                stopping: None,
            };
            open.running.insert(index, unit);
            turn.effects.push(Effect::Start {
                sequence: *sequence,
                index,
            });
            *here += 1;
            total += 1;
            if open.row.state == WorkState::Pending {
                open.row.state = WorkState::Running;
                open.row.at = turn.now;
                turn.submission_changed(&open.row);
            }
        }
    }
}

/// The instant at which an open submission wants to be looked at.
pub fn next_timer(open: &Open) -> Option<Timestamp> {
    let units = open.running.values();
    units
        .filter_map(|unit| match unit.stopping {
            Some(stopping) => Some(stopping.next_at),
            None => unit.overdue_at(&open.row),
        })
        .min()
}

/// A state to end in, and why.
type Verdict = (WorkState, Option<String>);

fn end_unit(open: &mut Open, verdict: Verdict, at: Timestamp, turn: &mut Turn<'_>) {
    let at = open.ended_at.map_or(at, |other| other.max(at));
    open.ended_at = Some(at);
    if verdict.0 != WorkState::Succeeded {
        open.failures += 1;
    }
    if !open.running.is_empty() || !open.pending.is_empty() {
        return;
    }
    let verdict = match (open.row.array_size, &open.row.stop) {
        (None, _) => verdict,
        // The parent of an array says only that some child failed; the children say how.
        (Some(_), None) if open.failures == 0 => (WorkState::Succeeded, None),
        (Some(size), None) => {
            let failures = open.failures;
            let reason = format!("Array Child Job failed: {failures} of {size}");
            (WorkState::Failed, Some(reason))
        }
        (Some(_), Some(stop)) => stopped(&open.row.place, stop, stop.cause),
    };
    finish(&mut open.row, verdict, at, turn);
}

fn finish(row: &mut SubmissionRow, verdict: Verdict, at: Timestamp, turn: &mut Turn<'_>) {
    (row.state, row.reason) = verdict;
    // A clock that was set back must not make work end before it began.
    row.at = at.max(row.at);
    turn.submission_changed(row);
}

/// What the service says of a process that ended so, and when it ended.
fn judge(row: &SubmissionRow, unit: &Unit, end: &End, now: Timestamp) -> (Verdict, Timestamp) {
    let exit = match end {
        End::Exited(exit) => exit,
        End::NeverBegan(reason) => return (host_lost(&row.place, reason), now),
        End::Lost => {
            let verdict = match &row.stop {
                Some(stop) => stopped(&row.place, stop, stop.cause),
                None => host_lost(&row.place, "host lost"),
            };
            return (verdict, now);
        }
    };
    let elapsed = Duration::from_millis(exit.elapsed_ms);
    let at = unit
        .started_at
        .saturating_add(elapsed)
        .map_or(now, |at| at.min(now));
    let success = exit.how == How::Code(0);
    let signalled = unit.stopping.is_some_and(|stopping| stopping.reached);
    let overdue = unit.overdue_at(row).is_some_and(|limit| limit <= at);
    let verdict = match &row.stop {
        // What had succeeded before anybody could stop it has succeeded.
        _ if success && !signalled => (WorkState::Succeeded, None),
        Some(stop) => stopped(&row.place, stop, stop.cause),
        None if overdue || signalled => {
            let reason = "Job attempt duration exceeded timeout".to_owned();
            (WorkState::Failed, Some(reason))
        }
        None => (WorkState::Failed, Some(failure(&exit.how))),
    };
    (verdict, at)
}

fn failure(how: &How) -> String {
    match how {
        How::Code(code) => format!("exit code {code}"),
        How::Signal(signal) => format!("killed by signal {signal}"),
        How::NotStarted(reason) => reason.clone(),
    }
}

/// Batch knows no cancelled jobs: they have failed, with the reason that was given.
fn stopped(place: &Place, stop: &Stop, cause: StopCause) -> Verdict {
    let state = match (place, cause) {
        (Place::Queue(_), _) => WorkState::Failed,
        (Place::Instance(_), StopCause::Asked) => WorkState::Cancelled,
        (Place::Instance(_), StopCause::ClusterDied) => WorkState::Interrupted,
    };
    (state, Some(stop.reason.clone()))
}

/// In the words by which Batch users tell lost hosts from failed jobs.
fn host_lost(place: &Place, reason: &str) -> Verdict {
    match place {
        Place::Queue(_) => {
            let reason = format!("Host EC2 (instance localhost) terminated: {reason}");
            (WorkState::Failed, Some(reason))
        }
        Place::Instance(_) => (WorkState::Interrupted, Some(reason.into())),
    }
}
