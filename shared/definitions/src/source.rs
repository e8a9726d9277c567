//! Files of definitions: what they are called, what is in them, and where in them something is.
//!
//! Must not know YAML or what definitions mean.

use std::ops::Range;

use model::name::{ClusterRef, Name, NameError, TeamName, WorkflowRef};

/// The largest file that is read, in bytes.
pub const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// A file to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As people know it, with `/`, such as `events/weather/workflows/daily_report.yaml`. Its last
    /// parts say what it defines.
    pub path: String,
    pub content: Content,
}

/// What is in a file, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// Has more than [`MOST_BYTES`] and was not read.
    TooLarge {
        bytes: u64,
    },
    Unreadable {
        reason: String,
    },
}

impl SourceFile {
    /// Names a text.
    pub fn new(path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            content: Content::Bytes(text.into()),
        }
    }
}

/// What a file defines, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Team(TeamName),
    Cluster(ClusterRef),
    Workflow(WorkflowRef),
}

/// Why a path is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("nothing is defined in files of this name")]
    Unknown,
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("`schema` is the folder of the JSON Schemas and cannot be a team")]
    Reserved,
}

impl Address {
    /// Reads a path's last parts: `<team>/team.yaml`, `<team>/clusters/<name>.yaml` or
    /// `<team>/workflows/<name>.yaml`.
    pub(crate) fn of(path: &str) -> Result<Self, AddressError> {
        let mut parts = path.rsplit('/');
        let stem = parts
            .next()
            .and_then(|file| file.strip_suffix(".yaml"))
            .ok_or(AddressError::Unknown)?;
        let team = |text: Option<&str>| match text {
            None => Err(AddressError::Unknown),
            Some("schema") => Err(AddressError::Reserved),
            Some(text) => Ok(TeamName::new(text)?),
        };
        match parts.next() {
            Some("clusters") if stem != "team" => Ok(Self::Cluster(ClusterRef::new(
                team(parts.next())?,
                Name::new(stem)?,
            ))),
            Some("workflows") if stem != "team" => Ok(Self::Workflow(WorkflowRef::new(
                team(parts.next())?,
                Name::new(stem)?,
            ))),
            folder if stem == "team" => Ok(Self::Team(team(folder)?)),
            Some(_) | None => Err(AddressError::Unknown),
        }
    }
}

/// Bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Position among the sources.
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// A value with the place it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
}

/// A file's text, with where its lines begin.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    /// Empty when the file could not be read as text.
    pub(crate) text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(breaks.map(|(at, _)| at + 1))
            .collect();
        Self {
            path,
            text,
            line_starts,
        }
    }

    /// Says in which line and column a byte is, both counted from 1, columns in characters.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self
            .line_starts
            .partition_point(|start| *start <= byte)
            .max(1);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The line a byte stands in, without its end.
    pub(crate) fn line_at(&self, byte: usize) -> &'a str {
        let (line, _) = self.position(byte);
        let start = self.line_starts[line - 1];
        self.text[start..].lines().next().unwrap_or_default()
    }

    /// Finds bytes of a scalar's text in the file. Exact unless the scalar was written with escapes
    /// or folded lines; then the same words are looked for, else it is the whole scalar.
    pub(crate) fn inside(&self, scalar: Span, text: &str, range: Range<usize>) -> Span {
        let (Some(raw), Some(wanted)) = (self.text.get(scalar.range()), text.get(range.clone()))
        else {
            return scalar;
        };
        if wanted.is_empty() {
            return scalar;
        }
        let quote = usize::from(raw.starts_with(['"', '\'']));
        let offset = if raw[quote..].starts_with(text) {
            Some(quote + range.start)
        } else {
            let earlier = text[..range.start].matches(wanted).count();
            raw.match_indices(wanted)
                .nth(earlier)
                .map(|(offset, _)| offset)
        };
        offset.map_or(scalar, |offset| Span {
            file: scalar.file,
            start: scalar.start + offset,
            end: scalar.start + offset + wanted.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_is_defined() {
        let team = || TeamName::new("weather").unwrap();
        let cases = [
            ("events/weather/team.yaml", Ok(Address::Team(team()))),
            ("weather/team.yaml", Ok(Address::Team(team()))),
            (
                "x/weather/clusters/night.yaml",
                Ok(Address::Cluster(ClusterRef::new(
                    team(),
                    Name::new("night").unwrap(),
                ))),
            ),
            (
                "weather/workflows/daily.yaml",
                Ok(Address::Workflow(WorkflowRef::new(
                    team(),
                    Name::new("daily").unwrap(),
                ))),
            ),
            ("events/schema/team.yaml", Err(AddressError::Reserved)),
            ("team.yaml", Err(AddressError::Unknown)),
            (
                "events/weather/workflows/daily.yml",
                Err(AddressError::Unknown),
            ),
            (
                "events/weather/other/daily.yaml",
                Err(AddressError::Unknown),
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(Address::of(path), expected, "{path}");
        }
        assert!(matches!(
            Address::of("Weather/team.yaml"),
            Err(AddressError::Name(_))
        ));
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::new("a", "ä: 1\nb: é2\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (1, 2));
        assert_eq!(source.position(11), (2, 5));
        assert_eq!(source.position(500), (3, 1));
    }

    #[test]
    fn bytes_of_a_scalar_are_found_in_the_file() {
        let text = "a: \"x {{ y }}\"\nb: |\n  one {{ y }}\n  two {{ y }}\n";
        let source = Source::new("a", text);
        let quoted = Span {
            file: 0,
            start: 3,
            end: 14,
        };
        assert_eq!(&text[source.inside(quoted, "x {{ y }}", 5..6).range()], "y");
        let block = Span {
            file: 0,
            start: 18,
            end: text.len(),
        };
        let value = "one {{ y }}\ntwo {{ y }}\n";
        let second = source.inside(block, value, 16..23);
        assert_eq!(&text[second.range()], "{{ y }}");
        assert_eq!(source.position(second.start).0, 4);
        assert_eq!(source.inside(quoted, "elsewhere", 0..9), quoted);
    }
}
