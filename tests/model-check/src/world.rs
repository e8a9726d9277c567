//! The state of the model: rows, inboxes, processes in their middle, and the compute service.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;
use model::fact::Fact;
use model::message::{Function, Message};

use crate::budget::Budget;
use crate::items::{Items, fingerprint};
use crate::process::{Letter, Process};
use crate::service::Service;

/// Everything there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// In seconds since 1970.
    pub now: i64,
    /// The functions whose inboxes are served; what is sent to others is left aside.
    pub served: &'static [Function],
    pub items: Items,
    /// Sorted: an inbox has no order.
    pub letters: Vec<Letter>,
    /// Sorted: processes have no names.
    pub processes: Vec<Process>,
    pub service: Service,
    /// What was told, by id.
    pub told: BTreeMap<Arc<str>, Told>,
    pub left: Budget,
    /// What may never happen, and did.
    pub wrong: Option<&'static str>,
}

/// A fact that was published.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Told {
    pub kind: &'static str,
    pub subject: Arc<str>,
    fingerprint: u64,
}

impl World {
    /// An empty world at an instant.
    pub fn at(now: Timestamp, served: &'static [Function], left: Budget) -> Self {
        Self {
            now: now.as_second(),
            served,
            items: Items::default(),
            letters: Vec::new(),
            processes: Vec::new(),
            service: Service::default(),
            told: BTreeMap::new(),
            left,
            wrong: None,
        }
    }

    /// What its clock shows.
    pub fn instant(&self) -> Timestamp {
        Timestamp::from_second(self.now).expect("the model's time is near ours")
    }

    /// Puts a message into an inbox that is served.
    pub fn send(&mut self, inbox: Function, message: Message, delay: i64) {
        if self.served.contains(&inbox) {
            self.put(Letter::new(inbox, message, self.now + delay));
        }
    }

    /// Puts a letter into its inbox.
    pub fn put(&mut self, letter: Letter) {
        let at = self.letters.partition_point(|other| *other < letter);
        self.letters.insert(at, letter);
    }

    /// Puts a process among the others.
    pub fn enter(&mut self, process: Process) {
        let at = self.processes.partition_point(|other| *other < process);
        self.processes.insert(at, process);
    }

    /// Takes a published fact: notes it, and puts it into the inboxes that subscribe.
    pub fn publish(&mut self, fact: &Fact) {
        let text = serde_json::to_string(fact).expect("facts are plain data");
        let told = Told {
            kind: fact.body.type_name(),
            subject: fact.subject.as_str().into(),
            fingerprint: fingerprint(&text),
        };
        match self.told.get(fact.id.as_str()) {
            Some(before) if before.fingerprint != told.fingerprint => {
                self.wrong = Some("a fact was rebuilt with another content");
            }
            Some(_) => {}
            None => {
                self.told.insert(fact.id.as_str().into(), told);
            }
        }
        for inbox in Function::subscribers(fact.body.type_name()) {
            self.send(*inbox, Message::Fact(fact.clone()), 0);
        }
    }

    /// How many different facts of a type were told about a subject.
    pub fn told_of(&self, kind: &str, subject: &str) -> usize {
        let told = self.told.values();
        told.filter(|told| told.kind == kind && &*told.subject == subject)
            .count()
    }

    /// Whether nothing is left to be handled; only the outside world can go on.
    pub fn is_quiet(&self) -> bool {
        self.letters.is_empty() && self.processes.is_empty()
    }
}
