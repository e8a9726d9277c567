//! Messages that were set aside are told of once, and so is that none is left.

use model::fact::{Fact, FactBody};
use model::message::Function;
use model::units::Seconds;
use ports::{DeadLetter, Verdict};

use super::{sweep, world};
use testkit::TestPorts;

fn letter() -> DeadLetter {
    DeadLetter {
        reason: "it breaks an invariant".into(),
        body: r#"{"start":{"workflow":"weather/daily"}}"#.into(),
    }
}

/// What a sweep two minutes later tells.
fn told(ports: &TestPorts) -> Vec<Fact> {
    ports.clock.pass(Seconds(120));
    assert_eq!(sweep(ports), Verdict::Done);
    ports.bus.take_published()
}

#[test]
fn letters_are_told_of_once_with_their_cause_and_so_is_that_they_are_gone() {
    let ports = world();
    assert_eq!(told(&ports), []);
    ports
        .bus
        .set_dead_letters(Function::StartRun, vec![letter(), letter()]);
    let begun = told(&ports);
    let [fact] = &begun[..] else {
        panic!("{begun:?}");
    };
    let FactBody::LettersSetAside(letters) = &fact.body else {
        panic!("{fact:?}");
    };
    assert_eq!((letters.inbox, letters.letters), (Function::StartRun, 2));
    assert_eq!(letters.reason.as_deref(), Some("it breaks an invariant"));
    assert_eq!(fact.team.as_str(), "weather");
    ports
        .bus
        .set_dead_letters(Function::StartRun, vec![letter(); 9]);
    assert_eq!(told(&ports), []);
    ports.bus.set_dead_letters(Function::StartRun, Vec::new());
    let ended = told(&ports);
    assert!(
        matches!(&ended[..], [fact] if matches!(fact.body, FactBody::LettersGone(_))),
        "{ended:?}"
    );
    assert_eq!(told(&ports), []);
    ports
        .bus
        .set_dead_letters(Function::StartRun, vec![letter()]);
    let again = told(&ports);
    assert!(again.len() == 1 && again[0].id != fact.id, "{again:?}");
}

#[test]
fn a_sweep_that_broke_off_is_repeated_and_tells_the_same() {
    // After each step of the first sweep the process dies.
    for step in 1..20 {
        let ports = world();
        ports.bus.set_dead_letters(Function::Alert, vec![letter()]);
        ports.faults.crash_after(step);
        let verdict = sweep(&ports);
        let crashed = ports.faults.is_down();
        ports.faults.heal();
        let mut facts = ports.bus.take_published();
        facts.extend(told(&ports));
        facts.dedup_by(|one, other| one == other);
        assert_eq!(facts.len(), 1, "after step {step}: {facts:?}");
        assert_eq!(told(&ports), []);
        if !crashed {
            assert_eq!(verdict, Verdict::Done);
            assert!(step > 3, "a sweep has more steps");
            return;
        }
    }
    panic!("a sweep has finitely many steps");
}
