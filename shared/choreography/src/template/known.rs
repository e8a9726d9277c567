//! Which variables a task's templates may use, checked when the definition is.
//!
//! Must not know values; `context` does.

use std::collections::BTreeSet;

use super::context::PLAIN;
use super::error::TemplateError;
use super::syntax::{Reference, Segment};

/// Says what a definition gives its templates, beyond the variables that all have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The names of `params.<name>`.
    pub params: BTreeSet<String>,
    /// The keys of `item.<key>`: those of the task's `for_each`.
    pub items: BTreeSet<String>,
    /// The tasks of `upstream.<task>.storage`.
    pub upstreams: BTreeSet<String>,
    /// Whether events start the workflow, so that `event.<path>` exists.
    pub event: bool,
}

impl Known {
    /// Gives what is wrong with a variable, if something is.
    pub(super) fn problem(&self, reference: &Reference) -> Option<TemplateError> {
        let names: Vec<&str> = reference
            .path
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => name.as_str(),
                // No declared name is a number, so an index is as unknown as a wrong name.
                Segment::Index(_) => "",
            })
            .collect();
        let (what, hint) = match names[..] {
            [plain] if PLAIN.contains(&plain) => return None,
            ["params", name, ..] if self.params.contains(name) => return None,
            ["item", key] if self.items.contains(key) => return None,
            ["upstream", task, "storage"] if self.upstreams.contains(task) => return None,
            ["event", _, ..] if self.event => return None,
            [plain, ..] if PLAIN.contains(&plain) => (
                format!("`{plain}` is one value"),
                format!("write {{{{ {plain} }}}}"),
            ),
            ["params", name, ..] => unknown("params has no", name, self.params.iter(), |name| {
                bracketed("params", name)
            }),
            ["upstream", task, ..] if self.upstreams.contains(task) => (
                format!(
                    "an upstream task has nothing but its storage, not `{}`",
                    reference.dotted()
                ),
                format!("write {{{{ {}.storage }}}}", bracketed("upstream", task)),
            ),
            ["upstream", task, ..] => unknown(
                "the task does not come after",
                task,
                self.upstreams.iter(),
                |task| format!("{}.storage", bracketed("upstream", task)),
            ),
            ["item", ..] => whole("item", "item.<key>"),
            ["params"] => whole("params", "params.<name>"),
            ["upstream"] => whole("upstream", "upstream.<task>.storage"),
            ["event"] if self.event => whole("event", "event.<path>"),
            ["event", ..] => (
                "no event starts this workflow".to_owned(),
                "give the workflow `events`, or use another variable".to_owned(),
            ),
            [root, ..] => {
                let roots = PLAIN.iter().chain(&["params", "item", "upstream", "event"]);
                unknown("there is no variable", root, roots, str::to_owned)
            }
            [] => return None,
        };
        Some(TemplateError::new(reference.range.clone(), what, hint))
    }
}

fn whole(name: &str, right: &str) -> (String, String) {
    (
        format!("`{name}` is not one value"),
        format!("write {{{{ {right} }}}}"),
    )
}

fn unknown<'a>(
    what: &str,
    name: &str,
    candidates: impl Iterator<Item = &'a (impl AsRef<str> + 'a)>,
    write: impl Fn(&str) -> String,
) -> (String, String) {
    let candidates: Vec<&str> = candidates.map(AsRef::as_ref).collect();
    let closest = candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 4);
    let hint = match closest {
        Some((_, candidate)) => format!("did you mean {}?", write(candidate)),
        None if candidates.is_empty() => "none are declared".to_owned(),
        None => format!("there are {}", candidates.join(", ")),
    };
    (format!("{what} `{name}`"), hint)
}

/// Writes a step of a path as Jinja reads it: with a dot only where the name is an identifier.
fn bracketed(parent: &str, name: &str) -> String {
    let identifier = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_');
    if identifier {
        format!("{parent}.{name}")
    } else {
        format!("{parent}[\"{name}\"]")
    }
}
