//! A cluster for tests, `weather/etl`: midnight to three in New York, and its instances in any
//! state, in the night of 1 June 2026 (04:00 to 07:00 UTC, drained until 07:30).

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::definition::{CatchUp, Cluster, EmrSpec, ScheduleSpec, hash_of};
use model::expected::{Expected, ScheduleRef};
use model::id::DefinitionHash;
use model::limit::{LimitRef, Lot};
use model::observation::{ClusterObservation, ClusterState};
use model::registry::{CurrentCluster, DefinitionPart};
use model::units::Seconds;

use crate::{MemoryStore, instant};

/// The cluster: 30 minutes of drain, ten steps at once, two replacements.
pub fn cluster() -> Cluster {
    let schedule = |expression: &str| ScheduleSpec {
        expression: expression.into(),
        timezone: "America/New_York".into(),
        catch_up: CatchUp::Latest,
    };
    Cluster {
        team: "weather".parse().expect("a name"),
        name: "etl".parse().expect("a name"),
        description: None,
        provision: schedule("cron(0 0 * * ? *)"),
        terminate: schedule("cron(0 3 * * ? *)"),
        drain: Seconds::minutes(30),
        tags: BTreeMap::from([("purpose".into(), "etl".into())]),
        step_concurrency: 10,
        replacements: 2,
        idle_after: model::cluster::IDLE_AFTER,
        emr: EmrSpec::default(),
    }
}

/// The definition's hash.
pub fn hash() -> DefinitionHash {
    hash_of(&cluster())
}

/// Minutes after the window's start, which lasts 180.
pub fn minute(minutes: u64) -> Timestamp {
    Seconds::minutes(minutes).after(instant("2026-06-01T04:00:00Z"))
}

/// The night's instances, counted from 1.
pub fn key(ordinal: u32) -> InstanceKey {
    InstanceKey {
        cluster: cluster().reference(),
        window_start: minute(0),
        ordinal,
    }
}

/// The night's first instance. It has the id `j-1` unless it is only claimed; it became ready
/// after 60 minutes and ended after 240, as far as its state says so.
pub fn instance(state: InstanceState) -> Instance {
    let cluster = cluster();
    let since = |from: InstanceState, at: u64| (state.rank() >= from.rank()).then(|| minute(at));
    Instance {
        instance: key(1),
        team: cluster.team.clone(),
        cluster: cluster.name.clone(),
        state,
        definition: hash(),
        tags: cluster.tags.clone(),
        step_concurrency: cluster.step_concurrency,
        window_start: minute(0),
        window_end: minute(180),
        drain_until: minute(210),
        epoch: 1,
        lease_until: None,
        id: (state != InstanceState::Requested).then(|| "j-1".into()),
        endpoint: None,
        requested_at: minute(0),
        ready_at: since(InstanceState::Ready, 60),
        draining_at: since(InstanceState::Draining, 180),
        ended_at: since(InstanceState::Failed, 240),
        reason: None,
        due_at: None,
        idle_after: model::cluster::IDLE_AFTER,
        waste: model::cluster::Waste::default(),
    }
}

/// What the service says about an id that bears the first instance's name.
pub fn seen(id: &str, state: ClusterState, at: Timestamp) -> ClusterObservation {
    ClusterObservation {
        instance: key(1),
        id: id.into(),
        state,
        endpoint: None,
        reason: None,
        at,
    }
}

/// A place of the first instance's open steps, in a lot of its own.
pub fn lot(number: u32, holder: &AttemptKey) -> Lot {
    Lot {
        limit: LimitRef::Steps(key(1)),
        number,
        holders: BTreeMap::from([(holder.to_string(), 1)]),
        since: minute(61),
        timeouts: BTreeMap::new(),
    }
}

/// Puts there what registering the cluster does, the day before.
pub fn register(store: &MemoryStore) {
    let cluster = cluster();
    let registered_at = instant("2026-05-31T12:00:00Z");
    store.seed(&CurrentCluster {
        cluster: cluster.reference(),
        definition: hash(),
        tags: cluster.tags.clone(),
        registered_at,
        removed: false,
    });
    store.seed(&DefinitionPart {
        hash: hash(),
        part: 0,
        parts: 1,
        content: serde_json::to_string(&cluster).expect("plain data"),
    });
    let schedules = [
        (ScheduleRef::Provision(cluster.reference()), minute(0)),
        (ScheduleRef::Terminate(cluster.reference()), minute(180)),
    ];
    for (schedule, next) in schedules {
        store.seed(&Expected {
            schedule,
            recorded_until: registered_at,
            recorded_ahead: BTreeSet::new(),
            next_slot: Some(next),
            due_at: Some(Seconds::minutes(5).after(next)),
        });
    }
}
