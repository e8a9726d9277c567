//! A run as this invocation sees it: its item, its plan and the generation each task is in.

use choreography::plan::{Consumers, Feed, Plan};
use choreography::scope::Scopes;
use model::definition::TriggerRule;
use model::join::JoinKey;
use model::run::Run;
use ports::Versioned;

/// Read once per invocation; what changed since is caught by the conditions of commits and by the
/// order operations write in (generation first, then kept outcomes).
pub(crate) struct View<'a> {
    pub run: Versioned<Run>,
    pub plan: &'a Plan,
    pub scopes: Scopes,
}

impl View<'_> {
    /// The generation a task is in.
    pub fn generation(&self, position: u32) -> u32 {
        self.scopes.effective(&self.plan.task(position).name)
    }

    /// The generations in which an outcome counts at a join: those its consumers are in, as far as
    /// they are not older than the outcome or than the plan.
    pub fn generations_at(&self, feed: Feed, told: u32) -> Vec<u32> {
        if self.scopes.current == 1 {
            return vec![1];
        }
        let mut generations: Vec<u32> = match &self.plan.join(feed.join).consumers {
            Consumers::End => vec![self.scopes.current],
            Consumers::Tasks(by_rule) => by_rule
                .values()
                .flatten()
                .map(|at| self.generation(*at))
                .collect(),
        };
        generations.retain(|generation| *generation >= told.max(self.scopes.plan_since));
        generations.sort_unstable();
        generations.dedup();
        generations
    }

    /// The consumers with a rule that are in a generation and whose outcome nobody set by hand.
    pub fn consumers(&self, join: u32, rule: TriggerRule, generation: u32) -> Vec<u32> {
        let Consumers::Tasks(by_rule) = &self.plan.join(join).consumers else {
            return Vec::new();
        };
        let all = by_rule.get(&rule).map_or(&[][..], Vec::as_slice);
        if self.scopes.current == 1 {
            return all.to_vec();
        }
        all.iter()
            .copied()
            .filter(|at| self.generation(*at) == generation)
            .filter(|at| self.scopes.marked(&self.plan.task(*at).name).is_none())
            .collect()
    }

    /// Names a node of a join.
    pub fn node(&self, join: u32, generation: u32, level: u8, index: u32) -> JoinKey {
        JoinKey {
            run: self.run.value.run.clone(),
            generation,
            join,
            level,
            index,
        }
    }
}
