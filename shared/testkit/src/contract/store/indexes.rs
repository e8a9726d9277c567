//! The two indexes: what is due, and the runs of a workflow. They may lag.

use model::Timestamp;
use model::key::Key;
use model::name::WorkflowRef;
use model::record::Listing;
use ports::{Expect, StateStore, Write};

use super::{commit, key, put, put_due, put_listed};
use crate::contract::settles;

pub(super) async fn all<S: StateStore>(make: &impl AsyncFn() -> S) {
    only_what_is_due_is_seen_longest_due_first(&make().await).await;
    the_due_index_follows_its_items(&make().await).await;
    runs_come_newest_first_within_the_range(&make().await).await;
    the_index_of_runs_follows_its_items(&make().await).await;
}

fn minute(minute: u32) -> Timestamp {
    crate::instant(&format!("2026-03-01T05:{minute:02}:00Z"))
}

/// Who is due until a minute, as operation names.
async fn due(store: &impl StateStore, until: u32, limit: usize) -> Vec<String> {
    let items = store
        .due(minute(until), limit)
        .await
        .expect("queries are answered");
    items
        .into_iter()
        .map(|stored| stored.partition.replace("OPERATION#", ""))
        .collect()
}

async fn only_what_is_due_is_seen_longest_due_first(store: &impl StateStore) {
    commit(
        store,
        vec![
            put_due(key("late"), Some(minute(30))),
            put_due(key("early"), Some(minute(10))),
            put_due(key("later"), Some(minute(40))),
            put(key("never"), 1, Expect::Absent),
        ],
    )
    .await;
    let cases: [(u32, usize, &[&str]); 4] = [
        (9, 10, &[]),
        (10, 10, &["early"]),
        (39, 10, &["early", "late"]),
        (59, 2, &["early", "late"]),
    ];
    for (until, limit, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        let what = format!("due until minute {until}, at most {limit}");
        settles(&what, expected, async || due(store, until, limit).await).await;
    }
}

async fn the_due_index_follows_its_items(store: &impl StateStore) {
    let first = vec![
        put_due(key("a"), Some(minute(10))),
        put_due(key("b"), Some(minute(20))),
        put_due(key("c"), Some(minute(30))),
    ];
    commit(store, first).await;
    // Moved behind, taken out, deleted.
    commit(store, vec![put_due(key("a"), Some(minute(40)))]).await;
    settles(
        "moved",
        ["b", "c", "a"].map(String::from).to_vec(),
        async || due(store, 59, 10).await,
    )
    .await;
    commit(
        store,
        vec![
            put_due(key("b"), None),
            Write::delete(key("c"), Expect::Anything),
        ],
    )
    .await;
    settles("taken out and deleted", vec!["a".to_owned()], async || {
        due(store, 59, 10).await
    })
    .await;
    let stored = store
        .due(minute(59), 10)
        .await
        .expect("queries are answered");
    assert_eq!((stored[0].version, &*stored[0].kind), (2, super::KIND));
}

fn workflow(text: &str) -> WorkflowRef {
    text.parse().expect("a workflow's address")
}

fn listing(of: &str, date: u32) -> Option<Listing> {
    Some(Listing {
        workflow: workflow(of),
        logical_date: minute(date),
        failed_at: None,
    })
}

/// The runs of a workflow in a range of minutes, by id.
async fn runs(store: &impl StateStore, of: &str, from: u32, to: u32, limit: usize) -> Vec<String> {
    let items = store
        .runs_of(&workflow(of), minute(from), minute(to), limit)
        .await
        .expect("queries are answered");
    items
        .into_iter()
        .map(|stored| stored.partition.replace("RUN#", ""))
        .collect()
}

async fn runs_come_newest_first_within_the_range(store: &impl StateStore) {
    let run = |id: &str| Key::Run(id.into());
    commit(
        store,
        vec![
            put_listed(run("r10"), listing("weather/report", 10)),
            put_listed(run("r30"), listing("weather/report", 30)),
            put_listed(run("r20"), listing("weather/report", 20)),
            put_listed(run("other"), listing("weather/report_2", 20)),
            put_listed(run("theirs"), listing("sales/report", 20)),
            put_listed(run("unlisted"), None),
        ],
    )
    .await;
    let cases: [(u32, u32, usize, &[&str]); 5] = [
        (0, 59, 10, &["r30", "r20", "r10"]),
        (10, 20, 10, &["r20", "r10"]),
        (11, 29, 10, &["r20"]),
        (0, 59, 2, &["r30", "r20"]),
        (31, 59, 10, &[]),
    ];
    for (from, to, limit, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|id| (*id).to_owned()).collect();
        let what = format!("minutes {from} to {to}, at most {limit}");
        settles(&what, expected, async || {
            runs(store, "weather/report", from, to, limit).await
        })
        .await;
    }
}

async fn the_index_of_runs_follows_its_items(store: &impl StateStore) {
    let run = |id: &str| Key::Run(id.into());
    commit(
        store,
        vec![
            put_listed(run("a"), listing("weather/report", 10)),
            put_listed(run("b"), listing("weather/report", 20)),
            put_listed(run("c"), listing("weather/report", 30)),
        ],
    )
    .await;
    commit(
        store,
        vec![
            put_listed(run("a"), listing("weather/report", 40)),
            put_listed(run("b"), None),
            Write::delete(run("c"), Expect::Anything),
        ],
    )
    .await;
    settles(
        "moved, taken out and deleted",
        vec!["a".to_owned()],
        async || runs(store, "weather/report", 0, 59, 10).await,
    )
    .await;
}
