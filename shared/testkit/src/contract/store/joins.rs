//! Arrivals at joins: an idempotent set-add that commutes (rule 7).

use std::collections::BTreeSet;

use model::join::{Arrival, Join, JoinKey, Threshold};
use model::key::Key;
use ports::{CommitError, StateStore, TypedStore as _, Versioned, Write};

pub(super) async fn all<S: StateStore>(make: &impl AsyncFn() -> S) {
    an_arrival_creates_the_node(&make().await).await;
    adding_twice_changes_only_the_version(&make().await).await;
    the_order_of_arrivals_does_not_matter(&make().await).await;
    a_close_that_missed_an_arrival_conflicts(&make().await).await;
    a_hundred_arrive(&make().await).await;
}

fn node(index: u32) -> JoinKey {
    JoinKey {
        run: "r1".into(),
        generation: 1,
        join: 7,
        level: 0,
        index,
    }
}

fn set(arrivals: &[&str]) -> BTreeSet<Arrival> {
    arrivals
        .iter()
        .map(|text| Arrival((*text).to_owned()))
        .collect()
}

async fn arrive(store: &impl StateStore, at: &JoinKey, arrivals: &[&str]) -> Versioned<Join> {
    store
        .arrive(at, &set(arrivals))
        .await
        .expect("arrivals are taken")
}

async fn read(store: &impl StateStore, at: &JoinKey) -> Versioned<Join> {
    let join = store
        .get::<Join>(&Key::Join(at.clone()))
        .await
        .expect("reads are answered");
    join.expect("the node is there")
}

async fn an_arrival_creates_the_node(store: &impl StateStore) {
    let join = arrive(store, &node(0), &["3s"]).await;
    assert_eq!(join.value.key, node(0));
    assert_eq!(join.value.arrivals, set(&["3s"]));
    assert!(join.value.closed.is_empty());
    assert_eq!(
        read(store, &node(0)).await,
        join,
        "what is answered is what is stored"
    );
    let neighbour = arrive(store, &node(1), &["4f"]).await;
    assert_eq!(neighbour.value.arrivals, set(&["4f"]), "nodes are apart");
}

async fn adding_twice_changes_only_the_version(store: &impl StateStore) {
    let first = arrive(store, &node(0), &["3s", "4f"]).await;
    let second = arrive(store, &node(0), &["3s"]).await;
    assert_eq!(second.value, first.value);
    assert!(second.version >= first.version);
    assert_eq!(read(store, &node(0)).await, second);
}

async fn the_order_of_arrivals_does_not_matter(store: &impl StateStore) {
    arrive(store, &node(0), &["1s"]).await;
    let one = arrive(store, &node(0), &["2k", "0b"]).await;
    arrive(store, &node(1), &["2k"]).await;
    arrive(store, &node(1), &["0b"]).await;
    let other = arrive(store, &node(1), &["1s"]).await;
    assert_eq!(one.value.arrivals, other.value.arrivals);
}

async fn a_close_that_missed_an_arrival_conflicts(store: &impl StateStore) {
    let seen = arrive(store, &node(0), &["0s"]).await;
    let newer = arrive(store, &node(0), &["1s"]).await;
    let close = |join: &Versioned<Join>| {
        let mut closed = join.value.clone();
        closed
            .closed
            .insert(Threshold::AllDone, Arrival("1s".into()));
        vec![Write::replace(&closed, Some(join.version))]
    };
    let refused = store.commit(close(&seen)).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    store
        .commit(close(&newer))
        .await
        .expect("nothing came in between");
    // A late duplicate keeps what was closed.
    let late = arrive(store, &node(0), &["0s"]).await;
    assert_eq!(late.value.arrivals, set(&["0s", "1s"]));
    let closed: Vec<_> = late.value.closed.into_iter().collect();
    assert_eq!(closed, [(Threshold::AllDone, Arrival("1s".into()))]);
}

async fn a_hundred_arrive(store: &impl StateStore) {
    for number in 0..100 {
        let join = arrive(store, &node(0), &[&format!("{number}s")]).await;
        assert_eq!(join.value.arrivals.len(), number + 1);
    }
}
