//! Joins: what a set of arrivals means (rule 7).
//!
//! An arrival is an element of a set, so arriving twice, late or in another order changes nothing.
//! A node of a tree is decided like a whole join; its summary is one arrival at its parent.

use std::collections::BTreeSet;

use model::definition::TriggerRule;
use model::join::{Arrival, Join, Threshold};
use model::task::Outcome;

use crate::plan::JOIN_WIDTH;

/// What has arrived at a node so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many arrive in all.
    pub expected: u32,
    /// How many have said their last word.
    pub complete: u32,
    pub succeeded: bool,
    /// Failed, cancelled, or blocked by a failure above.
    pub failed: bool,
    pub skipped: bool,
}

/// What a trigger rule makes of a tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Wait,
    Start,
    /// With [`Outcome::Blocked`] or [`Outcome::Skipped`].
    Skip(Outcome),
}

/// An upstream's word, for its position at a node.
pub fn arrival(position: u32, outcome: Outcome) -> Arrival {
    let letter = match outcome {
        Outcome::Succeeded => 's',
        Outcome::Failed | Outcome::Cancelled => 'f',
        Outcome::Blocked => 'b',
        Outcome::Skipped => 'k',
    };
    Arrival(format!("{position}{letter}"))
}

/// The word of an upstream of which only the ending matters.
pub fn ending(position: u32) -> Arrival {
    Arrival(format!("{position}d"))
}

/// The word of a child node, for its index below the parent.
pub fn summary(index: u32, threshold: Threshold, tally: &Tally) -> Arrival {
    let letters = match threshold {
        Threshold::SawSuccess => "S".to_owned(),
        Threshold::SawFailure => "F".to_owned(),
        Threshold::Complete
        | Threshold::End
        | Threshold::AllSucceeded
        | Threshold::AllDone
        | Threshold::AnyFailed
        | Threshold::AnySucceeded
        | Threshold::NoneFailed => {
            let said = [
                ('s', tally.succeeded),
                ('f', tally.failed),
                ('k', tally.skipped),
            ];
            let mut letters: String = said
                .iter()
                .filter(|(_, is)| *is)
                .map(|(letter, _)| letter)
                .collect();
            letters.push('d');
            letters
        }
    };
    Arrival(format!("{index}{letters}"))
}

/// Counts what has arrived at a node of which `expected` arrive.
pub fn tally(arrivals: &BTreeSet<Arrival>, expected: u32) -> Tally {
    let mut tally = Tally {
        expected,
        ..Tally::default()
    };
    for Arrival(text) in arrivals {
        let mut complete = false;
        for letter in text.chars().skip_while(char::is_ascii_digit) {
            complete |= letter.is_ascii_lowercase();
            match letter {
                's' | 'S' => tally.succeeded = true,
                'f' | 'F' | 'b' => tally.failed = true,
                'k' => tally.skipped = true,
                // `d`: ended, and how does not matter.
                _ => {}
            }
        }
        tally.complete += u32::from(complete);
    }
    tally
}

/// Decides a trigger rule. It starts as early as the rule allows and skips only when all upstreams
/// have arrived.
pub fn decide(rule: TriggerRule, tally: &Tally) -> Decision {
    let all = tally.complete >= tally.expected;
    let (start, skip) = match rule {
        TriggerRule::AllSucceeded => (
            all && !tally.failed && !tally.skipped,
            blocked_or_skipped(tally),
        ),
        TriggerRule::AllDone => (all, Outcome::Skipped),
        TriggerRule::AnyFailed => (tally.failed, Outcome::Skipped),
        TriggerRule::AnySucceeded => (tally.succeeded, blocked_or_skipped(tally)),
        TriggerRule::NoneFailed => (all && !tally.failed, Outcome::Blocked),
    };
    match (start, all) {
        (true, _) => Decision::Start,
        (false, true) => Decision::Skip(skip),
        (false, false) => Decision::Wait,
    }
}

fn blocked_or_skipped(tally: &Tally) -> Outcome {
    if tally.failed {
        Outcome::Blocked
    } else {
        Outcome::Skipped
    }
}

/// The thresholds of a node that are met and not closed yet.
pub fn newly_met(node: &Join, tally: &Tally, wanted: &[Threshold]) -> Vec<Threshold> {
    let open = wanted
        .iter()
        .filter(|threshold| !node.closed.contains_key(threshold));
    open.filter(|threshold| is_met(**threshold, tally))
        .copied()
        .collect()
}

/// Whether a tally meets a threshold.
pub fn is_met(threshold: Threshold, tally: &Tally) -> bool {
    let decided = |rule| decide(rule, tally) != Decision::Wait;
    match threshold {
        Threshold::AllSucceeded => decided(TriggerRule::AllSucceeded),
        Threshold::AllDone => decided(TriggerRule::AllDone),
        Threshold::AnyFailed => decided(TriggerRule::AnyFailed),
        Threshold::AnySucceeded => decided(TriggerRule::AnySucceeded),
        Threshold::NoneFailed => decided(TriggerRule::NoneFailed),
        Threshold::SawSuccess => tally.succeeded,
        Threshold::SawFailure => tally.failed,
        Threshold::Complete | Threshold::End => tally.complete >= tally.expected,
    }
}

/// A node of a join's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    pub level: u8,
    pub index: u32,
    /// How many arrive at it.
    pub expected: u32,
    pub is_root: bool,
}

/// The node of a join of `width` upstreams at which a position of a level arrives, and the
/// position it has there. Level 0 takes upstreams, level 1 the nodes of level 0, and so on.
pub fn node_at(width: u32, level: u8, position: u32) -> (Node, u32) {
    let mut arriving = width;
    for _ in 0..level {
        arriving = arriving.div_ceil(JOIN_WIDTH);
    }
    let index = position / JOIN_WIDTH;
    let expected = JOIN_WIDTH.min(arriving - index * JOIN_WIDTH);
    let node = Node {
        level,
        index,
        expected,
        is_root: arriving <= JOIN_WIDTH,
    };
    (node, position % JOIN_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::join::JoinKey;

    fn arrivals(words: &str) -> BTreeSet<Arrival> {
        words
            .split_whitespace()
            .map(|word| Arrival(word.into()))
            .collect()
    }

    #[test]
    fn every_rule_decides_as_its_name_says() {
        use Decision::{Skip, Start, Wait};
        let (blocked, skipped) = (Skip(Outcome::Blocked), Skip(Outcome::Skipped));
        // arrivals of two        succeeded done    failed   succeeded none_failed
        let table: [(&str, [Decision; 5]); 12] = [
            ("", [Wait, Wait, Wait, Wait, Wait]),
            ("0s", [Wait, Wait, Wait, Start, Wait]),
            ("0f", [Wait, Wait, Start, Wait, Wait]),
            ("0b", [Wait, Wait, Start, Wait, Wait]),
            ("0k", [Wait, Wait, Wait, Wait, Wait]),
            ("0s 1s", [Start, Start, skipped, Start, Start]),
            ("0s 1f", [blocked, Start, Start, Start, blocked]),
            ("0s 1b", [blocked, Start, Start, Start, blocked]),
            ("0s 1k", [skipped, Start, skipped, Start, Start]),
            ("0k 1k", [skipped, Start, skipped, skipped, Start]),
            ("0f 1k", [blocked, Start, Start, blocked, blocked]),
            ("0f 1f", [blocked, Start, Start, blocked, blocked]),
        ];
        let rules = [
            TriggerRule::AllSucceeded,
            TriggerRule::AllDone,
            TriggerRule::AnyFailed,
            TriggerRule::AnySucceeded,
            TriggerRule::NoneFailed,
        ];
        for (words, expected) in table {
            let tally = tally(&arrivals(words), 2);
            let decided = rules.map(|rule| decide(rule, &tally));
            assert_eq!(decided, expected, "{words}");
        }
    }

    #[test]
    fn a_tree_says_what_a_flat_join_would() {
        // Every multiset of outcomes over 3 children of 2, against the flat join of 6.
        let outcomes = [
            Outcome::Succeeded,
            Outcome::Failed,
            Outcome::Blocked,
            Outcome::Skipped,
        ];
        for code in 0..4_u32.pow(6) {
            let said: Vec<Outcome> = (0..6)
                .map(|at| outcomes[(code / 4_u32.pow(at) % 4) as usize])
                .collect();
            let flat: BTreeSet<Arrival> = (0..)
                .zip(&said)
                .map(|(at, outcome)| arrival(at, *outcome))
                .collect();
            let parent: BTreeSet<Arrival> = (0..)
                .zip(said.chunks(2))
                .map(|(index, pair)| {
                    let below: BTreeSet<Arrival> = (0..)
                        .zip(pair)
                        .map(|(at, outcome)| arrival(at, *outcome))
                        .collect();
                    summary(index, Threshold::Complete, &tally(&below, 2))
                })
                .collect();
            let (flat, tree) = (tally(&flat, 6), tally(&parent, 3));
            for rule in [
                TriggerRule::AllSucceeded,
                TriggerRule::AllDone,
                TriggerRule::AnyFailed,
                TriggerRule::AnySucceeded,
                TriggerRule::NoneFailed,
            ] {
                assert_eq!(
                    decide(rule, &flat),
                    decide(rule, &tree),
                    "{said:?} {rule:?}"
                );
            }
        }
    }

    #[test]
    fn an_early_word_is_not_the_last_one() {
        let early = tally(&arrivals("0S 1F"), 2);
        assert_eq!(
            (early.complete, early.succeeded, early.failed),
            (0, true, true)
        );
        let same_child_later = tally(&arrivals("0S 0sd 1F"), 2);
        assert_eq!(same_child_later.complete, 1);
    }

    #[test]
    fn a_threshold_is_met_once_and_reported_until_it_is_closed() {
        use Threshold::{
            AllDone, AllSucceeded, AnyFailed, AnySucceeded, Complete, End, NoneFailed, SawFailure,
            SawSuccess,
        };
        let wanted = [
            AllSucceeded,
            AllDone,
            AnyFailed,
            AnySucceeded,
            NoneFailed,
            SawSuccess,
            SawFailure,
            Complete,
            End,
        ];
        let key = JoinKey {
            run: "team--flow--slot".into(),
            generation: 1,
            join: 0,
            level: 0,
            index: 0,
        };
        // arrivals of two, and which thresholds they meet
        let table: [(&str, &[Threshold]); 5] = [
            ("", &[]),
            ("0s", &[AnySucceeded, SawSuccess]),
            ("0f", &[AnyFailed, SawFailure]),
            ("0k", &[]),
            (
                "0s 1k",
                &[
                    AllSucceeded,
                    AllDone,
                    AnyFailed,
                    AnySucceeded,
                    NoneFailed,
                    SawSuccess,
                    Complete,
                    End,
                ],
            ),
        ];
        for (words, expected) in table {
            let mut node = Join::empty(key.clone());
            let tally = tally(&arrivals(words), 2);
            assert_eq!(newly_met(&node, &tally, &wanted), expected, "{words}");
            for threshold in expected {
                node.closed.insert(*threshold, Arrival("0s".into()));
            }
            assert_eq!(newly_met(&node, &tally, &wanted), [], "{words}");
        }
    }

    #[test]
    fn wide_joins_are_trees_of_a_hundred() {
        let root = |level| Node {
            level,
            index: 0,
            expected: 100,
            is_root: true,
        };
        assert_eq!(node_at(100, 0, 99), (root(0), 99));
        let leaf = Node {
            level: 0,
            index: 1,
            expected: 1,
            is_root: false,
        };
        assert_eq!(node_at(101, 0, 100), (leaf, 0));
        let top = Node {
            level: 1,
            index: 0,
            expected: 2,
            is_root: true,
        };
        assert_eq!(node_at(101, 1, 1), (top, 1));
        assert_eq!(node_at(10_000, 1, 57), (root(1), 57));
        assert!(node_at(10_001, 2, 1).0.is_root);
    }
}
