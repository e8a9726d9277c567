//! The topic and the inboxes in memory: what was published and sent, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use model::Timestamp;
use model::fact::Fact;
use model::message::{Function, Message};
use ports::bus::MAX_DELAY;
use ports::{BusError, Clock as _, DeadLetter, EventBus, Outgoing};

use super::clock::ManualClock;
use super::lock;
use crate::faults::{Faults, Step};

/// Records everything and keeps each function's inbox.
#[derive(Debug, Default)]
pub struct MemoryBus {
    state: Mutex<State>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct State {
    published: Vec<Fact>,
    sent: Vec<(Function, Outgoing)>,
    inboxes: BTreeMap<Function, Vec<(Timestamp, Message)>>,
    dead_letters: BTreeMap<Function, Vec<DeadLetter>>,
}

impl MemoryBus {
    /// Makes an empty bus on a clock, which delays are counted by; it fails when told to.
    pub fn new(clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self {
            state: Mutex::default(),
            clock,
            faults,
        }
    }

    /// What was published and not taken yet.
    pub fn published(&self) -> Vec<Fact> {
        lock(&self.state).published.clone()
    }

    /// Takes what was published since the last time.
    pub fn take_published(&self) -> Vec<Fact> {
        std::mem::take(&mut lock(&self.state).published)
    }

    /// What was sent to single inboxes and not taken yet.
    pub fn sent(&self) -> Vec<(Function, Outgoing)> {
        lock(&self.state).sent.clone()
    }

    /// Takes what was sent to single inboxes since the last time.
    pub fn take_sent(&self) -> Vec<(Function, Outgoing)> {
        std::mem::take(&mut lock(&self.state).sent)
    }

    /// Lets these be all that was set aside of an inbox.
    pub fn set_dead_letters(&self, inbox: Function, letters: Vec<DeadLetter>) {
        lock(&self.state).dead_letters.insert(inbox, letters);
    }

    /// Takes what is visible now in a function's inbox: facts it subscribes to and messages sent
    /// to it, in the order they came.
    pub fn receive(&self, inbox: Function) -> Vec<Message> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let letters = state.inboxes.entry(inbox).or_default();
        let (visible, later) = std::mem::take(letters)
            .into_iter()
            .partition(|(from, _)| *from <= now);
        *letters = later;
        let visible: Vec<(Timestamp, Message)> = visible;
        visible.into_iter().map(|(_, message)| message).collect()
    }
}

impl EventBus for MemoryBus {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        for fact in facts {
            let step = self.faults.step();
            if step != Step::Lost {
                self.take_fact(fact);
            }
            answer(step)?;
        }
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        if let Some(long) = messages.iter().find(|outgoing| outgoing.delay > MAX_DELAY) {
            let reason = format!("a delay of {} is longer than {MAX_DELAY}", long.delay);
            return Err(BusError { reason });
        }
        for outgoing in messages {
            let step = self.faults.step();
            if step != Step::Lost {
                self.take_message(inbox, outgoing);
            }
            answer(step)?;
        }
        Ok(())
    }

    async fn set_aside(&self) -> Result<BTreeMap<Function, u32>, BusError> {
        let state = lock(&self.state);
        let count = |letters: &Vec<DeadLetter>| u32::try_from(letters.len()).unwrap_or(u32::MAX);
        let counts = state.dead_letters.iter();
        Ok(counts
            .map(|(inbox, letters)| (*inbox, count(letters)))
            .collect())
    }

    async fn dead_letter(&self, inbox: Function) -> Result<Option<DeadLetter>, BusError> {
        let state = lock(&self.state);
        let letters = state.dead_letters.get(&inbox);
        Ok(letters.and_then(|letters| letters.first().cloned()))
    }
}

impl MemoryBus {
    fn take_fact(&self, fact: Fact) {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        for function in Function::subscribers(fact.body.type_name()) {
            let message = Message::Fact(fact.clone());
            state
                .inboxes
                .entry(*function)
                .or_default()
                .push((now, message));
        }
        state.published.push(fact);
    }

    fn take_message(&self, inbox: Function, outgoing: Outgoing) {
        let visible = outgoing.delay.after(self.clock.now());
        let mut state = lock(&self.state);
        let message = outgoing.message.clone();
        state
            .inboxes
            .entry(inbox)
            .or_default()
            .push((visible, message));
        state.sent.push((inbox, outgoing));
    }
}

fn answer(step: Step) -> Result<(), BusError> {
    match step {
        Step::Done => Ok(()),
        Step::Unanswered | Step::Lost => Err(BusError {
            reason: "a fault was injected".into(),
        }),
    }
}
