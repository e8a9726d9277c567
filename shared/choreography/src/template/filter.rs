//! The two filters of templates: `date_add` and `strftime`.
//!
//! Must not know variables; they take what the expression before them gave.

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Zoned};
use minijinja::{Environment, Error, ErrorKind, Value};

const NAMES: [&str; 2] = ["date_add", "strftime"];

/// Adds the filters to an engine.
pub(super) fn register(engine: &mut Environment<'static>) {
    engine.add_filter("date_add", |date: String, days: i64| {
        add_days(&date, days).map_err(failed)
    });
    engine.add_filter("strftime", |date: String, format: String| {
        format_date(&date, &format).map_err(failed)
    });
}

/// Checks a filter's name and arguments; gives what is wrong and what would be right.
pub(super) fn check(name: &str, arguments: &[Value]) -> Result<(), (String, String)> {
    match (name, arguments) {
        ("date_add", [days]) if i64::try_from(days.clone()).is_ok() => Ok(()),
        ("date_add", _) => Err((
            "date_add takes a whole number of days".to_owned(),
            "write e.g. {{ logical_date | date_add(-1) }}".to_owned(),
        )),
        ("strftime", [format]) if format.as_str().is_some() => {
            format_date("2026-01-01", format.as_str().unwrap_or_default())
                .map(|_| ())
                .map_err(|what| (what, "write e.g. \"%Y/%m/%d\"".to_owned()))
        }
        ("strftime", _) => Err((
            "strftime takes a format".to_owned(),
            "write e.g. {{ logical_date | strftime(\"%Y/%m/%d\") }}".to_owned(),
        )),
        (unknown, _) => {
            let closest = NAMES
                .iter()
                .find(|name| strsim::damerau_levenshtein(name, unknown) <= 3);
            let hint = match closest {
                Some(name) => format!("did you mean {name}?"),
                None => format!("there are only {}", NAMES.join(" and ")),
            };
            Err((format!("`{unknown}` is no filter"), hint))
        }
    }
}

fn failed(what: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

fn add_days(text: &str, days: i64) -> Result<String, String> {
    let date: Date = text
        .parse()
        .ok()
        .filter(|_| text.len() == "2026-01-01".len())
        .ok_or_else(|| format!("date_add takes a date such as logical_date, not `{text}`"))?;
    Span::new()
        .try_days(days)
        .and_then(|span| date.checked_add(span))
        .map(|date| date.to_string())
        .map_err(|_| format!("{days} days from {text} is outside the calendar"))
}

/// Formats a date or a time with an offset; a date is its midnight.
fn format_date(text: &str, format: &str) -> Result<String, String> {
    let zoned = parse_time(text)
        .ok_or_else(|| format!("strftime takes a date or a time with an offset, not `{text}`"))?;
    strtime::format(format, &zoned).map_err(|error| format!("`{format}` is no format: {error}"))
}

fn parse_time(text: &str) -> Option<Zoned> {
    let pieces = Pieces::parse(text).ok()?;
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let wall = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    Some(
        offset
            .to_timestamp(wall)
            .ok()?
            .to_zoned(TimeZone::fixed(offset)),
    )
}
