//! How fast a route is posted to: about one message a second, and a storm as a digest a minute.

use model::Timestamp;
use model::alert::{Intent, Pace, RouteRef};
use model::definition::AlertChannel;
use model::units::Seconds;

/// Between two posts; Slack allows about one a second for a channel
/// (<https://docs.slack.dev/apis/web-api/rate-limits>).
const APART: Seconds = Seconds(1);

/// So many posts within [`STORM`] are a storm: what comes then is folded until it is over.
const BURST: u32 = 10;
const STORM: Seconds = Seconds(60);

/// How long a post may take; afterwards somebody else may try, and says that it may be a repeat.
const LEASE: Seconds = Seconds(60);

/// Whether a post may be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Now, once this is stored.
    Now(Pace),
    /// Not before so long.
    Wait(Seconds),
    /// Not on its own: it goes into the digest, which is posted at the pace's `digest_at`.
    Fold(Pace),
}

/// Decides whether one message about one incident may be posted.
pub fn turn(
    stored: Option<&Pace>,
    route: &RouteRef,
    channel: AlertChannel,
    now: Timestamp,
) -> Turn {
    let mut pace = stored.cloned().unwrap_or_else(|| fresh(route, now));
    if STORM.after(pace.since) <= now {
        pace.since = now;
        pace.posts = 0;
    }
    if folds(channel) && pace.posts >= BURST {
        let ends = STORM.after(pace.since);
        let planned = pace.digest_at.filter(|at| *at > now);
        pace.digest_at = Some(planned.unwrap_or(ends));
        return Turn::Fold(pace);
    }
    if now < pace.next_at {
        return Turn::Wait(Seconds(Seconds::between(now, pace.next_at).0.max(1)));
    }
    pace.posts += 1;
    pace.next_at = APART.after(now);
    Turn::Now(pace)
}

/// The pace as a digest is about to be posted; an error says how long to wait.
pub fn digest(stored: &Pace, now: Timestamp) -> Result<Pace, Seconds> {
    if now < stored.next_at {
        return Err(Seconds(Seconds::between(now, stored.next_at).0.max(1)));
    }
    Ok(Pace {
        next_at: APART.after(now),
        ..stored.clone()
    })
}

/// The pace after a channel asked to be left alone for so long.
pub fn throttled(stored: &Pace, after: Seconds, now: Timestamp) -> Pace {
    Pace {
        next_at: stored.next_at.max(after.after(now)),
        ..stored.clone()
    }
}

/// Whether a post would be a repeat, given an earlier one's intent; an error says how long to wait
/// for whoever is at it.
pub fn begins(intent: Option<&Intent>, now: Timestamp) -> Result<bool, Seconds> {
    match intent {
        None => Ok(false),
        Some(intent) if intent.lease_until <= now => Ok(true),
        Some(intent) => Err(Seconds(Seconds::between(now, intent.lease_until).0.max(1))),
    }
}

/// What is stored before a post.
pub fn intent(now: Timestamp) -> Intent {
    Intent {
        at: now,
        lease_until: LEASE.after(now),
    }
}

/// What stays of the intent of a repeat that was not posted: the first try may have been seen, so
/// whoever comes next repeats, too.
pub fn failed(intent: Intent, now: Timestamp) -> Intent {
    Intent {
        lease_until: now,
        ..intent
    }
}

fn fresh(route: &RouteRef, now: Timestamp) -> Pace {
    Pace {
        route: route.clone(),
        next_at: now,
        since: now,
        posts: 0,
        digest_at: None,
    }
}

/// Whether several incidents may be told in one message: not where each has an alert of its own
/// that somebody acknowledges.
fn folds(channel: AlertChannel) -> bool {
    match channel {
        AlertChannel::Slack | AlertChannel::Email => true,
        AlertChannel::Pagerduty | AlertChannel::Webhook => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn route() -> RouteRef {
        RouteRef {
            team: "team".parse().unwrap(),
            route: "slack-1".into(),
        }
    }

    /// Posts whenever it may, for so many seconds; gives when it was posted and when folded.
    fn storm(channel: AlertChannel, seconds: i64) -> (Vec<i64>, Vec<Timestamp>) {
        let (mut pace, mut posted, mut digests) = (None, Vec::new(), Vec::new());
        for second in 0..seconds {
            for _ in 0..3 {
                match turn(pace.as_ref(), &route(), channel, at(second)) {
                    Turn::Now(next) => {
                        posted.push(second);
                        pace = Some(next);
                    }
                    Turn::Wait(wait) => assert_eq!(wait, Seconds(1)),
                    Turn::Fold(next) => {
                        digests.extend(next.digest_at.filter(|at| !digests.contains(at)));
                        pace = Some(next);
                    }
                }
            }
        }
        (posted, digests)
    }

    #[test]
    fn a_storm_is_ten_messages_and_then_a_digest_a_minute() {
        let (posted, digests) = storm(AlertChannel::Slack, 120);
        let expected: Vec<i64> = (0..10).chain(60..70).collect();
        assert_eq!(posted, expected);
        assert_eq!(digests, [at(60), at(120)]);
    }

    #[test]
    fn where_each_alert_is_acknowledged_nothing_is_folded() {
        let (posted, digests) = storm(AlertChannel::Pagerduty, 30);
        assert_eq!(posted.len(), 30);
        assert_eq!(digests, []);
    }

    #[test]
    fn who_finds_an_intent_waits_for_its_lease_and_then_repeats() {
        let left = intent(at(100));
        assert_eq!(begins(None, at(100)), Ok(false));
        assert_eq!(begins(Some(&left), at(110)), Err(Seconds(50)));
        assert_eq!(begins(Some(&left), at(160)), Ok(true));
        let refused = failed(intent(at(100)), at(110));
        assert_eq!(begins(Some(&refused), at(110)), Ok(true));
        let pace = fresh(&route(), at(0));
        assert_eq!(digest(&pace, at(130)).map(|next| next.next_at), Ok(at(131)));
        let alone = throttled(&pace, Seconds(90), at(160));
        assert_eq!(digest(&alone, at(200)), Err(Seconds(50)));
    }
}
