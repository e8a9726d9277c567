//! Places of open steps: as many as there are, free once their holders have ended.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

use std::collections::BTreeMap;

use choreography::selection::OPEN_STEPS;
use model::attempt::AttemptKey;
use model::key::Key;
use model::limit::{LOT_PLACES, LimitRef, Lot, SizedLimit};
use model::task::{Task, TaskState};
use ports::Ports as _;
use protocols::lots::{self, Newcomer, Seat};
use testkit::night::{key, minute};
use testkit::{TestPorts, block_on};

fn steps() -> SizedLimit {
    SizedLimit {
        limit: LimitRef::Steps(key(1)),
        size: OPEN_STEPS,
    }
}

fn attempt(number: u32) -> AttemptKey {
    format!("weather--daily--slot--t{number}--1-1")
        .parse()
        .unwrap()
}

fn task(ports: &TestPorts, number: u32, state: TaskState) {
    let key = attempt(number);
    ports.store.seed(&Task {
        run: key.run,
        task: key.task,
        team: "weather".parse().unwrap(),
        workflow: "daily".parse().unwrap(),
        state,
        generation: 1,
        attempt: 1,
        failures: model::task::Failures::default(),
        epoch: 1,
        claim: None,
        submission: None,
        cluster: None,
        reason: None,
        ready_at: minute(60),
        submitted_at: None,
        started_at: None,
        ended_at: None,
        failure: None,
        stopping: None,
        due_at: None,
    });
}

fn take(ports: &TestPorts, numbers: impl Iterator<Item = u32>, epoch: u64) -> Vec<Option<Seat>> {
    let newcomers: Vec<Newcomer> = numbers
        .map(|number| Newcomer {
            key: attempt(number),
            epoch,
            timeout_at: Some(minute(90 + epoch)),
        })
        .collect();
    block_on(lots::take(ports, &steps(), &newcomers, minute(61))).unwrap()
}

/// An instance all of whose places are held by running attempts.
fn full() -> TestPorts {
    let ports = TestPorts::at(minute(61));
    for batch in 0..OPEN_STEPS / LOT_PLACES {
        let numbers = batch * LOT_PLACES..(batch + 1) * LOT_PLACES;
        for number in numbers.clone() {
            task(&ports, number, TaskState::Running);
        }
        let seats = take(&ports, numbers, 1);
        assert!(seats.iter().all(Option::is_some));
    }
    ports
}

fn has_room(ports: &TestPorts) -> bool {
    block_on(lots::has_room(ports.store(), &steps())).unwrap()
}

#[test]
fn a_batch_is_one_write_and_no_more_sit_down_than_there_are_places() {
    let ports = full();
    let lots = ports.store.all::<Lot>();
    assert_eq!(lots.len(), 25, "a lot for each batch");
    assert!(!has_room(&ports));
    let late = OPEN_STEPS..OPEN_STEPS + 3;
    assert_eq!(take(&ports, late.clone(), 1), [None, None, None]);
    task(&ports, 17, TaskState::Succeeded);
    task(&ports, 203, TaskState::Failed);
    assert!(has_room(&ports), "who has ended holds nothing");
    let seats = take(&ports, late, 1);
    assert_eq!(seats.iter().flatten().count(), 2);
    let held: usize = ports
        .store
        .all::<Lot>()
        .iter()
        .map(|lot| lot.holders.len())
        .sum();
    assert_eq!(held, OPEN_STEPS as usize);
    let open = block_on(lots::open(ports.store(), &steps().limit)).unwrap();
    assert_eq!(open.len(), OPEN_STEPS as usize);
}

#[test]
fn who_sits_keeps_the_place_and_its_time_out_and_a_former_claim_gives_nothing_back() {
    let ports = TestPorts::at(minute(61));
    task(&ports, 1, TaskState::Claimed);
    let former = take(&ports, 1..2, 1).remove(0).unwrap();
    let newer = take(&ports, 1..2, 2).remove(0).unwrap();
    assert_eq!((newer.lot, newer.epoch), (former.lot, 2));
    let lot = || {
        ports
            .store
            .peek::<Lot>(&Key::Lot(steps().limit, former.lot))
            .unwrap()
    };
    assert_eq!(
        lot().timeouts,
        BTreeMap::from([(attempt(1).to_string(), minute(91))])
    );
    block_on(lots::leave(&ports, &former)).unwrap();
    assert_eq!(lot().holders.len(), 1);
    block_on(lots::leave(&ports, &newer)).unwrap();
    assert!(lot().holders.is_empty() && lot().timeouts.is_empty());
}

#[test]
fn what_has_ended_is_cleared_away_unless_it_came_anew() {
    let ports = TestPorts::at(minute(61));
    for number in 0..3 {
        task(&ports, number, TaskState::Claimed);
    }
    take(&ports, 0..3, 1);
    let held = block_on(lots::held(ports.store(), &steps().limit)).unwrap();
    take(&ports, 2..3, 2);
    let gone: Vec<_> = held
        .iter()
        .filter(|held| held.place.holder != attempt(0).to_string())
        .collect();
    block_on(lots::clear(&ports, &gone)).unwrap();
    let left = block_on(lots::held(ports.store(), &steps().limit)).unwrap();
    let left: Vec<(AttemptKey, u64)> = left
        .into_iter()
        .map(|held| (held.key, held.epoch))
        .collect();
    assert_eq!(left, [(attempt(0), 1), (attempt(2), 2)]);
    block_on(lots::vacate(&ports, &steps().limit, &attempt(2))).unwrap();
    assert_eq!(
        block_on(lots::held(ports.store(), &steps().limit))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_crash_while_places_are_taken_or_given_back_loses_none() {
    for step in 1..=4 {
        let ports = TestPorts::at(minute(61));
        for number in 0..15 {
            task(&ports, number, TaskState::Claimed);
        }
        ports.faults.crash_before(step);
        let newcomers: Vec<Newcomer> = (0..15)
            .map(|number| Newcomer {
                key: attempt(number),
                epoch: 1,
                timeout_at: None,
            })
            .collect();
        let _crashed = block_on(lots::take(&ports, &steps(), &newcomers, minute(61)));
        ports.faults.heal();
        assert!(take(&ports, 0..15, 1).iter().all(Option::is_some));
        let held: usize = ports
            .store
            .all::<Lot>()
            .iter()
            .map(|lot| lot.holders.len())
            .sum();
        assert_eq!(held, 15, "step {step}");
    }
}
