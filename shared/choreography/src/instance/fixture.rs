//! One cluster and its instances in any state, for this crate's tests.

use std::collections::BTreeMap;

use model::Timestamp;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::definition::{CatchUp, Cluster, EmrSpec, ScheduleSpec};
use model::observation::{ClusterObservation, ClusterState};
use model::units::Seconds;

/// `weather/etl`: midnight to three in New York, 30 minutes of drain, two replacements.
pub fn cluster() -> Cluster {
    let schedule = |expression: &str| ScheduleSpec {
        expression: expression.into(),
        timezone: "America/New_York".into(),
        catch_up: CatchUp::Latest,
    };
    Cluster {
        team: "weather".parse().unwrap(),
        name: "etl".parse().unwrap(),
        description: None,
        provision: schedule("cron(0 0 * * ? *)"),
        terminate: schedule("cron(0 3 * * ? *)"),
        drain: Seconds::minutes(30),
        tags: BTreeMap::from([("purpose".into(), "etl".into())]),
        step_concurrency: 10,
        replacements: 2,
        emr: EmrSpec::default(),
    }
}

/// The first instance of the night of 1 June 2026. It has the id `j-1` unless it is only claimed.
pub fn instance(state: InstanceState) -> Instance {
    let start: Timestamp = "2026-06-01T04:00:00Z".parse().unwrap();
    let from = |state_from: InstanceState, hours: u64| {
        (state.rank() >= state_from.rank()).then(|| Seconds::hours(hours).after(start))
    };
    let cluster = cluster();
    Instance {
        instance: InstanceKey {
            cluster: cluster.reference(),
            window_start: start,
            ordinal: 1,
        },
        team: cluster.team.clone(),
        cluster: cluster.name.clone(),
        state,
        definition: "hash".into(),
        tags: cluster.tags.clone(),
        step_concurrency: cluster.step_concurrency,
        window_start: start,
        window_end: Seconds::hours(3).after(start),
        drain_until: Seconds::minutes(210).after(start),
        epoch: 1,
        lease_until: None,
        id: (state != InstanceState::Requested).then(|| "j-1".into()),
        endpoint: None,
        requested_at: start,
        ready_at: from(InstanceState::Ready, 1),
        draining_at: from(InstanceState::Draining, 3),
        ended_at: from(InstanceState::Failed, 4),
        reason: None,
        due_at: None,
    }
}

/// What the service says about an id that bears the instance's name.
pub fn seen(id: &str, state: ClusterState, at: Timestamp) -> ClusterObservation {
    ClusterObservation {
        instance: instance(InstanceState::Requested).instance,
        id: id.into(),
        state,
        endpoint: None,
        reason: None,
        at,
    }
}
