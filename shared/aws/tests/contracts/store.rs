//! The state table: the contract, and what only DynamoDB does.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws::DynamoStateStore;
use aws_sdk_dynamodb::Client;
use model::key::Key;
use ports::{CommitError, Expect, Item, StateStore as _, StoreError, Write};
use serde_json::Value;

use crate::emulator;
use crate::table::create;
use crate::wire::{Answer, Wire};

#[tokio::test]
async fn the_dynamodb_store_keeps_the_contract() {
    let client = Client::new(&emulator::config());
    let tables = Cell::new(0);
    testkit::contract::store::all(async || {
        tables.set(tables.get() + 1);
        let table = format!("contract-{}", tables.get());
        create(&client, &table).await;
        DynamoStateStore::new(client.clone(), table)
    })
    .await;
}

#[tokio::test]
async fn every_number_survives_the_table() {
    let client = Client::new(&emulator::config());
    create(&client, "numbers").await;
    let store = DynamoStateStore::new(client, "numbers");
    let body = serde_json::json!({
        "whole": 1.0, "part": 0.1, "tiny": 5e-324, "huge": 1.5e300, "small": 2.5e-7,
        "most": u64::MAX, "least": i64::MIN, "digits": 123_456_789.123_456_79,
    });
    let text = body.to_string();
    store
        .commit(vec![put("a", &text, Expect::Absent)])
        .await
        .unwrap();
    let stored = store.read(&key("a")).await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stored.body).unwrap(), body);
    assert_eq!(stored.body.as_str(), text);
}

#[tokio::test]
async fn a_transaction_counts_on_whatever_is_there() {
    let client = Client::new(&emulator::config());
    create(&client, "anything").await;
    let store = DynamoStateStore::new(client, "anything");
    let anything = |name| put(name, "{}", Expect::Anything);
    store.commit(vec![anything("a")]).await.unwrap();
    store
        .commit(vec![anything("a"), anything("b")])
        .await
        .unwrap();
    store
        .commit(vec![anything("b"), anything("a"), anything("c")])
        .await
        .unwrap();
    let keys = ["a", "b", "c"].map(key);
    let stored = store.read_many(&keys).await.unwrap();
    let versions: Vec<u64> = stored.into_iter().map(|one| one.unwrap().version).collect();
    assert_eq!(versions, [3, 2, 1]);
    // A guess that is wrong does not hide a condition that does not hold.
    let both = vec![anything("a"), put("b", "{}", Expect::Version(9))];
    assert!(matches!(
        store.commit(both).await,
        Err(CommitError::Conflict)
    ));
}

/// A store whose requests get these answers in turn, and how many there were.
fn scripted(answers: Vec<Answer>) -> (DynamoStateStore, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let mut answers = answers.into_iter();
    let wire = Wire::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        answers.next().expect("no further request is made")
    });
    (
        DynamoStateStore::new(Client::new(&wire.config()), "table"),
        calls,
    )
}

fn error(code: &'static str) -> Answer {
    Answer::Error(400, code, "told by a test".into())
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_reads_as_a_conflict() {
    let answers = vec![Answer::Broken, error("ConditionalCheckFailedException")];
    let (store, calls) = scripted(answers);
    let result = store.commit(vec![put("a", "{}", Expect::Absent)]).await;
    assert!(matches!(result, Err(CommitError::Conflict)), "{result:?}");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_busy_item_is_tried_again_and_then_not_available() {
    let busy = || error("TransactionConflictException");
    let (store, calls) = scripted(vec![busy(), busy(), Answer::Ok(serde_json::json!({}))]);
    store
        .commit(vec![put("a", "{}", Expect::Absent)])
        .await
        .unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 3);

    let (store, calls) = scripted((0..8).map(|_| busy()).collect());
    let result = store.commit(vec![put("a", "{}", Expect::Absent)]).await;
    assert!(matches!(
        result,
        Err(CommitError::Store(StoreError::Unavailable { .. }))
    ));
    assert_eq!(calls.load(Ordering::Relaxed), 8, "one try and seven more");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_transaction_is_judged_by_all_its_reasons() {
    // What is said of the two writes, whether the transaction is made again, what comes of it.
    let cases: [([&str; 2], usize, Option<bool>); 5] = [
        (["None", "ConditionalCheckFailed"], 1, Some(true)),
        (
            ["TransactionConflict", "ConditionalCheckFailed"],
            1,
            Some(true),
        ),
        (["None", "TransactionConflict"], 2, None),
        (["ThrottlingError", "None"], 2, None),
        (["ValidationError", "None"], 1, Some(false)),
    ];
    for (codes, tries, expected) in cases {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let wire = Wire::new(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::Refused(serde_json::json!({
                "__type": "TransactionCanceledException",
                "Message": "cancelled",
                "CancellationReasons": codes.map(|code| serde_json::json!({ "Code": code })),
            })),
            _ => Answer::Ok(serde_json::json!({})),
        });
        let store = DynamoStateStore::new(Client::new(&wire.config()), "table");
        let writes = vec![
            put("a", "{}", Expect::Version(1)),
            put("b", "{}", Expect::Version(1)),
        ];
        let conflict = match store.commit(writes).await {
            Ok(()) => None,
            Err(CommitError::Conflict) => Some(true),
            Err(CommitError::Store(_)) => Some(false),
        };
        assert_eq!(conflict, expected, "{codes:?}");
        assert_eq!(calls.load(Ordering::Relaxed), tries, "{codes:?}");
    }
}

fn key(name: &str) -> Key {
    Key::Operation(name.into())
}

fn put(name: &str, body: &str, expect: Expect) -> Write {
    let item = Item {
        key: key(name),
        kind: "thing",
        body: body.into(),
        due: None,
        listing: None,
    };
    Write::Put { item, expect }
}
