//! Windows: every provision has its terminate, in every week of a year to come, clock changes
//! included.

use choreography::schedule::Schedule;
use jiff::{SignedDuration, Timestamp};
use model::units::Seconds;

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::Span;

/// A year has both clock changes, and every cron that fires at all in a usual schedule.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 366);
/// Every half hour of a year; more windows than these are not looked at.
const MOST_WINDOWS: usize = 17_568;

/// The registry finds instances that may live by looking back a little more than this.
const LONGEST: Seconds = Seconds::hours(7 * 24);

/// A cluster's two schedules with where they are written.
pub(super) struct Schedules<'a> {
    pub(super) provision: &'a Schedule,
    pub(super) provision_at: Span,
    pub(super) terminate: &'a Schedule,
    pub(super) terminate_at: Span,
}

/// Reports the first window that is wrong; else gives the length of the longest, if there is one.
pub(super) fn check(
    schedules: &Schedules<'_>,
    now: Timestamp,
    findings: &mut Findings<'_>,
) -> Option<Seconds> {
    let until = now.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
    let mut longest = None;
    let mut previous_end: Option<Timestamp> = None;
    let mut warned = false;
    let mut starts = schedules
        .provision
        .between(now, until)
        .take(MOST_WINDOWS)
        .peekable();
    while let Some(start) = starts.next() {
        let end = window_end(schedules, start, findings)?;
        if let Some(next) = starts.peek().filter(|next| **next < end) {
            let zone = schedules.provision.time_zone();
            let message = format!(
                "the window that begins {} ends {}, but the next begins {}",
                shown(start, zone),
                shown(end, schedules.terminate.time_zone()),
                shown(*next, zone),
            );
            findings
                .error(Code::WindowOverlaps, schedules.provision_at, message)
                .help("each provision needs a terminate before the next one, also where the clock changes");
            return None;
        }
        if !warned && let Some(previous) = previous_end {
            warned = warn_idle(schedules, previous, start, findings);
        }
        let length = Seconds::between(start, end);
        if length > LONGEST {
            let begin = shown(start, schedules.provision.time_zone());
            let message =
                format!("the window that begins {begin} lasts {length}, more than seven days");
            findings
                .error(Code::WindowTooLong, schedules.terminate_at, message)
                .help(
                    "end the cluster within seven days, and let the next window bring up another",
                );
            return None;
        }
        longest = longest.max(Some(length));
        previous_end = Some(end);
    }
    longest
}

fn window_end(
    schedules: &Schedules<'_>,
    start: Timestamp,
    findings: &mut Findings<'_>,
) -> Option<Timestamp> {
    let shown_start = shown(start, schedules.provision.time_zone());
    if schedules.terminate.previous_at_or_before(start) == Some(start) {
        let message = format!("this ends the cluster at the instant it begins, {shown_start}");
        findings
            .error(Code::WindowEmpty, schedules.terminate_at, message)
            .help("let it end later, at the latest a minute before the next window begins");
        return None;
    }
    let end = schedules.terminate.next_after(start);
    if end.is_none() {
        let message = format!("nothing ends the window that begins {shown_start}");
        findings
            .error(Code::WindowNeverEnds, schedules.provision_at, message)
            .help("each provision needs a terminate after it");
    }
    end
}

/// Warns of a terminate between two windows; says whether it did.
fn warn_idle(
    schedules: &Schedules<'_>,
    previous_end: Timestamp,
    start: Timestamp,
    findings: &mut Findings<'_>,
) -> bool {
    let idle = schedules
        .terminate
        .next_after(previous_end)
        .filter(|idle| *idle < start);
    if let Some(idle) = idle {
        let zone = schedules.terminate.time_zone();
        let message = format!(
            "this ends nothing {}: no window is open then",
            shown(idle, zone)
        );
        findings
            .warning(Code::IdleTerminate, schedules.terminate_at, message)
            .help("let it fire only on the days the cluster begins; a provision that falls into a clock change is skipped");
    }
    idle.is_some()
}

fn shown(instant: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    instant
        .to_zoned(zone.clone())
        .strftime("%a %Y-%m-%d %H:%M %Z")
        .to_string()
}
