//! Whether and when a failed attempt is followed by another (rule 12).

use model::attempt::AttemptKey;
use model::definition::Retries;
use model::id::digest;
use model::task::{FailureClass, Failures};
use model::units::Seconds;

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this long.
    Again(Seconds),
    /// The task has failed.
    Final,
}

/// Counts a failure in the budget of its class.
pub fn counted(failures: Failures, class: FailureClass) -> Failures {
    match class {
        FailureClass::Application => Failures {
            application: failures.application + 1,
            ..failures
        },
        FailureClass::Infrastructure => Failures {
            infrastructure: failures.infrastructure + 1,
            ..failures
        },
        FailureClass::Refused => failures,
    }
}

/// Decides after a failure, which `failures` counts already.
pub fn after(
    retries: &Retries,
    failures: Failures,
    class: FailureClass,
    failed: &AttemptKey,
) -> Next {
    match class {
        FailureClass::Refused => Next::Final,
        FailureClass::Application if failures.application <= retries.attempts => {
            Next::Again(backoff(retries, failures.application, failed))
        }
        FailureClass::Infrastructure
            if failures.infrastructure <= retries.infrastructure_attempts =>
        {
            // Another place: there is no reason to wait for this one to recover.
            Next::Again(Seconds(0))
        }
        FailureClass::Application | FailureClass::Infrastructure => Next::Final,
    }
}

/// Exponential backoff with full jitter and a cap. The jitter is drawn from the key, so repeating
/// the decision gives the same delay.
fn backoff(retries: &Retries, failure: u32, key: &AttemptKey) -> Seconds {
    let doubled = 2_u64
        .saturating_pow(failure.saturating_sub(1))
        .saturating_mul(retries.backoff.0);
    let most = doubled.min(retries.max_backoff.0);
    Seconds(draw(key, most))
}

/// How long to stay away from a service that throttles, by how often it has.
pub fn throttled(key: &AttemptKey, receives: u32) -> Seconds {
    let most = 2_u64.saturating_pow(receives.min(8)).min(120);
    Seconds(1 + draw(key, most))
}

/// A number in `0 ..= most` that follows from the key.
fn draw(key: &AttemptKey, most: u64) -> u64 {
    let hash = digest([key.to_string().as_str()]);
    let drawn = u64::from_str_radix(&hash[..15], 16).expect("a digest is hexadecimal");
    drawn % (most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(attempt: u32) -> AttemptKey {
        format!("team--flow--slot--task--1-{attempt}")
            .parse()
            .unwrap()
    }

    #[test]
    fn each_class_has_a_budget_of_its_own() {
        use FailureClass::{Application, Infrastructure, Refused};
        let retries = Retries {
            attempts: 2,
            infrastructure_attempts: 1,
            ..Retries::default()
        };
        // failures so far (this one included), class, whether another attempt follows
        let table = [
            (1, 0, Application, true),
            (2, 0, Application, true),
            (3, 0, Application, false),
            (2, 1, Infrastructure, true),
            (0, 2, Infrastructure, false),
            (1, 2, Application, true),
            (0, 0, Refused, false),
        ];
        for (application, infrastructure, class, again) in table {
            let failures = Failures {
                application,
                infrastructure,
            };
            let next = after(&retries, failures, class, &key(1));
            assert_eq!(next != Next::Final, again, "{failures:?} {class:?}");
        }
    }

    #[test]
    fn a_failure_counts_in_the_budget_of_its_class_alone() {
        use FailureClass::{Application, Infrastructure, Refused};
        let failures = |application, infrastructure| Failures {
            application,
            infrastructure,
        };
        let table = [
            (Application, failures(4, 7)),
            (Infrastructure, failures(3, 8)),
            (Refused, failures(3, 7)),
        ];
        for (class, expected) in table {
            assert_eq!(counted(failures(3, 7), class), expected, "{class:?}");
        }
    }

    #[test]
    fn a_service_that_throttles_is_left_alone_longer_each_time() {
        // times it has: a delay is at least a second, and a second longer than this at most
        let table = [(0, 1), (1, 2), (4, 16), (6, 64), (7, 120), (99, 120)];
        for (times, most) in table {
            let delays: Vec<u64> = (1..300).map(|of| throttled(&key(of), times).0).collect();
            let (least, longest) = (delays.iter().min(), delays.iter().max());
            assert_eq!((least, longest), (Some(&1), Some(&(1 + most))), "{times}");
            assert_eq!(throttled(&key(1), times).0, delays[0], "{times}");
        }
    }

    #[test]
    fn backoff_grows_to_its_cap_and_is_the_same_each_time() {
        let retries = Retries {
            attempts: 100,
            backoff: Seconds(30),
            max_backoff: Seconds(600),
            infrastructure_attempts: 0,
        };
        let mut largest = 0;
        for failure in 1..=100 {
            let key = key(failure);
            let failures = Failures {
                application: failure,
                infrastructure: 0,
            };
            let decide = || after(&retries, failures, FailureClass::Application, &key);
            let Next::Again(delay) = decide() else {
                panic!("the budget is 100")
            };
            let most = 600.min(30_u64.saturating_mul(2_u64.saturating_pow(failure - 1)));
            assert!(delay.0 <= most, "{delay} after failure {failure}");
            assert_eq!(decide(), Next::Again(delay));
            largest = largest.max(delay.0);
        }
        assert!(
            largest > 500,
            "full jitter reaches up to the cap, {largest}"
        );
    }
}
