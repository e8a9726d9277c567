//! A protocol as a model: what can happen next, and what then is.

use std::sync::Arc;

use model::Timestamp;
use model::message::{Function, Message};
use model::observation::{ClusterState, WorkState};
use ports::Verdict;
use stateright::{Model, Property};

use crate::answer::Call;
use crate::mutant::Mutant;
use crate::perform::{self, Caller, Fate};
use crate::process::{Next, Process};
use crate::script::Fixed;
use crate::service::Service;
use crate::world::World;

/// A while longer than any lease.
const LONG: i64 = 121;

/// The most messages and facts a handler tells one after the other.
const MOST_TOLD: u8 = 3;

/// More messages than any of the protocols has at once.
const MOST_LETTERS: usize = 16;

/// Between two of reconcile's ticks.
const BETWEEN_SWEEPS: i64 = 120;

/// What is checked.
pub trait Protocol: Clone + Send + Sync + 'static {
    /// Where it begins.
    fn initial(&self) -> Vec<World>;

    /// What the world outside may do now.
    fn outside(&self, world: &World, actions: &mut Vec<Action>);

    /// The world after the protocol's own kind of event.
    fn happen(&self, _world: &mut World, event: u8) {
        panic!("event {event} is none of this protocol's");
    }

    /// By how many seconds a function's clock is ahead.
    fn ahead(&self, _function: Function) -> i64 {
        0
    }

    /// What must hold.
    fn properties() -> Vec<Property<Check<Self>>>;
}

/// A protocol under check.
#[derive(Clone)]
pub struct Check<P> {
    pub protocol: P,
    pub fixed: Arc<Fixed>,
    /// How many processes there are at once.
    pub workers: usize,
    pub mutant: Mutant,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A letter is handed to a free worker, which makes its first call.
    Deliver { letter: usize, again: bool },
    /// A process makes its next call.
    Step { process: usize, fate: Fate },
    /// Time goes on to where the next letter can be seen.
    Wait,
    /// More than a lease goes by while things are in the middle.
    Freeze,
    /// A job goes on.
    Job {
        position: usize,
        state: WorkState,
        lost: bool,
    },
    /// A late submission takes effect.
    Land,
    /// The instance has ended.
    ClusterEnds { lost: bool },
    /// Reconcile's tick.
    Sweep,
    /// An event of this protocol alone.
    Own(u8),
}

impl<P: Protocol> Check<P> {
    fn clock(&self, world: &World, function: Function) -> Timestamp {
        Timestamp::from_second(world.now + self.protocol.ahead(function))
            .expect("the model's time is near ours")
    }

    fn of_processes(&self, world: &World, actions: &mut Vec<Action>) {
        for (process, running) in world.processes.iter().enumerate() {
            let Next::Call(call) = running.next() else {
                continue;
            };
            if process > 0 && world.processes[process - 1] == *running {
                continue;
            }
            let mut step = |fate| actions.push(Action::Step { process, fate });
            step(Fate::Answered);
            if world.left.crashes > 0 {
                if call.has_effect() {
                    step(Fate::Dies);
                }
                (1..=MOST_TOLD).for_each(|told| step(Fate::DiesAfterTelling(told)));
            }
            if matches!(call, Call::Submit(..)) && world.left.unanswered > 0 {
                step(Fate::Unheard);
                step(Fate::Vanished);
            }
            if matches!(call, Call::Submit(..)) && world.left.late > 0 {
                step(Fate::Late);
            }
        }
    }

    fn of_letters(&self, world: &World, actions: &mut Vec<Action>) {
        if world.processes.len() >= self.workers {
            return;
        }
        for (letter, seen) in world.letters.iter().enumerate() {
            let is_twin = letter > 0 && world.letters[letter - 1] == *seen;
            if is_twin || seen.visible_at > world.now {
                continue;
            }
            actions.push(Action::Deliver {
                letter,
                again: false,
            });
            if world.left.duplicates > 0 {
                actions.push(Action::Deliver {
                    letter,
                    again: true,
                });
            }
        }
    }

    fn of_time(world: &World, actions: &mut Vec<Action>) {
        let visible = world.letters.iter().any(|it| it.visible_at <= world.now);
        let is_busy = visible || !world.processes.is_empty();
        if is_busy && world.left.freezes > 0 {
            actions.push(Action::Freeze);
        }
        if !is_busy && !world.letters.is_empty() {
            actions.push(Action::Wait);
        }
    }

    fn deliver(&self, world: &mut World, letter: usize, again: bool) {
        let mut taken = if again {
            world.left.duplicates -= 1;
            world.letters[letter].clone()
        } else {
            world.letters.remove(letter)
        };
        taken.visible_at = 0;
        let now = self.clock(world, taken.inbox);
        let mut process = Process::start(&self.fixed, taken, now);
        if let Mutant::LooksBefore(function, _) = self.mutant
            && function == process.letter.inbox
        {
            process.before = Some(world.items.clone());
        }
        let is_read = matches!(process.next(), Next::Call(call) if !call.has_effect());
        if is_read {
            self.call(world, &mut process, Fate::Answered);
        }
        self.settle(world, process);
    }

    /// A process makes its next call, and tells what it has to tell then; `None` when it could not
    /// have died like this.
    fn step(&self, world: &mut World, mut process: Process, fate: Fate) -> Option<()> {
        self.call(world, &mut process, fate);
        match fate {
            Fate::Answered => {
                while tells(&process) {
                    self.call(world, &mut process, fate);
                }
            }
            Fate::Dies => {
                self.die(world, process);
                return Some(());
            }
            Fate::DiesAfterTelling(told) => {
                for _ in 0..told {
                    if !tells(&process) {
                        return None;
                    }
                    self.call(world, &mut process, fate);
                }
                self.die(world, process);
                return Some(());
            }
            Fate::Unheard | Fate::Vanished => world.left.unanswered -= 1,
            Fate::Late => world.left.late -= 1,
        }
        self.settle(world, process);
        Some(())
    }

    fn call(&self, world: &mut World, process: &mut Process, fate: Fate) {
        let Next::Call(call) = process.next() else {
            return;
        };
        let function = process.letter.inbox;
        let caller = Caller {
            function,
            fixed: &self.fixed,
            mutant: self.mutant,
            before: process.before.as_ref(),
            now: self.clock(world, function),
        };
        let answer = caller.make(world, call, fate);
        process.has_acted |= call.has_effect();
        process.answer(&self.fixed, answer, self.clock(world, function));
    }

    fn die(&self, world: &mut World, process: Process) {
        world.left.crashes -= 1;
        if self.mutant != Mutant::AcknowledgeFirst {
            Self::give_back(world, process, 0);
        }
    }

    /// Tells the inbox a verdict, or keeps the process in its middle.
    fn settle(&self, world: &mut World, process: Process) {
        let verdict = match process.next() {
            Next::Call(_) => None,
            Next::End(verdict) => Some(verdict.clone()),
        };
        match verdict {
            None => world.enter(process),
            Some(Verdict::Done) => {}
            Some(Verdict::Later(delay)) => {
                let delay = i64::try_from(delay.0).unwrap_or(i64::MAX);
                Self::give_back(world, process, delay);
            }
            Some(Verdict::Failed(_)) => world.wrong = Some("a handler failed"),
            Some(Verdict::Poison(_)) => world.wrong = Some("a message was taken for poison"),
        }
    }

    fn give_back(world: &mut World, process: Process, delay: i64) {
        let mut letter = process.letter;
        letter.receives = 2;
        letter.visible_at = world.now + delay;
        world.put(letter);
    }
}

/// Whether a process only tells others something next.
fn tells(process: &Process) -> bool {
    matches!(process.next(), Next::Call(call) if call.only_tells())
}

fn pass(world: &mut World) {
    let next = world.letters.iter().map(|letter| letter.visible_at).min();
    world.now = next.unwrap_or(world.now).max(world.now);
}

fn land(service: &mut Service) {
    let (place, key) = service.late.remove(0);
    // What comes to a place that ends is refused, and nobody hears that either.
    service.execute(&place, &key);
}

fn end_cluster(world: &mut World, lost: bool) {
    let at = world.instant();
    if let Some(cluster) = &mut world.service.cluster {
        cluster.state = ClusterState::Terminated;
    }
    let living: Vec<usize> = world.service.living().collect();
    for position in living {
        perform::stop(world, position, WorkState::Cancelled, lost);
    }
    if !lost && let Some(seen) = world.service.cluster_seen(at) {
        world.send(Function::RecordCluster, Message::Cluster(seen), 0);
    }
}

impl<P: Protocol> Model for Check<P> {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        self.protocol.initial()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let multiplied = world.letters.len() + world.processes.len() >= MOST_LETTERS;
        if world.wrong.is_some() || multiplied {
            return;
        }
        self.of_processes(world, actions);
        self.of_letters(world, actions);
        Self::of_time(world, actions);
        if !world.service.late.is_empty() {
            actions.push(Action::Land);
        }
        self.protocol.outside(world, actions);
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Deliver { letter, again } => self.deliver(&mut world, letter, again),
            Action::Step { process, fate } => {
                let running = world.processes.remove(process);
                self.step(&mut world, running, fate)?;
            }
            Action::Wait => pass(&mut world),
            Action::Freeze => {
                world.left.freezes -= 1;
                world.now += LONG;
            }
            Action::Job {
                position,
                state,
                lost,
            } => {
                world.left.losses -= u8::from(lost);
                if state.is_terminal() {
                    perform::stop(&mut world, position, state, lost);
                } else {
                    world.service.jobs[position].state = state;
                    if !lost {
                        let seen = world.service.seen(position, world.instant());
                        world.send(Function::ObserveTask, Message::Work(seen), 0);
                    }
                }
            }
            Action::Land => land(&mut world.service),
            Action::ClusterEnds { lost } => {
                world.left.losses -= u8::from(lost);
                end_cluster(&mut world, lost);
            }
            Action::Sweep => {
                world.left.sweeps -= 1;
                world.now += BETWEEN_SWEEPS;
                world.send(Function::Reconcile, Message::Sweep, 0);
            }
            Action::Own(event) => self.protocol.happen(&mut world, event),
        }
        Some(world)
    }

    fn format_action(&self, action: &Action) -> String {
        format!("{action:?}")
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = P::properties();
        properties.push(Property::always(
            "messages do not multiply",
            |_, world: &World| world.letters.len() + world.processes.len() < MOST_LETTERS,
        ));
        properties.push(Property::always(
            "nothing goes wrong",
            |_, world: &World| world.wrong.is_none(),
        ));
        properties
    }
}
