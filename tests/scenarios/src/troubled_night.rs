//! One night of one cluster, with as much trouble as wanted, on the functions of clusters and
//! reconcile's looks; the same seed is the same night.

use std::collections::BTreeMap;

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::expected::ScheduleRef;
use model::fact::{Fact, FactBody};
use model::id::EventId;
use model::limit::LimitRef;
use model::message::{Function, Message, Tick};
use model::observation::{ClusterObservation, ClusterState};
use model::units::Seconds;
use ports::{Clock as _, Compute as _, Delivery, StateStore as _, Verdict};
use protocols::lots;
use testkit::night::{self, cluster, lot, minute};
use testkit::{SubmitAnswer, TestPorts, block_on};

const FUNCTIONS: [Function; 3] = [
    Function::ProvisionCluster,
    Function::RecordCluster,
    Function::TerminateCluster,
];

/// A number generator of the test's own, so that a seed means the same forever (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How much goes wrong, in percent.
#[derive(Clone, Copy)]
pub struct Trouble {
    pub crash: u64,
    pub duplicate: u64,
    pub lost_event: u64,
    pub unanswered: u64,
    pub dies: u64,
    pub lost_tick: bool,
}

struct Letter {
    from: Timestamp,
    inbox: Function,
    message: Message,
    receives: u32,
}

pub struct Night {
    pub ports: TestPorts,
    random: Random,
    pub trouble: Trouble,
    letters: Vec<Letter>,
    pub facts: BTreeMap<EventId, Fact>,
    states: BTreeMap<String, InstanceState>,
    open: u32,
}

impl Night {
    pub fn new(seed: u64, trouble: Trouble) -> Self {
        let ports = TestPorts::at(minute(0));
        night::register(&ports.store);
        let mut night = Self {
            ports,
            random: Random(seed),
            trouble,
            letters: Vec::new(),
            facts: BTreeMap::new(),
            states: BTreeMap::new(),
            open: 0,
        };
        let mut answers = Vec::new();
        for _ in 0..6 {
            let percent = night.trouble.unanswered;
            answers.push(match night.random.below(3) {
                _ if !night.random.percent(percent) => SubmitAnswer::Accept,
                0 => SubmitAnswer::Throttle,
                1 => SubmitAnswer::UnknownTaken,
                _ => SubmitAnswer::UnknownLost,
            });
        }
        night.ports.compute.answer_requests(answers);
        night
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn post(&mut self, inbox: Function, message: Message) {
        let copies = 1 + u64::from(self.random.percent(self.trouble.duplicate));
        for _ in 0..copies {
            let delay = Seconds(self.random.below(20));
            self.letters.push(Letter {
                from: delay.after(self.now()),
                inbox,
                message: message.clone(),
                receives: 1,
            });
        }
    }

    /// Until an hour after the drain deadline.
    pub fn pass(&mut self) {
        self.tick(ScheduleRef::Provision(cluster().reference()), minute(0));
        let (mut ended, mut next_sweep) = (false, minute(2));
        while self.now() < minute(270) {
            if !ended && self.now() >= minute(180) {
                ended = true;
                if !self.trouble.lost_tick {
                    self.tick(ScheduleRef::Terminate(cluster().reference()), minute(180));
                }
            }
            if self.now() >= next_sweep {
                next_sweep = Seconds(120).after(next_sweep);
                self.sweep();
            }
            self.world_moves();
            self.deliver();
            self.watch();
            self.ports.clock.pass(Seconds(15));
        }
    }

    fn tick(&mut self, schedule: ScheduleRef, scheduled_time: Timestamp) {
        let tick = Tick {
            schedule,
            scheduled_time,
            late: false,
            skip: false,
        };
        let inbox = match &tick.schedule {
            ScheduleRef::Provision(_) => Function::ProvisionCluster,
            ScheduleRef::Terminate(_) => Function::TerminateCluster,
            ScheduleRef::Workflow(_) | ScheduleRef::Upstreams(_) => unreachable!("of clusters"),
        };
        self.post(inbox, Message::Tick(tick));
    }

    /// Clusters come up and go, one of them dies, work comes and ends.
    fn world_moves(&mut self) {
        if self.random.percent(5) {
            let (seen, _) = self.ports.compute.settle();
            self.events(seen);
        }
        if self.now() < minute(150) && self.random.below(10_000) < self.trouble.dies * 10 {
            let listed = block_on(self.ports.compute.list_clusters(minute(0))).unwrap();
            if let Some(living) = listed.iter().find(|seen| !seen.state.is_ending()) {
                let state = ClusterState::TerminatedWithErrors;
                let seen = self
                    .ports
                    .compute
                    .set_cluster(&living.id, state, Some("died"));
                self.events(vec![seen]);
            }
        }
        let ready = self
            .instances()
            .into_iter()
            .find(|one| one.state == InstanceState::Ready);
        if let Some(ready) = ready.filter(|_| self.random.percent(2)) {
            self.open += 1;
            let attempt = format!("weather--daily--slot--task--1-{}", self.open);
            let mut lot = lot(self.open, &attempt.parse().unwrap());
            lot.limit = LimitRef::Steps(ready.instance);
            lot.since = self.now();
            self.ports.store.seed(&lot);
        }
        for lot in self.ports.store.all::<model::limit::Lot>() {
            if self.random.percent(2) {
                let held = block_on(lots::held(&self.ports.store, &lot.limit)).unwrap();
                let gone = held.iter().filter(|held| held.place.number == lot.number);
                block_on(lots::clear(&self.ports, &gone.collect::<Vec<_>>())).unwrap();
            }
        }
    }

    fn events(&mut self, seen: Vec<ClusterObservation>) {
        for mut seen in seen {
            seen.endpoint = None;
            if !self.random.percent(self.trouble.lost_event) {
                self.post(Function::RecordCluster, Message::Cluster(seen));
            }
        }
    }

    fn sweep(&mut self) {
        let now = self.now();
        let due = block_on(self.ports.store.due(now, 100)).unwrap();
        for stored in due.iter().filter(|stored| stored.kind == "instance") {
            let instance = stored.read::<Instance>().unwrap();
            block_on(reconcile::instances::look(&self.ports, instance, now)).unwrap();
        }
        // Seldom, so that what it finds is not found by it alone.
        if self.random.percent(5) || now >= minute(250) {
            block_on(reconcile::instances::leaks(&self.ports, now)).unwrap();
        }
        self.collect();
    }

    fn deliver(&mut self) {
        let now = self.now();
        let (ripe, rest) = std::mem::take(&mut self.letters)
            .into_iter()
            .partition(|letter| letter.from <= now);
        self.letters = rest;
        let mut ripe: Vec<Letter> = ripe;
        while !ripe.is_empty() {
            let chosen = usize::try_from(self.random.below(ripe.len() as u64)).unwrap();
            let letter = ripe.swap_remove(chosen);
            self.hand_over(letter);
        }
    }

    fn hand_over(&mut self, letter: Letter) {
        if self.random.percent(self.trouble.crash) {
            let step = 1 + self.random.below(6);
            if self.random.percent(50) {
                self.ports.faults.crash_before(step);
            } else {
                self.ports.faults.crash_after(step);
            }
        }
        let delivery = Delivery {
            message: letter.message.clone(),
            receives: letter.receives,
        };
        let batch = vec![delivery];
        let verdict = block_on(async {
            match letter.inbox {
                Function::ProvisionCluster => provision_cluster::handle(&self.ports, batch).await,
                Function::RecordCluster => record_cluster::handle(&self.ports, batch).await,
                Function::TerminateCluster => terminate_cluster::handle(&self.ports, batch).await,
                other => panic!("{other} is not part of this test"),
            }
        });
        let crashed = self.ports.faults.is_down();
        self.ports.faults.heal();
        let delay = match &verdict[0] {
            // A crash after the last effect: the acknowledgement is lost, too.
            Verdict::Done if crashed => Some(Seconds(30)),
            Verdict::Done => None,
            Verdict::Later(delay) => Some(*delay),
            Verdict::Failed(_) => Some(Seconds(30)),
            Verdict::Poison(reason) => panic!("poison: {reason}"),
        };
        if let Some(delay) = delay {
            self.letters.push(Letter {
                from: delay.after(self.now()),
                receives: letter.receives + 1,
                ..letter
            });
        }
        self.collect();
    }

    /// Moves what was sent and published into inboxes; facts with one id are one fact.
    fn collect(&mut self) {
        for (inbox, outgoing) in self.ports.bus.take_sent() {
            if FUNCTIONS.contains(&inbox) {
                self.letters.push(Letter {
                    from: outgoing.delay.after(self.now()),
                    inbox,
                    message: outgoing.message,
                    receives: 1,
                });
            }
        }
        for fact in self.ports.bus.take_published() {
            if let FactBody::ClusterFailed(_) = fact.body {
                self.post(Function::ProvisionCluster, Message::Fact(fact.clone()));
            }
            let known = self
                .facts
                .entry(fact.id.clone())
                .or_insert_with(|| fact.clone());
            assert_eq!(*known, fact, "a duplicate is byte-identical");
        }
    }

    pub fn instances(&self) -> Vec<Instance> {
        self.ports.store.all::<Instance>()
    }

    /// Ranks never fall, and nothing ends before its open work or its drain deadline.
    fn watch(&mut self) {
        for instance in self.instances() {
            let key = instance.instance.to_string();
            let before = self.states.insert(key, instance.state);
            let ends = instance.reason.as_deref() == Some("its window has ended");
            if ends
                && instance.state == InstanceState::Terminating
                && before != Some(instance.state)
            {
                let limit = LimitRef::Steps(instance.instance.clone());
                let open = block_on(lots::open(&self.ports.store, &limit)).unwrap();
                assert!(open.is_empty(), "{instance:?} {open:?}");
            }
            if let Some(before) = before {
                let terminal = before.is_terminal() && before != instance.state;
                assert!(
                    instance.state.rank() >= before.rank() && !terminal,
                    "{instance:?}"
                );
            }
        }
    }
}
