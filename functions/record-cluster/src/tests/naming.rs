//! Where a cluster's name leads.

use model::cluster::{Endpoint, Instance, InstanceState};
use model::fact::FactBody;
use model::observation::ClusterState;
use model::units::Seconds;
use ports::Verdict;
use testkit::night::{instance, key, minute};

use super::{deliver, facts, item, types, word, world};

const NAME: &str = "etl.weather.clusters.example";

#[test]
fn a_cluster_s_name_leads_to_what_became_ready_before_anybody_hears_of_it() {
    let (ports, id) = world(10, InstanceState::Starting);
    ports.names.serve("clusters.example");
    let up = word(&ports, &id, ClusterState::Running);
    // The commit, the name, the fact.
    ports.faults.crash_before(3);
    assert!(matches!(deliver(&ports, &up), Verdict::Failed(_)));
    let host = format!("{id}.compute.internal");
    assert_eq!(ports.names.host(NAME), Some(host));
    assert!(facts(&ports).is_empty());
    ports.faults.heal();
    assert_eq!(deliver(&ports, &up), Verdict::Done);
    let endpoint = item(&ports).endpoint.unwrap();
    assert_eq!(endpoint.name.as_deref(), Some(NAME));
    let FactBody::ClusterReady(told) = &facts(&ports)[0].body else {
        panic!("it is ready");
    };
    assert_eq!(told.endpoint, Some(endpoint));
}

#[test]
fn a_name_that_cannot_be_pointed_holds_up_no_work_and_is_tried_again() {
    let (ports, id) = world(10, InstanceState::Starting);
    ports.names.serve("clusters.example");
    let up = word(&ports, &id, ClusterState::Running);
    ports.names.fail(2);
    for _ in 0..2 {
        assert!(matches!(deliver(&ports, &up), Verdict::Failed(_)));
        assert_eq!(types(&facts(&ports)), ["murmur.cluster.ready.v1"]);
        assert_eq!(ports.names.host(NAME), None);
    }
    assert_eq!(deliver(&ports, &up), Verdict::Done);
    assert!(ports.names.host(NAME).is_some());
}

#[test]
fn a_newer_instance_takes_the_name_and_no_older_one_s_late_word_takes_it_back() {
    let (ports, older) = world(10, InstanceState::Starting);
    ports.names.serve("clusters.example");
    let older_up = word(&ports, &older, ClusterState::Running);
    let newer = ports.compute.add_cluster(&key(2), ClusterState::Starting);
    ports.store.seed(&Instance {
        instance: key(2),
        id: Some(newer.clone()),
        ready_at: None,
        ..instance(InstanceState::Starting)
    });
    let newer_up = word(&ports, &newer, ClusterState::Running);
    assert_eq!(deliver(&ports, &newer_up), Verdict::Done);
    let host = Some(format!("{newer}.compute.internal"));
    assert_eq!(ports.names.host(NAME), host);
    for state in [
        InstanceState::Ready,
        InstanceState::Draining,
        InstanceState::Failed,
    ] {
        assert_eq!(deliver(&ports, &older_up), Verdict::Done);
        assert_eq!(ports.names.host(NAME), host, "{state:?}");
        ports.store.seed(&Instance {
            state,
            ..item(&ports)
        });
    }
}

#[test]
fn a_cluster_with_a_window_each_hour_is_seen_to_its_newest_instance() {
    let (ports, id) = world(10, InstanceState::Starting);
    ports.names.serve("clusters.example");
    for hours in 1..=150 {
        let window_start = Seconds::hours(hours).before(minute(0));
        let mut older = instance(InstanceState::Terminated);
        older.window_start = window_start;
        older.instance.window_start = window_start;
        older.endpoint = Some(Endpoint {
            master_dns: format!("older-{hours}"),
            ..Default::default()
        });
        ports.store.seed(&older);
    }
    let up = word(&ports, &id, ClusterState::Running);
    assert_eq!(deliver(&ports, &up), Verdict::Done);
    let host = format!("{id}.compute.internal");
    assert_eq!(ports.names.host(NAME), Some(host));
    assert_eq!(ports.names.points(), 1);
}

#[test]
fn what_stopped_before_it_had_looked_again_is_put_right_by_its_duplicate() {
    let (ports, older) = world(10, InstanceState::Starting);
    ports.names.serve("clusters.example");
    let older_up = word(&ports, &older, ClusterState::Running);
    // The commit, and the name; the look after it is never made.
    ports.faults.crash_after(2);
    assert!(matches!(deliver(&ports, &older_up), Verdict::Failed(_)));
    ports.faults.heal();
    // Meanwhile a newer one has come up, and the older one's name came late.
    ports.store.seed(&Instance {
        state: InstanceState::Failed,
        ..item(&ports)
    });
    ports.store.seed(&Instance {
        instance: key(2),
        id: Some("j-2".into()),
        endpoint: Some(Endpoint {
            master_dns: "newer".into(),
            ..Default::default()
        }),
        ..instance(InstanceState::Ready)
    });
    assert_ne!(ports.names.host(NAME).as_deref(), Some("newer"));
    assert_eq!(deliver(&ports, &older_up), Verdict::Done);
    assert_eq!(ports.names.host(NAME).as_deref(), Some("newer"));
}

#[test]
fn where_no_names_are_given_none_is_pointed() {
    let (ports, id) = world(10, InstanceState::Starting);
    let up = word(&ports, &id, ClusterState::Running);
    assert_eq!(deliver(&ports, &up), Verdict::Done);
    assert_eq!(item(&ports).endpoint.unwrap().name, None);
    assert_eq!(ports.names.points(), 0);
}
