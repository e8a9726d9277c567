//! Scans of a partition: prefix, order, pages.

use model::key::{Key, WaiterOrder};
use model::limit::{LimitRef, QueueRef};
use ports::{Expect, StateStore};

use super::{commit, put, sorts};

pub(super) async fn all<S: StateStore>(make: &impl AsyncFn() -> S) {
    a_scan_is_ordered_and_stays_in_its_partition_and_prefix(&make().await).await;
    pages_follow_each_other_without_gap(&make().await).await;
    waiters_come_by_priority_then_age(&make().await).await;
}

fn task(run: &str, name: &str) -> Key {
    Key::Task(run.into(), name.parse().expect("a task's name"))
}

async fn a_scan_is_ordered_and_stays_in_its_partition_and_prefix(store: &impl StateStore) {
    let keys = [
        task("r1", "b"),
        task("r1", "a-2"),
        task("r1", "a"),
        task("r1", "a_1"),
        Key::Run("r1".into()),
        Key::Generation("r1".into(), 2, 0),
        task("r0", "a"),
        task("r10", "a"),
    ];
    commit(
        store,
        keys.into_iter()
            .map(|key| put(key, 1, Expect::Absent))
            .collect(),
    )
    .await;
    let cases: [(&str, Option<&str>, usize, &[&str]); 8] = [
        (
            "task#",
            None,
            10,
            &["task#a", "task#a-2", "task#a_1", "task#b"],
        ),
        ("task#a", None, 10, &["task#a", "task#a-2", "task#a_1"]),
        ("task#", None, 2, &["task#a", "task#a-2"]),
        ("task#", Some("task#a-2"), 10, &["task#a_1", "task#b"]),
        // What the page ended with need not exist any more.
        ("task#", Some("task#a-9"), 1, &["task#a_1"]),
        ("task#", Some("task#b"), 10, &[]),
        ("run", None, 10, &["run"]),
        (
            "",
            None,
            10,
            &[
                "generation#00002#00",
                "run",
                "task#a",
                "task#a-2",
                "task#a_1",
                "task#b",
            ],
        ),
    ];
    for (prefix, after, limit, expected) in cases {
        let found = store
            .scan("RUN#r1", prefix, after, limit)
            .await
            .expect("scans are answered");
        assert_eq!(
            sorts(&found),
            expected,
            "{prefix}, after {after:?}, at most {limit}"
        );
        assert!(found.iter().all(|stored| &*stored.partition == "RUN#r1"));
    }
    let nothing = store
        .scan("RUN#r2", "", None, 10)
        .await
        .expect("scans are answered");
    assert_eq!(nothing, []);
}

async fn pages_follow_each_other_without_gap(store: &impl StateStore) {
    let limit = LimitRef::TeamTasks("weather".parse().expect("a team's name"));
    for chunk in 0..3 {
        let numbers = chunk * 90..(chunk + 1) * 90;
        let writes = numbers.map(|n| put(Key::Place(limit.clone(), n), n, Expect::Absent));
        commit(store, writes.collect()).await;
    }
    let partition = Key::limit_partition(&limit);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .scan(&partition, "place#", after.as_deref(), 70)
            .await
            .expect("scans are answered");
        seen.extend(page.iter().map(|stored| super::summary(stored).1));
        match page.last() {
            Some(last) => after = Some(last.sort.clone()),
            None => break,
        }
    }
    assert_eq!(seen, (0..270).collect::<Vec<u32>>());
}

async fn waiters_come_by_priority_then_age(store: &impl StateStore) {
    let queue = QueueRef::Resumed("r1".into());
    let order: [(i32, &str); 4] = [(10, "10:00"), (0, "09:00"), (0, "10:00"), (-5, "08:00")];
    let writes = (0..4).zip(order).rev().map(|(number, (priority, time))| {
        let since = crate::instant(&format!("2026-03-01T{time}:00Z"));
        let waiter = WaiterOrder {
            priority,
            since,
            holder: "someone".into(),
        };
        put(Key::Waiter(queue.clone(), waiter), number, Expect::Absent)
    });
    commit(store, writes.collect()).await;
    let waiters = store
        .scan(&Key::queue_partition(&queue), "waiter#", None, 10)
        .await
        .expect("scans are answered");
    let released: Vec<u32> = waiters
        .iter()
        .map(|stored| super::summary(stored).1)
        .collect();
    assert_eq!(released, [0, 1, 2, 3]);
}
