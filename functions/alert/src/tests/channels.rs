//! Channels that fail, throttle or do not answer.

use model::alert::{AlertRequest, Notice};
use model::definition::{AlertChannel, AlertRules};
use model::message::Message;
use model::task::TaskState;
use model::units::Seconds;
use ports::{NotifyError, Verdict};

use super::fixture::{World, failed};

/// A world in which a task failed and the first post is answered like this; and what asks again.
fn answered(error: NotifyError, is_seen: bool) -> (World, Message) {
    let mut world = World::with(AlertChannel::Slack);
    world.notifier.fail(error, is_seen);
    let run = world.run(5, AlertRules::default(), &[("a", TaskState::Failed)]);
    let fact = failed(&world, &run, "a");
    assert_eq!(world.deliver(fact), Verdict::Done);
    let notices: Vec<Notice> = world.ports.store.all();
    let request = AlertRequest::Notice {
        route: notices[0].route.clone(),
        incident: notices[0].incident.clone(),
    };
    (world, Message::Alert(request))
}

fn reason() -> String {
    "a test".to_owned()
}

#[test]
fn a_post_nobody_answered_is_repeated_after_its_lease_and_says_so() {
    for is_seen in [true, false] {
        let (mut world, again) = answered(NotifyError::Unknown { reason: reason() }, is_seen);
        assert_eq!(world.notifier.take().len(), usize::from(is_seen));
        world.ports.clock.pass(Seconds(5));
        assert_eq!(world.deliver(again.clone()), Verdict::Later(Seconds(55)));
        world.ports.clock.pass(Seconds(55));
        assert_eq!(world.deliver(again.clone()), Verdict::Done);
        let posted = world.notifier.take();
        assert!(posted.len() == 1 && posted[0].post.repeated);
        world.ports.clock.pass(Seconds(5));
        assert_eq!(world.deliver(again), Verdict::Done);
        assert_eq!(world.notifier.take(), []);
    }
}

#[test]
fn what_a_channel_did_not_take_is_posted_later_and_is_no_repeat() {
    for error in [
        NotifyError::Unavailable { reason: reason() },
        NotifyError::Refused { reason: reason() },
    ] {
        let (mut world, again) = answered(error.clone(), false);
        world.notifier.fail(error.clone(), false);
        world.ports.clock.pass(Seconds(2));
        let verdict = world.deliver(again.clone());
        assert_eq!(verdict, Verdict::Failed(error.to_string()));
        world.ports.clock.pass(Seconds(2));
        assert_eq!(world.deliver(again), Verdict::Done);
        let posted = world.notifier.take();
        assert!(posted.len() == 1 && !posted[0].post.repeated);
    }
}

#[test]
fn a_channel_that_throttles_is_left_alone_for_as_long_as_it_says() {
    let after = Seconds(30);
    let reason = reason();
    let (mut world, again) = answered(NotifyError::Throttled { after, reason }, false);
    world.ports.clock.pass(Seconds(10));
    assert_eq!(world.deliver(again.clone()), Verdict::Later(Seconds(20)));
    assert_eq!(world.notifier.take(), []);
    world.ports.clock.pass(Seconds(20));
    assert_eq!(world.deliver(again), Verdict::Done);
    assert_eq!(world.notifier.take().len(), 1);
}

#[test]
fn a_repeat_that_was_not_taken_is_followed_by_a_repeat() {
    let (mut world, again) = answered(NotifyError::Unknown { reason: reason() }, true);
    let error = NotifyError::Unavailable { reason: reason() };
    world.notifier.take();
    world.notifier.fail(error, false);
    world.ports.clock.pass(Seconds(60));
    assert!(matches!(world.deliver(again.clone()), Verdict::Failed(_)));
    world.ports.clock.pass(Seconds(10));
    assert_eq!(world.deliver(again), Verdict::Done);
    let posted = world.notifier.take();
    assert!(posted.len() == 1 && posted[0].post.repeated);
}
