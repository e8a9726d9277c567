//! Why a schedule was refused: what is wrong, which bytes it concerns, and what would be right.
//!
//! Must not know which file the schedule stands in; whoever does adds line and column.

use std::ops::Range;

/// Names the text that a [`ScheduleError`]'s byte range points into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulePart {
    /// The expression, e.g. `cron(15 0 * * ? *)`.
    Expression,
    /// The time zone's name, e.g. `America/New_York`.
    TimeZone,
}

/// Says why a schedule is not one that EventBridge Scheduler would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {hint}")]
pub struct ScheduleError {
    /// The text that `range` points into.
    pub part: SchedulePart,
    /// The offending bytes, always within the text and on character boundaries.
    pub range: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl ScheduleError {
    /// Makes an error about bytes of the expression.
    pub(super) fn expression(
        range: Range<usize>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> ScheduleError {
        ScheduleError {
            part: SchedulePart::Expression,
            range,
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// A piece of the expression that remembers where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Splits at each `separator`, keeping empty pieces so that they can be pointed at.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let piece = Piece { text, start };
            start += text.len() + separator.len_utf8();
            piece
        })
    }

    /// Splits at the first `separator`, if there is one.
    pub(super) fn split_once(self, separator: char) -> Option<(Piece<'a>, Piece<'a>)> {
        let (left, right) = self.text.split_once(separator)?;
        let right_start = self.start + left.len() + separator.len_utf8();
        Some((
            Piece {
                text: left,
                start: self.start,
            },
            Piece {
                text: right,
                start: right_start,
            },
        ))
    }

    /// Splits at runs of white space, as AWS separates the fields of an expression.
    pub(super) fn words(self) -> Vec<Piece<'a>> {
        self.text
            .split(char::is_whitespace)
            .scan(self.start, |start, text| {
                let piece = Piece {
                    text,
                    start: *start,
                };
                let after = piece.start - self.start + text.len();
                let gap = self.text[after..].chars().next().map_or(0, char::len_utf8);
                *start += text.len() + gap;
                Some(piece)
            })
            .filter(|piece| !piece.text.is_empty())
            .collect()
    }
}
