//! Arrivals at join nodes, and what the thresholds they meet cause.

use std::collections::{BTreeMap, BTreeSet};

use choreography::join::{self, Decision, Node, Tally};
use choreography::plan::{Consumers, Counts, PlanJoin};
use model::Timestamp;
use model::definition::TriggerRule;
use model::fact::{Fact, TaskFact, TaskReady};
use model::join::{Arrival, Join, JoinKey, Threshold};
use model::key::Key;
use model::task::Outcome;
use ports::{CommitError, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};
use protocols::facts;

use crate::plan_view::View;
use crate::{Ended, end, skip};

/// How often a node is decided again because others arrived in between, before the message is
/// given back.
const ATTEMPTS: usize = 20;

/// Everything that arrives at the same time, by node.
#[derive(Default)]
pub(crate) struct Wave {
    nodes: BTreeMap<JoinKey, Arriving>,
    /// When an outcome last came that arrives nowhere: its task ran again and all below it was
    /// kept.
    pub unheard: Option<Timestamp>,
}

/// What arrives at one node: each word with the instant it was caused.
pub(crate) struct Arriving {
    node: Node,
    words: BTreeMap<Arrival, Timestamp>,
}

impl Wave {
    /// The joins below tasks that ended, each in the generation it is in.
    pub fn of_facts(view: &View<'_>, facts: Vec<Ended>) -> Self {
        let mut wave = Self::default();
        for ended in facts {
            let Some(position) = view.plan.position(&ended.fact.task) else {
                let TaskFact { run, task, .. } = &ended.fact;
                tracing::info!(%run, %task, "not in the plan any more");
                continue;
            };
            wave.add_outcome(
                view,
                position,
                ended.fact.generation,
                ended.outcome,
                ended.at,
            );
        }
        wave
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a task's outcome wherever it counts.
    pub fn add_outcome(
        &mut self,
        view: &View<'_>,
        position: u32,
        told: u32,
        outcome: Outcome,
        at: Timestamp,
    ) {
        let mut heard = false;
        for feed in &view.plan.task(position).feeds {
            let width = view.plan.join(feed.join).width();
            let (node, place) = join::node_at(width, 0, feed.position);
            let word = match feed.counts {
                Counts::Outcome => join::arrival(place, outcome),
                Counts::Ending => join::ending(place),
            };
            for generation in view.generations_at(*feed, told) {
                let key = view.node(feed.join, generation, 0, node.index);
                self.add(key, node, word.clone(), at);
                heard = true;
            }
        }
        if !heard {
            self.unheard = self.unheard.max(Some(at));
        }
    }

    fn add(&mut self, key: JoinKey, node: Node, word: Arrival, at: Timestamp) {
        let arriving = self.nodes.entry(key).or_insert_with(|| Arriving {
            node,
            words: BTreeMap::new(),
        });
        arriving.words.entry(word).or_insert(at);
    }
}

/// Lets a wave arrive; returns the wave it causes, and adds what is to be told of it.
pub(crate) async fn all<P: Ports>(
    ports: &P,
    view: &View<'_>,
    wave: Wave,
    told: &mut Vec<Fact>,
) -> Result<Wave, Trouble> {
    let mut caused = Wave::default();
    for (key, arriving) in wave.nodes {
        let plan = view.plan.join(key.join);
        let met = meet(ports, plan, &key, &arriving).await?;
        for Met {
            threshold,
            tally,
            at,
        } in met
        {
            // A kept outcome is older than the generation in which it causes something.
            let at = view
                .scopes
                .opened_at(key.generation)
                .map_or(at, |opened| at.max(opened));
            let effect = Effect {
                key: &key,
                tally,
                at,
            };
            told.extend(effect.of(ports, view, threshold, &mut caused).await?);
        }
    }
    Ok(caused)
}

/// A threshold that one of our words met, now or the first time it was delivered.
struct Met {
    threshold: Threshold,
    tally: Tally,
    /// When the word that met it was caused.
    at: Timestamp,
}

/// Adds the words to the node and finds the thresholds they have met.
///
/// A join of one needs no item: its only arrival decides it, each time it is delivered.
async fn meet<P: Ports>(
    ports: &P,
    plan: &PlanJoin,
    key: &JoinKey,
    arriving: &Arriving,
) -> Result<Vec<Met>, Trouble> {
    let wanted = thresholds(plan, arriving.node);
    let words: BTreeSet<Arrival> = arriving.words.keys().cloned().collect();
    if plan.width() == 1 {
        let mut node = Join::empty(key.clone());
        node.arrivals = words;
        let tally = join::tally(&node.arrivals, 1);
        let newly = join::newly_met(&node, &tally, &wanted);
        close(&mut node, &newly, arriving);
        return Ok(ours(&node, &tally, arriving));
    }
    let mut read = ports.store().arrive(key, &words).await?;
    for _ in 0..ATTEMPTS {
        let Versioned {
            value: mut node,
            version,
        } = read;
        let tally = join::tally(&node.arrivals, arriving.node.expected);
        let newly = join::newly_met(&node, &tally, &wanted);
        if newly.is_empty() {
            return Ok(ours(&node, &tally, arriving));
        }
        close(&mut node, &newly, arriving);
        match ports
            .store()
            .commit(vec![Write::replace(&node, Some(version))])
            .await
        {
            Ok(()) => return Ok(ours(&node, &tally, arriving)),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        // Our words are there. Arriving again would only make another's commit fail in turn, and so
        // on for ever.
        let item = Key::Join(key.clone());
        let Some(again) = ports.store().get::<Join>(&item).await? else {
            break;
        };
        read = again;
    }
    Err(Trouble::Conflict)
}

/// Notes the latest of our words as the one that met the thresholds.
fn close(node: &mut Join, newly: &[Threshold], arriving: &Arriving) {
    if let Some((latest, _)) = arriving.words.iter().max_by_key(|(_, at)| **at) {
        node.closed
            .extend(newly.iter().map(|threshold| (*threshold, latest.clone())));
    }
}

/// The thresholds our words have met, ever. A tally only grows, and no rule changes its mind about
/// a tally that grew, so deciding again on what is there now gives what was decided then.
fn ours(node: &Join, tally: &Tally, arriving: &Arriving) -> Vec<Met> {
    let closed = node.closed.iter();
    closed
        .filter_map(|(threshold, word)| {
            let at = *arriving.words.get(word)?;
            Some(Met {
                threshold: *threshold,
                tally: *tally,
                at,
            })
        })
        .collect()
}

/// What a node decides: at the root what the join is for, below it what the parent is told.
fn thresholds(plan: &PlanJoin, node: Node) -> Vec<Threshold> {
    match (&plan.consumers, node.is_root) {
        (Consumers::End, true) => vec![Threshold::End],
        (Consumers::Tasks(by_rule), true) => by_rule.keys().copied().map(Threshold::from).collect(),
        (Consumers::End | Consumers::Tasks(_), false) if plan.starts_early() => {
            vec![
                Threshold::SawSuccess,
                Threshold::SawFailure,
                Threshold::Complete,
            ]
        }
        (Consumers::End | Consumers::Tasks(_), false) => vec![Threshold::Complete],
    }
}

/// A met threshold, about to be acted on.
struct Effect<'a> {
    key: &'a JoinKey,
    tally: Tally,
    at: Timestamp,
}

impl Effect<'_> {
    /// Acts on it; returns the facts to publish.
    async fn of<P: Ports>(
        &self,
        ports: &P,
        view: &View<'_>,
        threshold: Threshold,
        caused: &mut Wave,
    ) -> Result<Vec<Fact>, Trouble> {
        let rule = match threshold {
            Threshold::End => return end::run(ports, view, self.tally.failed, self.at).await,
            Threshold::SawSuccess | Threshold::SawFailure | Threshold::Complete => {
                self.tell_parent(view, threshold, caused);
                return Ok(Vec::new());
            }
            Threshold::AllSucceeded => TriggerRule::AllSucceeded,
            Threshold::AllDone => TriggerRule::AllDone,
            Threshold::AnyFailed => TriggerRule::AnyFailed,
            Threshold::AnySucceeded => TriggerRule::AnySucceeded,
            Threshold::NoneFailed => TriggerRule::NoneFailed,
        };
        let generation = self.key.generation;
        let consumers = view.consumers(self.key.join, rule, generation);
        match join::decide(rule, &self.tally) {
            // Met thresholds stay met: a tally only grows.
            Decision::Wait => Ok(Vec::new()),
            Decision::Start => Ok(self.start(view, &consumers)),
            Decision::Skip(outcome) => {
                let mut skipped = Vec::new();
                for position in consumers {
                    let decided = skip::task(ports, view, position, generation, outcome, self.at);
                    if let Some(task) = decided.await? {
                        caused.add_outcome(view, position, generation, outcome, self.at);
                        skipped.extend(facts::task(&task));
                    }
                }
                Ok(skipped)
            }
        }
    }

    fn start(&self, view: &View<'_>, consumers: &[u32]) -> Vec<Fact> {
        let run = &view.run.value;
        let ready = consumers.iter().map(|position| TaskReady {
            run: run.run.clone(),
            task: view.plan.task(*position).name.clone(),
            generation: self.key.generation,
            attempt: 1,
            since: self.at,
            released_by: None,
        });
        ready.map(|ready| facts::ready(run, ready)).collect()
    }

    fn tell_parent(&self, view: &View<'_>, threshold: Threshold, caused: &mut Wave) {
        let width = view.plan.join(self.key.join).width();
        let level = self.key.level + 1;
        let (node, place) = join::node_at(width, level, self.key.index);
        let key = view.node(self.key.join, self.key.generation, level, node.index);
        caused.add(
            key,
            node,
            join::summary(place, threshold, &self.tally),
            self.at,
        );
    }
}
