//! What failed work printed last is in the message, or it is said why not.

use model::alert::{AlertRequest, CurrentAlerts, Notice};
use model::definition::{AlertChannel, AlertRules};
use model::key::Key;
use model::message::Message;
use model::post::{Post, PostKind};
use model::task::TaskState;
use model::units::Seconds;
use ports::{Printout, Verdict};

use super::fixture::{World, failed};

/// A world in which a task failed that printed this, and what a route was told.
fn told(printout: Printout, log_lines: bool) -> (World, Vec<Post>) {
    let mut world = World::with(AlertChannel::Slack);
    let key = Key::CurrentAlerts("team".parse().unwrap());
    let alerts: CurrentAlerts = world.ports.store.peek(&key).unwrap();
    world.ports.store.seed(&CurrentAlerts {
        log_lines,
        ..alerts
    });
    *world.printouts.0.borrow_mut() = printout;
    let run = world.run(5, AlertRules::default(), &[("a", TaskState::Failed)]);
    let fact = failed(&world, &run, "a");
    assert_eq!(world.deliver(fact), Verdict::Done);
    let posts = read(&world);
    (world, posts)
}

fn read(world: &World) -> Vec<Post> {
    let posted = world.notifier.take().into_iter();
    posted.map(|posted| posted.post).collect()
}

fn later() -> Printout {
    Printout {
        missing: Some("not there yet".into()),
        comes_later: true,
        ..Printout::default()
    }
}

fn prints(end: &str) -> Printout {
    Printout {
        end: end.into(),
        ..Printout::default()
    }
}

/// What reconcile sends once the notice is due.
fn asked_again(world: &World) -> Message {
    let notices: Vec<Notice> = world.ports.store.all();
    let now = ports::Clock::now(&*world.ports.clock);
    assert!(notices[0].due_at.is_some_and(|at| at <= now));
    Message::Alert(AlertRequest::Notice {
        route: notices[0].route.clone(),
        incident: notices[0].incident.clone(),
    })
}

#[test]
fn the_last_lines_are_in_the_message_unless_the_team_wants_none() {
    let (_, posts) = told(prints("reading\npassword=x\nno such table\n"), true);
    let printed = posts[0].printed.clone().unwrap();
    assert_eq!(printed.by, "a, attempt 1");
    assert_eq!(
        printed.lines,
        ["reading", "password=[covered]", "no such table"]
    );
    let (_, posts) = told(prints("no such table"), false);
    assert_eq!(posts[0].printed, None);
}

#[test]
fn lines_that_come_later_are_put_into_the_message_once() {
    let (mut world, posts) = told(later(), true);
    let missing = posts[0].printed.clone().unwrap().missing;
    assert_eq!(missing.as_deref(), Some("not there yet"));
    *world.printouts.0.borrow_mut() = prints("no such table");
    world.ports.clock.pass(Seconds(330));
    let again = asked_again(&world);
    assert_eq!(world.deliver(again.clone()), Verdict::Done);
    let posts = read(&world);
    assert_eq!((posts.len(), posts[0].kind), (1, PostKind::Changed));
    assert!(!posts[0].worse && posts[0].reference.is_some());
    assert_eq!(posts[0].printed.as_ref().unwrap().lines, ["no such table"]);
    world.ports.clock.pass(Seconds(330));
    assert_eq!(world.deliver(again), Verdict::Done);
    assert_eq!(read(&world), []);
    let notices: Vec<Notice> = world.ports.store.all();
    assert_eq!(notices[0].due_at, None);
}

#[test]
fn lines_that_never_come_are_looked_for_once() {
    let (mut world, _) = told(later(), true);
    world.ports.clock.pass(Seconds(330));
    let again = asked_again(&world);
    assert_eq!(world.deliver(again), Verdict::Done);
    assert_eq!(read(&world).len(), 1);
    let notices: Vec<Notice> = world.ports.store.all();
    assert_eq!(notices[0].due_at, None);
}
