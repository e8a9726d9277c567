//! What is wrong, in one line each: incidents and their symptoms.

use model::alert::{Incident, Root, Symptom, SymptomRef};
use model::post::PostKind;
use model::task::FailureClass;

use super::summary::Summary;

/// The longest reason that is repeated in full, in characters.
const REASON_MAX: usize = 300;

/// One line that says what is wrong, or what it was.
pub fn title(incident: &Incident, summary: &Summary, kind: PostKind) -> String {
    let first = summary.shown.first().or(summary.first.as_ref());
    let what = match (&incident.incident, first) {
        (Root::Run(run), first) => of_run(incident, run.as_str(), first),
        (Root::Cluster(cluster), Some(first)) => {
            let reason = reason(first).map_or_else(String::new, |reason| format!(": {reason}"));
            match first.symptom {
                SymptomRef::Instance(_) => format!("cluster {cluster} failed{reason}"),
                SymptomRef::Idle(_) => format!("cluster {cluster} is idle{reason}"),
                SymptomRef::Leaked(_) => format!("cluster {cluster} does not end{reason}"),
                SymptomRef::Late(_) => format!("a tick of cluster {cluster} was missed"),
                SymptomRef::Task(..)
                | SymptomRef::Run(_)
                | SymptomRef::Deadline(_)
                | SymptomRef::AtRisk(_)
                | SymptomRef::Slow(_)
                | SymptomRef::Tick(_)
                | SymptomRef::Letters(_) => format!("work fails on cluster {cluster}{reason}"),
            }
        }
        (Root::Cluster(cluster), None) => format!("cluster {cluster}"),
        (Root::Inbox(inbox), first) => {
            let reason = first.and_then(reason);
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            format!("messages of {inbox} were set aside{reason}")
        }
    };
    match kind {
        PostKind::Opened | PostKind::Digest => format!("{what}{}", and_more(summary)),
        PostKind::Changed => format!("{what}{}", and_more(summary)),
        PostKind::Resolved => format!("resolved: {what}"),
    }
}

fn of_run(incident: &Incident, run: &str, first: Option<&Symptom>) -> String {
    let workflow = incident.workflow.as_ref().map_or_else(
        || run.to_owned(),
        |workflow| format!("{}/{workflow}", incident.team),
    );
    let slot = slot_of(run).map_or_else(String::new, |slot| format!(" {slot}"));
    let Some(first) = first else {
        return format!("{workflow}{slot}");
    };
    let reason = reason(first).map_or_else(String::new, |reason| format!(": {reason}"));
    match &first.symptom {
        SymptomRef::Task(_, task) => format!("{workflow}{slot}: {task} failed{reason}"),
        SymptomRef::Run(_) => format!("{workflow}{slot} failed{reason}"),
        SymptomRef::Deadline(_) => format!("{workflow}{slot} missed its deadline{reason}"),
        SymptomRef::AtRisk(_) => {
            format!("{workflow}{slot} will probably miss its deadline{reason}")
        }
        SymptomRef::Slow(_) => format!("{workflow}{slot} is far slower than usual{reason}"),
        SymptomRef::Tick(_) => format!("the tick of {workflow}{slot} was missed"),
        SymptomRef::Instance(_)
        | SymptomRef::Idle(_)
        | SymptomRef::Leaked(_)
        | SymptomRef::Late(_)
        | SymptomRef::Letters(_) => format!("{}{reason}", first.symptom),
    }
}

/// The part of a run's id that says what it is for.
fn slot_of(run: &str) -> Option<&str> {
    run.splitn(3, "--").nth(2)
}

fn and_more(summary: &Summary) -> String {
    match summary.standing {
        0 | 1 => String::new(),
        standing => format!(" (and {} more)", standing - 1),
    }
}

fn reason(symptom: &Symptom) -> Option<String> {
    let reason = symptom.reason.as_deref()?;
    let line = reason.lines().next().unwrap_or_default();
    if line.chars().count() <= REASON_MAX {
        return Some(line.to_owned());
    }
    Some(line.chars().take(REASON_MAX).chain(['…']).collect())
}

/// One line about a symptom, in its incident.
pub(super) fn line(symptom: &Symptom, incident: &Incident) -> String {
    let why = reason(symptom).map_or_else(String::new, |reason| format!(": {reason}"));
    match &symptom.symptom {
        SymptomRef::Task(run, task) => {
            let of = match &incident.incident {
                Root::Run(_) => task.to_string(),
                Root::Cluster(_) | Root::Inbox(_) => format!("{run} {task}"),
            };
            let class = symptom.failure.map_or("", class);
            format!(
                "{of} failed in attempt {}{class}{why}",
                symptom.attempt.max(1)
            )
        }
        SymptomRef::Run(run) => format!("{run} failed{why}"),
        SymptomRef::Deadline(run) => format!("{run} missed its deadline{why}"),
        SymptomRef::AtRisk(run) => format!("{run} will probably miss its deadline{why}"),
        SymptomRef::Slow(run) => format!("{run} is far slower than usual{why}"),
        SymptomRef::Tick(run) => format!("the tick of {run} was missed, and is sent again"),
        SymptomRef::Instance(instance) => format!("{instance} failed{why}"),
        SymptomRef::Idle(instance) => format!("{instance} is idle{why}"),
        SymptomRef::Leaked(instance) => format!("{instance} does not end{why}"),
        SymptomRef::Late(instance) => {
            format!("the tick of {instance} was missed, and is sent again")
        }
        SymptomRef::Letters(inbox) => {
            format!("{inbox} cannot handle them, and nobody does until they are put back{why}")
        }
    }
}

fn class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Application => " (the work itself)",
        FailureClass::Infrastructure => " (its cluster or host)",
        FailureClass::Refused => " (refused)",
    }
}
