//! The topic and the inboxes as a port: facts go straight into the inboxes that subscribe.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use model::fact::Fact;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::bus::MAX_DELAY;
use ports::{BusError, DeadLetter, EventBus, Outgoing};

use crate::dead_letters;
use crate::ended;
use crate::journal::Journal;

type Observer = Box<dyn FnMut(&Fact)>;

/// Carries facts and messages within the engine.
pub struct LocalBus {
    journal: Rc<Journal>,
    observers: RefCell<Vec<Observer>>,
    /// The optional functions that are there.
    optional: RefCell<Vec<Function>>,
}

impl LocalBus {
    pub(crate) fn new(journal: Rc<Journal>) -> Self {
        Self {
            journal,
            observers: RefCell::default(),
            optional: RefCell::default(),
        }
    }

    /// Gives an optional function facts from now on.
    pub(crate) fn subscribe(&self, function: Function) {
        self.optional.borrow_mut().push(function);
    }

    /// Shows every published fact to an observer from now on. A fact may come more than once, and
    /// is shown before it is durable.
    pub(crate) fn observe(&self, observer: Observer) {
        self.observers.borrow_mut().push(observer);
    }
}

impl EventBus for LocalBus {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        self.journal.database.counters().facts.add(facts.len());
        for fact in facts {
            for observer in self.observers.borrow_mut().iter_mut() {
                observer(&fact);
            }
            for inbox in self.optional.borrow().iter() {
                if Function::optional_subscribers(fact.body.type_name()).contains(inbox) {
                    let message = Message::Fact(fact.clone());
                    self.journal.inboxes.put(*inbox, message, Seconds(0))?;
                }
            }
            ended::add(&self.journal.database, &fact)?;
            let subscribers = Function::subscribers(fact.body.type_name());
            if let Some((last, others)) = subscribers.split_last() {
                for inbox in others {
                    let message = Message::Fact(fact.clone());
                    self.journal.inboxes.put(*inbox, message, Seconds(0))?;
                }
                self.journal
                    .inboxes
                    .put(*last, Message::Fact(fact), Seconds(0))?;
            }
        }
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        check_delays(&messages)?;
        for Outgoing { message, delay } in messages {
            self.journal.inboxes.put(inbox, message, delay)?;
        }
        Ok(())
    }

    async fn set_aside(&self) -> Result<BTreeMap<Function, u32>, BusError> {
        let counted = dead_letters::count(&self.journal.database)?;
        let known = |(name, letters): (String, u32)| Some((Function::named(&name)?, letters));
        Ok(counted.into_iter().filter_map(known).collect())
    }

    async fn dead_letter(&self, inbox: Function) -> Result<Option<DeadLetter>, BusError> {
        let newest = dead_letters::newest(&self.journal.database, inbox.name())?;
        Ok(newest.map(|letter| DeadLetter {
            reason: letter.reason,
            body: letter.body,
        }))
    }
}

/// Refuses what SQS would refuse, too.
pub(crate) fn check_delays(messages: &[Outgoing]) -> Result<(), BusError> {
    match messages.iter().find(|outgoing| outgoing.delay > MAX_DELAY) {
        None => Ok(()),
        Some(long) => {
            let reason = format!("a delay of {} is longer than {MAX_DELAY}", long.delay);
            Err(BusError { reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::contract::bus::BusBench;

    use super::*;
    use crate::clock::ClockMode;
    use crate::guest::Guest;
    use crate::{Data, Options};

    struct Bench {
        journal: Rc<Journal>,
        bus: LocalBus,
        _folder: tempfile::TempDir,
    }

    fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let clock = ClockMode::Skip {
            start: testkit::instant("2026-03-01T05:00:00Z"),
        };
        let options = Options {
            clock,
            ..Options::default()
        };
        let (journal, _) = Data::open(folder.path(), options).unwrap().into_parts();
        let bus = LocalBus::new(Rc::clone(&journal));
        Bench {
            journal,
            bus,
            _folder: folder,
        }
    }

    fn receive(journal: &Journal, inbox: Function) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(batch) = journal.inboxes.take(inbox, 10).unwrap() {
            let deliveries = batch.deliveries();
            let verdicts = deliveries.iter().map(|_| ports::Verdict::Done).collect();
            messages.extend(deliveries.into_iter().map(|delivery| delivery.message));
            journal.inboxes.settle(batch, verdicts).unwrap();
        }
        messages
    }

    fn pass(journal: &Journal, time: Seconds) {
        journal
            .clock
            .jump(time.after(ports::Clock::now(&journal.clock)));
    }

    impl BusBench for Bench {
        type Bus = LocalBus;

        fn bus(&self) -> &LocalBus {
            &self.bus
        }
        async fn receive(&self, inbox: Function) -> Vec<Message> {
            receive(&self.journal, inbox)
        }
        async fn pass(&self, time: Seconds) {
            pass(&self.journal, time);
        }
    }

    #[test]
    fn the_engines_bus_keeps_the_contract() {
        testkit::block_on(testkit::contract::bus::all(async || bench()));
    }

    struct GuestBench {
        engine: Bench,
        guest: Guest,
    }

    impl BusBench for GuestBench {
        type Bus = Guest;

        fn bus(&self) -> &Guest {
            &self.guest
        }
        async fn receive(&self, inbox: Function) -> Vec<Message> {
            let journal = &self.engine.journal;
            journal.inboxes.collect_mail().unwrap();
            let messages = receive(journal, inbox);
            journal.flush().unwrap();
            messages
        }
        async fn pass(&self, time: Seconds) {
            pass(&self.engine.journal, time);
        }
    }

    #[test]
    fn a_guests_mail_keeps_the_contract() {
        testkit::block_on(testkit::contract::bus::all(async || {
            let engine = bench();
            let guest = Guest::open(engine._folder.path()).unwrap();
            GuestBench { engine, guest }
        }));
    }
}
