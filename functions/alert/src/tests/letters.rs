//! Messages that were set aside are an incident until none is left.

use std::collections::BTreeMap;

use choreography::letters;
use model::Timestamp;
use model::alert::{CurrentAlerts, Incident, IncidentState, Severity};
use model::definition::{AlertChannel, AlertRoute};
use model::letters::{Letters, SetAside};
use model::message::{Function, Message};
use model::post::PostKind;
use model::units::Seconds;
use ports::{Clock as _, Verdict};

use super::fixture::World;

/// What reconcile has stored, and the fact of it.
fn known(world: &World, since: Timestamp, gone_at: Option<Timestamp>) -> Message {
    let body = r#"{"team":"team"}"#.to_owned();
    let seen = letters::set_aside(2, Some(("broken".into(), body)), since);
    let seen = SetAside { gone_at, ..seen };
    let inboxes = BTreeMap::from([(Function::SubmitTask, seen.clone())]);
    world.ports.store.seed(&Letters { inboxes });
    Message::Fact(letters::fact(Function::SubmitTask, &seen))
}

#[test]
fn the_team_and_the_platform_are_told_once_and_again_when_all_is_well() {
    let mut world = World::with(AlertChannel::Slack);
    world.ports.store.seed(&CurrentAlerts {
        team: "murmur".parse().unwrap(),
        log_lines: true,
        routes: vec![AlertRoute {
            channel: AlertChannel::Slack,
            to: "#platform".into(),
            secret: None,
            facts: vec!["letters.set_aside".into()],
            severity: Severity::Warning,
        }],
    });
    let since = world.ports.clock.now();
    let begun = known(&world, since, None);
    assert_eq!(world.deliver(begun.clone()), Verdict::Done);
    let title = "messages of submit-task were set aside: 2, one of them: broken";
    let opened = (PostKind::Opened, title.to_owned());
    assert_eq!(world.read(), [opened.clone(), opened]);
    assert_eq!(world.deliver(begun.clone()), Verdict::Done);
    assert_eq!(world.read(), []);
    world.ports.clock.pass(Seconds(240));
    let ended = known(&world, since, Some(world.ports.clock.now()));
    assert_eq!(world.deliver(ended.clone()), Verdict::Done);
    let resolved = (PostKind::Resolved, format!("resolved: {title}"));
    assert_eq!(world.read(), [resolved.clone(), resolved]);
    // What comes late finds that it is over.
    assert_eq!(world.deliver(begun), Verdict::Done);
    let incidents: Vec<Incident> = world.ports.store.all();
    assert_eq!(incidents[0].state, IncidentState::Resolved);
    // And the end of the first time ends no second time.
    world.ports.clock.pass(Seconds(240));
    let again = known(&world, world.ports.clock.now(), None);
    assert_eq!(world.deliver(again), Verdict::Done);
    world.read();
    assert_eq!(world.deliver(ended), Verdict::Done);
    let incidents: Vec<Incident> = world.ports.store.all();
    assert_eq!(incidents[0].state, IncidentState::Open);
}
