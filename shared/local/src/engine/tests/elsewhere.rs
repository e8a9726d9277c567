//! A handler that waits for somebody elsewhere, and the others beside it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use model::message::Function;
use ports::{Outgoing, Verdict};

use super::world::{FakeCompute, done, message};
use crate::{ClockMode, Data, Engine, Handlers, LocalPorts, Options};

/// Alert ends only once somebody lets it; the others at once.
#[derive(Default, Clone)]
struct Held {
    is_let: Rc<Cell<bool>>,
    panics: Rc<Cell<bool>>,
    handled: Rc<RefCell<BTreeMap<Function, usize>>>,
}

impl Held {
    fn count(&self, function: Function) -> usize {
        self.handled.borrow().get(&function).copied().unwrap_or(0)
    }
}

impl Handlers<FakeCompute> for Held {
    async fn handle(
        &self,
        function: Function,
        _: &LocalPorts<FakeCompute>,
        batch: Vec<ports::Delivery>,
    ) -> Vec<Verdict> {
        if function == Function::Alert {
            poll_fn(|_| match self.is_let.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            assert!(!self.panics.replace(false), "as it was told to");
        }
        *self.handled.borrow_mut().entry(function).or_default() += batch.len();
        done(&batch)
    }
}

fn open(folder: &std::path::Path, held: &Held, clock: ClockMode) -> Engine<FakeCompute, Held> {
    let options = Options {
        clock,
        ..Options::default()
    };
    let data = Data::open(folder, options).unwrap();
    Engine::new(data, FakeCompute::default(), held.clone())
}

fn put(engine: &Engine<FakeCompute, Held>, inbox: Function, task: &str) {
    engine.send(inbox, Outgoing::from(message(task))).unwrap();
}

#[test]
fn who_waits_keeps_nobody_else_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::default();
    let mut engine = open(folder.path(), &held, ClockMode::Real);
    for task in ["a", "b"] {
        put(&engine, Function::Alert, task);
        put(&engine, Function::SubmitTask, task);
        let expected = held.count(Function::SubmitTask) + 1;
        engine
            .run_until(|_| held.count(Function::SubmitTask) == expected)
            .unwrap();
    }
    assert_eq!(held.count(Function::Alert), 0);
    held.is_let.set(true);
    engine
        .run_until(|_| held.count(Function::Alert) == 2)
        .unwrap();
}

#[test]
fn time_does_not_skip_past_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::default();
    let start = super::world::start();
    let mut engine = open(folder.path(), &held, ClockMode::Skip { start });
    put(&engine, Function::Alert, "a");
    let turns = Cell::new(0);
    engine
        .run_until(|_| {
            turns.set(turns.get() + 1);
            turns.get() > 20
        })
        .unwrap();
    let passed = engine.now().duration_since(start);
    assert!(passed.as_secs() < 60, "{passed:?} have passed");
}

#[test]
fn what_was_not_ended_comes_again_to_the_next_engine_and_so_does_what_panicked() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::default();
    let mut engine = open(folder.path(), &held, ClockMode::Real);
    put(&engine, Function::Alert, "a");
    put(&engine, Function::SubmitTask, "a");
    engine
        .run_until(|_| held.count(Function::SubmitTask) == 1)
        .unwrap();
    drop(engine);
    assert_eq!(held.count(Function::Alert), 0);
    held.is_let.set(true);
    held.panics.set(true);
    let mut engine = open(folder.path(), &held, ClockMode::Real);
    engine
        .run_until(|_| held.count(Function::Alert) == 1)
        .unwrap();
    assert!(!held.panics.get(), "the first time it panicked");
}
