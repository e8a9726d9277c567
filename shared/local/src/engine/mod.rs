//! The engine: runs the functions in one process, on one thread, each behind its inbox.
//!
//! A turn gives each inbox one batch. When nothing is left to do, everything is committed and the
//! engine rests until a timer, a process or another program's message. Nothing here decides about
//! runs, tasks or clusters.
//!
//! A handler runs to its end within a turn, but for two: alert and export-runs wait for who is
//! elsewhere, and the engine goes on with the others meanwhile.

mod panic;
mod sink;
mod waiting;

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::Timestamp;
use model::fact::Fact;
use model::message::{Function, Message};
use model::metric::{Measurement, Metric};
use model::units::Seconds;
use ports::{Clock as _, ComputeError, Outgoing, Ports as _, Trouble, Verdict};
use telemetry::SharedMeter;
use tracing::Instrument as _;

use crate::compute_events::{LocalCompute, Mark};
use crate::data::Data;
use crate::database::{EngineLock, Failure};
use crate::handlers::Handlers;
use crate::inbox::Batch;
use crate::journal::Journal;
use crate::local_ports::LocalPorts;
use crate::statistics::Statistics;
use crate::ticker::Ticker;
use panic::panicked;
use sink::InboxSink;
use waiting::Waiting;

/// The most messages a handler is given at once.
const BATCH: usize = 1_000;
/// A busy engine commits at least this often, so that other processes can write and a crash has
/// little to repeat.
const GROUP_MESSAGES: usize = 2_000;
const GROUP_TIME: Duration = Duration::from_millis(10);
/// How often a resting engine looks for other processes' messages and for a stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a busy engine looks whether a process has ended.
const POLL_EVERY: Duration = Duration::from_millis(1);
/// How often a resting engine looks whether a handler that waits can go on.
const WAIT_EVERY: Duration = Duration::from_millis(10);
/// How long it waits before a compute in trouble is asked again.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// The engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What was committed is safe, and whatever was not will be done again by the next engine.
    #[error("the engine stops, nothing is lost: {0}")]
    Lost(#[from] Failure),
}

/// Asks an engine to stop, from any thread or a signal handler.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<AtomicBool>);

impl Stopper {
    /// Asks; the engine commits what it has done and returns within a tenth of a second or when
    /// the handler at work returns.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs the functions.
pub struct Engine<C, H> {
    ports: Rc<LocalPorts<C>>,
    journal: Rc<Journal>,
    handlers: Rc<H>,
    /// Batches whose handler waits for somebody elsewhere.
    waiting: Waiting,
    ticker: Ticker,
    stopper: Stopper,
    /// Emitted and not acknowledged to the compute yet, with the number of commits before it.
    mark: Option<(Mark, u64)>,
    compute_calls: bool,
    trouble_until: Option<Instant>,
    group_began: Cell<Option<Instant>>,
    polled: Instant,
    looked: Instant,
    _lock: EngineLock,
}

impl<C: LocalCompute + 'static, H: Handlers<C> + 'static> Engine<C, H> {
    /// Puts an engine together. It does nothing before it is run.
    pub fn new(data: Data, compute: C, handlers: H) -> Self {
        let (journal, lock) = data.into_parts();
        let now = Instant::now();
        let ports = Rc::new(LocalPorts::new(&journal, compute));
        // Whatever an earlier engine registered is read on the first turn.
        ports.store().set_registered();
        for function in Function::ALL {
            if function.is_optional() && handlers.wants(function) {
                ports.bus().subscribe(function);
            }
        }
        Self {
            ports,
            handlers: Rc::new(handlers),
            waiting: Waiting::default(),
            ticker: Ticker::new(journal.clock.now()),
            stopper: Stopper::default(),
            mark: None,
            // What was not acknowledged to the last engine comes again.
            compute_calls: true,
            trouble_until: None,
            group_began: Cell::new(None),
            polled: now,
            looked: now.checked_sub(LOOK_EVERY).unwrap_or(now),
            journal,
            _lock: lock,
        }
    }

    /// What the functions are given; also for reading, and for register-definitions.
    pub fn ports(&self) -> &LocalPorts<C> {
        &self.ports
    }

    /// The compute behind the port.
    pub fn compute(&self) -> &C {
        self.ports.inner_compute()
    }

    /// The engine's time.
    pub fn now(&self) -> Timestamp {
        self.journal.clock.now()
    }

    /// Shows every published fact to an observer from now on; one may come more than once.
    pub fn observe(&self, observer: impl FnMut(&Fact) + 'static) {
        self.ports.bus().observe(Box::new(observer));
    }

    /// Measures what it does for a meter from now on; a second one is told nothing.
    pub fn measure(&self, meter: &SharedMeter) {
        self.ports.measure(meter);
    }

    /// Asks this engine to stop.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Counts of what was done.
    pub fn statistics(&self) -> Statistics {
        self.journal.statistics()
    }

    /// Puts a message into an inbox, durably.
    pub fn send(&self, inbox: Function, outgoing: Outgoing) -> Result<(), EngineError> {
        self.journal
            .inboxes
            .put(inbox, outgoing.message, outgoing.delay)?;
        self.flush()
    }

    /// Calls a function that has no inbox, and commits what it did.
    pub fn call<T>(
        &self,
        function: impl AsyncFnOnce(&LocalPorts<C>) -> T,
    ) -> Result<T, EngineError> {
        let result = pollster::block_on(function(&self.ports));
        self.flush()?;
        Ok(result)
    }

    /// Runs until it is asked to stop.
    pub fn run(&mut self) -> Result<(), EngineError> {
        self.run_until(|_| false)
    }

    /// Runs until a condition holds, or it is asked to stop. The condition is looked at between
    /// turns.
    pub fn run_until(&mut self, done: impl FnMut(&Self) -> bool) -> Result<(), EngineError> {
        let result = self.run_turns(done);
        if let (Err(error), true) = (&result, self.journal.database.lost().is_some()) {
            tracing::error!(%error);
        }
        result
    }

    fn run_turns(&mut self, mut done: impl FnMut(&Self) -> bool) -> Result<(), EngineError> {
        while !self.stopper.is_asked() && !done(self) {
            if !self.turn()? {
                self.rest()?;
            }
        }
        self.journal.stop()?;
        self.group_began.set(None);
        Ok(())
    }

    /// Gives each inbox one batch; says whether anything happened.
    fn turn(&mut self) -> Result<bool, EngineError> {
        let now = self.journal.clock.now();
        let mut busy = self.look_elsewhere()?;
        self.look_at_definitions(now);
        for (inbox, message) in self.ticker.fire(now) {
            let idle_sweep = message == Message::Sweep && !self.journal.inboxes.is_quiet(inbox)?;
            if !idle_sweep {
                self.journal.inboxes.put(inbox, message, Seconds(0))?;
            }
        }
        self.advance_compute()?;
        for (batch, verdicts) in self.waiting.ended() {
            busy = true;
            self.settle(batch, verdicts)?;
        }
        for function in Function::ALL {
            busy |= self.deliver(function)?;
        }
        Ok(busy)
    }

    /// Gives one inbox's next batch to its handler.
    fn deliver(&mut self, function: Function) -> Result<bool, EngineError> {
        let waits_elsewhere = matches!(function, Function::Alert | Function::ExportRuns);
        if waits_elsewhere && self.waiting.is_full(function) {
            return Ok(false);
        }
        let Some(batch) = self.journal.inboxes.take(function, BATCH)? else {
            return Ok(false);
        };
        self.journal.database.counters().batches.add(1);
        self.note_lag(&batch);
        let span = tracing::info_span!("delivery", function = function.name());
        let count = batch.count();
        let deliveries = batch.deliveries();
        if waits_elsewhere {
            let (handlers, ports) = (Rc::clone(&self.handlers), Rc::clone(&self.ports));
            let handled = async move { handlers.handle(function, &ports, deliveries).await };
            self.waiting
                .begin(batch, Box::pin(handled.instrument(span)));
            for (batch, verdicts) in self.waiting.ended() {
                self.settle(batch, verdicts)?;
            }
            return Ok(true);
        }
        let handled = self.handlers.handle(function, &self.ports, deliveries);
        let handle = || pollster::block_on(handled.instrument(span));
        let verdicts = std::panic::catch_unwind(AssertUnwindSafe(handle))
            .unwrap_or_else(|panic| panicked(&*panic, count));
        self.settle(batch, verdicts)?;
        Ok(true)
    }

    /// Measures how long the oldest message of a batch has waited, a delay it was sent with included.
    fn note_lag(&self, batch: &Batch) {
        if let Some(sent_ms) = batch.sent_ms() {
            let age_ms = u32::try_from(self.journal.clock.now_ms() - sent_ms).unwrap_or_default();
            let lag = f64::from(age_ms) / 1000.0;
            let lag = Measurement::of(Metric::InboxLag, lag, [batch.function.name()]);
            self.ports.meter().record(lag);
        }
    }

    /// Does with a batch what its handler decided.
    fn settle(&self, batch: Batch, verdicts: Vec<Verdict>) -> Result<(), EngineError> {
        if let Some(reason) = self.journal.database.lost() {
            return Err(Failure::Lost { reason }.into());
        }
        self.journal.inboxes.settle(batch, verdicts)?;
        self.bound_group()
    }

    /// Commits when the group has grown large or old.
    fn bound_group(&self) -> Result<(), EngineError> {
        let unwritten = self.journal.inboxes.unwritten();
        if !self.journal.database.has_open_group() && unwritten == 0 {
            self.group_began.set(None);
            return Ok(());
        }
        let now = Instant::now();
        let began = self.group_began.get().unwrap_or(now);
        self.group_began.set(Some(began));
        let old = now.duration_since(began) >= GROUP_TIME;
        if old || unwritten >= GROUP_MESSAGES {
            self.flush()?;
        }
        Ok(())
    }

    /// Commits everything done so far.
    fn flush(&self) -> Result<(), EngineError> {
        self.journal.flush()?;
        self.group_began.set(None);
        Ok(())
    }

    /// Lets the compute go on when it has something to do.
    fn advance_compute(&mut self) -> Result<(), EngineError> {
        self.acknowledge();
        let instant = Instant::now();
        if self.trouble_until.is_some_and(|until| instant < until) {
            return Ok(());
        }
        let compute = self.ports.inner_compute();
        if instant.duration_since(self.polled) >= POLL_EVERY && compute.in_flight() > 0 {
            self.polled = instant;
            self.compute_calls |= compute.wait(Duration::ZERO);
        }
        let timer = compute.next_timer();
        // Read after the timer, which may be the compute's own idea of now.
        let now = self.journal.clock.now();
        if !self.compute_calls && timer.is_none_or(|timer| timer > now) {
            return Ok(());
        }
        let mut sink = InboxSink::into(&self.journal.inboxes);
        let advanced = compute.advance(now, &mut sink);
        sink.result?;
        match advanced {
            Ok(mark) => {
                self.compute_calls = false;
                self.trouble_until = None;
                self.mark = Some((mark, self.journal.flushes()));
            }
            Err(error) => self.trouble("go on", &error),
        }
        Ok(())
    }

    /// Tells the compute what is committed and need not come again.
    fn acknowledge(&mut self) {
        if let Some((mark, flushes)) = self.mark
            && self.journal.flushes() > flushes
        {
            match self.ports.inner_compute().acknowledge(mark) {
                Ok(()) => self.mark = None,
                Err(error) => self.trouble("be told what was stored", &error),
            }
        }
    }

    fn trouble(&mut self, what: &str, error: &ComputeError) {
        tracing::error!(%error, "the compute could not {what}; it is asked again");
        self.compute_calls = true;
        self.trouble_until = Instant::now().checked_add(TROUBLE_PAUSE);
    }

    /// Reads the schedules again when what is registered has changed.
    fn look_at_definitions(&mut self, now: Timestamp) {
        if !self.ports.store().take_registered() {
            return;
        }
        match pollster::block_on(self.ticker.load(&*self.ports, now)) {
            Ok(()) => {}
            // It will be written again, or nobody can help it.
            Err(Trouble::Poison(error)) => tracing::error!(error, "schedules cannot be read"),
            Err(trouble) => {
                tracing::warn!(%trouble, "schedules could not be read; they are read again");
                self.ports.store().set_registered();
            }
        }
    }

    /// Commits, then waits for something to do.
    fn rest(&mut self) -> Result<(), EngineError> {
        self.flush()?;
        self.acknowledge();
        self.journal.database.tidy()?;
        let now = self.journal.clock.now();
        let next = self.next_timer();
        let compute = self.ports.inner_compute();
        if next <= now && self.trouble_until.is_none() {
            return Ok(());
        }
        let flying = compute.in_flight() > 0;
        let waits = flying || !self.waiting.is_empty();
        if self.journal.clock.skips() && !waits && self.trouble_until.is_none() {
            self.journal.clock.jump(next);
            return Ok(());
        }
        let longest = LOOK_EVERY
            .saturating_sub(self.looked.elapsed())
            .max(POLL_EVERY);
        let longest = if self.waiting.is_empty() {
            longest
        } else {
            longest.min(WAIT_EVERY)
        };
        let pause = match self.trouble_until {
            Some(_) => longest,
            None => self.journal.clock.until(next).min(longest),
        };
        if flying {
            self.compute_calls |= compute.wait(pause);
        } else {
            std::thread::sleep(pause);
        }
        Ok(())
    }

    /// When something happens next by itself.
    fn next_timer(&self) -> Timestamp {
        let visible = self.journal.inboxes.next_visible_ms();
        let visible = visible.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let compute = self.ports.inner_compute().next_timer();
        let timers = [visible, compute].into_iter().flatten();
        timers.fold(self.ticker.next(), Timestamp::min)
    }

    /// Looks, ten times a second, for other processes' messages; says whether there are any.
    fn look_elsewhere(&mut self) -> Result<bool, EngineError> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(false);
        }
        self.looked = Instant::now();
        self.journal.clock.follow_machine();
        if !self.journal.database.changed_elsewhere()? {
            return Ok(false);
        }
        self.ports.store().set_registered();
        Ok(self.journal.inboxes.collect_mail()?)
    }
}

#[cfg(test)]
mod tests;
