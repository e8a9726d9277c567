//! The world a scenario plays in: memory adapters, the functions at their inboxes, and how
//! messages travel between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use model::Timestamp;
use model::definition::Definitions;
use model::fact::Fact;
use model::id::EventId;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Clock as _, Delivery, EventBus as _, Outgoing, Ports as _, Unprinted, Verdict};
use testkit::{MemoryNotifier, TestPorts, block_on};

use crate::facts;
use crate::letter::{Letter, is_dropped};
use crate::mode::Mode;
use crate::told::Told;

/// How many messages a function is given at once.
const BATCH: usize = 10;
/// More waves than any scenario needs before it is quiet.
const MOST_WAVES: usize = 2_000;
/// A claim whose submitter crashed is left alone for so long.
const CRASH_PATIENCE: Seconds = Seconds(125);
/// How often one message is made trouble with: one that sends itself again would multiply forever.
const MOST_TROUBLE: u32 = 3;
/// How often claims of crashed submitters are waited for after one step.
const MOST_WAITS: u32 = 20;
/// How often reconcile sweeps.
const SWEEPS: Seconds = Seconds(120);

/// Everything there is while a scenario plays.
pub struct World {
    pub ports: TestPorts,
    pub folder: PathBuf,
    pub definitions: Definitions,
    /// The instant the scenario says it is; crashes take time, so the clock may be ahead of it.
    pub told_now: Timestamp,
    /// Crashes would use up answers that are scripted for calls that come through.
    pub scripted: bool,
    /// Types of facts whose next one gets lost on its way.
    pub drops: Vec<String>,
    mode: Mode,
    /// Messages that come back later.
    parked: Vec<Parked>,
    /// When delayed messages become visible.
    alarms: BTreeSet<Timestamp>,
    delivered: Vec<(Function, Message)>,
    /// How often a message was made trouble with.
    troubled: BTreeMap<String, u32>,
    told: BTreeMap<EventId, Fact>,
    /// Where alerts are posted.
    pub notifier: MemoryNotifier,
}

struct Parked {
    visible_at: Timestamp,
    inbox: Function,
    letter: Letter,
}

impl World {
    /// An empty world.
    pub fn new(folder: &Path, mode: Mode) -> Self {
        Self {
            ports: TestPorts::at(Timestamp::UNIX_EPOCH),
            folder: folder.to_owned(),
            definitions: Definitions::default(),
            told_now: Timestamp::UNIX_EPOCH,
            scripted: false,
            drops: Vec::new(),
            mode,
            parked: Vec::new(),
            alarms: BTreeSet::new(),
            delivered: Vec::new(),
            troubled: BTreeMap::new(),
            told: BTreeMap::new(),
            notifier: MemoryNotifier::default(),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Puts a message into an inbox and delivers until all is quiet.
    pub fn send(&mut self, inbox: Function, messages: Vec<Message>) -> Result<Vec<String>> {
        let outgoing = messages.into_iter().map(Outgoing::from).collect();
        block_on(self.ports.bus().send(inbox, outgoing))?;
        self.ports.bus.take_sent();
        self.quiet()
    }

    /// Makes it an instant at least.
    pub fn set_now(&mut self, now: Timestamp) {
        self.told_now = now;
        self.ports.clock.set(now.max(self.now()));
    }

    /// Lets time pass, stopping wherever something becomes visible.
    pub fn pass(&mut self, time: Seconds, sweeping: bool) -> Result<Vec<String>> {
        let until = time.after(self.told_now);
        self.told_now = until;
        let mut sweep_at = SWEEPS.after(self.now());
        let mut told = Told::default();
        while self.now() < until {
            let now = self.now();
            let alarms = self.alarms.iter().copied().filter(|at| *at > now);
            let parked = self.parked.iter().map(|parked| parked.visible_at);
            let stops = alarms
                .chain(parked)
                .chain(sweeping.then_some(sweep_at.max(Seconds(1).after(now))))
                .chain([until]);
            let next = stops
                .filter(|at| *at > now)
                .min()
                .unwrap_or(until)
                .min(until);
            self.ports.clock.set(next);
            let sweeps = sweeping && next >= sweep_at;
            let lines = if sweeps {
                sweep_at = SWEEPS.after(next);
                self.send(Function::Reconcile, vec![Message::Sweep])?
            } else {
                self.quiet()?
            };
            told.add(next, lines);
        }
        Ok(told.lines())
    }

    /// Delivers every message so far once more.
    pub fn duplicate(&mut self) -> Result<Vec<String>> {
        let again = self.delivered.clone();
        let mut told = Vec::new();
        for (inbox, message) in again {
            told.extend(self.send(inbox, vec![message])?);
        }
        Ok(told)
    }

    /// Delivers everything once more, newest first, where the mode says so.
    pub fn repeat_everything(&mut self) -> Result<()> {
        match self.mode {
            Mode::Straight | Mode::Crashing => Ok(()),
            Mode::TwiceReversed => {
                self.delivered.reverse();
                self.duplicate().map(drop)
            }
        }
    }

    /// Delivers what is visible, wave by wave, until nothing is; returns what followed.
    pub fn quiet(&mut self) -> Result<Vec<String>> {
        let mut told = Vec::new();
        let mut waits = 0;
        for _ in 0..MOST_WAVES {
            let wave = self.visible();
            if wave.is_empty() {
                waits += 1;
                if waits > MOST_WAITS || !self.wait_for_crashed() {
                    return Ok(told);
                }
                continue;
            }
            for (inbox, letters) in wave {
                let messages = letters.iter().map(|letter| letter.delivery.message.clone());
                self.delivered
                    .extend(messages.map(|message| (inbox, message)));
                for batch in self.batches(inbox, letters) {
                    told.extend(self.deliver(inbox, batch)?);
                }
            }
        }
        bail!(
            "it is never quiet; last came\n{}",
            told[told.len().saturating_sub(20)..].join("\n")
        )
    }

    /// After a crash a claim is left alone until its lease ends; only then all is quiet.
    fn wait_for_crashed(&mut self) -> bool {
        let until = CRASH_PATIENCE.after(self.now());
        let next = self.parked.iter().map(|parked| parked.visible_at).min();
        match next {
            Some(next) if self.mode == Mode::Crashing && next <= until => {
                self.ports.clock.set(next);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes what is visible now, by function.
    fn visible(&mut self) -> Vec<(Function, Vec<Letter>)> {
        let now = self.now();
        let mut functions = Function::ALL;
        if self.mode == Mode::TwiceReversed {
            functions.reverse();
        }
        let parked = std::mem::take(&mut self.parked).into_iter();
        let (back, parked): (Vec<_>, Vec<_>) = parked.partition(|parked| parked.visible_at <= now);
        self.parked = parked;
        let Self { ports, drops, .. } = self;
        let wave = functions.map(|inbox| {
            let back = back.iter().filter(|parked| parked.inbox == inbox);
            let back = back.map(|parked| parked.letter.clone());
            let mut fresh = ports.bus.receive(inbox);
            fresh.retain(|message| !is_dropped(drops, message));
            (
                inbox,
                back.chain(fresh.into_iter().map(Letter::fresh))
                    .collect::<Vec<_>>(),
            )
        });
        wave.into_iter()
            .filter(|(_, letters)| !letters.is_empty())
            .collect()
    }

    fn batches(&mut self, inbox: Function, mut letters: Vec<Letter>) -> Vec<Vec<Letter>> {
        match self.mode {
            Mode::Straight | Mode::Crashing => {}
            Mode::TwiceReversed => {
                letters.reverse();
                let mut again = letters.clone();
                again.retain(|letter| self.make_trouble(inbox, &letter.delivery.message));
                letters.extend(again);
            }
        }
        letters.chunks(BATCH).map(<[Letter]>::to_vec).collect()
    }

    /// Gives a batch to its function and does with each message as it says.
    fn deliver(&mut self, inbox: Function, letters: Vec<Letter>) -> Result<Vec<String>> {
        let batch: Vec<Delivery> = letters
            .iter()
            .map(|letter| letter.delivery.clone())
            .collect();
        let before = letters
            .iter()
            .map(|letter| letter.crashes)
            .max()
            .unwrap_or(0);
        let submits = inbox == Function::SubmitTask || inbox == Function::ProvisionCluster;
        let crashes = self.mode == Mode::Crashing
            && !(self.scripted && submits)
            && batch
                .iter()
                .any(|delivery| self.make_trouble(inbox, &delivery.message));
        let (verdicts, crashes) = if crashes {
            self.handle_crashing(inbox, &batch, before)
        } else {
            (self.handle(inbox, batch), 0)
        };
        ensure!(
            verdicts.len() == letters.len(),
            "{inbox} gave {} verdicts",
            verdicts.len()
        );
        let mut told = self.told()?;
        for (Letter { mut delivery, .. }, verdict) in letters.into_iter().zip(verdicts) {
            let back_after = match verdict {
                Verdict::Done => continue,
                Verdict::Poison(reason) => {
                    told.push(format!("poison in {inbox}: {reason}"));
                    continue;
                }
                Verdict::Later(delay) => delay,
                Verdict::Failed(reason) => {
                    let delay = Seconds(30 * u64::from(delivery.receives));
                    told.push(format!("{inbox} failed, again in {delay}: {reason}"));
                    delay
                }
            };
            delivery.receives += 1;
            let visible_at = back_after.after(self.now());
            let letter = Letter { delivery, crashes };
            self.parked.push(Parked {
                visible_at,
                inbox,
                letter,
            });
        }
        Ok(told)
    }

    /// Whether a message has not been made trouble with too often.
    fn make_trouble(&mut self, inbox: Function, message: &Message) -> bool {
        let message = serde_json::to_string(message).expect("messages are plain data");
        let count = self
            .troubled
            .entry(format!("{inbox} {message}"))
            .or_default();
        *count += 1;
        *count <= MOST_TROUBLE
    }

    fn handle(&self, inbox: Function, batch: Vec<Delivery>) -> Vec<Verdict> {
        let ports = &self.ports;
        block_on(async {
            match inbox {
                Function::StartRun => start_run::handle(ports, batch).await,
                Function::AdvanceRun => advance_run::handle(ports, batch).await,
                Function::SubmitTask => submit_task::handle(ports, batch).await,
                Function::ObserveTask => observe_task::handle(ports, batch).await,
                Function::ProvisionCluster => provision_cluster::handle(ports, batch).await,
                Function::RecordCluster => record_cluster::handle(ports, batch).await,
                Function::TerminateCluster => terminate_cluster::handle(ports, batch).await,
                Function::Operate => operate::handle(ports, batch).await,
                Function::Reconcile => reconcile::handle(ports, batch).await,
                Function::Alert => alert::handle(ports, &self.notifier, &Unprinted, batch).await,
                Function::ExportRuns => panic!("nobody has switched it on"),
            }
        })
    }

    /// Crashes the function before and after each of its steps, until it comes through; says how
    /// many crashes that were, with those before.
    fn handle_crashing(
        &self,
        inbox: Function,
        batch: &[Delivery],
        before: u64,
    ) -> (Vec<Verdict>, u64) {
        let faults = &self.ports.faults;
        for crashes in before.. {
            let step = crashes / 2 + 1;
            if crashes % 2 == 0 {
                faults.crash_before(step);
            } else {
                faults.crash_after(step);
            }
            let verdicts = self.handle(inbox, batch.to_vec());
            let crashed = faults.is_down();
            faults.heal();
            if !crashed {
                return (verdicts, crashes);
            }
        }
        unreachable!("a handler has finitely many steps")
    }

    /// What the last handler did. A fact that is told again must be the same to the last byte.
    fn told(&mut self) -> Result<Vec<String>> {
        let now = self.now();
        let mut told: Vec<String> = self
            .ports
            .compute
            .take_calls()
            .iter()
            .flat_map(facts::call)
            .collect();
        for fact in self.ports.bus.take_published() {
            let line = facts::fact(&fact, now);
            match self.told.get(&fact.id) {
                None => {
                    told.push(line);
                    self.told.insert(fact.id.clone(), fact);
                }
                Some(before) => {
                    ensure!(
                        *before == fact,
                        "a fact is told again in other words:\n{before:#?}\nand now\n{fact:#?}"
                    );
                    told.push(format!("again {line}"));
                }
            }
        }
        for (inbox, outgoing) in self.ports.bus.take_sent() {
            self.alarms.insert(outgoing.delay.after(now));
            told.push(facts::sent(inbox, &outgoing, now));
        }
        Ok(told)
    }
}
