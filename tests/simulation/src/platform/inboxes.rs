//! Inboxes and the handlers that empty them, several at once, each a turn at a time.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use model::Timestamp;
use model::alert::AlertRequest;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Delivery, Unprinted, Verdict};

use super::World;
use super::faults::{Fault, MOST_SKEW};
use super::ports::{PlatformPorts, Point};

/// A message in an inbox.
#[derive(Clone)]
pub struct Letter {
    pub inbox: Function,
    pub message: Rc<Message>,
    pub receives: u32,
    pub is_poison: bool,
}

/// A message that was set aside.
pub struct DeadLetter {
    pub letter: Option<Letter>,
    pub what: String,
    pub cause: String,
    pub is_poison: bool,
}

/// A handler at work on a batch.
pub struct Flight {
    pub number: u64,
    pub inbox: Option<Function>,
    letters: Vec<Letter>,
    handler: Pin<Box<dyn Future<Output = Vec<Verdict>>>>,
    point: Rc<Cell<Point>>,
    /// Until when it is frozen; what it took was given to others meanwhile.
    pub frozen_until: Option<Timestamp>,
    is_zombie: bool,
}

/// How many handlers work at once.
const AT_ONCE: usize = 4;

/// How long SQS hides a message from others while it is handled.
const HIDDEN: Seconds = Seconds(130);

impl World {
    /// Lets one thing go on; false when nothing can at this instant.
    pub(super) fn act(&mut self) -> bool {
        let now = self.now();
        let awake = |flight: &Flight| flight.frozen_until.is_none_or(|until| until <= now);
        let count = self.flights.iter().filter(|flight| awake(flight)).count();
        let may_begin = count < AT_ONCE;
        if (count == 0 || self.dice.percent(30)) && may_begin && self.begin() {
            return true;
        }
        if count == 0 {
            return false;
        }
        let chosen = self.dice.pick(count);
        let mut awake = (0..self.flights.len()).filter(|at| awake(&self.flights[*at]));
        let Some(chosen) = awake.nth(chosen) else {
            return false;
        };
        drop(awake);
        if !self.process_fails(chosen) {
            self.go_on(chosen);
        }
        true
    }

    /// Lets one handler go on until its next turn.
    fn go_on(&mut self, chosen: usize) {
        self.flights[chosen].frozen_until = None;
        let late = self.flights[chosen].is_zombie;
        let late = late.then_some(self.flights[chosen].number);
        self.shared.watch.late.set(late);
        let handler = self.flights[chosen].handler.as_mut();
        let polled = handler.poll(&mut Context::from_waker(Waker::noop()));
        self.shared.watch.late.set(None);
        if let Poll::Ready(verdicts) = polled {
            let flight = self.flights.swap_remove(chosen);
            self.finish(flight, verdicts);
        }
    }

    /// Whether the process of a handler fails instead of going on: it crashes, runs out of time or
    /// freezes, right where it waits.
    fn process_fails(&mut self, chosen: usize) -> bool {
        let point = self.flights[chosen].point.get();
        let crash = match point {
            Point::BeforeRead => Fault::CrashReading,
            Point::BeforeEffect => Fault::CrashBefore,
            Point::AfterEffect => Fault::CrashAfter,
        };
        let faults = &self.shared.faults;
        if faults.strikes(crash) {
            let flight = self.flights.swap_remove(chosen);
            self.note_flight(&flight, crash.row().0);
            self.return_letters(flight, Seconds(30));
            return true;
        }
        if faults.strikes(Fault::TimedOut) {
            let flight = self.flights.swap_remove(chosen);
            self.note_flight(&flight, Fault::TimedOut.row().0);
            self.return_letters(flight, HIDDEN);
            return true;
        }
        // A post cannot be fenced. Lambda ends a function long before its messages are delivered again,
        // so for this one it is left at that.
        let may_freeze = self.flights[chosen].inbox != Some(Function::Alert);
        let may_freeze = may_freeze && !self.flights[chosen].is_zombie;
        if may_freeze && faults.strikes(Fault::Frozen) {
            let lasts = Seconds(HIDDEN.0 + faults.below(Fault::Frozen, 400));
            let wakes = lasts.after(self.now());
            let letters = std::mem::take(&mut self.flights[chosen].letters);
            for letter in letters {
                self.again(letter, HIDDEN);
            }
            let flight = &mut self.flights[chosen];
            flight.is_zombie = true;
            flight.frozen_until = Some(wakes);
            self.note_flight(&self.flights[chosen], Fault::Frozen.row().0);
            return true;
        }
        false
    }

    fn note_flight(&self, flight: &Flight, what: &str) {
        let now = self.now();
        self.shared.watch.trace.note(now, || {
            let name = flight.inbox.map_or("register-definitions", Function::name);
            format!(
                "!! {what}: {name} #{} {:?}",
                flight.number,
                flight.point.get()
            )
        });
    }

    fn begin(&mut self) -> bool {
        let Some(inbox) = self.letters.any_ripe(self.shared.now(), &self.dice) else {
            return false;
        };
        let mut letters = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let reordered = self.shared.faults.strikes(Fault::Reordered);
            let dice = reordered.then_some(&self.dice);
            let Some(letter) = self.letters.take(inbox, self.shared.now(), dice) else {
                break;
            };
            letters.push(letter);
        }
        let delivery = |letter: &Letter| Delivery {
            message: letter.message.as_ref().clone(),
            receives: letter.receives,
        };
        let batch: Vec<Delivery> = letters.iter().map(delivery).collect();
        self.shared
            .watch
            .trace
            .mix(batch.len() as u64 | ((inbox as u64) << 8));
        let ports = self.invocation();
        self.delivered += batch.len() as u64;
        let point = ports.point();
        let handler = handler(ports, inbox, batch);
        let flight = self.flight(Some(inbox), letters, handler, point);
        let now = self.now();
        let is_sweep = |one: &Letter| *one.message == Message::Sweep;
        if flight.letters.iter().all(is_sweep) {
            self.flights.push(flight);
            return true;
        }
        self.shared.watch.trace.note(now, || {
            let took: Vec<String> = flight
                .letters
                .iter()
                .map(|one| gist(&one.message))
                .collect();
            format!("{inbox} #{} takes {}", flight.number, took.join(", "))
        });
        self.flights.push(flight);
        true
    }

    /// The ports of a new invocation.
    pub(super) fn invocation(&self) -> PlatformPorts {
        let faults = &self.shared.faults;
        let skew = if faults.strikes(Fault::ClockSkew) {
            let most = MOST_SKEW.0 * 1_000;
            let milliseconds = faults.below(Fault::ClockSkew, 2 * most + 1);
            let ahead = milliseconds.cast_signed() - most.cast_signed();
            SignedDuration::from_millis(ahead)
        } else {
            SignedDuration::ZERO
        };
        PlatformPorts::of(&self.shared, &self.cache, skew)
    }

    /// A flight that begins now.
    pub(super) fn flight(
        &mut self,
        inbox: Option<Function>,
        letters: Vec<Letter>,
        handler: Pin<Box<dyn Future<Output = Vec<Verdict>>>>,
        point: Rc<Cell<Point>>,
    ) -> Flight {
        self.invocations += 1;
        Flight {
            number: self.invocations,
            inbox,
            letters,
            handler,
            point,
            frozen_until: None,
            is_zombie: false,
        }
    }

    fn finish(&mut self, flight: Flight, verdicts: Vec<Verdict>) {
        if flight.inbox.is_none() {
            self.deployed(matches!(verdicts.as_slice(), [Verdict::Done]));
            return;
        }
        if flight.is_zombie {
            if verdicts.iter().any(|verdict| *verdict != Verdict::Done) {
                self.shared.watch.forgive(flight.number, self.now());
            }
            return;
        }
        if self.shared.faults.strikes(Fault::AcknowledgementLost) {
            self.note_flight(&flight, Fault::AcknowledgementLost.row().0);
            self.return_letters(flight, Seconds(30));
            return;
        }
        for (letter, verdict) in flight.letters.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Done => {}
                Verdict::Later(delay) => self.again(letter, delay),
                Verdict::Failed(cause) => self.failed(letter, cause),
                Verdict::Poison(cause) => self.set_aside(letter, cause),
            }
        }
    }

    /// A delivery failed: the message comes again, unless somebody sets it aside.
    fn failed(&mut self, letter: Letter, cause: String) {
        let spared = letter.message.as_ref() == &Message::Sweep;
        if !spared && self.shared.faults.strikes(Fault::SetAside) {
            let (now, what) = (self.now(), gist(&letter.message));
            let note = || format!("!! set aside, {cause}: {} {what}", letter.inbox);
            self.shared.watch.trace.note(now, note);
            self.dead.push(DeadLetter {
                letter: Some(letter),
                what,
                cause,
                is_poison: false,
            });
            return;
        }
        let delay = Seconds(10 + self.dice.below(50));
        self.again(letter, delay);
    }

    /// A handler says that a message can never succeed.
    fn set_aside(&mut self, letter: Letter, cause: String) {
        let what = gist(&letter.message);
        self.shared.watch.check(
            super::invariants::Invariant::SetAside,
            letter.is_poison && !cause.is_empty(),
            || format!("taken for poison because {cause}: {:?}", letter.message),
        );
        self.dead.push(DeadLetter {
            is_poison: true,
            letter: Some(letter),
            what,
            cause,
        });
    }

    fn again(&mut self, letter: Letter, delay: Seconds) {
        let from = delay.after(self.now());
        let receives = letter.receives + 1;
        self.letters.put(from, Letter { receives, ..letter });
    }

    /// What an ended handler took becomes visible again.
    fn return_letters(&mut self, flight: Flight, after: Seconds) {
        if flight.is_zombie {
            self.shared.watch.forgive(flight.number, self.now());
        }
        if flight.inbox.is_none() {
            self.deployed(false);
        }
        for letter in flight.letters {
            let delay = Seconds(after.0 + self.dice.below(270));
            self.again(letter, delay);
        }
    }

    /// Whether nothing is on its way but what reconcile, clusters and the agenda bring.
    pub(super) fn is_quiet(&self) -> bool {
        self.flights.is_empty() && self.letters.is_empty() && self.shared.mail.borrow().is_empty()
    }
}

/// A message in a few words.
pub fn gist(message: &Message) -> String {
    match message {
        Message::Fact(fact) => format!("{} of {}", fact.body.type_name(), fact.subject),
        Message::Tick(tick) => format!("the tick of {} for {}", tick.schedule, tick.scheduled_time),
        Message::Work(seen) => format!("{} is {:?}", seen.key, seen.state),
        Message::Cluster(seen) => format!("{} is {:?}", seen.instance, seen.state),
        Message::Event(event) => format!("an event for {}", event.workflow),
        Message::Start(request) => format!("a start of {} for {}", request.workflow, request.slot),
        Message::Drain(instance) => format!("drain {instance}"),
        Message::Sweep => "a sweep".to_owned(),
        Message::Alert(AlertRequest::Notice { route, incident }) => {
            format!("whether {route} knows of {incident}")
        }
        Message::Alert(AlertRequest::Digest { route }) => format!("a digest for {route}"),
    }
}

fn handler(
    ports: PlatformPorts,
    inbox: Function,
    batch: Vec<Delivery>,
) -> Pin<Box<dyn Future<Output = Vec<Verdict>>>> {
    // Each in a box of its own: together they are as large as the largest of them.
    match inbox {
        Function::StartRun => Box::pin(async move { start_run::handle(&ports, batch).await }),
        Function::AdvanceRun => Box::pin(async move { advance_run::handle(&ports, batch).await }),
        Function::SubmitTask => Box::pin(async move { submit_task::handle(&ports, batch).await }),
        Function::ObserveTask => Box::pin(async move { observe_task::handle(&ports, batch).await }),
        Function::ProvisionCluster => {
            Box::pin(async move { provision_cluster::handle(&ports, batch).await })
        }
        Function::RecordCluster => {
            Box::pin(async move { record_cluster::handle(&ports, batch).await })
        }
        Function::TerminateCluster => {
            Box::pin(async move { terminate_cluster::handle(&ports, batch).await })
        }
        Function::Operate => Box::pin(async move { operate::handle(&ports, batch).await }),
        Function::Reconcile => Box::pin(async move { reconcile::handle(&ports, batch).await }),
        Function::Alert => {
            Box::pin(async move { alert::handle(&ports, &ports, &Unprinted, batch).await })
        }
        Function::ExportRuns => panic!("nobody has switched it on"),
    }
}
