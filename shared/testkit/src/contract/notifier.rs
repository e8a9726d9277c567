//! What every channel of alerts must do.

use std::fmt::Debug;

use model::Timestamp;
use model::alert::{Root, Severity};
use model::definition::AlertRoute;
use model::name::TeamName;
use model::post::{About, Post, PostKind};
use ports::{Notifier, NotifyError};

/// What a channel does when it is asked the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Takes,
    Throttles,
    IsUnavailable,
    Refuses,
    /// Whether it has heard, nobody knows.
    IsSilent,
}

/// A channel with a say in what it does, and a look at what people read there.
#[allow(async_fn_in_trait)] // tests run on one thread
pub trait NotifierBench {
    type Notifier: Notifier;

    /// A channel in which nobody has read anything yet.
    fn notifier(&self) -> &Self::Notifier;

    /// A route of the team `weather` to it.
    fn route(&self) -> AlertRoute;

    /// Lets it do this once, when it is asked the next time; who asks more often fails the test.
    fn next(&self, next: Next);

    /// The titles of the messages that are there, oldest first; of one that was edited the newest.
    fn read(&self) -> Vec<String>;
}

/// Runs the whole suite.
///
/// # Panics
/// Where the channel differs from the contract.
pub async fn all<B: NotifierBench>(make: impl AsyncFn() -> B) {
    what_is_taken_is_read_once(&make().await).await;
    what_can_be_found_again_is_edited(&make().await).await;
    what_is_not_taken_is_not_read_and_not_tried_again(&make().await).await;
    nobody_knows_of_what_was_not_answered(&make().await).await;
    one_incident_is_nothing_to_another(&make().await).await;
}

fn post(number: u32, title: &str) -> Post {
    let run = format!("weather--daily--{number}");
    let incident = Root::Run(run.as_str().into());
    Post {
        dedup_key: format!("murmur/run/{run}/1"),
        kind: PostKind::Opened,
        repeated: false,
        reference: None,
        severity: Severity::Error,
        team: team(),
        title: title.to_owned(),
        fields: vec![("run".into(), run)],
        lines: vec!["clean failed".into()],
        omitted: 0,
        printed: None,
        commands: Vec::new(),
        links: Vec::new(),
        worse: false,
        at: Timestamp::UNIX_EPOCH,
        about: vec![About {
            incident,
            opening: 1,
            kind: PostKind::Opened,
        }],
    }
}

fn team() -> TeamName {
    "weather".parse().expect("it is a name")
}

async fn tell(bench: &impl NotifierBench, post: &Post) -> Result<Option<String>, NotifyError> {
    bench.notifier().post(&team(), &bench.route(), post).await
}

async fn taken(bench: &impl NotifierBench, post: &Post) -> Option<String> {
    bench.next(Next::Takes);
    tell(bench, post).await.expect("it is taken")
}

/// One post is one message.
pub async fn what_is_taken_is_read_once(bench: &impl NotifierBench) {
    taken(bench, &post(1, "clean failed")).await;
    assert_eq!(bench.read(), ["clean failed"]);
}

/// A message that was given a reference is replaced by one that bears it, and keeps the reference.
pub async fn what_can_be_found_again_is_edited(bench: &impl NotifierBench) {
    let reference = taken(bench, &post(1, "clean failed")).await;
    let changed = Post {
        kind: PostKind::Changed,
        reference: reference.clone(),
        ..post(1, "clean and load failed")
    };
    let again = taken(bench, &changed).await;
    assert_eq!(again, reference);
    let read = bench.read();
    assert_eq!(
        read.last().map(String::as_str),
        Some("clean and load failed")
    );
    if reference.is_some() {
        assert_eq!(read.len(), 1, "it was edited: {read:?}");
    }
}

/// An error that says so means that nobody has read it, and that it may be posted again.
pub async fn what_is_not_taken_is_not_read_and_not_tried_again(bench: &impl NotifierBench) {
    for (number, next) in (1..).zip([Next::Throttles, Next::IsUnavailable, Next::Refuses]) {
        bench.next(next);
        let post = post(number, &format!("number {number}"));
        let answer = tell(bench, &post).await;
        let is_right = match (next, &answer) {
            (Next::Throttles, Err(NotifyError::Throttled { after, .. })) => after.0 > 0,
            (Next::IsUnavailable, Err(NotifyError::Unavailable { .. }))
            | (Next::Refuses, Err(NotifyError::Refused { .. })) => true,
            _ => false,
        };
        assert!(is_right, "{next:?}: {answer:?}");
        assert_eq!(bench.read().len() + 1, number as usize, "{next:?}");
        taken(bench, &post).await;
    }
    assert_eq!(bench.read(), ["number 1", "number 2", "number 3"]);
}

/// No answer is an error of its own, and what is posted next is taken.
pub async fn nobody_knows_of_what_was_not_answered(bench: &impl NotifierBench) {
    bench.next(Next::IsSilent);
    let answer = tell(bench, &post(1, "clean failed")).await;
    assert!(is_unknown(&answer), "{answer:?}");
    let repeat = Post {
        repeated: true,
        ..post(1, "clean failed")
    };
    taken(bench, &repeat).await;
    let read = bench.read();
    let last = read.last().expect("it was read");
    assert!(last.contains("clean failed"), "{read:?}");
}

fn is_unknown<T: Debug>(answer: &Result<T, NotifyError>) -> bool {
    matches!(answer, Err(NotifyError::Unknown { .. }))
}

/// Messages about several incidents stand beside each other.
pub async fn one_incident_is_nothing_to_another(bench: &impl NotifierBench) {
    let first = taken(bench, &post(1, "clean failed")).await;
    let second = taken(bench, &post(2, "load failed")).await;
    assert!(first.is_none() || first != second);
    assert_eq!(bench.read(), ["clean failed", "load failed"]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::definition::AlertChannel;
    use model::units::Seconds;

    use super::*;
    use crate::{MemoryNotifier, block_on};

    struct Bench(MemoryNotifier);

    impl NotifierBench for Bench {
        type Notifier = MemoryNotifier;

        fn notifier(&self) -> &MemoryNotifier {
            &self.0
        }
        fn route(&self) -> AlertRoute {
            AlertRoute {
                channel: AlertChannel::Slack,
                to: "#weather".into(),
                secret: None,
                facts: Vec::new(),
                severity: Severity::Warning,
            }
        }
        fn next(&self, next: Next) {
            let reason = "a test".to_owned();
            let error = match next {
                Next::Takes => return,
                Next::Throttles => NotifyError::Throttled {
                    after: Seconds(7),
                    reason,
                },
                Next::IsUnavailable => NotifyError::Unavailable { reason },
                Next::Refuses => NotifyError::Refused { reason },
                Next::IsSilent => NotifyError::Unknown { reason },
            };
            self.0.fail(error, next == Next::IsSilent);
        }
        fn read(&self) -> Vec<String> {
            let posted = self.0.posted();
            let mut order: Vec<&str> = Vec::new();
            let mut titles: BTreeMap<&str, &str> = BTreeMap::new();
            for one in &posted {
                if titles.insert(&one.reference, &one.post.title).is_none() {
                    order.push(&one.reference);
                }
            }
            order.iter().map(|one| titles[one].to_owned()).collect()
        }
    }

    #[test]
    fn channels_in_memory_keep_the_contract() {
        block_on(all(async || Bench(MemoryNotifier::default())));
    }
}
