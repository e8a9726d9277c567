//! A whole platform in a hostile world: every function, several handlers at once, one thread, one
//! seed. Handlers take turns between any two calls, crash there, and see every message late, twice
//! and out of order; people operate on what runs; then the trouble stops and all must end well.

mod end;
mod inboxes;
mod people;
mod ports;
mod quiet;
mod scenery;
mod services;
mod watch;

use std::collections::VecDeque;
use std::rc::Rc;

use model::Timestamp;
use model::expected::ScheduleRef;
use model::message::{Function, MatchedEvent, Message, Tick};
use model::units::Seconds;
use testkit::{TestPorts, instant};

use self::inboxes::{Flight, Letter};
use self::ports::{PlatformPorts, Shared};
use self::scenery::Scenery;
use self::services::Fates;
use self::watch::Watch;
use crate::dice::Dice;

/// How bad the world is: chances in a hundred, of failing calls in a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub duplicate: u64,
    pub crash: u64,
    pub failing_calls: u64,
    pub odd_answer: u64,
    pub lost_event: u64,
    pub lost_tick: u64,
    /// That a cluster dies within two minutes.
    pub dying: u64,
    /// That a handler is so slow that its lease ends, in ten thousand.
    pub slow: u64,
}

/// What takes part.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    pub limits: bool,
    pub clusters: bool,
    /// People cancel, rerun, pause and mark.
    pub operations: bool,
    /// Full limits may refuse or cancel runs.
    pub refuses: bool,
}

/// One world.
pub struct World {
    pub seed: u64,
    pub plot: Plot,
    shared: Rc<Shared>,
    ports: PlatformPorts,
    dice: Dice,
    scenery: Scenery,
    letters: Vec<Letter>,
    flights: Vec<Flight>,
    fates: Fates,
    agenda: VecDeque<(Timestamp, Happening)>,
    ticks: Vec<(ScheduleRef, Timestamp)>,
    operations: u32,
}

/// What happens at a time whatever else does.
enum Happening {
    Tick(ScheduleRef),
    Order(u64),
    Sweep,
    Operation,
    Edit,
    /// The trouble ends.
    Calm,
    /// Somebody resumes whatever is paused, also by what came late.
    Resume,
}

/// When the simulated day begins, when its trouble ends, and when everything must have ended.
const BEGIN: &str = "2026-03-01T04:59:00Z";
const CALM: &str = "2026-03-01T08:30:00Z";
const END: &str = "2026-03-04T00:00:00Z";

impl World {
    /// Draws a world from a seed.
    pub fn new(seed: u64, plot: Plot, weather: Weather) -> Self {
        let mut dice = Dice::of(seed);
        let begin = instant(BEGIN);
        let scenery = Scenery::draw(&mut dice, plot);
        let memory = TestPorts::at(begin);
        scenery.register(&memory.store, begin);
        let watch = Watch::new(seed, weather, scenery.sizes());
        let shared = Rc::new(Shared { memory, watch });
        let mut world = Self {
            seed,
            plot,
            ports: PlatformPorts::of(&shared),
            shared,
            dice,
            scenery,
            letters: Vec::new(),
            flights: Vec::new(),
            fates: Fates::default(),
            agenda: VecDeque::new(),
            ticks: Vec::new(),
            operations: 0,
        };
        world.plan_the_day();
        world
    }

    fn plan_the_day(&mut self) {
        let (begin, calm, end) = (instant(BEGIN), instant(CALM), instant(END));
        let mut day: Vec<(Timestamp, Happening)> = vec![(calm, Happening::Calm)];
        for (schedule, spec) in self.schedules() {
            let parsed = choreography::expected::schedule_of(&spec).expect("a schedule");
            let mut at = begin;
            while let Some(next) = parsed.next_after(at).filter(|next| *next < end) {
                day.push((next, Happening::Tick(schedule.clone())));
                self.ticks.push((schedule.clone(), next));
                at = next;
            }
        }
        for minutes in [30, 60, 120] {
            day.push((Seconds::minutes(minutes).after(calm), Happening::Resume));
        }
        let mut sweep = begin;
        while sweep < end {
            day.push((sweep, Happening::Sweep));
            sweep = Seconds(120).after(sweep);
        }
        let busy = Seconds::between(begin, calm).0;
        for order in 0..self.dice.below(6) {
            day.push((
                Seconds(self.dice.below(busy)).after(begin),
                Happening::Order(order),
            ));
        }
        if self.plot.operations {
            for _ in 0..3 + self.dice.below(15) {
                day.push((
                    Seconds(self.dice.below(busy)).after(begin),
                    Happening::Operation,
                ));
            }
            if self.dice.percent(50) {
                day.push((Seconds(self.dice.below(busy)).after(begin), Happening::Edit));
            }
        }
        day.sort_by_key(|(at, _)| *at);
        self.agenda = day.into();
    }

    fn schedules(&self) -> Vec<(ScheduleRef, model::definition::ScheduleSpec)> {
        let mut schedules = Vec::new();
        for workflow in &self.scenery.workflows {
            if let Some(spec) = &workflow.schedule {
                schedules.push((ScheduleRef::Workflow(workflow.reference()), spec.clone()));
            }
        }
        for cluster in &self.scenery.clusters {
            let reference = cluster.reference();
            schedules.push((
                ScheduleRef::Provision(reference.clone()),
                cluster.provision.clone(),
            ));
            schedules.push((ScheduleRef::Terminate(reference), cluster.terminate.clone()));
        }
        schedules
    }

    /// Lives through the day; says which invariant broke, if any did.
    pub fn live(&mut self) -> Result<(), String> {
        for _ in 0..1_000_000 {
            if let Some(broken) = self.shared.watch.broken() {
                return Err(broken);
            }
            self.collect();
            if self.letters.len() > 5_000 {
                return Err(format!("messages multiply: {:?}", self.most_common()));
            }
            if self.act() {
                continue;
            }
            self.check_quiet();
            if !self.pass_time() {
                self.check_end();
                return self.shared.watch.broken().map_or(Ok(()), Err);
            }
        }
        Err("the day never ends".to_owned())
    }

    /// Everything that happened, in order.
    pub fn trace(&self) -> Vec<String> {
        self.shared.watch.trace()
    }

    /// Goes on to the next instant at which something happens; false when the day is over.
    fn pass_time(&mut self) -> bool {
        let now = self.now();
        let letter = self.letters.iter().map(|letter| letter.from).min();
        let happening = self.agenda.front().map(|(at, _)| *at);
        let hidden = Seconds(5).after(now);
        let next = [letter, happening].into_iter().flatten().min();
        let Some(next) = next else { return false };
        if Seconds::minutes(150).after(instant(CALM)) <= now && self.all_is_done() {
            return false;
        }
        // Work ends between messages, too.
        let next = next.clamp(now, Seconds(60).after(now).max(hidden));
        if next >= instant(END) {
            return false;
        }
        self.shared
            .memory
            .clock
            .set(next.max(Seconds(1).after(now)));
        self.services_move();
        self.happen();
        true
    }

    fn happen(&mut self) {
        let now = self.now();
        while self.agenda.front().is_some_and(|(at, _)| *at <= now) {
            let Some((at, happening)) = self.agenda.pop_front() else {
                return;
            };
            match happening {
                Happening::Tick(schedule) => self.tick(schedule, at),
                Happening::Order(number) => self.order(number, at),
                Happening::Sweep => {
                    self.a_cluster_may_die();
                    self.post(Function::Reconcile, Message::Sweep);
                }
                Happening::Operation => self.operate(),
                Happening::Edit => {
                    let edited = self.scenery.edited.clone();
                    self.shared.watch.note(now, || "an edition".to_owned());
                    self.scenery
                        .register_workflow(&self.shared.memory.store, &edited, now);
                }
                Happening::Calm => self.calm(),
                Happening::Resume => self.resume_everything(),
            }
        }
    }

    fn calm(&mut self) {
        let now = self.now();
        self.shared.watch.note(now, || "calm".to_owned());
        self.shared.watch.weather.set(Weather::default());
        self.resume_everything();
    }

    fn tick(&mut self, schedule: ScheduleRef, scheduled_time: Timestamp) {
        if self.dice.percent(self.shared.watch.weather.get().lost_tick) {
            return;
        }
        let inbox = match &schedule {
            ScheduleRef::Workflow(_) | ScheduleRef::Upstreams(_) => Function::StartRun,
            ScheduleRef::Provision(_) => Function::ProvisionCluster,
            ScheduleRef::Terminate(_) => Function::TerminateCluster,
        };
        let tick = Tick {
            schedule,
            scheduled_time,
            late: false,
            skip: false,
        };
        self.post(inbox, Message::Tick(tick));
    }

    fn order(&mut self, number: u64, at: Timestamp) {
        let event = serde_json::json!({
            "source": "orders", "time": at.to_string(), "detail": { "number": number },
        });
        let workflow = scenery::reference("second");
        let matched = MatchedEvent {
            workflow,
            trigger: 0,
            event,
        };
        self.post(Function::StartRun, Message::Event(matched));
    }
}
