//! What the service's word about an instance changes: one match over state and observation.

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::observation::{ClusterObservation, ClusterState};

use super::{Adoption, LOOK_AGAIN, claim, end_was_due, look_by};

/// What follows an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Nothing new. `again` is what this very observation caused when it came first.
    Stale { again: Option<Told> },
    /// It is not this item's instance: to be ended, unless it is ending already.
    Stray,
    /// It came up, but its window is over: to be drained. The item is to be written if it changed.
    Overdue(Option<Box<Instance>>),
    /// The item moves on.
    Change {
        instance: Box<Instance>,
        tell: Option<Told>,
    },
}

/// What is published about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Requested,
    Ready,
    Draining,
    Terminated,
    Failed,
    Idle,
    Leaked,
}

/// Decides what an observation of this instance's name changes.
pub fn observe(instance: &Instance, seen: &ClusterObservation, now: Timestamp) -> Observed {
    use ClusterState as Seen;
    use InstanceState as Is;

    // An observation that overtakes our own write brings the id with it.
    let (own, adopted) = match claim::adopt(instance, &seen.id, now) {
        Adoption::Stray => return Observed::Stray,
        Adoption::Known => (Box::new(instance.clone()), false),
        Adoption::Commit(own) => (own, true),
    };
    match (own.state, seen.state) {
        (Is::Requested | Is::Starting, Seen::Running | Seen::Waiting) if now >= own.window_end => {
            Observed::Overdue(adopted.then_some(own))
        }
        (Is::Requested | Is::Starting, Seen::Running | Seen::Waiting) => ready(*own, seen, now),
        (
            Is::Requested | Is::Starting | Is::Ready | Is::Draining,
            Seen::Starting | Seen::Bootstrapping,
        )
        | (Is::Draining, Seen::Running | Seen::Waiting)
        | (
            Is::Terminating,
            Seen::Starting
            | Seen::Bootstrapping
            | Seen::Running
            | Seen::Waiting
            | Seen::Terminating,
        ) => unless_adopted(own, adopted, None),
        (Is::Ready, Seen::Running | Seen::Waiting) => {
            let again = (own.ready_at == Some(seen.at)).then_some(Told::Ready);
            unless_adopted(own, adopted, again)
        }
        (Is::Requested | Is::Starting | Is::Ready | Is::Draining, Seen::Terminating) => {
            terminating(*own, seen, now)
        }
        (
            Is::Requested | Is::Starting | Is::Ready | Is::Draining | Is::Terminating,
            Seen::Terminated | Seen::TerminatedWithErrors,
        ) => ended(*own, seen, now),
        (Is::Terminated, Seen::Terminated | Seen::TerminatedWithErrors) => {
            let again = (own.ended_at == Some(seen.at)).then_some(Told::Terminated);
            Observed::Stale { again }
        }
        (Is::Failed, Seen::Terminated | Seen::TerminatedWithErrors) => {
            let again = (own.ended_at == Some(seen.at)).then_some(Told::Failed);
            Observed::Stale { again }
        }
        (
            Is::Terminated | Is::Failed,
            Seen::Starting
            | Seen::Bootstrapping
            | Seen::Running
            | Seen::Waiting
            | Seen::Terminating,
        ) => Observed::Stale { again: None },
    }
}

fn unless_adopted(own: Box<Instance>, adopted: bool, again: Option<Told>) -> Observed {
    if adopted {
        Observed::Change {
            instance: own,
            tell: None,
        }
    } else {
        Observed::Stale { again }
    }
}

/// The endpoint is written together with the state and never after, so that the fact stays the
/// same.
fn ready(own: Instance, seen: &ClusterObservation, now: Timestamp) -> Observed {
    Observed::Change {
        instance: Box::new(Instance {
            state: InstanceState::Ready,
            ready_at: Some(seen.at),
            endpoint: seen.endpoint.clone(),
            due_at: Some(LOOK_AGAIN.after(now)),
            ..own
        }),
        tell: Some(Told::Ready),
    }
}

fn terminating(own: Instance, seen: &ClusterObservation, now: Timestamp) -> Observed {
    Observed::Change {
        instance: Box::new(Instance {
            state: InstanceState::Terminating,
            due_at: look_by(&own, now),
            reason: seen.reason.clone().or(own.reason),
            ..own
        }),
        tell: None,
    }
}

/// An end murmur did not want is a failure, whatever the service calls it. The item stays due
/// once, so that open steps of the instance are looked at until none is left.
fn ended(own: Instance, seen: &ClusterObservation, now: Timestamp) -> Observed {
    let (state, tell) = if end_was_due(&own, seen.at) {
        (InstanceState::Terminated, Told::Terminated)
    } else {
        (InstanceState::Failed, Told::Failed)
    };
    Observed::Change {
        instance: Box::new(Instance {
            state,
            ended_at: Some(seen.at),
            due_at: look_by(&own, now),
            reason: seen.reason.clone().or(own.reason),
            ..own
        }),
        tell: Some(tell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::units::Seconds;
    use testkit::night::{instance, seen};

    const STATES: [InstanceState; 7] = [
        InstanceState::Requested,
        InstanceState::Starting,
        InstanceState::Ready,
        InstanceState::Draining,
        InstanceState::Terminating,
        InstanceState::Terminated,
        InstanceState::Failed,
    ];
    const SEEN: [ClusterState; 7] = [
        ClusterState::Starting,
        ClusterState::Bootstrapping,
        ClusterState::Running,
        ClusterState::Waiting,
        ClusterState::Terminating,
        ClusterState::Terminated,
        ClusterState::TerminatedWithErrors,
    ];

    fn hour(hours: u64) -> Timestamp {
        Seconds::hours(hours).after(instance(InstanceState::Requested).window_start)
    }

    /// `=` stale, `!` overdue, `x` stray, else the first letter of the state it moves to, `T` for
    /// terminated and `t` for terminating.
    fn letter(observed: &Observed) -> char {
        match observed {
            Observed::Stale { .. } => '=',
            Observed::Overdue(_) => '!',
            Observed::Stray => 'x',
            Observed::Change { instance, .. } => match instance.state {
                InstanceState::Requested => 'q',
                InstanceState::Starting => 's',
                InstanceState::Ready => 'r',
                InstanceState::Draining => 'd',
                InstanceState::Terminating => 't',
                InstanceState::Terminated => 'T',
                InstanceState::Failed => 'F',
            },
        }
    }

    fn table(id: Option<&str>, at: Timestamp) -> Vec<String> {
        let row = |state: &InstanceState| {
            let instance = Instance {
                id: id.map(Into::into),
                ..instance(*state)
            };
            let decide = |state: &ClusterState| observe(&instance, &seen("j-1", *state, at), at);
            SEEN.iter()
                .map(|state| letter(&decide(state)))
                .collect::<String>()
        };
        STATES.iter().map(row).collect()
    }

    #[test]
    fn the_service_moves_an_instance_through_its_window() {
        // Columns: starting, bootstrapping, running, waiting, terminating, terminated, with errors.
        let rows = table(Some("j-1"), hour(1));
        let expected = [
            // Requested with an id does not occur; it is treated as starting.
            "==rrtFF", "==rrtFF", "====tFF", "====tTT", "=====TT", "=======", "=======",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn after_its_window_nothing_becomes_ready_and_no_end_is_a_failure() {
        let rows = table(Some("j-1"), hour(3));
        let expected = [
            "==!!tTT", "==!!tTT", "====tTT", "====tTT", "=====TT", "=======", "=======",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_word_that_overtakes_our_own_write_brings_the_id() {
        let rows = table(None, hour(1));
        assert_eq!(rows[0], "ssrrtFF");
        assert_eq!(rows[3], "ddddtTT");
        assert_eq!(rows[5..], ["xxxxxxx", "xxxxxxx"]);
        let claimed = instance(InstanceState::Requested);
        for state in SEEN {
            match observe(&claimed, &seen("j-1", state, hour(1)), hour(1)) {
                Observed::Change { instance, .. } => assert_eq!(instance.id, Some("j-1".into())),
                other => panic!("{state:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn another_id_with_the_same_name_is_a_stray_in_every_state() {
        for row in table(Some("j-2"), hour(1)) {
            assert_eq!(row, "xxxxxxx");
        }
    }

    #[test]
    fn ranks_never_fall_and_ends_absorb() {
        for hours in [1, 5] {
            for state in STATES {
                for word in SEEN {
                    let before = instance(state);
                    let word = seen("j-1", word, hour(hours));
                    if let Observed::Change { instance, .. } = observe(&before, &word, hour(hours))
                    {
                        assert!(instance.state.rank() >= state.rank(), "{state:?} {word:?}");
                        assert!(!state.is_terminal(), "{state:?} {word:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_the_duplicate_of_what_caused_a_fact_causes_it_again() {
        let cases = [
            (
                InstanceState::Ready,
                ClusterState::Running,
                1,
                Some(Told::Ready),
            ),
            (InstanceState::Ready, ClusterState::Waiting, 2, None),
            (
                InstanceState::Terminated,
                ClusterState::Terminated,
                4,
                Some(Told::Terminated),
            ),
            (InstanceState::Terminated, ClusterState::Terminated, 5, None),
            (
                InstanceState::Failed,
                ClusterState::TerminatedWithErrors,
                4,
                Some(Told::Failed),
            ),
            (InstanceState::Failed, ClusterState::Running, 4, None),
        ];
        for (state, word, hours, again) in cases {
            let word = seen("j-1", word, hour(hours));
            let observed = observe(&instance(state), &word, hour(6));
            assert_eq!(observed, Observed::Stale { again }, "{state:?} {word:?}");
        }
    }

    #[test]
    fn a_repeated_observation_changes_nothing_more() {
        for state in STATES {
            for word in SEEN {
                let word = seen("j-1", word, hour(1));
                if let Observed::Change { instance, tell } =
                    observe(&instance(state), &word, hour(1))
                {
                    let again = observe(&instance, &word, hour(2));
                    assert_eq!(again, Observed::Stale { again: tell }, "{state:?} {word:?}");
                }
            }
        }
    }

    #[test]
    fn a_word_of_the_service_changes_what_it_says_and_nothing_else() {
        use InstanceState::{Draining, Failed, Ready, Starting, Terminated, Terminating};
        let (at, now) = (hour(1), hour(2));
        let known = |state| Instance {
            reason: Some("known before".into()),
            ..instance(state)
        };
        let endpoint = Some(model::cluster::Endpoint {
            master_dns: "ip-10-0-0-1".into(),
            ..Default::default()
        });
        let moved = |from: InstanceState, to: InstanceState| Instance {
            state: to,
            reason: Some("told".into()),
            due_at: Some(LOOK_AGAIN.after(now)),
            ..known(from)
        };
        let ready = Instance {
            ready_at: Some(at),
            endpoint: endpoint.clone(),
            reason: known(Starting).reason,
            ..moved(Starting, Ready)
        };
        let ended = |from, to| Instance {
            ended_at: Some(at),
            ..moved(from, to)
        };
        use ClusterState as Seen;
        let cases = [
            (Starting, Seen::Waiting, ready, Some(Told::Ready)),
            (Ready, Seen::Terminating, moved(Ready, Terminating), None),
            (
                Ready,
                Seen::TerminatedWithErrors,
                ended(Ready, Failed),
                Some(Told::Failed),
            ),
            (
                Draining,
                Seen::Terminated,
                ended(Draining, Terminated),
                Some(Told::Terminated),
            ),
        ];
        for (state, word, expected, tell) in cases {
            let word = ClusterObservation {
                endpoint: endpoint.clone(),
                reason: Some("told".into()),
                ..seen("j-1", word, at)
            };
            let instance = Box::new(expected);
            let expected = Observed::Change { instance, tell };
            assert_eq!(observe(&known(state), &word, now), expected, "{state:?}");
            // What the service leaves open stays as it was known.
            let bare = ClusterObservation {
                reason: None,
                ..word
            };
            if let Observed::Change { instance, .. } = observe(&known(state), &bare, now) {
                assert_eq!(instance.reason, known(state).reason, "{state:?}");
            }
        }
    }

    #[test]
    fn who_comes_up_after_its_window_is_written_only_if_its_id_is_new() {
        let word = seen("j-1", ClusterState::Running, hour(3));
        let known = observe(&instance(InstanceState::Starting), &word, hour(3));
        assert_eq!(known, Observed::Overdue(None));
        let new = observe(&instance(InstanceState::Requested), &word, hour(3));
        let Observed::Overdue(Some(adopted)) = new else {
            panic!("its id is new: {new:?}")
        };
        assert_eq!(adopted.id, Some("j-1".into()));
    }
}
