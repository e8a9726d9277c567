//! Single values: texts, numbers, durations, words.

use std::borrow::Cow;

use model::units::Seconds;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;

use super::{Read, wrong_kind};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::words;
use crate::yaml::{Kind, Node};

/// Gives a type's schema by an expression.
macro_rules! schema {
    ([$($generics:tt)*] $type:ty, $name:expr, $schema:expr) => {
        impl<$($generics)*> JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}
pub(super) use schema;

/// A text; a number must be quoted to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Read for Text {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) if text.trim().is_empty() => {
                let help = "write a text";
                findings
                    .error(Code::BadValue, node.mark, "this text is empty")
                    .help(help);
                None
            }
            Kind::Text(text) => Some(Self(text.clone())),
            Kind::Number(text) => {
                wrong_kind(node, findings, "a text", &format!("quote it: \"{text}\""));
                None
            }
            Kind::Boolean(value) => {
                wrong_kind(node, findings, "a text", &format!("quote it: \"{value}\""));
                None
            }
            Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => {
                wrong_kind(node, findings, "a text", "write a text");
                None
            }
        }
    }
}

schema!([] Text, "Text", json_schema!({ "type": "string", "minLength": 1 }));

/// A text, number or boolean that is passed on as the text it is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument(pub(crate) String);

impl Read for Argument {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) | Kind::Number(text) => Some(Self(text.clone())),
            Kind::Boolean(value) => Some(Self(value.to_string())),
            Kind::Null => {
                wrong_kind(node, findings, "a text", "write \"\" for an empty text");
                None
            }
            Kind::Sequence(_) | Kind::Mapping(_) => {
                let help = "quote it; a text with `{{ … }}`, `: ` or a leading `[` needs quotes";
                wrong_kind(node, findings, "a text", help);
                None
            }
        }
    }
}

schema!([] Argument, "Argument", json_schema!({ "type": ["string", "number", "boolean"] }));

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl Read for Flag {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Boolean(value) => Some(Self(*value)),
            Kind::Text(_) | Kind::Number(_) | Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => {
                wrong_kind(
                    node,
                    findings,
                    "`true` or `false`",
                    "write `true` or `false`",
                );
                None
            }
        }
    }
}

schema!([] Flag, "Flag", json_schema!({ "type": "boolean" }));

/// A whole number between two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const LEAST: i64, const MOST: i64>(pub(crate) i64);

impl<const LEAST: i64, const MOST: i64> Whole<LEAST, MOST> {
    /// The number as what the model keeps; bounds are chosen to fit.
    pub(crate) fn fit<N: TryFrom<i64>>(self) -> Option<N> {
        N::try_from(self.0).ok()
    }
}

impl<const LEAST: i64, const MOST: i64> Read for Whole<LEAST, MOST> {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let range = format!("{LEAST} to {MOST}");
        let Kind::Number(text) = &node.kind else {
            wrong_kind(
                node,
                findings,
                "a whole number",
                &format!("write a number, {range}"),
            );
            return None;
        };
        match text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
            Ok(number) if (LEAST..=MOST).contains(&number) => Some(Self(number)),
            Ok(_) => {
                let message = format!("`{text}` is out of range");
                findings
                    .error(Code::OutOfRange, node.mark, message)
                    .help(format!("write {range}"));
                None
            }
            Err(_) => {
                let help = format!("write a number, {range}");
                wrong_kind(node, findings, "a whole number", &help);
                None
            }
        }
    }
}

schema!(
    [const LEAST: i64, const MOST: i64] Whole<LEAST, MOST>,
    format!("Whole_{LEAST}_to_{MOST}"),
    json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
);

/// A duration such as `90s`, `30m`, `2h`, `1h30m` or `7d`; at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duration(pub(crate) Seconds);

/// Longer ones are slips; EMR and Batch allow none of them.
const LONGEST: u64 = 366 * 24 * 3600;
const DURATION_PATTERN: &str = "^([0-9]+[smhd])+$";

impl Read for Duration {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let help = "write e.g. `90s`, `30m`, `2h`, `1h30m` or `7d`";
        match &node.kind {
            Kind::Text(text) => match parse_duration(text) {
                Some(seconds) if (1..=LONGEST).contains(&seconds) => Some(Self(Seconds(seconds))),
                Some(_) => {
                    let message = format!("`{text}` is out of range");
                    let help = "a duration is one second to 366 days long";
                    findings
                        .error(Code::OutOfRange, node.mark, message)
                        .help(help);
                    None
                }
                None => {
                    let message = format!("`{text}` is not a duration");
                    findings
                        .error(Code::BadValue, node.mark, message)
                        .help(help);
                    None
                }
            },
            Kind::Number(text) => {
                let help = format!("say in what: `{text}s`, `{text}m` or `{text}h`");
                wrong_kind(node, findings, "a duration with its unit", &help);
                None
            }
            Kind::Null | Kind::Boolean(_) | Kind::Sequence(_) | Kind::Mapping(_) => {
                wrong_kind(node, findings, "a duration", help);
                None
            }
        }
    }
}

/// Reads numbers with units; `None` when it is not written so. What does not fit becomes too long.
fn parse_duration(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return None;
        }
        let number = number.parse::<u64>().unwrap_or(u64::MAX);
        let unit = match tail.bytes().next()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return None,
        };
        total = total.saturating_add(number.saturating_mul(unit));
        rest = &tail[1..];
    }
    (!text.is_empty()).then_some(total)
}

schema!(
    [] Duration,
    "Duration",
    json_schema!({ "type": "string", "pattern": DURATION_PATTERN, "examples": ["90s", "30m", "2h", "1h30m"] })
);

/// A share such as `80%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) u8);

impl Read for Percent {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let written = match &node.kind {
            Kind::Text(text) => text.strip_suffix('%').map(str::trim_end),
            Kind::Null
            | Kind::Boolean(_)
            | Kind::Number(_)
            | Kind::Sequence(_)
            | Kind::Mapping(_) => None,
        };
        let percent = written.and_then(|number| number.parse::<u8>().ok());
        let fits = percent.filter(|percent| *percent <= 100);
        if fits.is_none() {
            let message = "this is not a share";
            findings
                .error(Code::BadValue, node.mark, message)
                .help("write `0%` to `100%`");
        }
        fits.map(Self)
    }
}

schema!(
    [] Percent,
    "Percent",
    json_schema!({ "type": "string", "pattern": "^(100|[0-9]{1,2}) ?%$" })
);

/// A time of day such as `"06:00"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockTime {
    pub(crate) hour: u8,
    pub(crate) minute: u8,
}

impl Read for ClockTime {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let help = "write a time such as \"06:00\", or `{ after: 3h }` for a time span";
        let Kind::Text(text) = &node.kind else {
            wrong_kind(node, findings, "a time of day", help);
            return None;
        };
        let read = || {
            let (hour, minute) = text.split_once(':')?;
            let two =
                |digits: &str| digits.len() == 2 && digits.bytes().all(|d| d.is_ascii_digit());
            let hour: u8 = hour
                .parse()
                .ok()
                .filter(|hour_number| *hour_number < 24 && two(hour))?;
            let minute: u8 = minute
                .parse()
                .ok()
                .filter(|number| *number < 60 && two(minute))?;
            Some(Self { hour, minute })
        };
        let time = read();
        if time.is_none() {
            let message = format!("`{text}` is not a time of day");
            findings
                .error(Code::BadValue, node.mark, message)
                .help(help);
        }
        time
    }
}

schema!(
    [] ClockTime,
    "ClockTime",
    json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["06:00"] })
);

/// One of the words of an enum of the model, as its serde name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<T>(pub(crate) T);

impl<T: DeserializeOwned> Read for Word<T> {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let all = words::of::<T>();
        let list = || {
            all.iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let Kind::Text(text) = &node.kind else {
            wrong_kind(
                node,
                findings,
                "a word",
                &format!("write one of {}", list()),
            );
            return None;
        };
        let word = words::parse(text);
        if word.is_none() {
            let help = findings.suggestions.help(text, all.iter().copied());
            let message = format!("there is no `{text}` here");
            findings
                .error(Code::UnknownValue, node.mark, message)
                .help(help.unwrap_or_else(list));
        }
        word.map(Self)
    }
}

schema!(
    [T: DeserializeOwned] Word<T>,
    format!("Word_{}", words::of::<T>().join("_")),
    json_schema!({ "enum": words::of::<T>() })
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_their_units() {
        let cases = [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("2h", Some(7200)),
            ("1h30m", Some(5400)),
            ("7d", Some(604_800)),
            ("99999999999999999999d", Some(u64::MAX)),
            ("", None),
            ("2", None),
            ("h", None),
            ("2 h", None),
            ("2hours", None),
            ("-2h", None),
            ("2ä", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }
}
