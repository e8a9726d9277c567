//! Content by its hash. It never changes, so an entry is right for as long as it is kept.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::id::DefinitionHash;

/// How much is kept, in bytes of the content things were made of. The cache is emptied when more
/// comes, which a function that serves thousands of workflows notices only as reads.
const MOST_BYTES: usize = 8_000_000;

type Entries = HashMap<(DefinitionHash, TypeId), Arc<dyn Any + Send + Sync>>;

/// Keeps what was made of a definition, such as its plan, between invocations.
#[derive(Default)]
pub struct ContentCache {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: Entries,
    bytes: usize,
}

impl ContentCache {
    /// Looks up what was made of a content; `None` when it is not kept.
    pub fn get<T: Any + Send + Sync>(&self, hash: &DefinitionHash) -> Option<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.entries.get(&(hash.clone(), TypeId::of::<T>()));
        entry.cloned()?.downcast().ok()
    }

    /// Keeps what was made of a content of so many bytes.
    pub fn put<T: Any + Send + Sync>(&self, hash: DefinitionHash, made: Arc<T>, bytes: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes > MOST_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += bytes;
        kept.entries.insert((hash, TypeId::of::<T>()), made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_content_may_be_kept_as_several_things() {
        let cache = ContentCache::default();
        let hash = DefinitionHash::from("hash");
        cache.put(hash.clone(), Arc::new(1_u32), 10);
        cache.put(hash.clone(), Arc::new("one"), 10);
        assert_eq!(cache.get::<u32>(&hash).as_deref(), Some(&1));
        assert_eq!(cache.get::<&str>(&hash).as_deref(), Some(&"one"));
        assert_eq!(cache.get::<u8>(&hash), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let cache = ContentCache::default();
        let hash = |number: u32| DefinitionHash::from(number.to_string());
        for number in 0..10 {
            cache.put(hash(number), Arc::new(number), MOST_BYTES / 4);
        }
        let kept = (0..10).filter(|number| cache.get::<u32>(&hash(*number)).is_some());
        assert!((1..=4).contains(&kept.count()));
    }
}
