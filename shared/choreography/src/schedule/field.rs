//! One field of a cron expression: values, names, lists, ranges and steps become a set of numbers.
//!
//! Must not know what the numbers mean together; that is `cron`'s. Values that are no plain set
//! (`?`, `L`, `W`, `#`) are taken by `cron` before it asks here.

use std::collections::BTreeSet;

use super::error::{Piece, ScheduleError};

/// Describes what a field may hold.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) least: i16,
    pub(super) most: i16,
    /// Names for the values from `least` on; empty where the field has none.
    pub(super) names: &'static [&'static str],
}

pub(super) const MINUTE: Field = Field {
    name: "minutes",
    least: 0,
    most: 59,
    names: &[],
};
pub(super) const HOUR: Field = Field {
    name: "hours",
    least: 0,
    most: 23,
    names: &[],
};
pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day-of-month",
    least: 1,
    most: 31,
    names: &[],
};
pub(super) const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    least: 1,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
pub(super) const YEAR: Field = Field {
    name: "year",
    least: 1970,
    most: 2199,
    names: &[],
};

impl Field {
    /// Parses a list of values, ranges and steps.
    pub(super) fn parse(&self, piece: Piece<'_>) -> Result<BTreeSet<i16>, ScheduleError> {
        let mut values = BTreeSet::new();
        for item in piece.split(',') {
            values.extend(self.item(item)?);
        }
        Ok(values)
    }

    fn item(&self, item: Piece<'_>) -> Result<impl Iterator<Item = i16> + use<>, ScheduleError> {
        let (base, step) = match item.split_once('/') {
            Some((base, step)) => (base, Some(self.step(step)?)),
            None => (item, None),
        };
        let (first, last) = if base.text == "*" {
            (self.least, self.most)
        } else if let Some((first, last)) = base.split_once('-') {
            let bounds = (self.value(first)?, self.value(last)?);
            if bounds.0 > bounds.1 {
                return Err(ScheduleError::expression(
                    base.range(),
                    format!("the range {} runs backwards in {}", base.text, self.name),
                    format!(
                        "write it as two: {}-{},{}-{}",
                        first.text, self.most, self.least, last.text
                    ),
                ));
            }
            bounds
        } else {
            let value = self.value(base)?;
            (value, if step.is_some() { self.most } else { value })
        };
        Ok((first..=last).step_by(step.unwrap_or(1)))
    }

    fn step(&self, step: Piece<'_>) -> Result<usize, ScheduleError> {
        let most = self.most - self.least + 1;
        digits(step.text)
            .filter(|value| (1..=most).contains(value))
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| {
                ScheduleError::expression(
                    step.range(),
                    format!("`{}` is no step for {}", step.text, self.name),
                    format!(
                        "a step is a number from 1 to {most}, e.g. */{}",
                        most.min(5)
                    ),
                )
            })
    }

    /// Parses one number or name.
    pub(super) fn value(&self, piece: Piece<'_>) -> Result<i16, ScheduleError> {
        let named = self.names.iter().zip(self.least..);
        if let Some((_, value)) = named
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(piece.text))
        {
            return Ok(value);
        }
        match digits(piece.text) {
            Some(value) if (self.least..=self.most).contains(&value) => Ok(value),
            Some(_) | None => Err(ScheduleError::expression(
                piece.range(),
                format!("`{}` is no value for {}", piece.text, self.name),
                self.expected(piece.text),
            )),
        }
    }

    fn expected(&self, found: &str) -> String {
        let Field {
            name,
            least,
            most,
            names,
        } = self;
        match (names.first(), names.last()) {
            (Some(first), Some(last)) => {
                let upper = found.to_ascii_uppercase();
                let start: String = upper.chars().take(3).collect();
                let closest = names.iter().find(|name| **name == start).or_else(|| {
                    names
                        .iter()
                        .find(|name| strsim::damerau_levenshtein(name, &upper) == 1)
                });
                let guess = closest.map_or(String::new(), |name| format!(", did you mean {name}?"));
                format!("{name} takes {least}-{most} or {first}-{last} ({first} is {least}){guess}")
            }
            (None, _) | (_, None) => match found {
                "?" => "`?` belongs into day-of-month or day-of-week; write `*` for any".to_owned(),
                _ => format!("{name} takes {least}-{most}, `*`, lists, ranges and steps"),
            },
        }
    }
}

/// Reads up to four decimal digits and nothing else.
fn digits(text: &str) -> Option<i16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
