//! Inboxes and the handlers that empty them, several at once, each a turn at a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use model::Timestamp;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Delivery, Verdict};

use super::World;
use super::ports::PlatformPorts;

/// A message in an inbox.
pub struct Letter {
    pub from: Timestamp,
    pub inbox: Function,
    message: Message,
    receives: u32,
}

/// A handler at work on a batch.
pub struct Flight {
    letters: Vec<Letter>,
    handler: Pin<Box<dyn Future<Output = Vec<Verdict>>>>,
}

/// How many handlers work at once.
const AT_ONCE: usize = 4;

impl World {
    /// Puts a message into an inbox, perhaps late, perhaps twice.
    pub(super) fn post(&mut self, inbox: Function, message: Message) {
        self.deliver_after(inbox, message, 1);
    }

    fn deliver_after(&mut self, inbox: Function, message: Message, receives: u32) {
        let weather = self.shared.watch.weather.get();
        // Each look at a draining instance, and at a run that an operation waits for, sends the
        // next one, so copies of them multiply.
        let looks = matches!(message, Message::Drain(_)) || inbox == Function::Operate;
        let duplicate = if looks {
            weather.duplicate.min(5)
        } else {
            weather.duplicate
        };
        let copies = 1 + u64::from(self.dice.percent(duplicate));
        for _ in 0..copies {
            let late = if self.dice.percent(weather.duplicate / 10) {
                self.dice.below(900)
            } else {
                self.dice.below(10)
            };
            let from = Seconds(late).after(self.now());
            self.letters.push(Letter {
                from,
                inbox,
                message: message.clone(),
                receives,
            });
        }
    }

    /// Takes over what the bus shows by now.
    pub(super) fn collect(&mut self) {
        for inbox in Function::ALL {
            for message in self.shared.memory.bus.receive(inbox) {
                self.post(inbox, message);
            }
        }
    }

    /// Lets one thing go on; false when nothing can at this instant.
    pub(super) fn act(&mut self) -> bool {
        let weather = self.shared.watch.weather.get();
        if self.dice.below(10_000) < weather.slow {
            self.shared.memory.clock.pass(Seconds(self.dice.below(140)));
            self.services_move();
        }
        let may_begin = self.flights.len() < AT_ONCE;
        if (self.flights.is_empty() || self.dice.percent(30)) && may_begin && self.begin() {
            return true;
        }
        if self.flights.is_empty() {
            return false;
        }
        let chosen = self.dice.pick(self.flights.len());
        if self.dice.below(1_000) < weather.crash {
            let flight = self.flights.swap_remove(chosen);
            self.return_letters(flight.letters, "a crash");
            return true;
        }
        let waker = Waker::noop();
        let polled = self.flights[chosen]
            .handler
            .as_mut()
            .poll(&mut Context::from_waker(waker));
        if let Poll::Ready(verdicts) = polled {
            let flight = self.flights.swap_remove(chosen);
            self.finish(flight, verdicts);
        }
        true
    }

    fn begin(&mut self) -> bool {
        let now = self.now();
        let ripe: Vec<Function> = self
            .letters
            .iter()
            .filter(|letter| letter.from <= now)
            .map(|letter| letter.inbox)
            .collect();
        if ripe.is_empty() {
            return false;
        }
        let inbox = ripe[self.dice.pick(ripe.len())];
        let mut letters = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let same: Vec<usize> = (0..self.letters.len())
                .filter(|at| self.letters[*at].inbox == inbox && self.letters[*at].from <= now)
                .collect();
            if same.is_empty() {
                break;
            }
            letters.push(self.letters.swap_remove(same[self.dice.pick(same.len())]));
        }
        let batch = letters
            .iter()
            .map(|letter| Delivery {
                message: letter.message.clone(),
                receives: letter.receives,
            })
            .collect();
        let handler = handler(self.ports.clone(), inbox, batch);
        self.flights.push(Flight { letters, handler });
        true
    }

    fn finish(&mut self, flight: Flight, verdicts: Vec<Verdict>) {
        let weather = self.shared.watch.weather.get();
        if self.dice.below(100) < weather.crash {
            self.return_letters(flight.letters, "a lost acknowledgement");
            return;
        }
        let now = self.now();
        for (letter, verdict) in flight.letters.into_iter().zip(verdicts) {
            let delay = match verdict {
                Verdict::Done => continue,
                Verdict::Later(delay) => delay,
                Verdict::Failed(_) => Seconds(10 + self.dice.below(50)),
                Verdict::Poison(reason) => {
                    self.shared
                        .watch
                        .breaks(format!("poison: {reason}: {:?}", letter.message));
                    continue;
                }
            };
            let receives = letter.receives + 1;
            self.letters.push(Letter {
                from: delay.after(now),
                receives,
                ..letter
            });
        }
    }

    /// What a crashed handler took becomes visible again.
    fn return_letters(&mut self, letters: Vec<Letter>, why: &str) {
        let now = self.now();
        for letter in letters {
            self.shared
                .watch
                .note(now, || format!("{why} in {}", letter.inbox));
            let from = Seconds(30 + self.dice.below(270)).after(now);
            let receives = letter.receives + 1;
            self.letters.push(Letter {
                from,
                receives,
                ..letter
            });
        }
    }

    /// What most inboxes hold, for when messages multiply.
    pub(super) fn most_common(&self) -> std::collections::BTreeMap<String, usize> {
        let mut counted = std::collections::BTreeMap::new();
        for letter in &self.letters {
            let kind = match &letter.message {
                Message::Fact(fact) => fact.body.type_name().to_owned(),
                Message::Tick(_) => "tick".to_owned(),
                Message::Work(_) => "work".to_owned(),
                Message::Cluster(_) => "cluster".to_owned(),
                Message::Event(_) => "event".to_owned(),
                Message::Start(_) => "start".to_owned(),
                Message::Drain(_) => "drain".to_owned(),
                Message::Sweep => "sweep".to_owned(),
            };
            *counted
                .entry(format!("{} {kind}", letter.inbox))
                .or_default() += 1;
        }
        counted
    }

    /// Whether nothing is on its way but what reconcile, clusters and the agenda bring.
    pub(super) fn is_quiet(&self) -> bool {
        self.flights.is_empty() && self.letters.is_empty()
    }
}

fn handler(
    ports: PlatformPorts,
    inbox: Function,
    batch: Vec<Delivery>,
) -> Pin<Box<dyn Future<Output = Vec<Verdict>>>> {
    Box::pin(async move {
        match inbox {
            Function::StartRun => start_run::handle(&ports, batch).await,
            Function::AdvanceRun => advance_run::handle(&ports, batch).await,
            Function::SubmitTask => submit_task::handle(&ports, batch).await,
            Function::ObserveTask => observe_task::handle(&ports, batch).await,
            Function::ProvisionCluster => provision_cluster::handle(&ports, batch).await,
            Function::RecordCluster => record_cluster::handle(&ports, batch).await,
            Function::TerminateCluster => terminate_cluster::handle(&ports, batch).await,
            Function::Operate => operate::handle(&ports, batch).await,
            Function::Reconcile => reconcile::handle(&ports, batch).await,
        }
    })
}
