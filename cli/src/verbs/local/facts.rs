//! The facts of an engine as lines, and what is going on as one line that moves.

use std::collections::BTreeSet;

use indicatif::ProgressBar;
use model::Timestamp;
use model::fact::{ClusterFact, Fact, FactBody, RunFact, TaskFact};

use crate::output::paint::Paint;
use crate::output::progress;
use crate::output::time::Zone;

/// Tells facts as they come.
pub struct Facts {
    zone: Zone,
    /// Only what went wrong is told.
    quiet: bool,
    /// When the last line was; each date is told once.
    last: Option<Timestamp>,
    /// Facts may come more than once.
    seen: BTreeSet<String>,
    runs: BTreeSet<String>,
    tasks: BTreeSet<String>,
    clusters: BTreeSet<String>,
    failed: usize,
    bar: Option<ProgressBar>,
}

/// How many facts are remembered as told.
const MOST_SEEN: usize = 20_000;

impl Facts {
    /// Begins; in a terminal with a line that moves.
    pub fn new(zone: Zone, quiet: bool) -> Self {
        Self {
            zone,
            quiet,
            last: None,
            seen: BTreeSet::new(),
            runs: BTreeSet::new(),
            tasks: BTreeSet::new(),
            clusters: BTreeSet::new(),
            failed: 0,
            bar: progress::is_shown().then(|| progress::spinner(None)),
        }
    }

    /// Takes a fact.
    pub fn on(&mut self, fact: &Fact) {
        if self.seen.len() >= MOST_SEEN {
            self.seen.clear();
        }
        if !self.seen.insert(fact.id.to_string()) {
            return;
        }
        self.count(fact);
        let Some((said, paint)) = said(fact) else {
            return;
        };
        if self.quiet && paint != Paint::Bad {
            return;
        }
        let same_day = |last| self.zone.same_day(last, fact.time);
        if !self.last.is_some_and(same_day) {
            let date = self.zone.short(fact.time, "%A %Y-%m-%d");
            progress::line(&Paint::Strong.text(&date));
        }
        self.last = Some(fact.time);
        let at = Paint::Faint.text(&self.zone.short(fact.time, "%H:%M:%S"));
        progress::line(&format!("{at}  {}", colored(&said, paint)));
    }

    /// Shows what is going on.
    pub fn show(&self, now: Timestamp) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!(
                "{}  {} runs active, {} tasks at work, {} clusters up",
                self.zone.full(now),
                self.runs.len(),
                self.tasks.len(),
                self.clusters.len()
            ));
        }
    }

    /// Takes the moving line away; says how many runs failed.
    pub fn end(&mut self) -> usize {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.failed
    }

    fn count(&mut self, fact: &Fact) {
        let subject = &fact.subject;
        match &fact.body {
            FactBody::RunStarted(_) => {
                self.runs.insert(subject.clone());
            }
            FactBody::RunSucceeded(_) | FactBody::RunCancelled(_) | FactBody::RunSkipped(_) => {
                self.runs.remove(subject);
            }
            FactBody::RunFailed(_) => {
                self.failed += 1;
                self.runs.remove(subject);
            }
            FactBody::TaskStarted(_) => {
                self.tasks.insert(subject.clone());
            }
            FactBody::TaskRetrying(_)
            | FactBody::TaskSucceeded(_)
            | FactBody::TaskFailed(_)
            | FactBody::TaskSkipped(_)
            | FactBody::TaskCancelled(_) => {
                self.tasks.remove(subject);
            }
            FactBody::ClusterReady(_) => {
                self.clusters.insert(subject.clone());
            }
            FactBody::ClusterTerminated(_) | FactBody::ClusterFailed(_) => {
                self.clusters.remove(subject);
            }
            FactBody::RunWaiting(_)
            | FactBody::TaskReady(_)
            | FactBody::ClusterRequested(_)
            | FactBody::ClusterDraining(_)
            | FactBody::DeadlineMissed(_)
            | FactBody::DeadlineAtRisk(_)
            | FactBody::RunSlow(_)
            | FactBody::ClusterIdle(_)
            | FactBody::ClusterLeaked(_)
            | FactBody::TickMissed(_)
            | FactBody::LettersSetAside(_)
            | FactBody::LettersGone(_)
            | FactBody::OperationRequested(_)
            | FactBody::OperationDone(_) => {}
        }
    }
}

/// The first two words carry the colour: what it is, and what happened.
fn colored((subject, happened, rest): &(String, &'static str, String), paint: Paint) -> String {
    format!(
        "{} {}{rest}",
        Paint::Strong.text(subject),
        paint.text(happened)
    )
}

type Said = (String, &'static str, String);

/// What is told of a fact; `None` for those that only set others off.
fn said(fact: &Fact) -> Option<(Said, Paint)> {
    let run = |happened, run: &RunFact| (run.run.to_string(), happened, because(&run.reason));
    let task = |happened, task: &TaskFact| {
        let attempt = if task.attempt > 1 {
            format!(" (attempt {})", task.attempt)
        } else {
            String::new()
        };
        let subject = format!("{} {}", task.run, task.task);
        (
            subject,
            happened,
            format!("{attempt}{}", because(&task.reason)),
        )
    };
    let cluster = |happened, cluster: &ClusterFact| {
        let id = cluster
            .id
            .as_ref()
            .map(|id| format!(" as {id}"))
            .unwrap_or_default();
        (
            cluster.cluster.to_string(),
            happened,
            format!("{id}{}", because(&cluster.reason)),
        )
    };
    Some(match &fact.body {
        FactBody::RunWaiting(fact) => (run("waits", fact), Paint::Waiting),
        FactBody::RunStarted(fact) => (run("started", fact), Paint::Busy),
        FactBody::RunSucceeded(fact) => (run("succeeded", fact), Paint::Good),
        FactBody::RunFailed(fact) => (run("failed", fact), Paint::Bad),
        FactBody::RunCancelled(fact) => (run("cancelled", fact), Paint::Waiting),
        FactBody::RunSkipped(fact) => (run("skipped", fact), Paint::Faint),
        FactBody::TaskStarted(fact) => (task("started", fact), Paint::Busy),
        FactBody::TaskRetrying(fact) => (task("retrying", fact), Paint::Waiting),
        FactBody::TaskSucceeded(fact) => {
            let (subject, happened, _) = task("succeeded", fact);
            ((subject, happened, String::new()), Paint::Good)
        }
        FactBody::TaskFailed(fact) => (task("failed", fact), Paint::Bad),
        FactBody::TaskSkipped(fact) => (task("skipped", fact), Paint::Faint),
        FactBody::TaskCancelled(fact) => (task("cancelled", fact), Paint::Waiting),
        FactBody::ClusterRequested(fact) => (cluster("requested", fact), Paint::Waiting),
        FactBody::ClusterReady(fact) => (cluster("ready", fact), Paint::Good),
        FactBody::ClusterDraining(fact) => (cluster("draining", fact), Paint::Busy),
        // That it ended because it was asked to needs no reason.
        FactBody::ClusterTerminated(fact) => {
            let (subject, happened, _) = cluster("terminated", fact);
            ((subject, happened, String::new()), Paint::Faint)
        }
        FactBody::ClusterFailed(fact) => (cluster("failed", fact), Paint::Bad),
        FactBody::DeadlineMissed(fact) => {
            let subject = fact.workflow.to_string();
            let rest = format!(": {} had to have succeeded by now", fact.run);
            ((subject, "missed its deadline", rest), Paint::Bad)
        }
        FactBody::DeadlineAtRisk(fact) => {
            let subject = fact.workflow.to_string();
            let rest = format!(": {} has to have succeeded in time", fact.run);
            (
                (subject, "will probably miss its deadline", rest),
                Paint::Bad,
            )
        }
        FactBody::RunSlow(fact) => {
            let rest = format!(": none of its latest runs took more than {}", fact.longest);
            let subject = fact.run.to_string();
            ((subject, "is far slower than usual", rest), Paint::Waiting)
        }
        FactBody::ClusterIdle(fact) => (cluster("is idle", fact), Paint::Waiting),
        FactBody::ClusterLeaked(fact) => (cluster("does not end", fact), Paint::Bad),
        FactBody::TickMissed(fact) => {
            let rest = format!(" of {} was missed", fact.scheduled_time);
            ((fact.schedule.to_string(), "tick", rest), Paint::Waiting)
        }
        FactBody::LettersSetAside(fact) => {
            let subject = format!("messages of {}", fact.inbox);
            ((subject, "set aside", because(&fact.reason)), Paint::Bad)
        }
        FactBody::LettersGone(fact) => {
            let subject = format!("dead letters of {}", fact.inbox);
            ((subject, "gone", String::new()), Paint::Good)
        }
        FactBody::OperationDone(fact) => {
            let subject = format!("{} {}", fact.by, fact.operation);
            let (happened, paint) = if fact.done {
                ("done", Paint::Good)
            } else {
                ("refused", Paint::Bad)
            };
            ((subject, happened, format!(": {}", fact.result)), paint)
        }
        FactBody::TaskReady(_) | FactBody::OperationRequested(_) => return None,
    })
}

fn because(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
}
