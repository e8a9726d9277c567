//! What every state store must do.

mod commits;
mod indexes;
mod joins;
mod scans;

use model::Timestamp;
use model::key::Key;
use model::record::Listing;
use ports::{Expect, Item, StateStore, Stored, Write};

/// Runs the whole suite, each part on a fresh, empty store.
///
/// # Panics
/// Where the store differs from the contract.
pub async fn all<S: StateStore>(make: impl AsyncFn() -> S) {
    commits::all(&make).await;
    scans::all(&make).await;
    indexes::all(&make).await;
    joins::all(&make).await;
}

const KIND: &str = "thing";

fn key(name: &str) -> Key {
    Key::Operation(name.into())
}

fn item(key: Key, number: u32) -> Item {
    Item {
        key,
        kind: KIND,
        body: body(number).into(),
        due: None,
        listing: None,
    }
}

fn body(number: u32) -> String {
    format!(r#"{{"number":{number}}}"#)
}

fn put(key: Key, number: u32, expect: Expect) -> Write {
    Write::Put {
        item: item(key, number),
        expect,
    }
}

fn put_due(key: Key, due: Option<Timestamp>) -> Write {
    let item = Item {
        due,
        ..item(key, 0)
    };
    Write::Put {
        item,
        expect: Expect::Anything,
    }
}

fn put_listed(key: Key, listing: Option<Listing>) -> Write {
    let item = Item {
        listing,
        ..item(key, 0)
    };
    Write::Put {
        item,
        expect: Expect::Anything,
    }
}

async fn commit(store: &impl StateStore, writes: Vec<Write>) {
    store.commit(writes).await.expect("the commit goes through");
}

/// The version and number that are stored under a key.
async fn look(store: &impl StateStore, key: &Key) -> Option<(u64, u32)> {
    store
        .read(key)
        .await
        .expect("reads are answered")
        .map(|stored| summary(&stored))
}

fn summary(stored: &Stored) -> (u64, u32) {
    let body: serde_json::Value = serde_json::from_str(&stored.body).expect("bodies are JSON");
    let number = body["number"]
        .as_u64()
        .and_then(|number| u32::try_from(number).ok());
    (stored.version, number.expect("the number that was stored"))
}

fn sorts(items: &[Stored]) -> Vec<String> {
    items.iter().map(|stored| stored.sort.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use crate::{MemoryStore, block_on};

    #[test]
    fn the_memory_store_keeps_the_contract() {
        block_on(super::all(async || MemoryStore::default()));
    }
}
