//! Diagnostics for people: the offending text, underlined, with its line.

use std::borrow::Cow;
use std::collections::HashMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Padding, Renderer, Snippet};

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Content, SourceFile};

/// Longer lines are not shown: nobody reads them, and a file may be one line of megabytes.
const LONGEST_LINE: usize = 2_000;
/// Values over more lines are underlined only at their beginning.
const MOST_LINES: usize = 8;

/// Writes diagnostics for people, with colours of a terminal or without.
pub fn render(diagnostics: &[Diagnostic], sources: &[SourceFile], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let texts = texts(diagnostics, sources);
    let mut output = String::new();
    for diagnostic in diagnostics {
        let text = texts.get(diagnostic.file.as_str()).map_or("", |text| text);
        output.push_str(&renderer.render(&report(diagnostic, text)));
        output.push_str("\n\n");
    }
    output
}

/// The files as they may be shown: secrets are starred out, or logs would keep them.
fn texts<'a>(
    diagnostics: &[Diagnostic],
    sources: &'a [SourceFile],
) -> HashMap<&'a str, Cow<'a, str>> {
    let mut texts = HashMap::new();
    for source in sources {
        if let Content::Bytes(bytes) = &source.content
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            texts.insert(source.path.as_str(), Cow::Borrowed(text));
        }
    }
    for diagnostic in diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == Code::Secret)
    {
        if let Some(text) = texts.get_mut(diagnostic.file.as_str())
            && text.get(diagnostic.span.clone()).is_some()
        {
            let stars = "*".repeat(diagnostic.span.len());
            text.to_mut().replace_range(diagnostic.span.clone(), &stars);
        }
    }
    texts
}

fn report<'a>(diagnostic: &'a Diagnostic, text: &'a str) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str());
    let mut group = match excerpt(diagnostic, text) {
        Some(excerpt) => title.element(
            Snippet::source(excerpt.lines)
                .line_start(diagnostic.line)
                .path(diagnostic.file.as_str())
                .annotation(AnnotationKind::Primary.span(excerpt.start..excerpt.end)),
        ),
        None if diagnostic.span.is_empty() && diagnostic.line <= 1 => {
            title.element(Origin::path(diagnostic.file.as_str()))
        }
        None => title.element(
            Origin::path(diagnostic.file.as_str())
                .line(diagnostic.line)
                .char_column(diagnostic.column),
        ),
    };
    if let Some(help) = &diagnostic.help {
        group = group
            .element(Padding)
            .element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

/// The lines a diagnostic is about, and where in them.
struct Excerpt<'a> {
    lines: &'a str,
    start: usize,
    end: usize,
}

fn excerpt<'a>(diagnostic: &Diagnostic, text: &'a str) -> Option<Excerpt<'a>> {
    let start = diagnostic.span.start;
    let begin = text
        .get(..start)?
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let first_line = text[begin..].lines().next()?;
    // The end of a line, or of the file, is a place, too.
    if diagnostic.span.is_empty() && start == 0 || first_line.len() > LONGEST_LINE {
        return None;
    }
    let wanted = text.get(diagnostic.span.clone())?;
    let lines = wanted.lines().count();
    let long = lines > MOST_LINES || wanted.len() > LONGEST_LINE;
    let end = if long {
        begin + first_line.len()
    } else {
        diagnostic.span.end
    };
    let finish = text[end..]
        .find('\n')
        .map_or(text.len(), |newline| end + newline);
    let lines = text[begin..finish].trim_end_matches('\r');
    if lines.len() > 2 * LONGEST_LINE {
        return None;
    }
    Some(Excerpt {
        lines,
        start: start - begin,
        end: (end - begin).min(lines.len()),
    })
}
