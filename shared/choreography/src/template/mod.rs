//! Templates in arguments and statements: `{{ logical_date }}` and its like.
//!
//! Strict: an unknown variable is an error and never nothing, and only variables with filters are
//! possible, so that a template always ends and can be checked before anything runs. Must not know what
//! the text is for, nor the current time.

mod context;
mod error;
mod filter;
mod known;
mod syntax;

use std::collections::BTreeSet;
use std::io;
use std::sync::LazyLock;

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, UndefinedBehavior, Value};

pub use self::context::{TemplateContext, storage_prefix};
pub use self::error::TemplateError;
pub use self::known::Known;

/// The most characters of a template, and of what it becomes: EMR takes no more in a step.
pub const MOST_CHARACTERS: usize = 10_240;

/// More than a text of the allowed length can use, so only a defect of ours runs out of it.
const FUEL: u64 = 200_000;

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_syntax(syntax::syntax());
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    // Jinja writes booleans as Python does; arguments want them as JSON has them.
    engine.set_formatter(|output, state, value| match value.kind() {
        ValueKind::Bool => Ok(output.write_str(if value.is_true() { "true" } else { "false" })?),
        _ => minijinja::escape_formatter(output, state, value),
    });
    filter::register(&mut engine);
    engine
});

/// Fills in a text.
pub fn render(text: &str, context: &TemplateContext<'_>) -> Result<String, TemplateError> {
    let references = syntax::references(text)?;
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let values = context.values(&references);
    for reference in &references {
        context::require_text(&values, reference)
            .map_err(|(what, hint)| TemplateError::new(reference.range.clone(), what, hint))?;
    }
    let mut output = Bounded { bytes: Vec::new() };
    ENGINE
        .template_from_str(text)
        .and_then(|template| template.render_captured_to(Value::from(Serde(&values)), &mut output))
        .map_err(|error| engine_error(text, &error))?;
    String::from_utf8(output.bytes)
        .ok()
        .filter(|rendered| rendered.chars().count() <= MOST_CHARACTERS)
        .ok_or_else(|| too_long(text))
}

/// Lists the variables of a text as dotted names, e.g. `upstream.clean-2012.storage`.
pub fn variables(text: &str) -> Result<BTreeSet<String>, TemplateError> {
    let references = syntax::references(text)?;
    Ok(references.iter().map(syntax::Reference::dotted).collect())
}

/// Lists what is wrong with a text, given what its task will know; nothing if it is right.
pub fn check(text: &str, known: &Known) -> Vec<TemplateError> {
    match syntax::references(text) {
        Ok(references) => references
            .iter()
            .filter_map(|reference| known.problem(reference))
            .collect(),
        Err(error) => vec![error],
    }
}

fn engine_error(text: &str, error: &minijinja::Error) -> TemplateError {
    if std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>()) {
        return too_long(text);
    }
    let range = error
        .range()
        .filter(|range| text.get(range.clone()).is_some());
    TemplateError::new(
        range.unwrap_or(0..text.len()),
        error
            .detail()
            .unwrap_or("the template cannot be filled in")
            .to_owned(),
        "check what the filters are given",
    )
}

fn too_long(text: &str) -> TemplateError {
    TemplateError::new(
        0..text.len(),
        format!("the text becomes longer than {MOST_CHARACTERS} characters"),
        "EMR takes no more in all arguments of a step together; put the text into a file",
    )
}

/// Refuses to grow beyond what the allowed characters can take in UTF-8.
struct Bounded {
    bytes: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MOST_CHARACTERS * 4 {
            return Err(io::Error::other("the text becomes too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
