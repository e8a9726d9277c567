//! What happens at a time whatever else does: ticks, orders, sweeps, people, deploys, the end of
//! the trouble.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use model::Timestamp;
use model::expected::ScheduleRef;
use model::id::Slot;
use model::message::{Function, MatchedEvent, Message, Tick};
use model::units::Seconds;
use ports::Verdict;

use super::World;
use super::faults::Fault;
use super::ports::PlatformPorts;
use super::scenery::reference;
use crate::dice::Dice;

/// Something on the agenda.
pub enum Happening {
    Tick(ScheduleRef, Timestamp),
    Order(u64),
    Sweep,
    Operation,
    Deploy,
    Redrive,
    /// The trouble ends.
    Calm,
    /// Somebody resumes whatever is paused, also by what came late, and redrives what was set aside.
    Resume,
}

impl World {
    /// Registers the first edition before the day begins, without trouble.
    pub(super) fn register(&mut self) {
        let definitions = self.scenery.definitions(false);
        let ports = PlatformPorts::of(&self.shared, &self.cache, SignedDuration::ZERO);
        let rates = self.shared.faults.pause();
        let registered = to_the_end(register_definitions::apply(&ports, &definitions));
        self.shared.faults.resume(rates);
        registered.expect("nothing fails before the day begins");
        self.shared.mail.borrow_mut().clear();
    }

    pub(super) fn plan_the_day(&mut self) {
        let calendar = self.script.calendar;
        let (begin, calm, end) = (calendar.begin(), calendar.calm(), calendar.end());
        let mut day: Vec<(Timestamp, Happening)> = vec![(calm, Happening::Calm)];
        for (schedule, spec) in self.scenery.schedules() {
            for at in calendar.firings(&spec.expression).iter() {
                self.plan_tick(&mut day, &schedule, *at);
                self.ticks.push((schedule.clone(), *at));
            }
        }
        for minutes in [30, 60, 120] {
            day.push((Seconds::minutes(minutes).after(calm), Happening::Resume));
        }
        let seconds = begin.as_second()..end.as_second();
        let sweeps = seconds.step_by(120).map(Timestamp::from_second);
        day.extend(sweeps.flatten().map(|at| (at, Happening::Sweep)));
        let busy = Seconds::between(begin, calm).0;
        let dice = Dice::stream(self.script.seed, 5);
        let plot = self.script.plot;
        // On a small day people come when something has just begun.
        let begun = self.ticks.iter().map(|(_, at)| *at);
        let begun: Vec<Timestamp> = begun.filter(|at| plot.is_small && *at < calm).collect();
        let any = || match begun.as_slice() {
            [] => Seconds(dice.below(busy)).after(begin),
            begun => Seconds(dice.below(6)).after(begun[dice.pick(begun.len())]),
        };
        if plot.workflows > 1 {
            for order in 0..dice.below(if plot.is_small { 3 } else { 6 }) {
                day.push((any(), Happening::Order(order)));
                self.orders.push(Slot::from(order.to_string()));
            }
        }
        if plot.operations {
            let (least, most) = if plot.is_small { (2, 8) } else { (3, 15) };
            for _ in 0..least + dice.below(most) {
                day.push((any(), Happening::Operation));
            }
            if dice.percent(50) {
                day.push((any(), Happening::Deploy));
            }
        }
        if self.shared.faults.strikes(Fault::Redrive) {
            day.push((any(), Happening::Redrive));
        }
        day.sort_by_key(|(at, _)| *at);
        self.agenda = day.into();
        self.name_the_day();
    }

    /// Counts what makes the day itself unusual.
    fn name_the_day(&self) {
        let calendar = self.script.calendar;
        if calendar == super::calendar::LEAP {
            self.shared.faults.happens(Fault::LeapDay);
        } else if calendar != super::calendar::PLAIN {
            self.shared.faults.happens(Fault::ClockChange);
        }
        let now = self.now();
        self.shared.watch.trace.note(now, || {
            format!(
                "{} in {}, {}",
                calendar.name, calendar.zone, self.script.kind
            )
        });
    }

    /// Scheduler's own faults: a tick may be lost, late or doubled. Only while there is trouble.
    fn plan_tick(
        &self,
        day: &mut Vec<(Timestamp, Happening)>,
        schedule: &ScheduleRef,
        at: Timestamp,
    ) {
        let tick = |late: u64| {
            (
                Seconds(late).after(at),
                Happening::Tick(schedule.clone(), at),
            )
        };
        if at > self.script.calendar.calm() {
            day.push(tick(0));
            return;
        }
        let faults = &self.shared.faults;
        if faults.strikes(Fault::TickLost) {
            return;
        }
        let late = faults.strikes(Fault::TickLate);
        day.push(tick(if late {
            faults.below(Fault::TickLate, 1800)
        } else {
            0
        }));
        if faults.strikes(Fault::TickTwice) {
            day.push(tick(faults.below(Fault::TickTwice, 1800)));
        }
    }

    pub(super) fn happen(&mut self) {
        let now = self.now();
        while self.agenda.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, happening)) = self.agenda.pop_front() else {
                return;
            };
            match happening {
                Happening::Tick(schedule, at) => self.tick(schedule, at),
                Happening::Order(number) => self.order(number),
                Happening::Sweep => {
                    self.a_cluster_may_die();
                    self.check_after_trouble();
                    self.post(Function::Reconcile, Message::Sweep);
                }
                Happening::Operation => self.operate(),
                Happening::Deploy => self.deploy(),
                Happening::Redrive => {
                    let note = || "everything so far is delivered again".to_owned();
                    self.shared.watch.trace.note(now, note);
                    self.deliver_everything_again();
                }
                Happening::Calm => self.calm(),
                Happening::Resume => {
                    self.redrive_dead_letters();
                    self.resume_everything();
                }
            }
        }
    }

    fn calm(&mut self) {
        let now = self.now();
        self.shared
            .watch
            .trace
            .note(now, || "the trouble ends".to_owned());
        self.shared.faults.calm();
        self.calm_since = Some(now);
        self.redrive_dead_letters();
        self.resume_everything();
    }

    fn tick(&mut self, schedule: ScheduleRef, scheduled_time: Timestamp) {
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

    fn order(&mut self, number: u64) {
        let at = self.now();
        let event = serde_json::json!({
            "source": "orders", "time": at.to_string(), "detail": { "number": number },
        });
        let matched = MatchedEvent {
            workflow: reference("second"),
            trigger: 0,
            event,
        };
        self.post(Function::StartRun, Message::Event(matched));
    }

    /// A cluster may die under its work.
    fn a_cluster_may_die(&self) {
        let faults = &self.shared.faults;
        if !faults.strikes(Fault::ClusterDies) {
            return;
        }
        let mut services = self.shared.services.borrow_mut();
        let living: Vec<_> = services
            .live_clusters()
            .map(|one| one.seen.id.clone())
            .collect();
        if living.is_empty() {
            return;
        }
        let count = living.len() as u64;
        let chosen = usize::try_from(faults.below(Fault::ClusterDies, count)).unwrap_or(0);
        services.die(&living[chosen], self.now());
    }

    /// Somebody registers another edition, in the middle of everything.
    pub(super) fn deploy(&mut self) {
        let definitions = self.scenery.definitions(true);
        let ports = self.invocation();
        let point = ports.point();
        let handler = Box::pin(async move {
            match register_definitions::apply(&ports, &definitions).await {
                Ok(_) => vec![Verdict::Done],
                Err(trouble) => vec![Verdict::Failed(trouble.to_string())],
            }
        });
        let now = self.now();
        self.shared
            .watch
            .trace
            .note(now, || "a deploy begins".to_owned());
        let flight = self.flight(None, Vec::new(), handler, point);
        self.flights.push(flight);
    }

    /// A deploy has ended. One that failed is tried again by whoever waits for it.
    pub(super) fn deployed(&mut self, is_complete: bool) {
        let now = self.now();
        let outcome = if is_complete { "is complete" } else { "failed" };
        self.shared
            .watch
            .trace
            .note(now, || format!("a deploy {outcome}"));
        if !is_complete {
            let again = Seconds(60).after(now);
            let at = self.agenda.partition_point(|(at, _)| *at <= again);
            self.agenda.insert(at, (again, Happening::Deploy));
        }
    }
}

/// Runs a future that only waits for turns.
fn to_the_end<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}
