//! Claiming the request for an instance, and whose the answer is (rule 9).

use std::collections::BTreeMap;

use model::Timestamp;
use model::cluster::{Instance, InstanceKey, InstanceState, Waste};
use model::definition::Cluster;
use model::id::{DefinitionHash, EmrClusterId, digest};
use model::observation::ClusterObservation;
use model::units::Seconds;

use super::{LEASE, LOOK_AGAIN};
use crate::window::Window;

/// The item of a claim: it is written before the service is asked, and pins all that is needed to
/// end the instance.
pub fn claimed(
    key: &InstanceKey,
    definition: &Cluster,
    hash: &DefinitionHash,
    window: Window,
    now: Timestamp,
) -> Instance {
    let lease_until = LEASE.after(now);
    Instance {
        instance: key.clone(),
        team: key.cluster.team.clone(),
        cluster: key.cluster.name.clone(),
        state: InstanceState::Requested,
        definition: hash.clone(),
        tags: definition.tags.clone(),
        step_concurrency: definition.step_concurrency,
        window_start: window.start,
        window_end: window.end,
        drain_until: definition.drain.after(window.end),
        epoch: 1,
        lease_until: Some(lease_until),
        id: None,
        endpoint: None,
        requested_at: now,
        ready_at: None,
        draining_at: None,
        ended_at: None,
        reason: None,
        due_at: Some(lease_until),
        idle_after: definition.idle_after,
        waste: Waste::default(),
    }
}

/// The record that a window gets no instance: terminal from the start, without id, tags or ready
/// instant, so nothing takes it for one.
pub fn skipped(
    key: &InstanceKey,
    definition: &Cluster,
    hash: &DefinitionHash,
    window: Window,
    reason: String,
    now: Timestamp,
) -> Instance {
    Instance {
        state: InstanceState::Terminated,
        tags: BTreeMap::new(),
        epoch: 0,
        lease_until: None,
        ended_at: Some(now),
        reason: Some(reason),
        due_at: None,
        ..claimed(key, definition, hash, window, now)
    }
}

/// Claims the request once more, after the earlier claim proved to have had no effect.
pub fn reclaimed(instance: &Instance, now: Timestamp) -> Instance {
    let lease_until = LEASE.after(now);
    Instance {
        epoch: instance.epoch + 1,
        lease_until: Some(lease_until),
        due_at: Some(lease_until),
        ..instance.clone()
    }
}

/// Gives a claim back whose request had no effect; anyone may claim again at once.
pub fn released(instance: &Instance, now: Timestamp) -> Instance {
    Instance {
        lease_until: None,
        due_at: Some(LOOK_AGAIN.after(now)),
        ..instance.clone()
    }
}

/// How long to stay away when the service throttles requests, by how often the message came:
/// doubling from 15 s to 4 min, jitter drawn from the key.
pub fn throttled(key: &InstanceKey, receives: u32) -> Seconds {
    let most = 15_u64 << receives.saturating_sub(1).min(4);
    let hash = digest([key.to_string().as_str()]);
    let drawn = u64::from_str_radix(&hash[..15], 16).expect("a digest is hexadecimal");
    Seconds(most / 2 + drawn % (most / 2 + 1))
}

/// What to do about a request for an instance that somebody began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It has an answer, or is not wanted any more.
    Settled,
    /// Another submitter may be at it.
    Wait(Seconds),
    /// Whether the earlier request took effect is not known: look the name up.
    LookUp,
    /// No request is on its way, and none had effect: claim it.
    Claim,
    /// As before, but its window is not worth an instance any more.
    TooLate,
}

/// Decides how to go on with an instance's request.
pub fn resume(instance: &Instance, now: Timestamp) -> Resume {
    match instance.state {
        InstanceState::Starting
        | InstanceState::Ready
        // Without an id, terminate-cluster looks it up.
        | InstanceState::Draining
        | InstanceState::Terminating
        | InstanceState::Terminated
        | InstanceState::Failed => Resume::Settled,
        InstanceState::Requested => match instance.lease_until {
            Some(lease) if lease > now => Resume::Wait(wait(now, lease)),
            Some(_) => Resume::LookUp,
            None => without_effect(instance, now),
        },
    }
}

/// Decides how to go on once it is known that no earlier request had effect.
pub fn without_effect(instance: &Instance, now: Timestamp) -> Resume {
    if Window::of(instance).is_worthwhile(now) {
        Resume::Claim
    } else {
        Resume::TooLate
    }
}

/// Whole seconds until an instant that is still to come, rounded up.
pub(crate) fn wait(now: Timestamp, until: Timestamp) -> Seconds {
    Seconds(Seconds::between(now, until).0 + 1)
}

/// Whose an id is that the service gave for an instance's name.
#[derive(Debug, Clone, PartialEq)]
pub enum Adoption {
    /// The first: once this item is committed, the id is the instance.
    Commit(Box<Instance>),
    /// It is the instance already.
    Known,
    /// Another id came first, or the instance has ended: a stray.
    Stray,
}

/// Decides about an id.
pub fn adopt(instance: &Instance, id: &EmrClusterId, now: Timestamp) -> Adoption {
    match &instance.id {
        Some(known) if known == id => Adoption::Known,
        Some(_) => Adoption::Stray,
        None if instance.state.is_terminal() => Adoption::Stray,
        None => Adoption::Commit(Box::new(Instance {
            state: instance.state.max(InstanceState::Starting),
            id: Some(id.clone()),
            lease_until: None,
            due_at: Some(LOOK_AGAIN.after(now)),
            ..instance.clone()
        })),
    }
}

/// Chooses, of all that bear an instance's name, the one to adopt: what still lives goes first,
/// then the smallest id, so that everyone chooses the same.
pub fn choose<'a>(
    named: impl IntoIterator<Item = &'a ClusterObservation>,
) -> Option<&'a ClusterObservation> {
    named
        .into_iter()
        .min_by_key(|seen| (seen.state.is_ending(), &seen.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::observation::ClusterState;
    use testkit::night::{self, cluster, instance, seen};

    fn after(seconds: u64) -> Timestamp {
        Seconds(seconds).after(instance(InstanceState::Requested).window_start)
    }

    fn window() -> Window {
        Window {
            start: after(0),
            end: after(10_800),
        }
    }

    /// The claim that is made five seconds into the window.
    fn claim() -> Instance {
        let key = instance(InstanceState::Requested).instance;
        claimed(&key, &cluster(), &night::hash(), window(), after(5))
    }

    #[test]
    fn a_claim_pins_all_that_ends_the_instance_and_holds_for_a_lease() {
        let lease = Some(after(125));
        let expected = Instance {
            requested_at: after(5),
            lease_until: lease,
            due_at: lease,
            ..instance(InstanceState::Requested)
        };
        assert_eq!(claim(), expected);
        let again = Instance {
            epoch: 2,
            lease_until: Some(after(620)),
            due_at: Some(after(620)),
            ..claim()
        };
        assert_eq!(reclaimed(&claim(), after(500)), again);
        let given_back = Instance {
            lease_until: None,
            due_at: Some(LOOK_AGAIN.after(after(6))),
            ..claim()
        };
        assert_eq!(released(&claim(), after(6)), given_back);
    }

    #[test]
    fn a_skipped_window_looks_like_no_instance() {
        let key = instance(InstanceState::Requested).instance;
        let hash = night::hash();
        let item = skipped(&key, &cluster(), &hash, window(), "late".into(), after(5));
        let expected = Instance {
            state: InstanceState::Terminated,
            tags: BTreeMap::new(),
            epoch: 0,
            lease_until: None,
            ended_at: Some(after(5)),
            reason: Some("late".into()),
            due_at: None,
            ..claim()
        };
        assert_eq!(item, expected);
    }

    #[test]
    fn a_request_goes_on_only_when_nobody_is_at_it_and_none_had_effect() {
        use InstanceState::{
            Draining, Failed, Ready, Requested, Starting, Terminated, Terminating,
        };
        let lease = Some(after(120));
        let late = 3 * 3600 - 60;
        let cases = [
            (Requested, lease, 0, Resume::Wait(Seconds(121))),
            (Requested, lease, 119, Resume::Wait(Seconds(2))),
            (Requested, lease, 120, Resume::LookUp),
            (Requested, lease, late, Resume::LookUp),
            (Requested, None, 1, Resume::Claim),
            (Requested, None, late, Resume::TooLate),
            (Starting, None, 1, Resume::Settled),
            (Ready, None, 1, Resume::Settled),
            (Draining, lease, 500, Resume::Settled),
            (Terminating, None, 1, Resume::Settled),
            (Terminated, None, 1, Resume::Settled),
            (Failed, None, 1, Resume::Settled),
        ];
        for (state, lease_until, seconds, expected) in cases {
            let instance = Instance {
                lease_until,
                ..instance(state)
            };
            assert_eq!(
                resume(&instance, after(seconds)),
                expected,
                "{state:?} {seconds}"
            );
        }
    }

    #[test]
    fn the_first_id_committed_is_the_instance() {
        use InstanceState::{Draining, Failed, Ready, Requested, Starting, Terminated};
        // state, committed id, whose `j-1` is: the state it commits, known or stray
        let cases = [
            (Requested, None, Ok(Starting)),
            (Draining, None, Ok(Draining)),
            (Failed, None, Err("stray")),
            (Terminated, None, Err("stray")),
            (Starting, Some("j-1"), Err("known")),
            (Ready, Some("j-1"), Err("known")),
            (Terminated, Some("j-1"), Err("known")),
            (Starting, Some("j-2"), Err("stray")),
            (Failed, Some("j-2"), Err("stray")),
        ];
        for (state, id, expected) in cases {
            let instance = Instance {
                id: id.map(EmrClusterId::from),
                lease_until: Some(after(120)),
                ..instance(state)
            };
            let got = match adopt(&instance, &"j-1".into(), after(9)) {
                Adoption::Commit(next) => {
                    let expected = Instance {
                        state: next.state,
                        id: Some("j-1".into()),
                        lease_until: None,
                        due_at: Some(LOOK_AGAIN.after(after(9))),
                        ..instance
                    };
                    assert_eq!(*next, expected);
                    Ok(next.state)
                }
                Adoption::Known => Err("known"),
                Adoption::Stray => Err("stray"),
            };
            assert_eq!(got, expected, "{state:?} {id:?}");
        }
    }

    #[test]
    fn of_several_with_one_name_everyone_adopts_the_same_living_one() {
        let named = [
            seen("j-1", ClusterState::Terminated, after(1)),
            seen("j-3", ClusterState::Waiting, after(2)),
            seen("j-2", ClusterState::Starting, after(3)),
        ];
        assert_eq!(choose(&named).map(|seen| seen.id.as_str()), Some("j-2"));
        assert_eq!(choose(named.iter().rev()), choose(&named));
        assert_eq!(
            choose(&named[..1]).map(|seen| seen.id.as_str()),
            Some("j-1")
        );
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn a_throttled_request_stays_away_longer_each_time() {
        let key = |ordinal| night::key(ordinal);
        // times it came: a delay lies between half of this and all of it
        let table = [
            (0, 15),
            (1, 15),
            (2, 30),
            (3, 60),
            (4, 120),
            (5, 240),
            (99, 240),
        ];
        for (times, most) in table {
            let delays: Vec<u64> = (1..2000).map(|of| throttled(&key(of), times).0).collect();
            let drawn = (delays.iter().min(), delays.iter().max());
            let half = most / 2;
            assert_eq!(drawn, (Some(&half), Some(&(2 * half))), "{times}");
            assert_eq!(throttled(&key(1), times).0, delays[0]);
        }
    }
}
