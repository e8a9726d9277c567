//! Schedules and time zones.

use choreography::schedule::{Schedule, SchedulePart};
use jiff::Timestamp;

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::Text;
use crate::source::At;

/// The zone of schedules that name none; Terraform's modules say the same.
pub(crate) const DEFAULT_ZONE: &str = "UTC";

/// Parses a schedule and reports what is wrong with it.
pub(super) fn parse(
    expression: &At<Text>,
    timezone: Option<&At<Text>>,
    now: Timestamp,
    findings: &mut Findings<'_>,
) -> Option<Schedule> {
    let text = &expression.value.0;
    let zone = timezone.map_or(DEFAULT_ZONE, |zone| zone.value.0.as_str());
    let schedule = match Schedule::parse(text, zone, now) {
        Ok(schedule) => schedule,
        Err(error) => {
            let (code, written) = match error.part {
                SchedulePart::Expression => {
                    // Both parts may be wrong; the parser stops at the first.
                    if let Some(timezone) = timezone {
                        check_zone(timezone, now, findings);
                    }
                    (Code::BadSchedule, expression)
                }
                SchedulePart::TimeZone => (Code::BadTimeZone, timezone.unwrap_or(expression)),
            };
            let at = findings.inside(written.at, &written.value.0, error.range);
            findings.error(code, at, error.what).help(error.hint);
            return None;
        }
    };
    if schedule.never_fires_after(Timestamp::UNIX_EPOCH) {
        findings
            .error(Code::NeverFires, expression.at, "this schedule never fires")
            .help("no such date and time ever comes; `murmur schedule` shows what would");
        return None;
    }
    if schedule.never_fires_after(now) {
        findings
            .warning(
                Code::NeverFires,
                expression.at,
                "this schedule has fired for the last time",
            )
            .help("remove it, or name a time to come");
    }
    Some(schedule)
}

/// Reports what is no time zone.
pub(super) fn check_zone(zone: &At<Text>, now: Timestamp, findings: &mut Findings<'_>) {
    if let Err(error) = Schedule::parse("rate(1 day)", &zone.value.0, now) {
        let at = findings.inside(zone.at, &zone.value.0, error.range);
        findings
            .error(Code::BadTimeZone, at, error.what)
            .help(error.hint);
    }
}
