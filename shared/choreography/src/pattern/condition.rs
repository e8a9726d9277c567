//! What a pattern asks of one value.
//!
//! Follows `aws/event-ruler`, which EventBridge runs: strings, numbers, booleans and null never equal one
//! another, and `anything-but` holds for values of another type. Must not know where the value was found.

use std::net::IpAddr;

use serde_json::Value;

use super::cidr::Cidr;
use super::wildcard::Wildcard;

/// One of the alternatives in the array that ends a path of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Text(String),
    Number(f64),
    Boolean(bool),
    Null,
    Prefix(String),
    Suffix(String),
    /// These three hold lower-case text.
    PrefixIgnoringCase(String),
    SuffixIgnoringCase(String),
    EqualsIgnoringCase(String),
    Wildcard(Wildcard),
    Numeric(NumericRange),
    Cidr(Cidr),
    Exists,
    Absent,
    AnythingBut(Exclusion),
}

/// What `anything-but` excludes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Exclusion {
    Texts(Vec<String>),
    Numbers(Vec<f64>),
    Prefixes(Vec<String>),
    Suffixes(Vec<String>),
    /// Lower-case texts.
    IgnoringCase(Vec<String>),
    Wildcards(Vec<Wildcard>),
}

/// A range of numbers, open or closed at either end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NumericRange {
    pub(super) from: Option<Bound>,
    pub(super) to: Option<Bound>,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub(super) value: f64,
    pub(super) inclusive: bool,
}

impl NumericRange {
    fn contains(&self, number: f64) -> bool {
        let above =
            |bound: Bound| number > bound.value || (bound.inclusive && number == bound.value);
        let below =
            |bound: Bound| number < bound.value || (bound.inclusive && number == bound.value);
        self.from.is_none_or(above) && self.to.is_none_or(below)
    }
}

impl Condition {
    /// Tells whether a value that is neither object nor array fulfils the condition.
    pub(super) fn matches(&self, value: &Value) -> bool {
        let text = value.as_str();
        let lower = || text.map(str::to_lowercase);
        match self {
            Condition::Text(wanted) => text.is_some_and(|text| same_text(wanted, text)),
            Condition::Number(wanted) => value.as_f64() == Some(*wanted),
            Condition::Boolean(wanted) => value.as_bool() == Some(*wanted),
            Condition::Null => value.is_null(),
            Condition::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Condition::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Condition::PrefixIgnoringCase(prefix) => lower().is_some_and(|t| t.starts_with(prefix)),
            Condition::SuffixIgnoringCase(suffix) => lower().is_some_and(|t| t.ends_with(suffix)),
            Condition::EqualsIgnoringCase(wanted) => lower().is_some_and(|text| text == *wanted),
            Condition::Wildcard(wildcard) => text.is_some_and(|text| wildcard.matches(text)),
            Condition::Numeric(range) => {
                value.as_f64().is_some_and(|number| range.contains(number))
            }
            Condition::Cidr(cidr) => text.is_some_and(|text| cidr.contains(text)),
            Condition::Exists => true,
            Condition::Absent => false,
            Condition::AnythingBut(exclusion) => !exclusion.excludes(value),
        }
    }

    /// Tells whether some text that begins with `prefix` fulfils the condition; in doubt, yes.
    pub(super) fn could_match_start(&self, prefix: &str) -> bool {
        let overlaps =
            |text: &str, prefix: &str| text.starts_with(prefix) || prefix.starts_with(text);
        match self {
            Condition::Text(wanted) => wanted.starts_with(prefix),
            Condition::Prefix(wanted) => overlaps(wanted, prefix),
            Condition::PrefixIgnoringCase(wanted) => overlaps(wanted, &prefix.to_lowercase()),
            Condition::EqualsIgnoringCase(wanted) => wanted.starts_with(&prefix.to_lowercase()),
            Condition::Wildcard(wildcard) => wildcard.could_match_start(prefix),
            Condition::AnythingBut(exclusion) => !exclusion.excludes_all_starts(prefix),
            Condition::Suffix(_) | Condition::SuffixIgnoringCase(_) | Condition::Exists => true,
            Condition::Cidr(_) => prefix
                .chars()
                .all(|character| character.is_ascii_hexdigit() || matches!(character, '.' | ':')),
            Condition::Number(_)
            | Condition::Boolean(_)
            | Condition::Null
            | Condition::Numeric(_)
            | Condition::Absent => false,
        }
    }
}

impl Exclusion {
    fn excludes(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Exclusion::Texts(texts) => texts.iter().any(|excluded| text == Some(excluded)),
            Exclusion::Numbers(numbers) => numbers
                .iter()
                .any(|excluded| value.as_f64() == Some(*excluded)),
            Exclusion::Prefixes(prefixes) => prefixes
                .iter()
                .any(|prefix| text.is_some_and(|text| text.starts_with(prefix))),
            Exclusion::Suffixes(suffixes) => suffixes
                .iter()
                .any(|suffix| text.is_some_and(|text| text.ends_with(suffix))),
            Exclusion::IgnoringCase(texts) => {
                let lower = text.map(str::to_lowercase);
                texts
                    .iter()
                    .any(|excluded| lower.as_ref() == Some(excluded))
            }
            Exclusion::Wildcards(wildcards) => wildcards
                .iter()
                .any(|wildcard| text.is_some_and(|text| wildcard.matches(text))),
        }
    }

    /// Tells whether no text that begins with `prefix` is left.
    fn excludes_all_starts(&self, prefix: &str) -> bool {
        match self {
            Exclusion::Prefixes(prefixes) => {
                prefixes.iter().any(|excluded| prefix.starts_with(excluded))
            }
            Exclusion::Wildcards(wildcards) => wildcards
                .iter()
                .any(|wildcard| wildcard.matches_all_starts(prefix)),
            // Finitely many texts or endings cannot use up all that begin with a prefix.
            Exclusion::Texts(_)
            | Exclusion::Numbers(_)
            | Exclusion::Suffixes(_)
            | Exclusion::IgnoringCase(_) => false,
        }
    }
}

/// Compares texts, and IP addresses by what they mean, as EventBridge does without being asked.
fn same_text(wanted: &str, found: &str) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    wanted == found || address(wanted).is_some_and(|wanted| address(found) == Some(wanted))
}
