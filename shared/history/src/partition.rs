//! Where files lie: `<table>/date=<day>/team=<team>/<name>.parquet`.

use std::fmt;

use model::Timestamp;
use model::id::digest;
use model::units::Seconds;

use crate::row::Row;
use crate::table::Table;

/// A day and team of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub table: Table,
    /// When its rows ended, in UTC, as `2026-03-01`.
    pub date: String,
    pub team: String,
}

/// A folder, with `/` at its end.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, date, team } = self;
        write!(f, "{}/date={date}/team={team}/", table.name())
    }
}

impl Partition {
    /// The partition a file is in, by its name; `None` of what is no file of history.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let table = parts.next()?;
        let table = Table::ALL.into_iter().find(|one| one.name() == table)?;
        let date = parts.next()?.strip_prefix("date=")?.to_owned();
        let team = parts.next()?.strip_prefix("team=")?.to_owned();
        let file = parts.next()?;
        let ends = parts.next().is_none() && file.ends_with(".parquet");
        ends.then_some(Self { table, date, team })
    }

    /// The name of a file that holds these rows as they came. It follows from their keys: the same rows
    /// replace themselves.
    pub fn facts_file(&self, rows: &[Row]) -> String {
        self.file("facts", rows)
    }

    /// The name of a file that holds what several files held.
    pub fn merged_file(&self, rows: &[Row]) -> String {
        self.file("merged", rows)
    }

    fn file(&self, kind: &str, rows: &[Row]) -> String {
        let mut keys: Vec<String> = rows.iter().map(Row::key).collect();
        keys.sort();
        let digest = digest(keys.iter().map(String::as_str));
        format!("{self}{kind}-{}.parquet", &digest[..20])
    }
}

/// How long late facts may still come for a day: as long as an inbox keeps messages.
const LATE: u64 = 14;

/// The days, in UTC, whose facts have come, but for some that are late; the newest first.
pub fn closed_days(now: Timestamp) -> Vec<String> {
    let days = (1..=LATE).map(|days| day(Seconds::hours(24 * days).before(now)));
    days.collect()
}

/// The day of an instant in UTC.
pub(crate) fn day(instant: Timestamp) -> String {
    let mut text = instant.to_string();
    text.truncate("2026-03-01".len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_partition_it_is_in() {
        let partition = Partition {
            table: Table::Runs,
            date: "2026-03-01".to_owned(),
            team: "weather".to_owned(),
        };
        let name = partition.facts_file(&[]);
        assert!(name.starts_with("runs/date=2026-03-01/team=weather/facts-"));
        assert_eq!(Partition::of(&name), Some(partition));
        for foreign in [
            "",
            "runs",
            "other/date=2026-03-01/team=weather/a.parquet",
            "runs/date=2026-03-01/team=weather/a.csv",
            "runs/date=2026-03-01/a.parquet",
            "runs/date=2026-03-01/team=weather/more/a.parquet",
        ] {
            assert_eq!(Partition::of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_day_is_closed_when_it_is_over_in_utc() {
        let days = closed_days("2026-03-02T00:00:00Z".parse().unwrap());
        assert_eq!(days[..2], ["2026-03-01", "2026-02-28"]);
        let days = closed_days("2026-03-01T23:59:59.999Z".parse().unwrap());
        assert_eq!(days[0], "2026-02-28");
        assert_eq!(days.len(), 14);
    }
}
