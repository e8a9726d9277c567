//! What is wrong with definitions, where, and what would be right.
//!
//! Must not know the checks that find it, nor how it is printed.

use std::ops::Range;

use serde::Serialize;

use crate::code::Code;
use crate::source::{Source, Span};
use crate::suggest::Suggestions;

/// Something a user should change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable; tools may match on it.
    pub code: Code,
    pub message: String,
    /// Path of the file, as it was given.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The offending bytes of the file; empty when the file as a whole is meant.
    pub span: Range<usize>,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Whether a diagnostic refuses the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// Writes diagnostics for machines: a list, one object each.
pub fn to_json(diagnostics: &[Diagnostic]) -> serde_json::Value {
    serde_json::to_value(diagnostics).expect("diagnostics are plain data with text keys")
}

/// Collects what the checks find.
pub(crate) struct Findings<'a> {
    pub(crate) sources: Vec<Source<'a>>,
    pub(crate) suggestions: Suggestions,
    found: Vec<Finding>,
    /// Errors and warnings beyond [`MOST_FINDINGS`], of which only the number is kept.
    left_off: usize,
    refused: bool,
}

/// The most that is reported: nobody reads more, and a hostile file must not fill the memory.
const MOST_FINDINGS: usize = 10_000;

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    severity: Severity,
    code: Code,
    at: Span,
    message: String,
    help: Option<String>,
}

impl Finding {
    /// Adds what would be right.
    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    /// Adds what would be right, if it is known.
    pub(crate) fn maybe_help(&mut self, help: Option<String>) {
        self.help = help;
    }
}

impl<'a> Findings<'a> {
    pub(crate) fn new(sources: Vec<Source<'a>>) -> Self {
        Self {
            sources,
            suggestions: Suggestions::default(),
            found: Vec::new(),
            left_off: 0,
            refused: false,
        }
    }

    /// Notes what refuses the set.
    pub(crate) fn error(
        &mut self,
        code: Code,
        at: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Error, code, at, message.into())
    }

    /// Notes what is suspicious.
    pub(crate) fn warning(
        &mut self,
        code: Code,
        at: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Warning, code, at, message.into())
    }

    fn add(&mut self, severity: Severity, code: Code, at: Span, message: String) -> &mut Finding {
        let finding = Finding {
            severity,
            code,
            at,
            message,
            help: None,
        };
        self.refused |= severity == Severity::Error;
        if self.found.len() > MOST_FINDINGS {
            self.left_off += 1;
            self.found.pop();
        }
        self.found.push(finding);
        self.found.last_mut().expect("one was pushed")
    }

    /// Whether nothing refuses the set.
    pub(crate) fn allow(&self) -> bool {
        !self.refused
    }

    /// Finds bytes of a scalar's text in its file.
    pub(crate) fn inside(&self, scalar: Span, text: &str, range: Range<usize>) -> Span {
        self.sources[scalar.file].inside(scalar, text, range)
    }

    /// Lists everything found, by file and place, each thing once.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let Self {
            sources,
            mut found,
            left_off,
            refused: _,
            suggestions: _,
        } = self;
        if left_off > 0
            && let Some(last) = found.last_mut()
        {
            last.code = Code::TooManyProblems;
            last.message = format!("there are {} more problems than are listed", left_off + 1);
            last.help = Some("mend these first".into());
        }
        found.sort_by(|a, b| {
            let path = |finding: &Finding| sources[finding.at.file].path;
            (path(a), a.at, a.severity, a.code, &a.message).cmp(&(
                path(b),
                b.at,
                b.severity,
                b.code,
                &b.message,
            ))
        });
        found.dedup();
        found
            .into_iter()
            .map(|finding| {
                let source = &sources[finding.at.file];
                let (line, column) = source.position(finding.at.start);
                Diagnostic {
                    severity: finding.severity,
                    code: finding.code,
                    message: finding.message,
                    file: source.path.to_owned(),
                    line,
                    column,
                    span: finding.at.range(),
                    help: finding.help,
                }
            })
            .collect()
    }
}
