//! Which instance takes a task, and why (rule 14).

use std::collections::BTreeMap;

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::definition::ClusterChoice;
use model::limit::{LimitRef, QueueRef, SizedLimit};
use model::name::{ClusterRef, TeamName};

/// Open steps an instance takes. EMR takes 256; the rest is for people's own steps.
pub const OPEN_STEPS: u32 = 250;

/// An instance with how many steps are open on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    pub instance: &'a Instance,
    pub open: u32,
}

/// The chosen instance's position among the candidates, and the reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub position: usize,
    pub reason: String,
}

/// Chooses the ready instance with the least open work; among equals the one whose window ends
/// last. `None` when none takes work now.
pub fn choose(candidates: &[Candidate<'_>], now: Timestamp) -> Option<Chosen> {
    let ready = candidates.iter().enumerate().filter(|(_, candidate)| {
        takes_work(candidate.instance, now) && candidate.open < OPEN_STEPS
    });
    let ready: Vec<(usize, &Candidate<'_>)> = ready.collect();
    let (position, best) = ready.iter().min_by(|(_, one), (_, other)| {
        let order = one.open.cmp(&other.open);
        order.then_with(|| other.instance.window_end.cmp(&one.instance.window_end))
    })?;
    let reason = match ready.len() {
        1 => format!("{} is the only ready instance", best.instance.instance),
        count => format!(
            "{} has the least open work of {count} ready instances: {} steps",
            best.instance.instance, best.open
        ),
    };
    Some(Chosen {
        position: *position,
        reason,
    })
}

/// Whether new work may go to an instance.
pub fn takes_work(instance: &Instance, now: Timestamp) -> bool {
    instance.state == InstanceState::Ready && instance.id.is_some() && now < instance.window_end
}

/// The limit of open steps of an instance.
pub fn steps_limit(instance: &Instance) -> SizedLimit {
    SizedLimit {
        limit: LimitRef::Steps(instance.instance.clone()),
        size: OPEN_STEPS,
    }
}

/// The queue in which work waits for an instance it may run on.
pub fn queue_of(team: &TeamName, choice: &ClusterChoice) -> QueueRef {
    match choice {
        ClusterChoice::Named(cluster) => QueueRef::Cluster(cluster.clone()),
        ClusterChoice::Tagged(tags) => QueueRef::Tagged(team.clone(), tags.clone()),
    }
}

/// The most tags of a cluster by which work is found; a set of n tags has 2^n queues.
pub const MAX_TAGS: usize = 6;

/// Every queue whose waiters an instance can take: by name, and by each set of its tags.
pub fn queues_of(instance: &Instance) -> Vec<QueueRef> {
    queues_for(&instance.instance.cluster, &instance.tags)
}

/// Every queue whose waiters an instance of a cluster with these tags could take.
pub fn queues_for(cluster: &ClusterRef, tags: &BTreeMap<String, String>) -> Vec<QueueRef> {
    let mut queues = vec![QueueRef::Cluster(cluster.clone())];
    let tags: Vec<(&String, &String)> = tags.iter().take(MAX_TAGS).collect();
    for bits in 1..1_u32 << tags.len() {
        let chosen: BTreeMap<String, String> = (0..)
            .zip(&tags)
            .filter(|(position, _)| bits & (1 << position) != 0)
            .map(|(_, (key, value))| ((*key).clone(), (*value).clone()))
            .collect();
        queues.push(QueueRef::Tagged(cluster.team.clone(), chosen));
    }
    queues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str, state: InstanceState, window_end: i64) -> Instance {
        let at = |second| Timestamp::from_second(second).unwrap();
        Instance {
            instance: format!("team--{name}--19700101t000000z--1")
                .parse()
                .unwrap(),
            team: "team".parse().unwrap(),
            cluster: name.parse().unwrap(),
            state,
            definition: "hash".into(),
            tags: BTreeMap::from([
                ("purpose".into(), "etl".into()),
                ("size".into(), "xl".into()),
            ]),
            step_concurrency: 10,
            window_start: at(0),
            window_end: at(window_end),
            drain_until: at(window_end),
            epoch: 1,
            lease_until: None,
            id: Some("j-1".into()),
            endpoint: None,
            requested_at: at(0),
            ready_at: None,
            draining_at: None,
            ended_at: None,
            reason: None,
            due_at: None,
            idle_after: model::cluster::IDLE_AFTER,
            waste: model::cluster::Waste::default(),
        }
    }

    #[test]
    fn the_ready_instance_with_the_least_open_work_is_taken() {
        use InstanceState::{Draining, Ready, Starting};
        let now = Timestamp::from_second(10).unwrap();
        let table: [(&[(&str, InstanceState, i64, u32)], Option<usize>); 7] = [
            (&[], None),
            (&[("a", Starting, 100, 0)], None),
            (&[("a", Draining, 100, 0)], None),
            (&[("a", Ready, 10, 0)], None),
            (&[("a", Ready, 100, OPEN_STEPS)], None),
            (
                &[
                    ("a", Ready, 100, 3),
                    ("b", Ready, 100, 2),
                    ("c", Draining, 100, 0),
                ],
                Some(1),
            ),
            (&[("a", Ready, 100, 2), ("b", Ready, 200, 2)], Some(1)),
        ];
        for (written, expected) in table {
            let instances: Vec<(Instance, u32)> = written
                .iter()
                .map(|(name, state, end, open)| (instance(name, *state, *end), *open))
                .collect();
            let candidates: Vec<Candidate<'_>> = instances
                .iter()
                .map(|(instance, open)| Candidate {
                    instance,
                    open: *open,
                })
                .collect();
            let chosen = choose(&candidates, now).map(|chosen| chosen.position);
            assert_eq!(chosen, expected, "{written:?}");
        }
    }

    #[test]
    fn the_reason_of_a_choice_is_told() {
        let [a, b] = ["a", "b"].map(|name| instance(name, InstanceState::Ready, 100));
        let candidate = |instance, open| Candidate { instance, open };
        let now = Timestamp::from_second(10).unwrap();
        let reason = |candidates: &[Candidate<'_>]| choose(candidates, now).unwrap().reason;
        assert_eq!(
            reason(&[candidate(&a, 3)]),
            "team--a--19700101t000000z--1 is the only ready instance"
        );
        assert_eq!(
            reason(&[candidate(&a, 3), candidate(&b, 2)]),
            "team--b--19700101t000000z--1 has the least open work of 2 ready instances: 2 steps"
        );
    }

    #[test]
    fn new_work_goes_to_an_instance_that_is_there_until_its_window_ends() {
        use InstanceState::{Draining, Ready, Starting};
        let there = Some("j-1");
        // state, id, now; its window ends at 100
        let table = [
            (Ready, there, 99, true),
            (Ready, there, 100, false),
            (Ready, there, 101, false),
            (Ready, None, 99, false),
            (Starting, there, 99, false),
            (Draining, there, 99, false),
        ];
        for (state, id, now, expected) in table {
            let instance = Instance {
                id: id.map(Into::into),
                ..instance("a", state, 100)
            };
            let now = Timestamp::from_second(now).unwrap();
            assert_eq!(
                takes_work(&instance, now),
                expected,
                "{state:?} {id:?} {now}"
            );
        }
    }

    #[test]
    fn work_waits_where_an_instance_that_may_take_it_looks() {
        let instance = instance("etl", InstanceState::Ready, 100);
        let named = ClusterChoice::Named("team/etl".parse().unwrap());
        let tagged = ClusterChoice::Tagged(instance.tags.clone());
        for choice in [named, tagged] {
            let queue = queue_of(&instance.team, &choice);
            assert!(queues_of(&instance).contains(&queue), "{queue}");
        }
    }

    #[test]
    fn an_instance_takes_what_waits_for_its_name_or_for_any_of_its_tags() {
        let queues = queues_of(&instance("etl", InstanceState::Ready, 100));
        let names: Vec<String> = queues.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "cluster/team/etl",
                "tagged/team/purpose=etl",
                "tagged/team/size=xl",
                "tagged/team/purpose=etl,size=xl",
            ]
        );
    }
}
