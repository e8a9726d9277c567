//! Delivery: late, twice, a hundred times, mangled, or set aside and redriven.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::Timestamp;
use model::message::{Function, Message};
use model::units::Seconds;
use serde_json::Value;

use super::World;
use super::faults::Fault;
use super::inboxes::{DeadLetter, Letter, gist};
use super::invariants::Invariant;

/// Each look at a draining instance, and at a run that an operation waits for, sends the next one,
/// so copies of them multiply with every look: by (1 + rate)^looks. SQS duplicates far less often
/// than that; more than this would drown the day in copies and show nothing else.
const LOOKS_TWICE: u64 = 20;

impl World {
    /// Puts a message into an inbox, visible from now on: perhaps late, perhaps several times,
    /// perhaps beside one that nobody can read.
    pub(super) fn post(&mut self, inbox: Function, message: Message) {
        let now = self.now();
        self.post_from(now, inbox, message);
    }

    /// Takes over what was sent since the last time.
    pub(super) fn collect(&mut self) {
        if self.shared.mail.borrow().is_empty() {
            return;
        }
        let sent = std::mem::take(&mut *self.shared.mail.borrow_mut());
        for (from, inbox, message) in sent {
            self.post_from(from, inbox, message);
        }
    }

    fn post_from(&mut self, from: Timestamp, inbox: Function, message: Message) {
        self.poison_may_come(inbox, &message);
        let message = Rc::new(self.mangled(message));
        if self.keeps_seen {
            self.seen.push((inbox, Rc::clone(&message)));
        }
        let looks = matches!(*message, Message::Drain(_)) || inbox == Function::Operate;
        for _ in 0..self.copies(looks) {
            let from = self.lateness().after(from);
            self.letters.put(from, fresh(inbox, &message));
        }
    }

    fn copies(&mut self, looks: bool) -> u64 {
        let faults = &self.shared.faults;
        let twice = faults.strikes(Fault::Duplicate);
        if looks {
            return 1 + u64::from(twice && faults.below(Fault::Duplicate, 100) < LOOKS_TWICE);
        }
        if faults.strikes(Fault::Flood) {
            return 2 + faults.below(Fault::Flood, 99);
        }
        1 + u64::from(twice)
    }

    fn lateness(&self) -> Seconds {
        let faults = &self.shared.faults;
        if faults.strikes(Fault::VeryLate) {
            return Seconds(faults.below(Fault::VeryLate, 24 * 3600));
        }
        if faults.strikes(Fault::Late) {
            return Seconds(faults.below(Fault::Late, 900));
        }
        // On its way; on a fine day, too.
        Seconds(self.dice.below(3))
    }

    /// A message that nobody can handle comes beside this one.
    fn poison_may_come(&mut self, inbox: Function, message: &Message) {
        let faults = &self.shared.faults;
        if faults.strikes(Fault::WrongKind) {
            let wrong = match inbox {
                Function::Reconcile => Message::Drain(nowhere()),
                _ => Message::Sweep,
            };
            let letter = Letter {
                is_poison: true,
                ..fresh(inbox, &Rc::new(wrong))
            };
            self.poisoned += 1;
            let now = self.now();
            self.letters.put(now, letter);
        }
        if self.shared.faults.strikes(Fault::Garbage) {
            let text = serde_json::to_string(message).expect("messages are plain data");
            let at = usize::try_from(self.shared.faults.below(Fault::Garbage, text.len() as u64));
            let cut = text.char_indices().map(|(at, _)| at).nth(at.unwrap_or(0));
            self.unreadable(inbox, &text[..cut.unwrap_or(0)]);
        }
        let of_service = matches!(message, Message::Work(_) | Message::Cluster(_));
        if of_service && self.shared.faults.strikes(Fault::UnknownState) {
            let mut value = serde_json::to_value(message).expect("messages are plain data");
            for about in ["work", "cluster"] {
                if let Some(state) = value.pointer_mut(&format!("/{about}/state")) {
                    *state = Value::from("entangled");
                }
            }
            self.unreadable(inbox, &value.to_string());
        }
    }

    /// What cannot be parsed is set aside by whoever parses, with what is wrong with it.
    fn unreadable(&mut self, inbox: Function, text: &str) {
        self.poisoned += 1;
        match serde_json::from_str::<Message>(text) {
            Ok(read) => {
                self.shared.watch.check(Invariant::SetAside, false, || {
                    format!("nonsense was read as {read:?}: {text}")
                });
            }
            Err(error) => self.dead.push(DeadLetter {
                letter: None,
                what: format!("`{text}` in {inbox}"),
                cause: error.to_string(),
                is_poison: true,
            }),
        }
    }

    /// A message with fields that nobody knows is the message without them.
    fn mangled(&self, message: Message) -> Message {
        if !self.shared.faults.strikes(Fault::UnknownFields) {
            return message;
        }
        let mut value = serde_json::to_value(&message).expect("messages are plain data");
        let places = [
            "/work",
            "/cluster",
            "/fact",
            "/fact/data",
            "/tick",
            "/start",
            "/event",
        ];
        for place in places {
            if let Some(Value::Object(object)) = value.pointer_mut(place) {
                object.insert("not_known_yet".to_owned(), Value::from(7));
            }
        }
        let read = serde_json::from_str::<Message>(&value.to_string());
        let holds = read.as_ref().is_ok_and(|read| *read == message);
        self.shared.watch.check(Invariant::SetAside, holds, || {
            format!("{value} is read as {read:?}")
        });
        message
    }

    /// Everything that was set aside comes again; poison is set aside again.
    pub(super) fn redrive_dead_letters(&mut self) {
        let now = self.now();
        for dead in std::mem::take(&mut self.dead) {
            match dead.letter {
                Some(letter) => self.letters.put(now, letter),
                None => self.dead.push(dead),
            }
        }
    }

    /// Everything there ever was comes again.
    pub(super) fn deliver_everything_again(&mut self) {
        let now = self.now();
        let mut all = self.seen.clone();
        while !all.is_empty() {
            let (inbox, message) = all.swap_remove(self.dice.pick(all.len()));
            let from = Seconds(self.dice.below(60)).after(now);
            self.letters.put(from, fresh(inbox, &message));
        }
    }

    /// What most inboxes hold, for when messages multiply.
    pub(super) fn most_common(&self) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        for letter in self.letters.all() {
            let gist = gist(&letter.message);
            let kind = gist.split(' ').next().unwrap_or_default();
            *counted
                .entry(format!("{} {kind}", letter.inbox))
                .or_default() += 1;
        }
        counted
    }
}

fn fresh(inbox: Function, message: &Rc<Message>) -> Letter {
    Letter {
        inbox,
        message: Rc::clone(message),
        receives: 1,
        is_poison: false,
    }
}

fn nowhere() -> model::cluster::InstanceKey {
    let text = "team--nowhere--20260301t050000z--1";
    text.parse().expect("an instance key")
}
