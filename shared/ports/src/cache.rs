//! Content by its hash. It never changes, so an entry is right for as long as it is kept.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::id::DefinitionHash;

/// The most entries kept; the cache is emptied when one more comes, which a function that serves
/// many workflows notices only as a read.
const ENTRIES: usize = 256;

type Entries = HashMap<DefinitionHash, Arc<dyn Any + Send + Sync>>;

/// Keeps what was made of a definition, such as its plan, between invocations.
#[derive(Default)]
pub struct ContentCache {
    entries: Mutex<Entries>,
}

impl ContentCache {
    /// Looks content up; `None` when it is not kept or was kept as another type.
    pub fn get<T: Any + Send + Sync>(&self, hash: &DefinitionHash) -> Option<Arc<T>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(hash).cloned()?.downcast().ok()
    }

    /// Keeps content.
    pub fn put<T: Any + Send + Sync>(&self, hash: DefinitionHash, content: Arc<T>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES {
            entries.clear();
        }
        entries.insert(hash, content);
    }
}
