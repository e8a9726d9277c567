//! Whether an attempt may be claimed now (rule 9).

use model::Timestamp;
use model::fact::TaskReady;
use model::observation::{WorkObservation, WorkState};
use model::task::{Claim, Failures, Task, TaskState};
use model::units::Seconds;

/// How long a submitter has before another may look whether it came through. Longer than any
/// invocation may take.
pub const LEASE: Seconds = Seconds(120);

/// What to do about a ready attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claiming {
    /// Nothing: it was submitted, has ended, or is not the newest any more.
    Stale,
    /// Come back after this long.
    Later(Seconds),
    /// Claim it, with this epoch and what has failed so far in its generation.
    Claim { epoch: u64, failures: Failures },
    /// Somebody claimed it and was not heard of again: look the key up before anything else.
    LookUp { epoch: u64 },
    /// An attempt of an older generation was claimed and not heard of: look it up and stop it,
    /// then claim.
    LookUpOlder,
}

/// How long to wait for an attempt that was asked to stop, before it is looked at again.
pub const STOPPING: Seconds = Seconds(20);

/// Decides about a ready attempt, given the task's item. An attempt of an older generation that
/// may still run is waited for: two never run at once.
pub fn decide(existing: Option<&Task>, ready: &TaskReady, now: Timestamp) -> Claiming {
    let Some(task) = existing else {
        return Claiming::Claim {
            epoch: 1,
            failures: Failures::default(),
        };
    };
    let epoch = task.epoch + 1;
    let lease = task
        .claim
        .as_ref()
        .map_or(Timestamp::MIN, |claim| claim.lease_until);
    let newest = (task.generation, task.attempt);
    if newest > (ready.generation, ready.attempt) {
        return Claiming::Stale;
    }
    if task.generation < ready.generation {
        return over_older(task.state, lease, epoch, now);
    }
    if task.attempt < ready.attempt {
        return Claiming::Stale;
    }
    match task.state {
        TaskState::Claimed if lease > now => Claiming::Later(remaining(lease, now)),
        TaskState::Claimed => Claiming::LookUp { epoch },
        TaskState::Retrying if task.ready_at > now => {
            Claiming::Later(remaining(task.ready_at, now))
        }
        TaskState::Waiting | TaskState::Retrying => Claiming::Claim {
            epoch,
            failures: task.failures,
        },
        TaskState::Submitted
        | TaskState::Running
        | TaskState::Succeeded
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Blocked
        | TaskState::Cancelled => Claiming::Stale,
    }
}

/// Decides over an item of an older generation.
fn over_older(state: TaskState, lease: Timestamp, epoch: u64, now: Timestamp) -> Claiming {
    match state {
        TaskState::Claimed if lease > now => Claiming::Later(remaining(lease, now)),
        TaskState::Claimed => Claiming::LookUpOlder,
        TaskState::Submitted | TaskState::Running => Claiming::Later(STOPPING),
        TaskState::Waiting
        | TaskState::Retrying
        | TaskState::Succeeded
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Blocked
        | TaskState::Cancelled => Claiming::Claim {
            epoch,
            failures: Failures::default(),
        },
    }
}

/// Whole seconds until then, rounded up, at most what a message can carry.
fn remaining(until: Timestamp, now: Timestamp) -> Seconds {
    let milliseconds = until.duration_since(now).as_millis();
    let seconds = u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000);
    Seconds(seconds.clamp(1, 900))
}

/// How far the clocks of two functions, or of a function and a service, may be apart.
pub(crate) const SKEW: Seconds = Seconds(10);

/// Why a submission is stopped that is not its attempt's. Batch gives the reason back in that of a
/// failed job.
pub const STRAY: &str = "not the attempt that counts";

/// Whether what was found at a claim's place under the attempt's key is of this claim. What last
/// changed before is of one that was given up: it came too late, so neither its life nor its failure
/// counts; nor does that of what was stopped, which only a stray is whose id nobody has committed.
/// What succeeded is done, whoever had it.
pub fn is_of_claim(seen: &WorkObservation, claim: &Claim) -> bool {
    let reason = seen.reason.as_deref().unwrap_or_default();
    let was_stopped = seen.state == WorkState::Cancelled || reason.starts_with(STRAY);
    let is_recent = SKEW.after(seen.at) >= claim.since;
    seen.state == WorkState::Succeeded || (is_recent && !was_stopped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::task::Place;

    fn instant(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn task(state: TaskState, generation: u32, attempt: u32) -> Task {
        let place = Place::Queue("light".into());
        let claim = Claim {
            since: Timestamp::UNIX_EPOCH,
            lease_until: instant(100),
            place,
            instance: None,
            limits: vec![],
            seeks: Vec::new(),
        };
        Task {
            run: "team--flow--slot".into(),
            task: "clean".parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            state,
            generation,
            attempt,
            failures: Failures {
                application: 1,
                infrastructure: 0,
            },
            epoch: 4,
            claim: Some(claim),
            submission: None,
            cluster: None,
            reason: None,
            ready_at: instant(100),
            submitted_at: None,
            started_at: None,
            ended_at: None,
            failure: None,
            stopping: None,
            due_at: None,
        }
    }

    #[test]
    fn an_attempt_is_claimed_once_and_looked_up_before_it_is_claimed_again() {
        use TaskState::{Cancelled, Claimed, Failed, Retrying, Running, Submitted, Waiting};
        let kept = Failures {
            application: 1,
            infrastructure: 0,
        };
        let claim = Claiming::Claim {
            epoch: 5,
            failures: kept,
        };
        let anew = Claiming::Claim {
            epoch: 5,
            failures: Failures::default(),
        };
        let later = |seconds| Claiming::Later(Seconds(seconds));
        // state, generation, attempt, now; the message is for generation 2, attempt 2
        let table = [
            (Waiting, 2, 2, 50, claim),
            (Retrying, 2, 2, 50, later(50)),
            (Retrying, 2, 2, 100, claim),
            (Claimed, 2, 2, 50, later(50)),
            (Claimed, 2, 2, 100, Claiming::LookUp { epoch: 5 }),
            (Submitted, 2, 2, 100, Claiming::Stale),
            (Running, 2, 2, 100, Claiming::Stale),
            (Failed, 2, 2, 100, Claiming::Stale),
            (Waiting, 2, 3, 100, Claiming::Stale),
            (Waiting, 3, 1, 100, Claiming::Stale),
            (Running, 2, 1, 100, Claiming::Stale),
            (Waiting, 2, 1, 100, Claiming::Stale),
            // an older generation: what has ended or never began gives way, the rest is waited for
            (Failed, 1, 3, 50, anew),
            (Cancelled, 1, 1, 50, anew),
            (Waiting, 1, 1, 50, anew),
            (Running, 1, 1, 50, Claiming::Later(STOPPING)),
            (Claimed, 1, 1, 50, later(50)),
            (Claimed, 1, 1, 100, Claiming::LookUpOlder),
        ];
        let ready = TaskReady {
            run: "team--flow--slot".into(),
            task: "clean".parse().unwrap(),
            generation: 2,
            attempt: 2,
            since: instant(0),
            released_by: None,
        };
        for (state, generation, attempt, now, expected) in table {
            let decided = decide(
                Some(&task(state, generation, attempt)),
                &ready,
                instant(now),
            );
            assert_eq!(
                decided, expected,
                "{state:?} {generation}-{attempt} at {now}"
            );
        }
        let first = Claiming::Claim {
            epoch: 1,
            failures: Failures::default(),
        };
        assert_eq!(decide(None, &ready, instant(0)), first);
    }

    #[test]
    fn what_ended_before_the_claim_is_of_one_that_was_given_up() {
        let key = task(TaskState::Claimed, 1, 1).attempt_key();
        let claim = Claim {
            since: instant(1000),
            ..task(TaskState::Claimed, 1, 1).claim.unwrap()
        };
        let found = |state, at, reason: &str| WorkObservation {
            key: key.clone(),
            place: Place::Queue("light".into()),
            submission: "a".into(),
            state,
            reason: Some(reason.to_owned()),
            at: instant(at),
        };
        let stopped = format!("{STRAY}; exit code 143");
        let table = [
            (WorkState::Failed, 900, "", false),
            (WorkState::Running, 900, "", false),
            (WorkState::Pending, 989, "", false),
            // Within what clocks may differ.
            (WorkState::Pending, 990, "", true),
            (WorkState::Failed, 1001, "exit code 143", true),
            (WorkState::Failed, 1001, &stopped, false),
            (WorkState::Cancelled, 1001, "", false),
            (WorkState::Succeeded, 900, "", true),
        ];
        for (state, at, reason, expected) in table {
            let found = found(state, at, reason);
            assert_eq!(is_of_claim(&found, &claim), expected, "{found:?}");
        }
    }
}
