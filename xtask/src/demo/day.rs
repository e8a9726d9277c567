//! The day, and what has to be true of it afterwards.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::folder;

/// Where the day is.
pub const ZONE: &str = "America/Los_Angeles";
pub const DAY: &str = "2026-03-02";
pub const NEXT_DAY: &str = "2026-03-03";
/// A minute before midnight, so that what is due at midnight is still to come.
pub const BEGINS: &str = "2026-03-01T23:59";
/// A little after the next midnight, when the evening's cluster has gone.
pub const ENDS: &str = "2026-03-03T00:05";

/// What to type next, and what it shows.
pub const COMMANDS: [(&str, &str); 5] = [
    ("runs", "every run"),
    (
        "show weather/daily_report",
        "the tasks of a run, and where each was at work",
    ),
    (
        "why energy/briefing",
        "the facts that led to a run, across both teams",
    ),
    (
        "logs weather/daily_report extremes --attempt 1",
        "what the attempt that failed said",
    ),
    (
        "clusters",
        "the registry of clusters, and when they come next",
    ),
];

const CLUSTERS: [&str; 5] = [
    "energy/analytics",
    "energy/evening",
    "weather/intraday-etl",
    "weather/mini-batch",
    "weather/overnight-etl",
];

/// How many runs of each workflow there are.
const RUNS: [(&str, usize); 5] = [
    ("energy/briefing", 1),
    ("energy/heating_demand", 1),
    ("weather/daily_report", 1),
    ("weather/intraday", 5),
    ("weather/quality", 1),
];

/// Something that has to be true.
pub struct Finding {
    pub what: String,
    /// Why it is not; `None` when it is.
    pub wrong: Option<String>,
}

impl Finding {
    fn new(what: impl Into<String>, wrong: Option<String>) -> Self {
        let what = what.into();
        Self { what, wrong }
    }

    /// Whether it is true.
    pub fn is_fine(&self) -> bool {
        self.wrong.is_none()
    }
}

/// Judges the day by what `murmur timeline` and `murmur dead-letters` say of it.
pub fn judge(timeline: &Value, dead_letters: &Value) -> Vec<Finding> {
    let day = Day {
        instances: list(&timeline["instances"]),
        runs: list(&timeline["runs"]),
    };
    vec![
        Finding::new("all nine runs succeeded", day.runs_succeeded()),
        Finding::new(
            "weather/daily_report tried extremes twice",
            day.extremes_took_two(),
        ),
        Finding::new(
            "weather/quality waited for its cluster to come up",
            day.score_waited(),
        ),
        Finding::new(
            "energy/briefing began after runs of both teams",
            day.briefing_followed(),
        ),
        Finding::new("five clusters came and went", day.instances_terminated()),
        Finding::new("nothing is left at work", day.nothing_is_left()),
        Finding::new("no message was set aside", none_set_aside(dead_letters)),
        Finding::new("the reports are there", reports_are_there()),
    ]
}

struct Day<'a> {
    instances: &'a [Value],
    runs: &'a [Value],
}

impl Day<'_> {
    fn runs_succeeded(&self) -> Option<String> {
        let mut counts = BTreeMap::new();
        for run in self.runs {
            *counts.entry(name_of(run, "workflow")).or_insert(0) += 1;
        }
        let expected = RUNS.map(|(workflow, count)| (workflow.to_owned(), count));
        if counts != BTreeMap::from(expected) {
            return Some(format!("there are {counts:?}"));
        }
        let others = self.runs.iter().filter(|run| run["state"] != "succeeded");
        told(others.map(|run| format!("{} {}", text(&run["run"]), text(&run["state"]))))
    }

    fn extremes_took_two(&self) -> Option<String> {
        let attempts = self.attempts("weather/daily_report", "extremes");
        let states: Vec<&str> = attempts.iter().map(|it| text(&it["state"])).collect();
        (states != ["failed", "succeeded"]).then(|| format!("its attempts: {states:?}"))
    }

    fn score_waited(&self) -> Option<String> {
        let attempts = self.attempts("weather/quality", "score");
        let cluster = self.instance("weather/mini-batch");
        let (Some(score), Some(cluster)) = (attempts.first(), cluster) else {
            return Some("there is no attempt, or no cluster".to_owned());
        };
        let asked = second(&score["ready_at"]);
        let (requested, up) = (
            second(&cluster["requested_at"]),
            second(&cluster["ready_at"]),
        );
        let began = second(&score["started_at"]);
        let waited = asked < requested && requested < up && up <= began;
        (!waited).then(|| format!("asked {asked}, requested {requested}, up {up}, began {began}"))
    }

    fn briefing_followed(&self) -> Option<String> {
        let Some(briefing) = self.run("energy/briefing") else {
            return Some("there is no run".to_owned());
        };
        let began = second(&briefing["created_at"]);
        let upstreams = ["energy/heating_demand", "weather/quality"];
        told(upstreams.into_iter().filter_map(|upstream| {
            let run = self.run(upstream);
            let named = |run: &Value| {
                let causes = briefing["cause"]["runs"].as_object();
                causes.is_some_and(|causes| causes.contains_key(text(&run["run"])))
            };
            let came_before =
                run.is_some_and(|run| named(run) && second(&run["ended_at"]) <= began);
            (!came_before).then(|| format!("{upstream} was not waited for"))
        }))
    }

    fn instances_terminated(&self) -> Option<String> {
        let mut names: Vec<String> = self
            .instances
            .iter()
            .map(|instance| name_of(instance, "cluster"))
            .collect();
        names.sort();
        if names != CLUSTERS {
            return Some(format!("there were {names:?}"));
        }
        let others = self.instances.iter();
        let others = others.filter(|instance| instance["state"] != "terminated");
        told(others.map(|it| format!("{} {}", text(&it["instance"]), text(&it["state"]))))
    }

    fn nothing_is_left(&self) -> Option<String> {
        let open = self.runs.iter().flat_map(|run| list(&run["attempts"]));
        let open = open.filter(|attempt| attempt["ended_at"].is_null());
        told(open.map(|it| format!("{} {}", text(&it["run"]), text(&it["task"]))))
    }

    fn run(&self, workflow: &str) -> Option<&Value> {
        self.runs
            .iter()
            .find(|run| name_of(run, "workflow") == workflow)
    }

    fn instance(&self, cluster: &str) -> Option<&Value> {
        self.instances
            .iter()
            .find(|instance| name_of(instance, "cluster") == cluster)
    }

    fn attempts(&self, workflow: &str, task: &str) -> Vec<&Value> {
        let attempts = self.run(workflow).map(|run| list(&run["attempts"]));
        let attempts = attempts.unwrap_or_default().iter();
        attempts.filter(|attempt| attempt["task"] == task).collect()
    }
}

fn none_set_aside(dead_letters: &Value) -> Option<String> {
    match dead_letters.as_array() {
        Some(letters) if letters.is_empty() => None,
        Some(letters) => Some(format!("there are {}", letters.len())),
        None => Some("nobody knows".to_owned()),
    }
}

fn reports_are_there() -> Option<String> {
    told(folder::REPORTS.into_iter().filter_map(|report| {
        let length = fs::metadata(folder::output(report)).map_or(0, |file| file.len());
        (length == 0).then(|| format!("{report} is missing"))
    }))
}

/// Several things that are wrong as one text; `None` when there is none.
fn told(wrong: impl Iterator<Item = String>) -> Option<String> {
    let wrong: Vec<String> = wrong.collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// `team/name` of an item, whose name is under this key.
fn name_of(item: &Value, key: &str) -> String {
    format!("{}/{}", text(&item["team"]), text(&item[key]))
}

/// An instant to the second, so that texts compare as instants do.
fn second(instant: &Value) -> &str {
    let instant = text(instant);
    instant.get(..19).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(findings: &[Finding]) -> Vec<&str> {
        let wrong = findings.iter().filter(|finding| !finding.is_fine());
        wrong.map(|finding| finding.what.as_str()).collect()
    }

    #[test]
    fn a_day_on_which_nothing_happened_is_not_as_it_should_be() {
        let nothing = json!({ "instances": [], "runs": [] });
        let wrong = wrong(&judge(&nothing, &Value::Null)).len();
        // Only that nothing is left at work is true; reports may be there from a day before.
        assert!(wrong >= 6, "{wrong}");
    }

    #[test]
    fn a_run_that_did_not_succeed_is_named() {
        let run = |team: &str, workflow: &str, state: &str| json!({ "team": team, "workflow": workflow, "run": workflow, "state": state });
        let mut runs = Vec::new();
        for (workflow, count) in RUNS {
            let (team, name) = workflow.split_once('/').unwrap();
            runs.extend((0..count).map(|_| run(team, name, "succeeded")));
        }
        let succeeded = |runs: &[Value]| {
            Day {
                instances: &[],
                runs,
            }
            .runs_succeeded()
        };
        assert_eq!(succeeded(&runs), None);
        runs[0]["state"] = "failed".into();
        assert_eq!(succeeded(&runs), Some("briefing failed".to_owned()));
        runs.pop();
        assert!(succeeded(&runs).is_some_and(|wrong| wrong.starts_with("there are {")));
    }

    #[test]
    fn instants_of_different_precision_compare_by_the_second() {
        let at = |text: &str| json!(text);
        assert!(second(&at("2026-03-02T08:15:00Z")) <= second(&at("2026-03-02T08:15:00.123Z")));
        assert!(second(&at("2026-03-02T08:15:00.9Z")) < second(&at("2026-03-02T08:15:01Z")));
    }
}
