//! One call of a port, made in the world.

use model::Timestamp;
use model::message::{Function, Message};
use model::observation::{ClusterState, WorkState};
use model::task::Place;
use ports::{Submission, SubmitError};

use crate::answer::{Answer, Call};
use crate::items::Items;
use crate::mutant::Mutant;
use crate::script::Fixed;
use crate::service;
use crate::world::World;

/// What becomes of a call, and of who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    Answered,
    /// It took effect, and the process died.
    Dies,
    /// It took effect, so did as many messages and facts that were to follow, and the process died.
    DiesAfterTelling(u8),
    /// A submission took effect; nobody was told.
    Unheard,
    /// A submission took no effect; nobody was told.
    Vanished,
    /// A submission takes effect some time later; nobody was told.
    Late,
}

/// The function that calls, and what it goes by.
pub(crate) struct Caller<'a> {
    pub function: Function,
    pub fixed: &'a Fixed,
    pub mutant: Mutant,
    /// The rows when it began, where a mistake wants them.
    pub before: Option<&'a Items>,
    /// What its clock shows.
    pub now: Timestamp,
}

impl Caller<'_> {
    /// Makes a call; the answer is what the process gets, if it lives.
    pub fn make(&self, world: &mut World, call: &Call, fate: Fate) -> Answer {
        let at = world.instant();
        match call {
            Call::Read(keys) => {
                let found = keys.iter().map(|key| {
                    let items = self.items(world, &key.partition());
                    match self.mutant.seen(items, key) {
                        Some(disguised) => disguised.find(key).cloned(),
                        None => items.find(key).cloned(),
                    }
                });
                Answer::Rows(found.collect())
            }
            Call::Scan {
                partition,
                prefix,
                after,
                limit,
            } => {
                let items = self.items(world, partition);
                let rows = items.scan(partition, prefix, after.as_deref(), *limit);
                Answer::Rows(rows.into_iter().map(Some).collect())
            }
            Call::Due(until, limit) => {
                let rows = world.items.due(*until, *limit);
                Answer::Rows(rows.into_iter().map(Some).collect())
            }
            Call::Commit(writes) => {
                if writes.iter().any(|write| self.fixed.is_touched_by(write)) {
                    world.wrong = Some("something was written that the check takes for fixed");
                }
                let checked = self.mutant != Mutant::NoCondition;
                Answer::Committed(world.items.commit(writes.clone(), checked))
            }
            Call::Arrive(key, words) => {
                let spelled = |word, version| self.mutant.spelled(word, version);
                Answer::Joined(world.items.arrive(key, words.iter().cloned(), spelled))
            }
            Call::Publish(facts) => {
                for fact in facts {
                    world.publish(fact);
                }
                Answer::Done
            }
            Call::Send(inbox, messages) => {
                for outgoing in messages {
                    let delay = i64::try_from(outgoing.delay.0).unwrap_or(i64::MAX);
                    world.send(*inbox, outgoing.message.clone(), delay);
                }
                Answer::Done
            }
            Call::Submit(place, work) => self.submit(world, place, work, fate),
            Call::Find(place, key) => Answer::Work(if self.mutant == Mutant::NoLookUp {
                Vec::new()
            } else {
                let is_it = |_, job: &service::Job| job.key == *key && job.place == *place;
                world.service.list(at, is_it)
            }),
            Call::Describe(ids) => {
                let is_one = |position, _: &service::Job| ids.contains(&service::id(position));
                Answer::Work(world.service.list(at, is_one))
            }
            Call::ListSteps(cluster) => {
                let place = Place::Instance(cluster.clone());
                Answer::Work(world.service.list(at, |_, job| job.place == place))
            }
            Call::Cancel(ids) => {
                for position in 0..world.service.jobs.len() {
                    if ids.contains(&service::id(position)) {
                        stop(world, position, WorkState::Cancelled, false);
                    }
                }
                Answer::Done
            }
            Call::DescribeCluster(_) | Call::ListClusters => {
                Answer::Clusters(world.service.cluster_seen(at).into_iter().collect())
            }
            Call::TerminateClusters(_) => {
                terminate(world, self.now);
                Answer::Done
            }
        }
    }

    /// The rows this caller sees of a partition.
    fn items<'w>(&'w self, world: &'w World, partition: &str) -> &'w Items {
        let before = self
            .before
            .filter(|_| self.mutant.is_behind(self.function, partition));
        before.unwrap_or(&world.items)
    }

    fn submit(&self, world: &mut World, place: &Place, work: &[Submission], fate: Fate) -> Answer {
        let answers = work.iter().map(|work| {
            let unknown = Err(SubmitError::Unknown {
                reason: "no answer".to_owned(),
            });
            match fate {
                Fate::Answered | Fate::Dies | Fate::DiesAfterTelling(_) => {
                    let executed = world.service.execute(place, &work.key);
                    executed.ok_or_else(|| SubmitError::Gone {
                        reason: "it ends".to_owned(),
                    })
                }
                Fate::Unheard => {
                    let first = world.service.execute(place, &work.key);
                    if self.mutant == Mutant::RetriedSubmission {
                        let second = world.service.execute(place, &work.key).or(first);
                        return second.ok_or_else(|| SubmitError::Gone {
                            reason: "it ends".to_owned(),
                        });
                    }
                    unknown
                }
                Fate::Vanished => unknown,
                Fate::Late => {
                    world.service.late.push((place.clone(), work.key.clone()));
                    unknown
                }
            }
        });
        Answer::Submitted(answers.collect())
    }
}

/// A job reaches a state, and its event is sent unless it is lost.
pub(crate) fn stop(world: &mut World, position: usize, state: WorkState, lost: bool) {
    if world.service.jobs[position].state.is_terminal() {
        return;
    }
    world.service.jobs[position].state = state;
    if !lost {
        let seen = world.service.seen(position, world.instant());
        world.send(Function::ObserveTask, Message::Work(seen), 0);
    }
}

fn terminate(world: &mut World, now: Timestamp) {
    let drain_until = world
        .items
        .all::<model::cluster::Instance>()
        .first()
        .map(|instance| instance.drain_until);
    let Some(cluster) = &mut world.service.cluster else {
        return;
    };
    if cluster.state.is_ending() {
        return;
    }
    cluster.state = ClusterState::Terminating;
    let is_early = drain_until.is_none_or(|until| now < until);
    world.service.cut_off |= is_early && world.service.living().next().is_some();
}
