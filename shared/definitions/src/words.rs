//! The words of the model's enums, asked from serde: the model stays the only place that lists them.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

/// Reads a word.
pub(crate) fn parse<T: DeserializeOwned>(word: &str) -> Option<T> {
    let text: StrDeserializer<'_, Refusal> = word.into_deserializer();
    T::deserialize(text).ok()
}

/// Lists the words of an enum without contents; none for other types.
pub(crate) fn of<T: DeserializeOwned>() -> &'static [&'static str] {
    let text: StrDeserializer<'_, Refusal> = "\0".into_deserializer();
    match T::deserialize(text) {
        Ok(_) => &[],
        Err(refusal) => refusal.words,
    }
}

/// A deserialization error that keeps which words there are.
#[derive(Debug)]
struct Refusal {
    words: &'static [&'static str],
}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self { words: &[] }
    }
    fn unknown_variant(_: &str, words: &'static [&'static str]) -> Self {
        Self { words }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not one of {}", self.words.join(", "))
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use model::definition::{CatchUp, TriggerRule};

    use super::*;

    #[test]
    fn an_enums_words_are_its_serde_names() {
        assert_eq!(of::<CatchUp>(), ["none", "latest", "all"]);
        assert_eq!(parse::<TriggerRule>("all_done"), Some(TriggerRule::AllDone));
        assert_eq!(parse::<TriggerRule>("AllDone"), None);
    }
}
