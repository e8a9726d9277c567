//! Names that users give inside files.

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::At;

/// Reports a name that templates could not write, such as that of a parameter.
pub(super) fn check_identifier(what: &str, name: &At<String>, findings: &mut Findings<'_>) {
    let text = &name.value;
    let shaped = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 64
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !shaped {
        findings
            .error(
                Code::BadName,
                name.at,
                format!("`{text}` cannot name {what}"),
            )
            .help("use lower-case letters, digits and `_`, beginning with a letter");
    }
}
