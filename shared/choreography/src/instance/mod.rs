//! The life of one instance of a cluster, from its claim to its end (rules 9 and 13).
//!
//! Every function takes the item and what happened and gives the item that follows, or a decision.
//! A state's rank never falls and terminal states absorb (rule 6). Must not know ports.

pub mod claim;
pub mod look;
pub mod naming;
pub mod observe;
mod waste;

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::units::Seconds;

pub use self::claim::{Adoption, Resume};
pub use self::look::Look;
pub use self::observe::{Observed, Told};
pub use self::waste::{idle_at, leaked_at, waste};

/// How long a claim of the RunJobFlow call holds; longer than any function runs.
pub const LEASE: Seconds = Seconds(120);

/// After how long reconcile looks at an instance that is not at rest. Shorter than the two minutes
/// between sweeps, so that none is passed over.
pub const LOOK_AGAIN: Seconds = Seconds(90);

/// When reconcile looks at an instance that changes now: no later than it was to look anyway, so that
/// changes one after the other never keep its open work from being looked at (rule 17).
fn look_by(instance: &Instance, now: Timestamp) -> Option<Timestamp> {
    let again = LOOK_AGAIN.after(now);
    Some(instance.due_at.map_or(again, |due| due.min(again)))
}

/// Marks that an instance takes no new work, because its window has ended.
pub fn draining(instance: &Instance, now: Timestamp) -> Instance {
    Instance {
        state: InstanceState::Draining,
        draining_at: Some(now),
        due_at: look_by(instance, now),
        ..instance.clone()
    }
}

/// Marks that the service is asked to end an instance.
pub fn terminating(instance: &Instance, reason: &str, now: Timestamp) -> Instance {
    Instance {
        state: InstanceState::Terminating,
        reason: Some(reason.to_owned()),
        due_at: look_by(instance, now),
        ..instance.clone()
    }
}

/// Ends an instance that never came up.
pub fn never_up(instance: &Instance, reason: String, now: Timestamp) -> Instance {
    Instance {
        state: InstanceState::Failed,
        lease_until: None,
        ended_at: Some(now),
        reason: Some(reason),
        due_at: None,
        ..instance.clone()
    }
}

/// Whether murmur wanted the instance to end by an instant.
fn end_was_due(instance: &Instance, at: Timestamp) -> bool {
    instance.draining_at.is_some() || at >= instance.window_end
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::observation::ClusterState;
    use testkit::night::{instance, minute, seen};

    #[test]
    fn a_change_puts_off_no_look_that_was_due_before() {
        let ready = instance(InstanceState::Ready);
        let now = ready.window_end;
        let due = Seconds(20).after(now);
        let ready = Instance {
            due_at: Some(due),
            ..ready
        };
        let ended = |state| match observe::observe(&ready, &seen("j-1", state, now), now) {
            Observed::Change { instance, .. } => instance.due_at,
            other => panic!("{other:?}"),
        };
        assert_eq!(draining(&ready, now).due_at, Some(due));
        assert_eq!(terminating(&ready, "", now).due_at, Some(due));
        assert_eq!(ended(ClusterState::Terminating), Some(due));
        assert_eq!(ended(ClusterState::Terminated), Some(due));
        let late = Instance {
            due_at: Some(Seconds::hours(1).after(now)),
            ..ready
        };
        assert_eq!(draining(&late, now).due_at, Some(LOOK_AGAIN.after(now)));
    }

    #[test]
    fn each_step_to_its_end_says_why_and_when_and_when_it_is_looked_at_again() {
        use InstanceState::{Draining, Failed, Ready, Requested, Terminating};
        let (now, again) = (minute(185), Some(LOOK_AGAIN.after(minute(185))));
        let ready = Instance {
            lease_until: Some(minute(2)),
            ..instance(Ready)
        };
        let drains = Instance {
            state: Draining,
            draining_at: Some(now),
            due_at: again,
            ..ready.clone()
        };
        assert_eq!(draining(&ready, now), drains);
        let terminates = Instance {
            state: Terminating,
            reason: Some("its window has ended".into()),
            due_at: again,
            ..ready.clone()
        };
        let reason = "its window has ended";
        assert_eq!(terminating(&ready, reason, now), terminates);
        let claimed = Instance {
            lease_until: Some(minute(2)),
            due_at: Some(minute(2)),
            ..instance(Requested)
        };
        let refused = Instance {
            state: Failed,
            lease_until: None,
            ended_at: Some(now),
            reason: Some("refused".into()),
            due_at: None,
            ..claimed.clone()
        };
        assert_eq!(never_up(&claimed, "refused".into(), now), refused);
    }
}
