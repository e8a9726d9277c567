//! Pauses before a call is made again.

use std::time::Duration;

use model::id::digest;

/// How often a call is made again, beyond what the SDK does by itself.
const TRIES: u32 = 7;
const FIRST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(1);

/// Growing pauses with full jitter. The jitter follows from the seed: callers that contend for one
/// item write different things, so they part.
pub struct Backoff {
    seed: String,
    tries: u32,
}

impl Backoff {
    /// Begins anew; the parts say what is tried.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            seed: digest(parts),
            tries: 0,
        }
    }

    /// Waits for the next try; `false`, at once, when there have been enough.
    pub async fn pause(&mut self) -> bool {
        let Some(pause) = self.next() else {
            return false;
        };
        tokio::time::sleep(pause).await;
        true
    }

    fn next(&mut self) -> Option<Duration> {
        if self.tries == TRIES {
            return None;
        }
        let bound = FIRST.saturating_mul(1 << self.tries).min(LONGEST);
        self.tries += 1;
        let drawn = digest([self.seed.as_str(), &self.tries.to_string()]);
        let drawn = u32::from_str_radix(&drawn[..4], 16).expect("digests are hexadecimal");
        Some(bound * drawn / 0xffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_growing_bound_and_end() {
        let mut backoff = Backoff::of(["an item"]);
        for bound_ms in [25, 50, 100, 200, 400, 800, 1000] {
            let pause = backoff.next().expect("there are more");
            assert!(pause <= Duration::from_millis(bound_ms), "{pause:?}");
        }
        assert_eq!(backoff.next(), None);
    }

    #[test]
    fn those_who_write_different_things_part() {
        let first = |what| Backoff::of([what]).next();
        assert_ne!(first("one"), first("other"));
        assert_eq!(first("one"), first("one"));
    }
}
