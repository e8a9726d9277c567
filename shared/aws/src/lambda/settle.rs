//! What becomes of each message of a batch, as SQS and Lambda want to be told (rule 21). Pure.

use model::units::Seconds;
use ports::Verdict;

/// The longest a message that failed stays away.
const LONGEST_DELAY: Seconds = Seconds::minutes(15);
/// The longest a message can stay away at all.
const LONGEST_VISIBILITY: Seconds = Seconds::hours(12);

/// What becomes of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It leaves the inbox.
    Gone,
    /// It returns after this long.
    Returns(Seconds),
    /// It goes to the dead letters.
    Aside { reason: String },
}

/// Decides by the handler's verdict and how often the message was delivered.
pub fn fate(verdict: Verdict, receives: u32) -> Fate {
    match verdict {
        Verdict::Done => Fate::Gone,
        Verdict::Later(delay) => Fate::Returns(delay.min(LONGEST_VISIBILITY)),
        Verdict::Failed(_) => Fate::Returns(growing_delay(receives)),
        Verdict::Poison(reason) => Fate::Aside { reason },
    }
}

/// 1 s after the first delivery, twice that after each further one, at most a quarter of an hour.
pub fn growing_delay(receives: u32) -> Seconds {
    let exponent = receives.saturating_sub(1).min(10);
    Seconds(1 << exponent).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_fate() {
        let poison = Fate::Aside {
            reason: "broken".into(),
        };
        let cases = [
            (Verdict::Done, 9, Fate::Gone),
            (Verdict::Later(Seconds(0)), 9, Fate::Returns(Seconds(0))),
            (Verdict::Later(Seconds(90)), 1, Fate::Returns(Seconds(90))),
            (
                Verdict::Later(Seconds::hours(13)),
                1,
                Fate::Returns(Seconds::hours(12)),
            ),
            (Verdict::Failed("x".into()), 1, Fate::Returns(Seconds(1))),
            (Verdict::Failed("x".into()), 5, Fate::Returns(Seconds(16))),
            (
                Verdict::Failed("x".into()),
                5_000,
                Fate::Returns(Seconds(900)),
            ),
            (Verdict::Poison("broken".into()), 1, poison),
        ];
        for (verdict, receives, expected) in cases {
            let what = format!("{verdict:?}, delivered {receives} times");
            assert_eq!(fate(verdict, receives), expected, "{what}");
        }
    }

    #[test]
    fn retries_outlast_an_outage_of_six_hours() {
        let away: u64 = (1..=40).map(|receives| growing_delay(receives).0).sum();
        assert!(away > Seconds::hours(6).0, "{away} s in 40 deliveries");
    }
}
