//! A whole platform in a hostile world: every function, several handlers at once, one thread, one
//! seed. Handlers take turns between any two calls, crash there, and see every message late, twice
//! and out of order; people operate on what runs; then the trouble stops and all must end well.

mod agenda;
pub mod calendar;
pub mod fates;
pub mod faults;
mod inboxes;
pub mod invariants;
mod letters;
mod mirror;
mod people;
mod ports;
mod post;
mod scenery;
pub mod script;
pub mod services;
pub mod trace;
mod watch;

use std::collections::VecDeque;
use std::rc::Rc;

use ::ports::ContentCache;
use model::Timestamp;
use model::expected::{Expected, ScheduleRef};
use model::id::Slot;
use model::message::{Function, Message};
use model::record::Record;
use model::units::Seconds;

use self::agenda::Happening;
use self::fates::Fates;
use self::faults::{Fault, Faults, Fired};
use self::inboxes::{DeadLetter, Flight};
use self::invariants::replay::Picture;
use self::invariants::{Broken, Checked, Invariant};
use self::letters::Letters;
use self::ports::Shared;
use self::scenery::Scenery;
use self::script::Script;
use self::services::Event;
use self::trace::Trace;
use self::watch::Watch;
use crate::dice::Dice;

/// One world.
pub struct World {
    pub script: Script,
    shared: Rc<Shared>,
    cache: Rc<ContentCache>,
    /// The order in which handlers take turns, and how long messages are on their way.
    dice: Dice,
    people: Dice,
    scenery: Scenery,
    letters: Letters,
    flights: Vec<Flight>,
    dead: Vec<DeadLetter>,
    poisoned: usize,
    agenda: VecDeque<(Timestamp, Happening)>,
    ticks: Vec<(ScheduleRef, Timestamp)>,
    orders: Vec<Slot>,
    keeps_seen: bool,
    seen: Vec<(Function, Rc<Message>)>,
    replayed: Option<Picture>,
    calm_since: Option<Timestamp>,
    operations: u32,
    invocations: u64,
    delivered: u64,
}

/// What became of a day.
#[derive(Debug, Clone)]
pub struct Lived {
    pub broken: Option<Broken>,
    pub fired: Fired,
    pub checked: Checked,
    pub runs: u64,
    pub tasks: u64,
    pub messages: u64,
    /// How many seconds each lost EMR event went unnoticed.
    pub unnoticed: Vec<u64>,
    /// How many seconds after the last trouble the last run ended.
    pub last_run: u64,
    pub hash: u64,
    pub faults: u64,
    pub story: Vec<String>,
}

/// More letters than this, and they multiply.
const TOO_MANY: usize = 20_000;

/// More steps than this, and they go round in circles: a day of races with a wide join takes three
/// million.
const TOO_LONG: u32 = 20_000_000;

impl World {
    /// Draws a world from a script.
    pub fn of(script: Script) -> Self {
        let begin = script.calendar.begin();
        let stream = |number| Dice::stream(script.seed, number);
        let scenery = Scenery::draw(&script);
        let faults = Faults::of(script.seed, script.rates, script.spared.clone());
        let watch = Watch::new(Trace::new(script.is_told), scenery.sizes());
        let fates = Fates::of(script.seed, script.rates.of(Fault::Refused));
        let shared = Rc::new(Shared::at(
            begin,
            faults,
            watch,
            stream(2),
            fates,
            script.plot.alerts,
        ));
        let redrives = script.rates.of(Fault::Redrive) > 0;
        let mut world = Self {
            shared,
            cache: Rc::default(),
            dice: stream(3),
            people: stream(4),
            scenery,
            letters: Letters::default(),
            flights: Vec::new(),
            dead: Vec::new(),
            poisoned: 0,
            agenda: VecDeque::new(),
            ticks: Vec::new(),
            orders: Vec::new(),
            keeps_seen: redrives || script.replays,
            seen: Vec::new(),
            replayed: None,
            calm_since: None,
            operations: 0,
            invocations: 0,
            delivered: 0,
            script,
        };
        world.register();
        world.plan_the_day();
        world
    }

    /// Lives through the day.
    pub fn live(mut self) -> Lived {
        let mut steps: u32 = 0;
        loop {
            steps += 1;
            // A redrive or a replay delivers everything once more.
            let most = TOO_MANY + self.seen.len();
            let ends = steps < TOO_LONG && self.letters.len() < most;
            if !ends {
                let common = self.most_common();
                let (letters, now) = (self.letters.len(), self.now());
                self.shared
                    .watch
                    .check(Invariant::EverythingEnds, false, || {
                        format!("it never ends: {letters} messages at {now}, {common:?}")
                    });
            }
            if self.shared.watch.verdicts.is_broken() {
                return self.lived();
            }
            self.collect();
            if self.act() {
                continue;
            }
            if !self.shared.mail.borrow().is_empty() {
                continue;
            }
            self.check_quiet();
            if self.pass_time() {
                continue;
            }
            if self.script.replays && self.replayed.is_none() {
                self.begin_replay();
                continue;
            }
            self.check_replay();
            self.check_end();
            return self.lived();
        }
    }

    fn check_quiet(&self) {
        // What was set aside in its middle goes on when it is redriven.
        let is_whole = self.dead.iter().all(|dead| dead.is_poison);
        let is_quiet = is_whole && self.is_quiet() && self.shared.watch.on_its_way() < self.now();
        if is_quiet && !self.shared.watch.verdicts.is_broken() {
            self.nobody_waits_beside_a_free_place();
            invariants::facts::waiting_told(&self.shared.watch);
        }
    }

    /// Goes on to the next instant at which something happens; false when the day is over.
    fn pass_time(&mut self) -> bool {
        let now = self.now();
        if self.may_end(now) {
            return false;
        }
        let pending = self.shared.pending.borrow().iter().map(|one| one.at).min();
        let frozen = self.flights.iter().filter_map(|one| one.frozen_until).min();
        let next = [
            self.letters.next_at(),
            self.agenda.front().map(|(at, _)| *at),
            self.shared.services.borrow().next_at(),
            pending,
            frozen,
        ];
        let Some(next) = next.into_iter().flatten().min() else {
            return false;
        };
        if next >= self.script.calendar.end() {
            return false;
        }
        self.shared.clock.set(next.max(now));
        self.shared.watch.trace.mix(next.as_second().unsigned_abs());
        self.services_move();
        self.happen();
        true
    }

    /// Whether nothing is left to wait for: the first time hours after the trouble, and once all of
    /// a replay has been handled.
    fn may_end(&self, now: Timestamp) -> bool {
        let from = Seconds::minutes(150).after(self.script.calendar.calm());
        let may_replay = self.script.replays && self.replayed.is_none();
        from <= now && self.all_is_done() && !(may_replay && self.ticks_soon(now))
    }

    /// Whether a schedule ticks or a deadline passes while a replay would be handled: what comes of
    /// that is new.
    fn ticks_soon(&self, now: Timestamp) -> bool {
        let soon = Seconds::minutes(15).after(now);
        let mut ahead = self.agenda.iter().take_while(|(at, _)| *at <= soon);
        let mirror = self.shared.watch.mirror.borrow();
        let mut due = mirror.deadlines.values().filter_map(Record::due);
        // Of slots that upstreams are expected to start, nobody keeps a deadline before it is missed.
        let expected = self.shared.store.all::<Expected>();
        let mut awaited = expected
            .iter()
            .filter(|one| matches!(one.schedule, ScheduleRef::Upstreams(_)))
            .filter_map(|one| one.due_at);
        ahead.any(|(_, happening)| matches!(happening, Happening::Tick(..)))
            || due.any(|at| at <= soon)
            || awaited.any(|at| at <= soon)
    }

    /// Lets the services go on to the present, and carries what they say.
    fn services_move(&mut self) {
        let now = self.now();
        let mut pending = self.shared.pending.borrow_mut();
        let (due, later) = pending.drain(..).partition(|one| one.at <= now);
        *pending = later;
        drop(pending);
        let due: Vec<ports::Pending> = due;
        for one in due {
            ports::carry_out_late(&self.shared, &one);
        }
        let events = self.shared.services.borrow_mut().go_on(now);
        for event in events {
            self.service_says(event);
        }
    }

    fn service_says(&mut self, event: Event) {
        let now = self.now();
        let (inbox, message, is_emr, gist) = match event {
            Event::Work(seen) => {
                let is_emr = matches!(seen.place, model::task::Place::Instance(_));
                let ended = seen.state.is_terminal().then(|| seen.submission.clone());
                (Function::ObserveTask, Message::Work(seen), is_emr, ended)
            }
            Event::Cluster(seen) => (Function::RecordCluster, Message::Cluster(seen), true, None),
        };
        // Batch events are durable; EMR's are not.
        let lost = is_emr && self.shared.faults.strikes(Fault::EmrEventLost);
        self.shared.watch.trace.note(now, || {
            let lost = if lost { " (nobody is told)" } else { "" };
            format!("{}{lost}", inboxes::gist(&message))
        });
        if !lost {
            self.post(inbox, message);
        } else if let Some(id) = gist {
            self.shared.watch.lost.borrow_mut().insert(id, now);
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Ends the world, and says what became of it.
    fn lived(self) -> Lived {
        let watch = &self.shared.watch;
        let mirror = watch.mirror.borrow();
        let ends = mirror.runs.values().filter_map(|run| run.ended_at).max();
        let calm = self.script.calendar.calm();
        Lived {
            broken: watch.verdicts.broken(),
            fired: self.shared.faults.fired(),
            checked: watch.verdicts.checked(),
            runs: mirror.runs.len() as u64,
            tasks: mirror.all_tasks().count() as u64 + mirror.past.len() as u64,
            messages: self.delivered,
            unnoticed: watch.unnoticed.borrow().clone(),
            last_run: ends.map_or(0, |at| Seconds::between(calm, at).0),
            hash: watch.trace.hash(),
            faults: self.shared.faults.drawn(),
            story: watch.trace.lines(),
        }
    }
}
