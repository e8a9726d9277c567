//! Finds the values of an event that a pattern asks for, and keeps elements of arrays apart.
//!
//! Like `aws/event-ruler`, whose semantics these are, it flattens the event into dotted names. Values that
//! come from different elements of one array never fulfil one pattern together, so each value remembers
//! the elements it stands in. Must not know what the conditions mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::condition::Condition;

/// The conditions that must hold together, by dotted name.
pub(super) type Alternative = BTreeMap<String, Arc<[Condition]>>;

/// The array elements that a value stands in, outermost first: number of the array, index in it.
type Membership = Vec<(usize, usize)>;

/// A value of the event with the elements it stands in.
type Found<'event> = (&'event Value, Membership);

/// An event's values, as far as a pattern names them.
pub(super) struct Fields<'event> {
    values: BTreeMap<String, Vec<Found<'event>>>,
}

impl<'event> Fields<'event> {
    /// Collects the values of an event under the given names.
    pub(super) fn collect(event: &'event Value, names: &BTreeSet<&str>) -> Fields<'event> {
        let mut collector = Collector {
            names,
            arrays: 0,
            values: BTreeMap::new(),
        };
        collector.visit(event, &mut String::new(), &mut Membership::new());
        Fields {
            values: collector.values,
        }
    }

    /// Tells whether all conditions hold for values that can stand together.
    pub(super) fn fulfil(&self, alternative: &Alternative) -> bool {
        let none = Vec::new();
        let named: Vec<_> = alternative
            .iter()
            .map(|(name, conditions)| (self.values.get(name).unwrap_or(&none), conditions))
            .collect();
        let needed_after = arrays_needed_after(&named);
        // The states that are left after each name: which elements the values so far stand in.
        let mut states = BTreeSet::from([Membership::new()]);
        for ((fields, conditions), needed) in named.iter().zip(&needed_after) {
            let holding =
                memberships(fields.iter().filter(|(value, _)| {
                    conditions.iter().any(|condition| condition.matches(value))
                }));
            let all = memberships(fields.iter());
            let may_be_absent = conditions.contains(&Condition::Absent);
            let mut next = BTreeSet::new();
            for state in &states {
                let present = consistent(&holding, state);
                let absent = may_be_absent && consistent(&all, state).next().is_none();
                // Elements of arrays that no later name can reach are forgotten, or independent arrays
                // would multiply.
                let kept = present
                    .chain(absent.then(|| state.clone()))
                    .map(|mut membership| {
                        membership.retain(|(array, _)| needed.contains(array));
                        membership
                    });
                next.extend(kept);
            }
            states = next;
        }
        !states.is_empty()
    }
}

fn memberships<'a>(fields: impl Iterator<Item = &'a Found<'a>>) -> Vec<Membership> {
    let distinct: BTreeSet<&Membership> = fields.map(|(_, membership)| membership).collect();
    distinct.into_iter().cloned().collect()
}

fn arrays_needed_after(named: &[(&Vec<Found<'_>>, &Arc<[Condition]>)]) -> Vec<BTreeSet<usize>> {
    let mut needed = BTreeSet::new();
    let mut after: Vec<BTreeSet<usize>> = named
        .iter()
        .rev()
        .map(|(fields, _)| {
            let before = needed.clone();
            needed.extend(
                fields
                    .iter()
                    .flat_map(|(_, membership)| membership.iter().map(|m| m.0)),
            );
            before
        })
        .collect();
    after.reverse();
    after
}

/// Joins a state with each of the sorted memberships that do not contradict it.
fn consistent(sorted: &[Membership], state: &Membership) -> impl Iterator<Item = Membership> {
    let mut candidates = sorted;
    // Where all candidates share an array with the state, only one of its elements is possible; without
    // this, two long lists of elements would be compared pair by pair.
    for (depth, element) in state.iter().enumerate() {
        let shares = |membership: &Membership| {
            membership
                .get(depth)
                .is_some_and(|(array, _)| *array == element.0)
        };
        if !(candidates.first().is_some_and(shares) && candidates.last().is_some_and(shares)) {
            break;
        }
        let from = candidates.partition_point(|membership| membership[depth] < *element);
        let to = candidates.partition_point(|membership| membership[depth] <= *element);
        candidates = &candidates[from..to];
    }
    candidates.iter().filter_map(|membership| {
        let mut joined: BTreeMap<usize, usize> = state.iter().copied().collect();
        for (array, index) in membership {
            if *joined.entry(*array).or_insert(*index) != *index {
                return None;
            }
        }
        Some(joined.into_iter().collect())
    })
}

struct Collector<'names, 'event> {
    names: &'names BTreeSet<&'names str>,
    arrays: usize,
    values: BTreeMap<String, Vec<Found<'event>>>,
}

impl<'event> Collector<'_, 'event> {
    fn visit(&mut self, value: &'event Value, name: &mut String, membership: &mut Membership) {
        match value {
            Value::Object(entries) => {
                for (key, entry) in entries {
                    let length = name.len();
                    if length > 0 {
                        name.push('.');
                    }
                    name.push_str(key);
                    if self.leads_to_a_name(name) {
                        self.visit(entry, name, membership);
                    }
                    name.truncate(length);
                }
            }
            Value::Array(elements) => {
                let array = self.arrays;
                self.arrays += 1;
                for (index, element) in elements.iter().enumerate() {
                    // A plain element stands in its array alone: the array itself is its value.
                    if element.is_object() || element.is_array() {
                        membership.push((array, index));
                        self.visit(element, name, membership);
                        membership.pop();
                    } else {
                        self.visit(element, name, membership);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                if self.names.contains(name.as_str()) {
                    let values = self.values.entry(name.clone()).or_default();
                    values.push((value, membership.clone()));
                }
            }
        }
    }

    fn leads_to_a_name(&self, name: &str) -> bool {
        self.names
            .range(name..)
            .take_while(|wanted| wanted.starts_with(name))
            .any(|wanted| wanted.len() == name.len() || wanted[name.len()..].starts_with('.'))
    }
}
