//! Invariant 14: one open alert per incident. Whatever goes wrong, a channel reads of an incident once
//! that it is open and once that it is over, but for repeats that say so; and at the end every
//! channel knows how things are.

use std::collections::BTreeMap;

use model::alert::{IncidentState, Root, Symptom, SymptomRef};
use model::definition::AlertRoute;
use model::post::{Post, PostKind};
use model::run::RunState;

use super::Invariant;
use crate::platform::World;
use crate::platform::mirror::Mirror;
use crate::platform::scenery::FOR_ALL;
use crate::platform::watch::Watch;

/// What the channels read.
#[derive(Default)]
pub struct Read {
    /// Whether the last word about an incident was that it is open, by channel.
    open: BTreeMap<(String, Root), bool>,
    /// How many posts there were that did not call themselves repeats.
    pub posts: usize,
}

/// A channel reads something.
pub fn posted(watch: &Watch, route: &AlertRoute, post: &Post) {
    let mut read = watch.read.borrow_mut();
    let is_repeat = post.repeated;
    read.posts += usize::from(!is_repeat);
    for about in &post.about {
        let key = (route.to.clone(), about.incident.clone());
        let was_open = read.open.get(&key).copied().unwrap_or(false);
        let (is_open, fits) = match about.kind {
            PostKind::Opened => (true, !was_open),
            PostKind::Changed => (true, was_open),
            PostKind::Resolved => (false, was_open),
            PostKind::Digest => (was_open, false),
        };
        watch.check(Invariant::OneAlert, fits || is_repeat, || {
            format!(
                "{} reads {:?} of {}: {}",
                route.to, about.kind, about.incident, post.title
            )
        });
        read.open.insert(key, is_open);
    }
}

impl World {
    /// At the end: what failed is in an open incident and what is well in none, and who wants to hear
    /// of everything knows.
    pub(in crate::platform) fn everybody_knows(&self) {
        if !self.script.plot.alerts {
            return;
        }
        let mirror = self.shared.watch.mirror.borrow();
        for run in mirror.runs.values() {
            let stands = standing(&mirror).any(|one| one.symptom.run() == Some(&run.run));
            let (fits, what) = match run.state {
                RunState::Failed => (stands, "it failed and is in no incident"),
                RunState::Succeeded | RunState::Cancelled => {
                    (!stands, "it is well and still in an incident")
                }
                RunState::Waiting | RunState::Running | RunState::Skipped => continue,
            };
            self.must(Invariant::OneAlert, fits, || format!("{what}: {run:?}"));
        }
        for instance in mirror.instances.values() {
            let own = SymptomRef::Instance(instance.instance.clone());
            let stands = standing(&mirror).any(|one| one.symptom == own);
            let mut newer = mirror.instances.values().filter(|one| {
                one.instance.cluster == instance.instance.cluster
                    && one.instance > instance.instance
            });
            let is_over = newer.any(|one| one.ready_at.is_some());
            self.must(Invariant::OneAlert, !stands || !is_over, || {
                format!("its cluster came up again since: {instance:?}")
            });
        }
        self.incidents_are_told(&mirror);
    }

    fn incidents_are_told(&self, mirror: &Mirror) {
        let read = self.shared.watch.read.borrow();
        for incident in mirror.incidents.values() {
            let stands = standing(mirror).any(|one| one.incident == incident.incident);
            let is_open = incident.state == IncidentState::Open;
            self.must(Invariant::OneAlert, stands == is_open, || {
                format!("a symptom stands: {stands}, of {incident:?}")
            });
            let key = (FOR_ALL.to_owned(), incident.incident.clone());
            let known = read.open.get(&key).copied().unwrap_or(false);
            let may_be_silent = self.scenery.is_patient(incident.workflow.as_ref());
            let fits = known == is_open || (is_open && may_be_silent);
            self.must(Invariant::OneAlert, fits, || {
                format!("{FOR_ALL} reads that it is open: {known}, of {incident:?}")
            });
        }
    }
}

fn standing(mirror: &Mirror) -> impl Iterator<Item = &Symptom> {
    let all = mirror.symptoms.values();
    all.filter(|symptom| symptom.cleared_at.is_none())
}
