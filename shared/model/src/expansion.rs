//! What a task with `for_each` stands for: one task per combination of values, each with a name
//! of its own.
//!
//! Pure. The checks of `events/` and the plan of a run both read it here, so they agree.

use std::collections::BTreeMap;

use crate::definition::Task;
use crate::name::{NameError, TaskName};

/// The values of one combination, by key of `for_each`: what templates see as `item`.
pub type Item = BTreeMap<String, String>;

impl Task {
    /// Lists the tasks this one stands for, lazily; itself when it has no `for_each`.
    pub fn expansions(&self) -> impl Iterator<Item = Result<(TaskName, Item), NameError>> {
        expansions(&self.name, &self.for_each)
    }
}

/// Lists what a name stands for, lazily: one task per combination of values, the last key's values
/// changing fastest; the name itself without keys. None when a key has no values.
pub fn expansions<'a>(
    name: &'a TaskName,
    for_each: &'a BTreeMap<String, Vec<String>>,
) -> impl Iterator<Item = Result<(TaskName, Item), NameError>> + 'a {
    let radices: Vec<usize> = for_each.values().map(Vec::len).collect();
    let possible = radices.iter().all(|values| *values > 0);
    let first = possible.then(|| vec![0; radices.len()]);
    std::iter::successors(first, move |digits| next_combination(digits, &radices))
        .map(move |digits| expanded(name, for_each, &digits))
}

/// Counts what a name with these keys stands for; `usize::MAX` when there are more.
pub fn expansion_count(for_each: &BTreeMap<String, Vec<String>>) -> usize {
    for_each
        .values()
        .map(Vec::len)
        .fold(1, usize::saturating_mul)
}

fn expanded(
    name: &TaskName,
    for_each: &BTreeMap<String, Vec<String>>,
    digits: &[usize],
) -> Result<(TaskName, Item), NameError> {
    if digits.is_empty() {
        return Ok((name.clone(), Item::new()));
    }
    let mut name = name.to_string();
    let mut item = Item::new();
    for ((key, values), digit) in for_each.iter().zip(digits) {
        let value = &values[*digit];
        name.push('-');
        name.push_str(&slug(value));
        item.insert(key.clone(), value.clone());
    }
    Ok((TaskName::new(&name)?, item))
}

/// Counts on; `None` after the last combination.
fn next_combination(digits: &[usize], radices: &[usize]) -> Option<Vec<usize>> {
    let mut next = digits.to_vec();
    for (digit, radix) in next.iter_mut().zip(radices).rev() {
        *digit += 1;
        if *digit < *radix {
            return Some(next);
        }
        *digit = 0;
    }
    None
}

/// Makes a value fit for a name: lower case, every other character becomes `_`. A hyphen does,
/// too: it separates the values.
fn slug(value: &str) -> String {
    value
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{BatchTask, Retries, TaskKind, TriggerRule};

    fn task(for_each: &[(&str, &[&str])]) -> Task {
        let batch = BatchTask {
            job_definition: "job".into(),
            queue: "light".into(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            vcpus: None,
            parameters: BTreeMap::new(),
            gpus: None,
            share_priority: None,
            memory_mib: None,
            array_size: None,
            share_identifier: None,
        };
        Task {
            name: TaskName::new("clean").unwrap(),
            after: Vec::new(),
            trigger_rule: TriggerRule::AllSucceeded,
            for_each: for_each
                .iter()
                .map(|(key, values)| {
                    let values = values.iter().map(ToString::to_string).collect();
                    ((*key).to_owned(), values)
                })
                .collect(),
            kind: TaskKind::Batch(batch),
            retries: Retries::default(),
            timeout: None,
            pool: None,
            priority: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    fn names(task: &Task) -> Vec<String> {
        task.expansions()
            .map(|expansion| expansion.unwrap().0.to_string())
            .collect()
    }

    #[test]
    fn a_task_stands_for_every_combination_of_its_values() {
        let cases: [(&[(&str, &[&str])], &[&str]); 5] = [
            (&[], &["clean"]),
            (
                &[("year", &["2012", "2013"])],
                &["clean-2012", "clean-2013"],
            ),
            (
                &[("b", &["1", "2"]), ("a", &["X", "y-z"])],
                &["clean-x-1", "clean-x-2", "clean-y_z-1", "clean-y_z-2"],
            ),
            (&[("year", &[])], &[]),
            (&[("at", &["2012-01-02"])], &["clean-2012_01_02"]),
        ];
        for (for_each, expected) in cases {
            let task = task(for_each);
            assert_eq!(names(&task), expected);
            assert_eq!(expansion_count(&task.for_each), expected.len());
        }
    }

    #[test]
    fn an_expansion_knows_its_values_as_they_are_written() {
        let task = task(&[("city", &["New York"])]);
        let (name, item) = task.expansions().next().unwrap().unwrap();
        assert_eq!(name.as_str(), "clean-new_york");
        assert_eq!(item["city"], "New York");
    }

    #[test]
    fn an_expansion_without_a_valid_name_is_an_error() {
        let long = "x".repeat(50);
        for value in ["", "%", long.as_str()] {
            let task = task(&[("key", &[value])]);
            assert!(task.expansions().next().unwrap().is_err(), "{value}");
        }
    }
}
