//! What waits in the inboxes, by when it becomes visible.

use std::collections::BTreeMap;

use model::Timestamp;
use model::message::Function;

use super::inboxes::Letter;
use crate::dice::Dice;

/// Among how many a message is drawn that comes out of order.
const SPREAD: usize = 16;

/// Letters of every inbox.
#[derive(Default)]
pub struct Letters {
    by_inbox: BTreeMap<Function, BTreeMap<(Timestamp, u64), Letter>>,
    count: u64,
    waiting: usize,
}

impl Letters {
    /// Puts a letter there, visible from an instant on.
    pub fn put(&mut self, from: Timestamp, letter: Letter) {
        self.count += 1;
        let inbox = self.by_inbox.entry(letter.inbox).or_default();
        inbox.insert((from, self.count), letter);
        self.waiting += 1;
    }

    /// Draws an inbox with a letter that is visible.
    pub fn any_ripe(&self, now: Timestamp, dice: &Dice) -> Option<Function> {
        let is_ripe = |inbox: &BTreeMap<(Timestamp, u64), Letter>| {
            inbox
                .first_key_value()
                .is_some_and(|((from, _), _)| *from <= now)
        };
        let ripe = || self.by_inbox.iter().filter(|(_, inbox)| is_ripe(inbox));
        let count = ripe().count();
        if count == 0 {
            return None;
        }
        ripe().nth(dice.pick(count)).map(|(function, _)| *function)
    }

    /// Takes the oldest visible letter of an inbox, or with dice any of the older ones.
    pub fn take(&mut self, inbox: Function, now: Timestamp, dice: Option<&Dice>) -> Option<Letter> {
        let letters = self.by_inbox.get_mut(&inbox)?;
        let ripe = || letters.keys().take_while(|(from, _)| *from <= now);
        let at = match dice {
            Some(dice) => match ripe().take(SPREAD).count() {
                0 => 0,
                count => dice.pick(count),
            },
            None => 0,
        };
        let key = *ripe().nth(at)?;
        let taken = letters.remove(&key);
        self.waiting -= usize::from(taken.is_some());
        taken
    }

    /// When the next letter becomes visible.
    pub fn next_at(&self) -> Option<Timestamp> {
        let inboxes = self.by_inbox.values();
        let first = inboxes.filter_map(|inbox| inbox.first_key_value());
        first.map(|((from, _), _)| *from).min()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Every letter.
    pub fn all(&self) -> impl Iterator<Item = &Letter> {
        self.by_inbox.values().flat_map(BTreeMap::values)
    }
}
