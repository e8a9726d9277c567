//! An incident's symptoms at a glance, however many they are.

use std::collections::BTreeSet;

use model::Timestamp;
use model::alert::{Severity, Symptom};
use model::definition::AlertRoute;
use model::id::RunId;
use model::name::TeamName;

/// How many symptoms are told in words, and how many runs are told apart.
const SHOWN: usize = 10;
const RUNS: usize = 1_000;

/// The symptoms of an incident, added up one after the other in the order of their keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// All of them, also those that were cleared.
    pub symptoms: u32,
    pub standing: u32,
    pub newest_at: Option<Timestamp>,
    /// The worst that stands.
    pub severity: Severity,
    /// Types of fact, as routes filter by them; standing ones.
    pub facts: BTreeSet<&'static str>,
    pub teams: BTreeSet<TeamName>,
    /// Runs of standing ones, the first thousand.
    pub runs: BTreeSet<RunId>,
    /// The first few that stand, the oldest first.
    pub shown: Vec<Symptom>,
    /// The oldest of all.
    pub first: Option<Symptom>,
}

impl Summary {
    /// Adds a symptom; `severity` is what its workflow says instead of the usual.
    pub fn add(&mut self, symptom: Symptom, severity: Option<Severity>) {
        self.symptoms += 1;
        self.teams.insert(symptom.team.clone());
        self.newest_at = self.newest_at.max(Some(symptom.at));
        if self
            .first
            .as_ref()
            .is_none_or(|first| symptom.at < first.at)
        {
            self.first = Some(symptom.clone());
        }
        if symptom.cleared_at.is_some() {
            return;
        }
        self.standing += 1;
        let severity = severity.unwrap_or_else(|| symptom.symptom.severity());
        self.severity = self.severity.max(severity);
        self.facts.insert(symptom.symptom.fact());
        if self.runs.len() < RUNS
            && let Some(run) = symptom.symptom.run()
        {
            self.runs.insert(run.clone());
        }
        self.show(symptom);
    }

    /// Keeps the worst and oldest: of a cluster's incident what failed first is the cluster.
    fn show(&mut self, symptom: Symptom) {
        let order = |one: &Symptom| (one.symptom.run().is_some(), one.at);
        let place = self
            .shown
            .partition_point(|shown| order(shown) <= order(&symptom));
        self.shown.insert(place, symptom);
        self.shown.truncate(SHOWN);
    }

    /// How many that stand are not shown.
    pub fn omitted(&self) -> u32 {
        self.standing
            .saturating_sub(u32::try_from(self.shown.len()).unwrap_or(u32::MAX))
    }

    /// Whether a route wants to hear of what stands.
    pub fn is_wanted(&self, route: &AlertRoute) -> bool {
        let of_type = |wanted: &String| self.facts.contains(wanted.as_str());
        let wants = route.facts.is_empty() || route.facts.iter().any(of_type);
        wants && self.severity >= route.severity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::definition::AlertChannel;

    fn symptom(name: &str, second: i64) -> Symptom {
        Symptom {
            incident: "cluster/team/red".parse().unwrap(),
            symptom: name.parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: None,
            generation: 1,
            attempt: 1,
            failure: None,
            reason: None,
            at: Timestamp::from_second(second).unwrap(),
            cleared_at: None,
        }
    }

    #[test]
    fn thousands_are_counted_and_a_few_are_shown_the_cluster_first() {
        let mut summary = Summary::default();
        for at in 0..3_000 {
            summary.add(symptom(&format!("task/run-{at}/t"), 5_000 - at), None);
        }
        let instance = "instance/team--red--20260301t080000z--1";
        summary.add(symptom(instance, 9_000), None);
        assert_eq!((summary.symptoms, summary.standing), (3_001, 3_001));
        assert_eq!(summary.shown.len(), SHOWN);
        assert_eq!(summary.shown[0].symptom.to_string(), instance);
        assert_eq!(summary.shown[1].symptom.to_string(), "task/run-2999/t");
        assert_eq!(summary.omitted(), 2_991);
        let first = summary.first.as_ref().map(|first| first.at.as_second());
        assert_eq!(first, Some(2_001), "which came last");
        assert_eq!(summary.runs.len(), RUNS);
    }

    #[test]
    fn what_was_cleared_counts_and_does_not_stand() {
        let mut summary = Summary::default();
        let cleared = Symptom {
            cleared_at: Some(Timestamp::UNIX_EPOCH),
            ..symptom("deadline/r", 1)
        };
        summary.add(cleared, None);
        assert_eq!((summary.symptoms, summary.standing), (1, 0));
        assert!(summary.first.is_some() && summary.shown.is_empty());
        assert_eq!(summary.severity, Severity::Warning);
    }

    #[test]
    fn a_route_hears_of_the_facts_it_names_and_of_what_is_bad_enough() {
        let route = |facts: &[&str], severity| AlertRoute {
            channel: AlertChannel::Slack,
            to: "#ops".into(),
            secret: None,
            facts: facts.iter().map(|&fact| fact.to_owned()).collect(),
            severity,
        };
        let mut summary = Summary::default();
        summary.add(symptom("task/r/t", 1), None);
        for (facts, severity, wanted) in [
            (&[][..], Severity::Warning, true),
            (&[], Severity::Error, true),
            (&[], Severity::Critical, false),
            (&["task.failed"], Severity::Warning, true),
            (&["deadline.missed"], Severity::Warning, false),
        ] {
            assert_eq!(summary.is_wanted(&route(facts, severity)), wanted);
        }
        summary.add(symptom("task/r/u", 1), Some(Severity::Critical));
        assert!(summary.is_wanted(&route(&[], Severity::Critical)));
    }
}
