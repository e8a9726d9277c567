//! `murmur schedule`: when workflows start and clusters come and go, with the days marked on which
//! the clock is changed.

mod chosen;
mod tick;

use clap::Args;
use model::Timestamp;
use serde::Serialize;

use self::chosen::Chosen;
use self::tick::Tick;
use crate::arguments::{EventsFolder, ShownZone};
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint, plain};
use crate::output::{Screen, note};

const EXAMPLES: &str = "\
Examples:
  murmur schedule                               # the next ticks of everything
  murmur schedule weather                       # of one team
  murmur schedule weather/daily_report -n 30    # of one workflow or cluster
  murmur schedule --expression 'cron(30 2 * * ? *)' --zone America/New_York --from 2026-03-07
  murmur schedule --from 2026-03-01 --until 2026-03-02 --format json

Ticks are EventBridge Scheduler's: a time that a clock change leaves out is skipped, a time
that comes twice fires once. In JSON each tick has: at (UTC), local, timezone, what
(workflow, provision, terminate or expression), name, expression, skipped, clock_change.";

/// Shows when workflows start and clusters come and go; clock changes are marked
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Schedule {
    /// Teams, workflows or clusters; all when none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// An expression instead: cron(…), rate(…) or at(…)
    #[arg(long, conflicts_with_all = ["names", "events"])]
    expression: Option<String>,
    /// The expression's time zone
    #[arg(
        long,
        default_value = "UTC",
        requires = "expression",
        value_name = "ZONE"
    )]
    zone: String,
    /// How many ticks [default: 10, with --until all until then, at most 10,000]
    #[arg(long, short = 'n', value_name = "NUMBER")]
    count: Option<usize>,
    /// From this instant or date on [default: now]
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Until this instant or date
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    folder: EventsFolder,
}

/// More ticks than anybody reads.
const MOST: usize = 10_000;

/// A tick, for machines.
#[derive(Debug, Serialize)]
struct Row<'a> {
    at: Timestamp,
    local: String,
    timezone: &'a str,
    what: &'a str,
    name: &'a str,
    expression: &'a str,
    skipped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_change: Option<&'a str>,
}

impl Schedule {
    /// Prints the ticks.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let chosen = match &self.expression {
            Some(expression) => vec![chosen::expression(expression, &self.zone)?],
            None => {
                let definitions = self.folder.load()?;
                let (chosen, without) = chosen::among(&definitions, &self.names)?;
                without.iter().for_each(|text| note(text));
                chosen
            }
        };
        let own = only_zone(&chosen);
        let zone = self.shown.or(own)?;
        let from = match &self.from {
            Some(text) => zone.parse(text)?,
            None => crate::present::now(),
        };
        let until = self
            .until
            .as_deref()
            .map(|text| zone.parse(text))
            .transpose()?;
        let count = self
            .count
            .unwrap_or(if until.is_some() { MOST } else { 10 });
        let ticks = tick::merged(&chosen, from, until, count);
        if screen.is_json() {
            screen.json(&ticks.iter().map(Row::of).collect::<Vec<_>>())?;
            return Ok(Exit::Fine);
        }
        if ticks.is_empty() {
            note("nothing fires in this time");
            return Ok(Exit::Fine);
        }
        let mut table = Table::new([
            (zone.name(), Fit::Whole),
            ("utc", Fit::Drop),
            ("tick", Fit::Whole),
            ("name", Fit::Whole),
            ("clock", Fit::Wrap),
        ]);
        for tick in &ticks {
            let (shown, utc) = match tick.skipped {
                Some(wall) => (
                    faint(wall.strftime("%a %Y-%m-%d %H:%M").to_string()),
                    "never".into(),
                ),
                None => (plain(zone.weekday(tick.at)), tick.at.to_string()),
            };
            table.row([
                shown,
                faint(if zone.name() == "UTC" {
                    String::new()
                } else {
                    utc
                }),
                plain(tick.schedule.what),
                (tick.schedule.name.clone(), Paint::Strong),
                (
                    tick.clock_change.clone().unwrap_or_default(),
                    Paint::Waiting,
                ),
            ]);
        }
        screen.table(&table)?;
        Ok(Exit::Fine)
    }
}

/// The zone all of them share.
fn only_zone(chosen: &[Chosen]) -> Option<&str> {
    let (first, rest) = chosen.split_first()?;
    let name = first.spec.timezone.as_str();
    rest.iter()
        .all(|other| other.spec.timezone == name)
        .then_some(name)
}

impl<'a> Row<'a> {
    fn of(tick: &'a Tick<'a>) -> Self {
        let schedule = tick.schedule;
        let zone = schedule.schedule.time_zone();
        Self {
            at: tick.at,
            local: tick
                .skipped
                .unwrap_or_else(|| zone.to_datetime(tick.at))
                .to_string(),
            timezone: &schedule.spec.timezone,
            what: schedule.what,
            name: &schedule.name,
            expression: &schedule.spec.expression,
            skipped: tick.skipped.is_some(),
            clock_change: tick.clock_change.as_deref(),
        }
    }
}
