//! One inbox in memory: what is ready, what is delayed, and from where on the rest waits as rows.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;

use model::message::{Function, Message};

/// A message in an inbox.
#[derive(Debug)]
pub struct Letter {
    pub function: Function,
    pub id: i64,
    pub message: Message,
    pub sent_ms: i64,
    /// 0 when at once.
    pub visible_ms: Cell<i64>,
    /// How often it was delivered.
    pub receives: Cell<u32>,
    /// How often its handler failed.
    pub failures: Cell<u32>,
    /// Why it failed last.
    pub reason: RefCell<Option<String>>,
    /// There is a row.
    pub stored: Cell<bool>,
    /// It has left the inbox.
    pub gone: Cell<bool>,
}

impl Letter {
    /// Makes a letter that was never delivered and has no row.
    pub fn new(
        function: Function,
        id: i64,
        message: Message,
        sent_ms: i64,
        visible_ms: i64,
    ) -> Self {
        Self {
            function,
            id,
            message,
            sent_ms,
            visible_ms: Cell::new(visible_ms),
            receives: Cell::new(0),
            failures: Cell::new(0),
            reason: RefCell::new(None),
            stored: Cell::new(false),
            gone: Cell::new(false),
        }
    }

    /// The message as it is stored.
    pub fn body(&self) -> String {
        serde_json::to_string(&self.message).expect("messages are plain data with text keys")
    }
}

/// One function's inbox.
#[derive(Debug, Default)]
pub struct Queue {
    ready: VecDeque<Rc<Letter>>,
    /// When which id becomes visible.
    delayed: BinaryHeap<Reverse<(i64, i64)>>,
    /// The delayed letters that are in memory; the others are rows only.
    held: BTreeMap<i64, Rc<Letter>>,
    /// The first id of those that wait as rows only, without delay.
    pub rest_from: Option<i64>,
}

impl Queue {
    /// Whether a new letter has to wait as a row: there is no room, or others do so already.
    pub fn is_full(&self, visible_ms: i64, keep: usize) -> bool {
        if visible_ms == 0 {
            self.rest_from.is_some() || self.ready.len() >= keep
        } else {
            self.held.len() >= keep
        }
    }

    /// Remembers a letter that is a row only.
    pub fn leave_as_row(&mut self, letter: &Letter) {
        match letter.visible_ms.get() {
            0 => {
                self.rest_from.get_or_insert(letter.id);
            }
            visible_ms => self.delay(visible_ms, letter.id, None),
        }
    }

    /// Takes a letter in, ready or delayed.
    pub fn push(&mut self, letter: Rc<Letter>) {
        match letter.visible_ms.get() {
            0 => self.ready.push_back(letter),
            visible_ms => self.delay(visible_ms, letter.id, Some(letter)),
        }
    }

    /// Takes a letter in whose time has come.
    pub fn push_ready(&mut self, letter: Rc<Letter>) {
        self.ready.push_back(letter);
    }

    /// Remembers that an id becomes visible later.
    pub fn delay(&mut self, visible_ms: i64, id: i64, letter: Option<Rc<Letter>>) {
        self.delayed.push(Reverse((visible_ms, id)));
        if let Some(letter) = letter {
            self.held.insert(id, letter);
        }
    }

    /// Takes one that has become visible, while there is room for it.
    pub fn pop_visible(&mut self, now_ms: i64, keep: usize) -> Option<(i64, Option<Rc<Letter>>)> {
        let Reverse((visible_ms, id)) = *self.delayed.peek()?;
        if visible_ms > now_ms || self.ready.len() >= keep {
            return None;
        }
        self.delayed.pop();
        Some((id, self.held.remove(&id)))
    }

    /// Takes letters for one batch and counts their delivery.
    pub fn take(&mut self, most: usize) -> Vec<Rc<Letter>> {
        let mut letters = Vec::new();
        while letters.len() < most {
            let alone = self
                .ready
                .front()
                .is_some_and(|letter| letter.failures.get() > 0);
            if alone && !letters.is_empty() {
                break;
            }
            let Some(letter) = self.ready.pop_front() else {
                break;
            };
            letter.receives.set(letter.receives.get() + 1);
            letters.push(letter);
            if alone {
                break;
            }
        }
        letters
    }

    /// How many are ready in memory.
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Whether nothing is ready, neither in memory nor as a row.
    pub fn has_nothing_ready(&self) -> bool {
        self.ready.is_empty() && self.rest_from.is_none()
    }

    /// When the next delayed letter becomes visible.
    pub fn next_visible_ms(&self) -> Option<i64> {
        self.delayed
            .peek()
            .map(|Reverse((visible_ms, _))| *visible_ms)
    }
}
