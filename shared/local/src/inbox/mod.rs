//! The functions' inboxes: rows in the database, and in memory what comes next.
//!
//! A message is delivered as soon as it is put, still inside the group in which it was put. That is
//! safe because the group is committed as a whole: whatever its delivery leads to becomes durable
//! with the message or after it, never before. A message that is put and acknowledged within one
//! group never becomes a row at all; every other one is written by [`Inboxes::write_out`], which
//! comes before each commit. The rows of a committed database are thus the same as if each had
//! been written at once.
//!
//! Knows messages and time, not what functions do with them.

mod queue;
mod rows;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Clock as _, Delivery, Verdict};

use self::queue::{Letter, Queue};
use self::rows::Rows;
use crate::clock::EngineClock;
use crate::database::{Database, Failure};

/// The most messages of one inbox kept in memory; the others wait as rows.
const KEEP: usize = 4_096;
/// How long a message is tried before it goes to the dead letters.
const RETENTION: Seconds = Seconds(14 * 24 * 3_600);
/// The longest delay after a failure.
const LONGEST_DELAY: Seconds = Seconds::minutes(15);

/// All inboxes of the engine.
#[derive(Debug)]
pub struct Inboxes {
    rows: Rows,
    clock: EngineClock,
    queues: RefCell<[Queue; Function::ALL.len()]>,
    /// Put in the open group and not written as rows yet; some are gone again.
    fresh: RefCell<Vec<Rc<Letter>>>,
    next_id: Cell<i64>,
}

/// A batch on its way through a handler. Dropping it without settling leaves its messages in the
/// database, to come again after a restart.
#[derive(Debug)]
pub struct Batch {
    pub function: Function,
    letters: Vec<Rc<Letter>>,
}

impl Batch {
    /// What the handler is given.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let letters = self.letters.iter();
        letters
            .map(|letter| Delivery {
                message: letter.message.clone(),
                receives: letter.receives.get(),
            })
            .collect()
    }

    /// When the oldest message was sent that comes for the first time, in milliseconds since 1970.
    pub fn sent_ms(&self) -> Option<i64> {
        let new = self
            .letters
            .iter()
            .filter(|letter| letter.receives.get() <= 1);
        new.map(|letter| letter.sent_ms).min()
    }

    /// How many messages it holds.
    pub fn count(&self) -> usize {
        self.letters.len()
    }
}

impl Inboxes {
    /// Finds the messages that an earlier engine left.
    pub fn open(database: Rc<Database>, clock: EngineClock) -> Result<Self, Failure> {
        let rows = Rows { database };
        let now_ms = clock.now_ms();
        // A clock that was wrong must not hide messages for years.
        rows.normalise(now_ms, now_ms + ms(LONGEST_DELAY))?;
        let mut queues: [Queue; Function::ALL.len()] = Default::default();
        for (function, visible_ms, id) in rows.delayed()? {
            queues[index(function)].delay(visible_ms, id, None);
        }
        for queue in &mut queues {
            queue.rest_from = Some(0);
        }
        let next_id = Cell::new(rows.last_id()? + 1);
        Ok(Self {
            rows,
            clock,
            queues: RefCell::new(queues),
            fresh: RefCell::default(),
            next_id,
        })
    }

    /// Puts a message into an inbox.
    pub fn put(&self, function: Function, message: Message, delay: Seconds) -> Result<(), Failure> {
        let now_ms = self.clock.now_ms();
        let visible_ms = if delay == Seconds(0) {
            0
        } else {
            now_ms + ms(delay)
        };
        let id = self.next_id.replace(self.next_id.get() + 1);
        let letter = Rc::new(Letter::new(function, id, message, now_ms, visible_ms));
        self.rows.database.counters().messages.add(1);
        let mut queues = self.queues.borrow_mut();
        let queue = &mut queues[index(function)];
        if queue.is_full(visible_ms, KEEP) {
            self.rows.insert(&letter)?;
            queue.leave_as_row(&letter);
            return Ok(());
        }
        self.fresh.borrow_mut().push(Rc::clone(&letter));
        queue.push(letter);
        Ok(())
    }

    /// Puts messages of other processes into their inboxes; says whether there were any.
    pub fn collect_mail(&self) -> Result<bool, Failure> {
        let mail = self.rows.take_mail()?;
        for (function, body, delay_ms) in &mail {
            let read = Function::ALL
                .into_iter()
                .find(|known| known.name() == function);
            match (read, serde_json::from_str(body)) {
                (Some(function), Ok(message)) => {
                    self.put(function, message, Seconds(delay_ms.unsigned_abs() / 1000))?;
                }
                (None, _) => self.bury(function, body, "there is no such function")?,
                (Some(_), Err(error)) => self.bury(function, body, &unreadable(&error))?,
            }
        }
        Ok(!mail.is_empty())
    }

    /// Takes up to `most` messages that are visible now. One that has failed before comes alone,
    /// so that it cannot harm others again.
    pub fn take(&self, function: Function, most: usize) -> Result<Option<Batch>, Failure> {
        self.fill(function)?;
        let mut queues = self.queues.borrow_mut();
        let letters = queues[index(function)].take(most);
        Ok((!letters.is_empty()).then_some(Batch { function, letters }))
    }

    /// Does with each message what the handler decided, in order. A message without a verdict
    /// failed.
    pub fn settle(&self, batch: Batch, verdicts: Vec<Verdict>) -> Result<(), Failure> {
        let unsaid = || Verdict::Failed("the handler gave no verdict".into());
        let verdicts = verdicts.into_iter().chain(std::iter::repeat_with(unsaid));
        for (letter, verdict) in batch.letters.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Done => self.acknowledge(&letter)?,
                Verdict::Later(delay) => self.postpone(letter, delay, None)?,
                Verdict::Failed(reason) => self.fail(letter, reason)?,
                Verdict::Poison(reason) => self.poison(&letter, &reason)?,
            }
        }
        Ok(())
    }

    /// Writes what the open group put and did not take away again.
    pub fn write_out(&self) -> Result<(), Failure> {
        let mut fresh = self.fresh.borrow_mut();
        for letter in fresh.iter().filter(|letter| !letter.gone.get()) {
            self.rows.insert(letter)?;
        }
        fresh.clear();
        Ok(())
    }

    /// How many messages of the open group may still have to be written.
    pub fn unwritten(&self) -> usize {
        self.fresh.borrow().len()
    }

    /// The instant at which the next delayed message becomes visible, in milliseconds.
    pub fn next_visible_ms(&self) -> Option<i64> {
        self.queues
            .borrow()
            .iter()
            .filter_map(Queue::next_visible_ms)
            .min()
    }

    /// Whether nothing is visible in an inbox.
    pub fn is_quiet(&self, function: Function) -> Result<bool, Failure> {
        self.fill(function)?;
        Ok(self.queues.borrow()[index(function)].has_nothing_ready())
    }

    /// Brings what has become visible into memory, as far as there is room.
    fn fill(&self, function: Function) -> Result<(), Failure> {
        let now_ms = self.clock.now_ms();
        let mut queues = self.queues.borrow_mut();
        let queue = &mut queues[index(function)];
        while let Some((id, letter)) = queue.pop_visible(now_ms, KEEP) {
            match letter {
                Some(letter) => queue.push_ready(letter),
                None => {
                    if let Some(row) = self.rows.read(function, id)? {
                        self.unpack(row, queue)?;
                    }
                }
            }
        }
        let Some(from) = queue.rest_from.filter(|_| queue.ready_len() < KEEP / 4) else {
            return Ok(());
        };
        let page = self.rows.page(function, from, KEEP / 2)?;
        queue.rest_from = (page.len() == KEEP / 2).then(|| page[page.len() - 1].id + 1);
        for row in page {
            self.unpack(row, queue)?;
        }
        Ok(())
    }

    fn unpack(&self, row: rows::Row, queue: &mut Queue) -> Result<(), Failure> {
        match row.unpack() {
            Ok(letter) => queue.push_ready(Rc::new(letter)),
            Err((row, error)) => {
                self.rows.delete(row.function, row.id)?;
                self.bury(row.function.name(), &row.body, &unreadable(&error))?;
            }
        }
        Ok(())
    }

    fn acknowledge(&self, letter: &Letter) -> Result<(), Failure> {
        self.rows.database.counters().acknowledged.add(1);
        self.remove(letter)
    }

    fn remove(&self, letter: &Letter) -> Result<(), Failure> {
        letter.gone.set(true);
        if letter.stored.get() {
            self.rows.delete(letter.function, letter.id)
        } else {
            Ok(())
        }
    }

    fn postpone(
        &self,
        letter: Rc<Letter>,
        delay: Seconds,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        let at_once = delay == Seconds(0);
        letter.visible_ms.set(if at_once {
            0
        } else {
            self.clock.now_ms() + ms(delay)
        });
        letter.reason.replace(reason);
        // At once: the row stays as it is, so that no page brings it into memory a second time.
        if letter.stored.get() && !at_once {
            self.rows.update(&letter)?;
        }
        self.queues.borrow_mut()[index(letter.function)].push(letter);
        Ok(())
    }

    fn fail(&self, letter: Rc<Letter>, reason: String) -> Result<(), Failure> {
        let function = letter.function;
        let age_ms = self.clock.now_ms() - letter.sent_ms;
        if age_ms > ms(RETENTION) {
            return self.poison(&letter, &format!("still failing after 14 days: {reason}"));
        }
        letter.failures.set(letter.failures.get() + 1);
        let delay = growing_delay(letter.failures.get());
        tracing::warn!(%function, failures = letter.failures.get(), %delay, reason, "a message failed");
        self.postpone(letter, delay, Some(reason))
    }

    fn poison(&self, letter: &Letter, reason: &str) -> Result<(), Failure> {
        self.remove(letter)?;
        let body = letter.body();
        let receives = letter.receives.get();
        self.rows.bury(
            letter.function.name(),
            &body,
            reason,
            self.clock.now(),
            receives,
        )?;
        tracing::error!(function = %letter.function, reason, "a message was put aside");
        Ok(())
    }

    /// Puts aside what could not be read.
    fn bury(&self, function: &str, body: &str, reason: &str) -> Result<(), Failure> {
        tracing::error!(function, reason, "a message was put aside");
        self.rows.bury(function, body, reason, self.clock.now(), 1)
    }
}

/// 1 s after the first failure, twice that after each further one, at most a quarter of an hour.
fn growing_delay(failures: u32) -> Seconds {
    let exponent = failures.saturating_sub(1).min(10);
    Seconds(1 << exponent).min(LONGEST_DELAY)
}

fn unreadable(error: &serde_json::Error) -> String {
    format!("the message cannot be read: {error}")
}

fn index(function: Function) -> usize {
    function as usize
}

fn ms(span: Seconds) -> i64 {
    i64::try_from(span.0)
        .unwrap_or(i64::MAX / 1000)
        .saturating_mul(1000)
}
