//! Stands in for EventBridge Scheduler: puts a tick into the right inbox at each instant of every
//! registered schedule, and a sweep for reconcile every two minutes.
//!
//! It looks ahead only. Instants that passed while no engine ran are found by reconcile, through
//! the expected slots (rule 18).

use std::collections::{BTreeMap, BTreeSet};

use choreography::expected::{GRACE, schedule_of};
use choreography::schedule::Schedule;
use model::Timestamp;
use model::definition::ScheduleSpec;
use model::expected::ScheduleRef;
use model::key::Key;
use model::message::{Function, Message, Tick};
use model::name::{ClusterRef, TeamName, WorkflowRef};
use model::registry::{Catalogue, CurrentCluster, CurrentWorkflow, Deployment};
use model::units::Seconds;
use ports::{Ports, Trouble, TypedStore as _};
use protocols::content;

/// How often reconcile looks.
const SWEEP_EVERY: Seconds = Seconds::minutes(2);

/// Knows when each schedule fires next.
#[derive(Debug)]
pub struct Ticker {
    schedules: BTreeMap<ScheduleRef, Entry>,
    /// The next firing of each schedule.
    agenda: BTreeSet<(Timestamp, ScheduleRef)>,
    next_sweep: Timestamp,
}

#[derive(Debug)]
struct Entry {
    spec: ScheduleSpec,
    schedule: Schedule,
}

impl Ticker {
    /// Starts without schedules; the first sweep is due at once.
    pub fn new(now: Timestamp) -> Self {
        Self {
            schedules: BTreeMap::new(),
            agenda: BTreeSet::new(),
            next_sweep: now,
        }
    }

    /// Reads what is registered. A schedule that stays as it was keeps its place; a new or edited
    /// one counts from now.
    pub async fn load(&mut self, ports: &impl Ports, now: Timestamp) -> Result<(), Trouble> {
        let mut wanted = BTreeMap::new();
        let deployment = ports.store().get::<Deployment>(&Key::Deployment).await?;
        for team in deployment
            .into_iter()
            .flat_map(|deployment| deployment.value.teams)
        {
            collect(ports, &team, &mut wanted).await?;
        }
        self.replace(wanted, now);
        Ok(())
    }

    fn replace(&mut self, wanted: BTreeMap<ScheduleRef, ScheduleSpec>, now: Timestamp) {
        self.schedules.retain(|reference, entry| {
            wanted
                .get(reference)
                .is_some_and(|spec| fires_the_same(spec, &entry.spec))
        });
        self.agenda
            .retain(|(_, reference)| self.schedules.contains_key(reference));
        for (reference, spec) in wanted {
            if self.schedules.contains_key(&reference) {
                continue;
            }
            match schedule_of(&spec) {
                Ok(schedule) => {
                    let next = schedule.next_after(now);
                    self.agenda
                        .extend(next.map(|next| (next, reference.clone())));
                    self.schedules.insert(reference, Entry { spec, schedule });
                }
                Err(error) => tracing::error!(%reference, %error, "a schedule cannot be read"),
            }
        }
    }

    /// Takes what fires up to now. What should have fired longer ago than the grace of expected
    /// slots, because the machine slept, is left to reconcile.
    pub fn fire(&mut self, now: Timestamp) -> Vec<(Function, Message)> {
        let mut fired = Vec::new();
        while let Some((scheduled_time, _)) = self.agenda.first()
            && *scheduled_time <= now
            && let Some((scheduled_time, reference)) = self.agenda.pop_first()
        {
            let next = self
                .schedules
                .get(&reference)
                .and_then(|entry| entry.schedule.next_after(scheduled_time));
            self.agenda
                .extend(next.map(|next| (next, reference.clone())));
            if GRACE.after(scheduled_time) >= now {
                fired.extend(tick(reference, scheduled_time));
            }
        }
        if self.next_sweep <= now {
            self.next_sweep = SWEEP_EVERY.after(now);
            fired.push((Function::Reconcile, Message::Sweep));
        }
        fired
    }

    /// When something fires next.
    pub fn next(&self) -> Timestamp {
        let tick = self
            .agenda
            .first()
            .map(|(scheduled_time, _)| *scheduled_time);
        tick.map_or(self.next_sweep, |tick| tick.min(self.next_sweep))
    }
}

fn fires_the_same(one: &ScheduleSpec, other: &ScheduleSpec) -> bool {
    (&one.expression, &one.timezone) == (&other.expression, &other.timezone)
}

fn tick(schedule: ScheduleRef, scheduled_time: Timestamp) -> Option<(Function, Message)> {
    let inbox = match schedule {
        ScheduleRef::Workflow(_) => Function::StartRun,
        ScheduleRef::Provision(_) => Function::ProvisionCluster,
        ScheduleRef::Terminate(_) => Function::TerminateCluster,
        ScheduleRef::Upstreams(_) => return None,
    };
    let tick = Tick {
        schedule,
        scheduled_time,
        late: false,
        skip: false,
    };
    Some((inbox, Message::Tick(tick)))
}

/// Collects the schedules of a team's workflows and clusters.
async fn collect(
    ports: &impl Ports,
    team: &TeamName,
    wanted: &mut BTreeMap<ScheduleRef, ScheduleSpec>,
) -> Result<(), Trouble> {
    let store = ports.store();
    let Some(catalogue) = store
        .get::<Catalogue>(&Key::Catalogue(team.clone()))
        .await?
    else {
        return Ok(());
    };
    for name in catalogue.value.workflows.into_keys() {
        let workflow = WorkflowRef::new(team.clone(), name);
        let key = Key::CurrentWorkflow(workflow.clone());
        let current = store
            .get::<CurrentWorkflow>(&key)
            .await?
            .map(|current| current.value);
        let spec = current
            .filter(|current| !current.removed)
            .and_then(|current| current.schedule);
        wanted.extend(spec.map(|spec| (ScheduleRef::Workflow(workflow), spec)));
    }
    for name in catalogue.value.clusters.into_keys() {
        let cluster = ClusterRef::new(team.clone(), name);
        let key = Key::CurrentCluster(cluster.clone());
        let current = store
            .get::<CurrentCluster>(&key)
            .await?
            .map(|current| current.value);
        let Some(current) = current.filter(|current| !current.removed) else {
            continue;
        };
        let definition = content::cluster(ports, &current.definition).await?;
        wanted.insert(
            ScheduleRef::Provision(cluster.clone()),
            definition.provision.clone(),
        );
        wanted.insert(
            ScheduleRef::Terminate(cluster),
            definition.terminate.clone(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::definition::CatchUp;

    use super::*;

    fn at(text: &str) -> Timestamp {
        testkit::instant(text)
    }

    fn hourly(start: &str) -> Ticker {
        let mut ticker = Ticker::new(at(start));
        let spec = ScheduleSpec {
            expression: "cron(0 * * * ? *)".into(),
            timezone: "UTC".into(),
            catch_up: CatchUp::default(),
        };
        let schedule = ScheduleRef::Workflow("weather/report".parse().unwrap());
        ticker.replace(BTreeMap::from([(schedule, spec)]), at(start));
        ticker
    }

    fn slots(fired: Vec<(Function, Message)>) -> Vec<String> {
        let ticks = fired.into_iter().filter_map(|(_, message)| {
            let Message::Tick(tick) = message else {
                return None;
            };
            Some(tick.scheduled_time.to_string())
        });
        ticks.collect()
    }

    #[test]
    fn a_tick_carries_its_scheduled_instant_however_late_it_is_looked_at() {
        let mut ticker = hourly("2026-03-01T05:30:00Z");
        assert_eq!(slots(ticker.fire(at("2026-03-01T05:59:59.999Z"))), [""; 0]);
        let fired = slots(ticker.fire(at("2026-03-01T06:04:00Z")));
        assert_eq!(fired, ["2026-03-01T06:00:00Z"]);
        assert_eq!(
            slots(ticker.fire(at("2026-03-01T06:04:00Z"))),
            [""; 0],
            "once"
        );
    }

    #[test]
    fn what_was_slept_through_is_left_to_reconcile() {
        let mut ticker = hourly("2026-03-01T05:30:00Z");
        let fired = ticker.fire(at("2026-03-01T09:02:00Z"));
        assert!(fired.contains(&(Function::Reconcile, Message::Sweep)));
        assert_eq!(slots(fired), ["2026-03-01T09:00:00Z"]);
        assert_eq!(ticker.next(), at("2026-03-01T09:04:00Z"), "the next sweep");
    }
}
