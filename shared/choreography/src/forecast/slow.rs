//! Whether a run takes far longer than its workflow's latest runs did.

use model::Timestamp;
use model::run::{Run, Slow};
use model::units::Seconds;

use super::FEWEST;

/// By how much longer a run takes that is far slower than others.
const TIMES: u64 = 2;

/// How long the longest of these runs took, which have ended; `None` when they are too few.
pub fn longest(earlier: &[Run]) -> Option<Seconds> {
    let took = |run: &Run| Some(Seconds::between(run.started_at?, run.ended_at?));
    let took: Vec<Seconds> = earlier.iter().filter_map(took).collect();
    took.iter().max().copied().filter(|_| took.len() >= FEWEST)
}

/// When a run that began is far slower than the longest of the earlier ones.
pub fn slow(began: Timestamp, longest: Seconds) -> Slow {
    Slow {
        at: Seconds(longest.0.saturating_mul(TIMES)).after(began),
        longest,
        told: false,
    }
}

#[cfg(test)]
mod tests {
    use model::run::RunState;
    use testkit::{MemoryStore, flow, instant};

    use super::*;

    #[test]
    fn a_run_is_slow_at_twice_the_longest_of_three_or_more() {
        let began = instant("2026-03-01T05:00:00Z");
        let store = MemoryStore::default();
        let run = flow::seed_run(&store, &flow::workflow(&[("a", &[], "")]), began);
        let runs: Vec<Run> = [60, 300, 100]
            .map(|took| Run {
                state: RunState::Succeeded,
                started_at: Some(began),
                ended_at: Some(Seconds(took).after(began)),
                ..run.clone()
            })
            .into();
        assert_eq!(longest(&runs), Some(Seconds(300)));
        assert_eq!(longest(&runs[..2]), None);
        let found = slow(began, Seconds(300));
        assert_eq!(found.at, instant("2026-03-01T05:10:00Z"));
        assert_eq!((found.longest, found.told), (Seconds(300), false));
    }
}
