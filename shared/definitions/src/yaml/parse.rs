//! Text becomes a tree.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as Marked, StrInput};

use super::plain::{Plain, classify};
use super::{Entry, Kind, Node};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::{At, Span};

/// Definitions need six; this leaves room for EMR configurations and event patterns.
const DEEPEST: usize = 32;
/// A workflow of 10,000 tasks has about 200,000; more would only fill the memory.
const MOST_VALUES: usize = 1_000_000;

/// Parses one file; `None`, and a finding, when it is not usable YAML. An empty file is an empty
/// mapping.
pub(crate) fn parse(file: usize, findings: &mut Findings<'_>) -> Option<Node> {
    let text = findings.sources[file].text;
    // A byte order mark is no part of the first key.
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut tree = Tree {
        parser: Parser::new_from_str(&text[skipped..]),
        offsets: Offsets::new(&text[skipped..], skipped),
        text,
        file,
        values: 0,
        findings,
    };
    tree.document().ok()
}

/// The rest of the file cannot be read; a finding says why.
struct Stopped;

struct Tree<'text, 'findings, 'sources> {
    parser: Parser<'text, StrInput<'text>>,
    offsets: Offsets,
    text: &'text str,
    file: usize,
    values: usize,
    findings: &'findings mut Findings<'sources>,
}

impl<'text> Tree<'text, '_, '_> {
    fn document(&mut self) -> Result<Node, Stopped> {
        let mut root = None;
        loop {
            let (event, marked) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let help = "put every definition into a file of its own";
                    return Err(self.refuse(marked, "a second document begins here", help));
                }
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::MappingStart(..)
                | Event::SequenceEnd
                | Event::MappingEnd => root = Some(self.node(event, marked, 0)?),
            }
        }
        let whole = Span {
            file: self.file,
            start: 0,
            end: 0,
        };
        let empty = Node {
            at: whole,
            mark: whole,
            kind: Kind::Mapping(Vec::new()),
        };
        Ok(match root {
            None
            | Some(Node {
                kind: Kind::Null, ..
            }) => empty,
            // What is missing at the top is missing in the file, not in its first line.
            Some(
                node @ Node {
                    kind: Kind::Mapping(_),
                    ..
                },
            ) => Node {
                mark: whole,
                ..node
            },
            Some(node) => node,
        })
    }

    fn next(&mut self) -> Result<(Event<'text>, Marked), Stopped> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Marked::default())),
        }
    }

    fn node(&mut self, event: Event<'text>, marked: Marked, depth: usize) -> Result<Node, Stopped> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            let what = "there is too much in here";
            let help = format!(
                "values may be nested {DEEPEST} deep, and a file may hold {MOST_VALUES} of them"
            );
            return Err(self.refuse(marked, what, &help));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(marked, anchor, tag.is_some());
                let at = self.span(marked.start, marked.end);
                let kind = self.scalar(text.into_owned(), style, at);
                Ok(Node { at, mark: at, kind })
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_only(marked, anchor, tag.is_some());
                let (items, end) = self.sequence(depth)?;
                Ok(self.collection(marked.start, end, Kind::Sequence(items)))
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_only(marked, anchor, tag.is_some());
                let (entries, end) = self.mapping(depth)?;
                Ok(self.collection(marked.start, end, Kind::Mapping(entries)))
            }
            Event::Alias(_) => {
                self.no_anchors(marked);
                let at = self.span(marked.start, marked.end);
                Ok(Node {
                    at,
                    mark: at,
                    kind: Kind::Null,
                })
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Err(self.refuse(marked, "a value is missing here", "write one")),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<(Vec<Node>, Marker), Stopped> {
        let mut items = Vec::new();
        loop {
            let (event, marked) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, marked.end));
            }
            items.push(self.node(event, marked, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<(Vec<Entry>, Marker), Stopped> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        loop {
            let (event, marked) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((entries, marked.end));
            }
            let key = self.node(event, marked, depth + 1)?;
            let (event, marked) = self.next()?;
            let mut value = self.node(event, marked, depth + 1)?;
            let Some(key) = self.key(key) else { continue };
            let empty = value.at.is_empty();
            if empty || matches!(value.kind, Kind::Mapping(_) | Kind::Sequence(_)) {
                value.mark = key.at;
            }
            match seen.entry(key.value.clone()) {
                Slot::Vacant(slot) => {
                    slot.insert(key.at);
                    entries.push(Entry { key, value });
                }
                Slot::Occupied(first) => {
                    let (line, _) = self.findings.sources[self.file].position(first.get().start);
                    let message = format!("`{}` is given twice", key.value);
                    self.findings
                        .error(Code::DuplicateKey, key.at, message)
                        .help(format!(
                            "it is first given in line {line}; remove one of the two"
                        ));
                }
            }
        }
    }

    fn key(&mut self, node: Node) -> Option<At<String>> {
        let at = node.mark;
        let value = match node.kind {
            Kind::Text(text) | Kind::Number(text) => text,
            Kind::Null if at.is_empty() => String::new(),
            Kind::Null | Kind::Boolean(_) => {
                let text = &self.text[at.range()];
                let message = format!("the key `{text}` is not a text");
                self.findings
                    .error(Code::Ambiguous, at, message)
                    .help(format!("quote it: \"{text}\""));
                return None;
            }
            Kind::Sequence(_) | Kind::Mapping(_) => {
                self.findings
                    .error(Code::UnsupportedYaml, at, "a key must be a text")
                    .help("is a `:` or a quote missing? `{{ … }}` must stand in quotes");
                return None;
            }
        };
        Some(At { value, at })
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, at: Span) -> Kind {
        match style {
            ScalarStyle::Plain => {}
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => return Kind::Text(text),
        }
        match classify(&text) {
            Plain::Null => Kind::Null,
            Plain::Boolean(value) => Kind::Boolean(value),
            Plain::Number => Kind::Number(text),
            Plain::Text => Kind::Text(text),
            Plain::Ambiguous(meaning) => {
                let message = format!("YAML 1.1, and so Terraform, reads `{text}` as {meaning}");
                self.findings
                    .error(Code::Ambiguous, at, message)
                    .help(format!("quote it: \"{text}\""));
                Kind::Text(text)
            }
        }
    }

    fn collection(&self, start: Marker, end: Marker, kind: Kind) -> Node {
        let at = self.span(start, end);
        let line = self.text[at.range()]
            .find('\n')
            .unwrap_or(at.end - at.start);
        let mark = Span {
            end: at.start + line,
            ..at
        };
        Node { at, mark, kind }
    }

    /// Converts a place, without white space at its end.
    fn span(&self, start: Marker, end: Marker) -> Span {
        let start = self.offsets.byte(start.index());
        let end = self.offsets.byte(end.index()).max(start);
        let trimmed = self.text[start..end].trim_end().len();
        Span {
            file: self.file,
            start,
            end: start + trimmed,
        }
    }

    fn plain_only(&mut self, marked: Marked, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.no_anchors(marked);
        }
        if tagged {
            let at = self.span(marked.start, marked.end);
            self.findings
                .error(
                    Code::UnsupportedYaml,
                    at,
                    "tags such as `!name` are not supported",
                )
                .help("quote the value if `!` belongs to it, else remove the tag");
        }
    }

    fn no_anchors(&mut self, marked: Marked) {
        let at = self.span(marked.start, marked.end);
        self.findings
            .error(
                Code::UnsupportedYaml,
                at,
                "anchors and aliases are not supported",
            )
            .help("write it out; quote the value if `&` or `*` belongs to it");
    }

    fn refuse(&mut self, marked: Marked, what: &str, help: &str) -> Stopped {
        let at = self.span(marked.start, marked.end);
        self.findings
            .error(Code::UnsupportedYaml, at, what)
            .help(help);
        Stopped
    }

    fn syntax(&mut self, error: &ScanError) -> Stopped {
        let marked = self.offsets.byte(error.marker().index());
        // At the end of the file nothing could be underlined but what comes last.
        let start = match self.text[marked..].trim().is_empty() {
            true => self
                .text
                .trim_end()
                .char_indices()
                .last()
                .map_or(0, |(last, _)| last),
            false => marked,
        };
        let rest = &self.text[start..];
        let end = start
            + rest
                .chars()
                .next()
                .filter(|c| *c != '\n')
                .map_or(0, char::len_utf8);
        let at = Span {
            file: self.file,
            start,
            end,
        };
        let line = self.findings.sources[self.file].line_at(start);
        let help = syntax_help(line);
        self.findings
            .error(
                Code::Syntax,
                at,
                format!("this is not YAML: {}", error.info()),
            )
            .help(help);
        Stopped
    }
}

/// Says what is most often wrong with such a line.
fn syntax_help(line: &str) -> &'static str {
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') {
        "indent with spaces; YAML takes no tabs"
    } else if line.contains("{{") {
        "a value with `{{ … }}` must stand in quotes"
    } else if !line.contains('{') && line.matches(": ").count() > 1 {
        "a value with `: ` in it must stand in quotes"
    } else {
        "look for a missing `:`, quote, bracket or a wrong indentation here or in the line above"
    }
}

/// Where the characters of a text are, in bytes: the parser counts characters.
enum Offsets {
    /// Every character is one byte.
    Ascii {
        first: usize,
        length: usize,
    },
    Table(Vec<usize>),
}

impl Offsets {
    fn new(text: &str, first: usize) -> Self {
        if text.is_ascii() {
            return Self::Ascii {
                first,
                length: text.len(),
            };
        }
        let mut table: Vec<usize> = text.char_indices().map(|(byte, _)| first + byte).collect();
        table.push(first + text.len());
        Self::Table(table)
    }

    fn byte(&self, character: usize) -> usize {
        match self {
            Self::Ascii { first, length } => first + character.min(*length),
            Self::Table(table) => table[character.min(table.len() - 1)],
        }
    }
}
