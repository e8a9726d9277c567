//! Many incidents at once.

use model::alert::{AlertRequest, Folded};
use model::definition::{AlertChannel, AlertRules};
use model::message::Message;
use model::post::PostKind;
use model::task::TaskState;
use model::units::Seconds;
use ports::{NotifyError, Verdict};

use super::fixture::{World, failed};

/// Runs of so many days fail, one a second.
fn storm(world: &mut World, days: u32) {
    for day in 1..=days {
        let run = world.run(day, AlertRules::default(), &[("a", TaskState::Failed)]);
        let fact = failed(world, &run, "a");
        assert_eq!(world.deliver(fact), Verdict::Done);
        world.ports.clock.pass(Seconds(1));
    }
}

fn digest(world: &World) -> Message {
    let folded: Vec<Folded> = world.ports.store.all();
    let route = folded[0].route.clone();
    Message::Alert(AlertRequest::Digest { route })
}

#[test]
fn ten_are_told_one_by_one_and_the_rest_in_one_digest_and_none_is_lost() {
    let mut world = World::with(AlertChannel::Slack);
    storm(&mut world, 28);
    assert_eq!(world.read().len(), 10);
    world.ports.clock.pass(Seconds(60));
    let digest = digest(&world);
    assert_eq!(world.deliver(digest.clone()), Verdict::Done);
    let posted = world.notifier.take();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].post.kind, PostKind::Digest);
    assert_eq!(posted[0].post.title, "18 incidents at once: 18 new");
    assert_eq!(posted[0].post.about.len(), 18);
    world.ports.clock.pass(Seconds(5));
    assert_eq!(world.deliver(digest), Verdict::Done);
    assert_eq!(world.read(), []);
    assert!(world.ports.store.all::<Folded>().is_empty());
}

#[test]
fn a_digest_nobody_answered_is_repeated_whole_and_says_so() {
    let mut world = World::with(AlertChannel::Slack);
    storm(&mut world, 13);
    world.read();
    world.ports.clock.pass(Seconds(60));
    let reason = "a test".to_owned();
    world.notifier.fail(NotifyError::Unknown { reason }, true);
    let digest = digest(&world);
    assert!(matches!(world.deliver(digest.clone()), Verdict::Failed(_)));
    world.read();
    world.ports.clock.pass(Seconds(5));
    assert_eq!(world.deliver(digest.clone()), Verdict::Later(Seconds(55)));
    world.ports.clock.pass(Seconds(55));
    assert_eq!(world.deliver(digest), Verdict::Done);
    let posted = world.notifier.take();
    assert!(posted.len() == 1 && posted[0].post.repeated);
    assert_eq!(posted[0].post.about.len(), 3);
}

#[test]
fn what_is_well_before_the_digest_is_not_in_it() {
    let mut world = World::with(AlertChannel::Slack);
    storm(&mut world, 12);
    world.read();
    for day in [11, 12] {
        let run = world.run(day, AlertRules::default(), &[]);
        world.ends(&run, model::run::RunState::Succeeded, 2);
    }
    world.ports.clock.pass(Seconds(60));
    let digest = digest(&world);
    assert_eq!(world.deliver(digest), Verdict::Done);
    assert_eq!(world.read(), []);
}
