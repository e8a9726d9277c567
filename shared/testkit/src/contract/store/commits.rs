//! Conditional commits, all or nothing, and reads that see them at once.

use model::key::Key;
use ports::{CommitError, Expect, Item, StateStore, Write};

use super::{KIND, body, commit, item, key, look, put};

pub(super) async fn all<S: StateStore>(make: &impl AsyncFn() -> S) {
    what_was_committed_is_read_back(&make().await).await;
    versions_count_the_writes(&make().await).await;
    an_item_made_anew_may_begin_at_another_version(&make().await).await;
    a_write_happens_only_as_expected(make).await;
    all_writes_happen_or_none(&make().await).await;
    many_are_read_in_the_order_asked(&make().await).await;
    impossible_commits_are_refused(&make().await).await;
    large_and_strange_bodies_survive(&make().await).await;
}

async fn what_was_committed_is_read_back(store: &impl StateStore) {
    assert_eq!(
        store.read(&key("a")).await.expect("reads are answered"),
        None
    );
    commit(store, vec![put(key("a"), 7, Expect::Absent)]).await;
    let stored = store
        .read(&key("a"))
        .await
        .expect("reads are answered")
        .expect("it is there");
    assert_eq!(
        (&*stored.partition, &*stored.sort),
        ("OPERATION#a", "operation")
    );
    assert_eq!((&*stored.kind, stored.version), (KIND, 1));
    assert_eq!(json(&stored.body), json(&body(7)));
}

async fn versions_count_the_writes(store: &impl StateStore) {
    let expectations = [
        Expect::Absent,
        Expect::Version(1),
        Expect::Anything,
        Expect::Version(3),
    ];
    for (number, expect) in (1..).zip(expectations) {
        commit(store, vec![put(key("a"), number, expect)]).await;
        assert_eq!(
            look(store, &key("a")).await,
            Some((u64::from(number), number))
        );
    }
}

async fn an_item_made_anew_may_begin_at_another_version(store: &impl StateStore) {
    const FIRST: u64 = 116_000_000_000_000_007;
    commit(store, vec![put(key("a"), 1, Expect::Absent)]).await;
    commit(store, vec![Write::delete(key("a"), Expect::Version(1))]).await;
    commit(store, vec![put(key("a"), 2, Expect::AbsentThen(FIRST))]).await;
    assert_eq!(look(store, &key("a")).await, Some((FIRST, 2)));
    let former = store.commit(vec![Write::delete(key("a"), Expect::Version(1))]);
    assert!(matches!(former.await, Err(CommitError::Conflict)));
    let again = store.commit(vec![put(key("a"), 3, Expect::AbsentThen(5))]);
    assert!(matches!(again.await, Err(CommitError::Conflict)));
    commit(store, vec![put(key("a"), 4, Expect::Version(FIRST))]).await;
    assert_eq!(look(store, &key("a")).await, Some((FIRST + 1, 4)));
}

/// Each expectation against a key that is absent and one that was written twice.
async fn a_write_happens_only_as_expected<S: StateStore>(make: &impl AsyncFn() -> S) {
    let cases = [
        (false, Expect::Absent, true),
        (false, Expect::Version(1), false),
        (false, Expect::Version(0), false),
        (false, Expect::Anything, true),
        (true, Expect::Absent, false),
        (true, Expect::Version(1), false),
        (true, Expect::Version(2), true),
        (true, Expect::Version(3), false),
        (true, Expect::Anything, true),
    ];
    let store = make().await;
    for (case, (present, expect, happens)) in cases.into_iter().enumerate() {
        let (put_here, delete_here) = (key(&format!("put-{case}")), key(&format!("del-{case}")));
        if present {
            for number in 0..2 {
                commit(
                    &store,
                    vec![put(put_here.clone(), number, Expect::Anything)],
                )
                .await;
                commit(
                    &store,
                    vec![put(delete_here.clone(), number, Expect::Anything)],
                )
                .await;
            }
        }
        let before = present.then_some((2, 1));
        let subject = format!("present: {present}, {expect:?}");

        let written = store.commit(vec![put(put_here.clone(), 9, expect)]).await;
        check(written, happens, &format!("put, {subject}"));
        let after = if happens {
            Some((if present { 3 } else { 1 }, 9))
        } else {
            before
        };
        assert_eq!(look(&store, &put_here).await, after, "put, {subject}");

        let deleted = store
            .commit(vec![Write::delete(delete_here.clone(), expect)])
            .await;
        check(deleted, happens, &format!("delete, {subject}"));
        let after = if happens { None } else { before };
        assert_eq!(look(&store, &delete_here).await, after, "delete, {subject}");
    }
}

fn check(result: Result<(), CommitError>, happens: bool, subject: &str) {
    match (result, happens) {
        (Ok(()), true) | (Err(CommitError::Conflict), false) => {}
        (result, _) => panic!("{subject}: {result:?}"),
    }
}

async fn all_writes_happen_or_none(store: &impl StateStore) {
    commit(
        store,
        vec![
            put(key("kept"), 1, Expect::Absent),
            put(key("gone"), 1, Expect::Absent),
        ],
    )
    .await;
    let first = vec![
        put(key("new"), 1, Expect::Absent),
        put(key("kept"), 2, Expect::Version(1)),
        Write::delete(key("gone"), Expect::Version(1)),
    ];
    // Whichever write is the one that does not hold, nothing happens.
    for position in 0..=first.len() {
        let mut writes = first.clone();
        writes.insert(position, put(key("other"), 1, Expect::Version(5)));
        let refused = store.commit(writes).await;
        assert!(
            matches!(refused, Err(CommitError::Conflict)),
            "at {position}: {refused:?}"
        );
        assert_eq!(look(store, &key("new")).await, None);
        assert_eq!(look(store, &key("kept")).await, Some((1, 1)));
        assert_eq!(look(store, &key("gone")).await, Some((1, 1)));
    }
    commit(store, first).await;
    assert_eq!(look(store, &key("new")).await, Some((1, 1)));
    assert_eq!(look(store, &key("kept")).await, Some((2, 2)));
    assert_eq!(look(store, &key("gone")).await, None);
    // What was deleted begins again.
    commit(store, vec![put(key("gone"), 3, Expect::Absent)]).await;
    assert_eq!(look(store, &key("gone")).await, Some((1, 3)));
}

async fn many_are_read_in_the_order_asked(store: &impl StateStore) {
    // More than a service reads at once.
    let keys: Vec<Key> = (0..230).map(|number| key(&format!("k{number}"))).collect();
    for (chunk, keys) in keys.chunks(100).enumerate() {
        // Every third is missing.
        let there = (0..)
            .zip(keys)
            .filter(|(number, _)| (number + chunk * 100) % 3 > 0);
        let writes = there
            .map(|(number, key)| put(key.clone(), index(number + chunk * 100), Expect::Absent));
        commit(store, writes.collect()).await;
    }
    let mut asked = keys.clone();
    asked.reverse();
    let answers = store.read_many(&asked).await.expect("reads are answered");
    assert_eq!(answers.len(), asked.len());
    for (answer, number) in answers.iter().zip((0..keys.len()).rev()) {
        let found = answer.as_ref().map(|stored| super::summary(stored).1);
        assert_eq!(found, (number % 3 > 0).then_some(index(number)));
    }
    assert_eq!(store.read_many(&[]).await.expect("reads are answered"), []);
}

fn index(number: usize) -> u32 {
    u32::try_from(number).expect("a small number")
}

async fn impossible_commits_are_refused(store: &impl StateStore) {
    let many = |count: u32| -> Vec<Write> {
        (0..count)
            .map(|number| put(key(&format!("m{number}")), 1, Expect::Anything))
            .collect()
    };
    let refused = store.commit(many(101)).await;
    assert!(
        matches!(refused, Err(CommitError::Store(_))),
        "101 writes: {refused:?}"
    );
    assert_eq!(look(store, &key("m0")).await, None);
    commit(store, many(100)).await;
    assert_eq!(look(store, &key("m99")).await, Some((1, 1)));

    let twice = vec![
        put(key("twice"), 1, Expect::Anything),
        Write::delete(key("twice"), Expect::Anything),
    ];
    let refused = store.commit(twice).await;
    assert!(
        matches!(refused, Err(CommitError::Store(_))),
        "one key twice: {refused:?}"
    );
    assert_eq!(look(store, &key("twice")).await, None);
    commit(store, Vec::new()).await;
}

async fn large_and_strange_bodies_survive(store: &impl StateStore) {
    let text = "ü\u{1F426}\"\\\n\t".repeat(20_000);
    let body =
        serde_json::json!({ "text": text, "empty": "", "nested": { "list": [1, "b", null] } });
    let item = Item {
        body: body.to_string().into(),
        ..item(key("large"), 0)
    };
    commit(
        store,
        vec![Write::Put {
            item,
            expect: Expect::Absent,
        }],
    )
    .await;
    let stored = store
        .read(&key("large"))
        .await
        .expect("reads are answered")
        .expect("it is there");
    assert_eq!(json(&stored.body), body);
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("bodies are JSON")
}
