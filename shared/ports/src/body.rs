//! An item's attributes as JSON text, and the record that was read from it. Must not know where
//! items are kept.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use model::record::Record;

/// The JSON of an item. A copy is the same text, which whoever keeps items in memory hands out again
/// and again; such a text is parsed once, and its record copied from then on.
#[derive(Clone)]
pub struct Body(Arc<Text>);

struct Text {
    json: String,
    read: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Body {
    /// Reads the attributes as a record.
    pub fn read<R: Record>(&self) -> Result<R, serde_json::Error> {
        let read = self.0.read.get();
        if let Some(record) = read.and_then(|read| read.downcast_ref::<R>()) {
            return Ok(record.clone());
        }
        let record: R = serde_json::from_str(&self.0.json)?;
        // A text that nobody else has is not read again.
        if Arc::strong_count(&self.0) > 1 {
            self.0.read.get_or_init(|| Box::new(record.clone()));
        }
        Ok(record)
    }

    /// Borrows the text.
    pub fn as_str(&self) -> &str {
        &self.0.json
    }
}

impl From<String> for Body {
    fn from(json: String) -> Self {
        let read = OnceLock::new();
        Self(Arc::new(Text { json, read }))
    }
}

impl From<&str> for Body {
    fn from(json: &str) -> Self {
        Self::from(json.to_owned())
    }
}

impl Deref for Body {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Body {}

impl PartialOrd for Body {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Body {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Body {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::DefinitionHash;
    use model::registry::DefinitionPart;

    #[test]
    fn a_text_that_is_kept_is_read_the_same_every_time() {
        let part = DefinitionPart {
            hash: DefinitionHash::from("hash"),
            part: 0,
            parts: 1,
            content: "{}".to_owned(),
        };
        let body = Body::from(serde_json::to_string(&part).unwrap());
        let kept = body.clone();
        for body in [&body, &kept, &body] {
            assert_eq!(body.read::<DefinitionPart>().unwrap(), part);
        }
        assert!(body.read::<model::limit::Place>().is_err(), "another kind");
    }
}
