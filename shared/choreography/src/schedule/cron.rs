//! `cron(minutes hours day-of-month month day-of-week year)` as EventBridge Scheduler reads it.
//!
//! The dialect is AWS's own: six fields, exactly one `?` in the two day fields, SUN=1, `L`, `W`, `#`,
//! years 1970-2199. It is parsed here and not with `croner` because croner's dialect differs in all of
//! these (seconds instead of `?`, SUN=0, a lone weekday `L`), its errors carry no position, and its
//! search for the next instant has the wrong rule for DST days built in; what would be left of it is less
//! than the translation.
//!
//! Works on local wall-clock times only. Must not know time zones: `zone` turns what is found here into
//! instants.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time, date};

use super::error::{Piece, ScheduleError};
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, YEAR};

/// Holds which wall-clock minutes a cron expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

/// Says which days of a month are meant, by whichever day field is not `?`. Weekdays count SUN=1.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    LastOfMonth,
    /// The weekday nearest to this day, within the same month.
    NearestWeekday(i16),
    OfWeek(BTreeSet<i16>),
    LastWeekday(i16),
    NthWeekday {
        weekday: i16,
        nth: i16,
    },
}

impl Cron {
    /// Parses what stands between the parentheses.
    pub(super) fn parse(body: Piece<'_>) -> Result<Cron, ScheduleError> {
        let fields = body.words();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            return Err(wrong_field_count(body, &fields));
        };
        Ok(Cron {
            minutes: MINUTE.parse(minutes)?,
            hours: HOUR.parse(hours)?,
            days: Days::parse(day_of_month, day_of_week)?,
            months: MONTH.parse(month)?,
            years: YEAR.parse(year)?,
        })
    }

    /// Finds the first matching wall-clock minute that is not over at `from`; it may have begun.
    pub(super) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        let from = from.max(date(YEAR.least, 1, 1).at(0, 0, 0, 0));
        let day = self.date_at_or_after(from.date())?;
        if day > from.date() {
            return self
                .time_at_or_after(Time::midnight())
                .map(|time| day.to_datetime(time));
        }
        if let Some(time) = self.time_at_or_after(from.time()) {
            return Some(day.to_datetime(time));
        }
        let day = self.date_at_or_after(day.tomorrow().ok()?)?;
        self.time_at_or_after(Time::midnight())
            .map(|time| day.to_datetime(time))
    }

    /// Finds the last matching wall-clock time that is not after `to`.
    pub(super) fn at_or_before(&self, to: DateTime) -> Option<DateTime> {
        let to = to.min(date(YEAR.most, 12, 31).at(23, 59, 0, 0));
        let day = self.date_at_or_before(to.date())?;
        if day < to.date() {
            return self
                .time_at_or_before(Time::MAX)
                .map(|time| day.to_datetime(time));
        }
        if let Some(time) = self.time_at_or_before(to.time()) {
            return Some(day.to_datetime(time));
        }
        let day = self.date_at_or_before(day.yesterday().ok()?)?;
        self.time_at_or_before(Time::MAX)
            .map(|time| day.to_datetime(time))
    }

    fn date_at_or_after(&self, from: Date) -> Option<Date> {
        self.years.range(from.year()..).find_map(|&year| {
            let first_month = if year == from.year() {
                i16::from(from.month())
            } else {
                1
            };
            self.months.range(first_month..).find_map(|&month| {
                let within = year == from.year() && month == i16::from(from.month());
                let skipped = if within { from.day() - 1 } else { 0 };
                let days = self.days.mask(year, month)? >> skipped << skipped;
                day_of(
                    year,
                    month,
                    days.checked_ilog2().map(|_| days.trailing_zeros()),
                )
            })
        })
    }

    fn date_at_or_before(&self, to: Date) -> Option<Date> {
        self.years.range(..=to.year()).rev().find_map(|&year| {
            let last_month = if year == to.year() {
                i16::from(to.month())
            } else {
                12
            };
            self.months.range(..=last_month).rev().find_map(|&month| {
                let within = year == to.year() && month == i16::from(to.month());
                let skipped = if within { 32 - to.day() } else { 0 };
                let days = self.days.mask(year, month)?;
                let days = if within {
                    days << skipped >> skipped
                } else {
                    days
                };
                day_of(year, month, days.checked_ilog2())
            })
        })
    }

    fn time_at_or_after(&self, from: Time) -> Option<Time> {
        let (hour, minute) = (i16::from(from.hour()), i16::from(from.minute()));
        let first = |minutes: &BTreeSet<i16>, least| minutes.range(least..).next().copied();
        if self.hours.contains(&hour)
            && let Some(minute) = first(&self.minutes, minute)
        {
            return time_of(hour, minute);
        }
        time_of(first(&self.hours, hour + 1)?, first(&self.minutes, 0)?)
    }

    fn time_at_or_before(&self, to: Time) -> Option<Time> {
        let (hour, minute) = (i16::from(to.hour()), i16::from(to.minute()));
        let last = |values: &BTreeSet<i16>, most| values.range(..=most).next_back().copied();
        if self.hours.contains(&hour)
            && let Some(minute) = last(&self.minutes, minute)
        {
            return time_of(hour, minute);
        }
        time_of(
            last(&self.hours, hour - 1)?,
            last(&self.minutes, MINUTE.most)?,
        )
    }
}

fn time_of(hour: i16, minute: i16) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

fn day_of(year: i16, month: i16, zero_based_day: Option<u32>) -> Option<Date> {
    let day = i8::try_from(zero_based_day? + 1).ok()?;
    Date::new(year, i8::try_from(month).ok()?, day).ok()
}

impl Days {
    fn parse(day_of_month: Piece<'_>, day_of_week: Piece<'_>) -> Result<Days, ScheduleError> {
        match (day_of_month.text, day_of_week.text) {
            ("?", "?") => Err(ScheduleError::expression(
                day_of_month.start..day_of_week.range().end,
                "day-of-month and day-of-week are both `?`",
                "exactly one of them is `?`; write `*` in day-of-month for every day",
            )),
            ("?", _) => Days::of_week(day_of_week),
            (_, "?") => Days::of_month(day_of_month),
            (_, week) => {
                let (piece, other) = match week {
                    "*" => (day_of_week, "day-of-week"),
                    _ => (day_of_month, "day-of-month"),
                };
                Err(ScheduleError::expression(
                    piece.range(),
                    "day-of-month and day-of-week are both given",
                    format!("exactly one of them is `?`; write `?` in {other}"),
                ))
            }
        }
    }

    fn of_month(piece: Piece<'_>) -> Result<Days, ScheduleError> {
        if piece.text == "L" {
            return Ok(Days::LastOfMonth);
        }
        if let Some(day) = piece.text.strip_suffix('W') {
            let day = DAY_OF_MONTH.value(Piece {
                text: day,
                start: piece.start,
            })?;
            return Ok(Days::NearestWeekday(day));
        }
        refuse_special(
            piece,
            &DAY_OF_MONTH,
            "`L` (last day) and `15W` (nearest weekday) stand alone",
        )?;
        Ok(Days::OfMonth(DAY_OF_MONTH.parse(piece)?))
    }

    fn of_week(piece: Piece<'_>) -> Result<Days, ScheduleError> {
        if piece.text == "L" {
            return Ok(Days::OfWeek(BTreeSet::from([DAY_OF_WEEK.most])));
        }
        if let Some((weekday, nth)) = piece.split_once('#') {
            let within = Field {
                name: "day-of-week after `#`",
                least: 1,
                most: 5,
                names: &[],
            };
            let refusal = "`6#3` (the third Friday) stands alone";
            refuse_special(weekday, &DAY_OF_WEEK, refusal)?;
            return Ok(Days::NthWeekday {
                weekday: DAY_OF_WEEK.value(weekday)?,
                nth: within.value(nth)?,
            });
        }
        if let Some(weekday) = piece.text.strip_suffix('L') {
            let weekday = DAY_OF_WEEK.value(Piece {
                text: weekday,
                start: piece.start,
            })?;
            return Ok(Days::LastWeekday(weekday));
        }
        refuse_special(
            piece,
            &DAY_OF_WEEK,
            "`6L` (the last Friday) and `L` (Saturday) stand alone",
        )?;
        Ok(Days::OfWeek(DAY_OF_WEEK.parse(piece)?))
    }

    /// Gives the days of a month, bit 0 for the 1st; `None` where there is no such month.
    fn mask(&self, year: i16, month: i16) -> Option<u32> {
        let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
        let last = i16::from(first.days_in_month());
        let weekday_of_first = i16::from(first.weekday().to_sunday_zero_offset());
        let weekday = |day: i16| (weekday_of_first + day - 1) % 7 + 1;
        let mask = |matches: &dyn Fn(i16) -> bool| {
            (1..=last)
                .filter(|day| matches(*day))
                .fold(0u32, |mask, day| mask | 1 << (day - 1))
        };
        Some(match self {
            Days::OfMonth(days) => mask(&|day| days.contains(&day)),
            Days::LastOfMonth => mask(&|day| day == last),
            Days::NearestWeekday(wanted) => {
                let nearest = match weekday(*wanted) {
                    7 if *wanted == 1 => 3,
                    7 => wanted - 1,
                    1 if *wanted == last => wanted - 2,
                    1 => wanted + 1,
                    _ => *wanted,
                };
                mask(&|day| *wanted <= last && day == nearest)
            }
            Days::OfWeek(weekdays) => mask(&|day| weekdays.contains(&weekday(day))),
            Days::LastWeekday(wanted) => mask(&|day| weekday(day) == *wanted && day + 7 > last),
            Days::NthWeekday {
                weekday: wanted,
                nth,
            } => mask(&|day| weekday(day) == *wanted && (day - 1) / 7 + 1 == *nth),
        })
    }
}

/// Refuses `L`, `W` and `#` inside lists and ranges, where AWS does not take them.
fn refuse_special(piece: Piece<'_>, field: &Field, hint: &str) -> Result<(), ScheduleError> {
    for item in piece.split(',') {
        let named = item.split('-').any(|value| {
            field
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(value.text))
        });
        let special = item.text == "L"
            || item.text.contains('#')
            || (!named
                && item.text.starts_with(|first: char| first.is_ascii_digit())
                && item.text.ends_with(['L', 'W']));
        if special {
            return Err(ScheduleError::expression(
                item.range(),
                format!(
                    "`{}` is not possible inside a list in {}",
                    item.text, field.name
                ),
                hint,
            ));
        }
    }
    Ok(())
}

fn wrong_field_count(body: Piece<'_>, fields: &[Piece<'_>]) -> ScheduleError {
    let texts: Vec<&str> = fields.iter().map(|field| field.text).collect();
    let right = match texts[..] {
        [minute, hour, day, month, "*"] => format!("cron({minute} {hour} {day} {month} ? *)"),
        [minute, hour, "*", month, weekday] => {
            format!("cron({minute} {hour} ? {month} {weekday} *), where SUN is 1")
        }
        _ => "cron(minutes hours day-of-month month day-of-week year), e.g. cron(15 0 * * ? *)"
            .to_owned(),
    };
    ScheduleError::expression(
        body.range(),
        format!("cron takes six fields, here are {}", fields.len()),
        format!("write {right}"),
    )
}
