//! Whether a route is to be told something of an incident, given what it was told last.

use model::Timestamp;
use model::alert::{Incident, IncidentState, Said, Severity};
use model::definition::{AlertChannel, AlertRoute};
use model::post::PostKind;
use model::units::Seconds;

use super::summary::Summary;

/// After a failure it takes EMR so long at most to copy what a step printed to S3
/// (<https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-debugging.html>: every five
/// minutes), and a little.
const COPIED: Seconds = Seconds(330);

/// When a route that could be told no last lines is told them: only where a message is edited, so
/// that nobody hears of it twice, and once.
pub fn printed_at(
    said: Option<&Said>,
    reference: Option<&str>,
    comes_later: bool,
    now: Timestamp,
) -> Option<Timestamp> {
    if !comes_later || reference.is_none() {
        return None;
    }
    match said.filter(|said| said.state == IncidentState::Open) {
        None => Some(COPIED.after(now)),
        Some(said) => said.printed_at.filter(|at| *at > now),
    }
}

/// What a route is told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// It knows all there is to know, or does not want to.
    Nothing,
    /// Not before then: it is quiet.
    Hold(Timestamp),
    Now(PostKind),
}

/// What matters besides the incident itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    pub now: Timestamp,
    /// Until when its workflow is quiet.
    pub quiet_until: Option<Timestamp>,
    /// Whether fewer runs have failed in a row than its workflow wants to be told of.
    pub is_rare: bool,
    /// Whether something was posted that may have been seen or not: what was said last is then not
    /// what people know.
    pub is_unsure: bool,
}

/// Decides what a route is told.
pub fn say(
    incident: &Incident,
    summary: &Summary,
    route: &AlertRoute,
    said: Option<&Said>,
    circumstances: Circumstances,
) -> Say {
    let said_open = said.filter(|said| said.state == IncidentState::Open);
    match (incident.state, said_open) {
        (IncidentState::Resolved, None) if !circumstances.is_unsure => Say::Nothing,
        // Who was told that something is wrong is told that it is no more, at any hour.
        (IncidentState::Resolved, Some(_) | None) => Say::Now(PostKind::Resolved),
        (IncidentState::Open, None) => opened(summary, route, circumstances),
        (IncidentState::Open, Some(said)) => {
            let newer = summary
                .newest_at
                .is_some_and(|newest| newest > said.newest_at);
            let more = summary.symptoms > said.symptoms || newer;
            if circumstances.is_unsure {
                Say::Now(PostKind::Opened)
            } else if more && (edits(route.channel, said) || is_worse(summary, said)) {
                Say::Now(PostKind::Changed)
            } else {
                match said.printed_at {
                    Some(at) if at <= circumstances.now => Say::Now(PostKind::Changed),
                    Some(at) => Say::Hold(at),
                    None => Say::Nothing,
                }
            }
        }
    }
}

fn opened(summary: &Summary, route: &AlertRoute, circumstances: Circumstances) -> Say {
    // Nothing stands while it is being resolved.
    if summary.standing == 0 || !summary.is_wanted(route) {
        return Say::Nothing;
    }
    if summary.severity == Severity::Critical {
        return Say::Now(PostKind::Opened);
    }
    if circumstances.is_rare {
        return Say::Nothing;
    }
    match circumstances.quiet_until {
        Some(until) => Say::Hold(until),
        None => Say::Now(PostKind::Opened),
    }
}

/// Whether a later message takes the place of an earlier one, or its own place below it, so that
/// more can be said without another alert. By an incoming webhook of Slack, or in a digest, there is
/// no message to find again.
fn edits(channel: AlertChannel, said: &Said) -> bool {
    match channel {
        AlertChannel::Slack => said.reference.is_some(),
        AlertChannel::Pagerduty => true,
        AlertChannel::Webhook | AlertChannel::Email => false,
    }
}

/// Whether people are to be called again, wherever they were told.
fn is_worse(summary: &Summary, said: &Said) -> bool {
    said.severity
        .is_some_and(|severity| severity < summary.severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::alert::Symptom;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn incident(state: IncidentState) -> Incident {
        Incident {
            incident: "run/r".parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: None,
            state,
            opening: 1,
            opened_at: at(1),
            resolved_at: None,
            look_at: at(1),
        }
    }

    fn summary(symptoms: &[(&str, i64)]) -> Summary {
        let mut summary = Summary::default();
        for (name, second) in symptoms {
            let symptom = Symptom {
                incident: "run/r".parse().unwrap(),
                symptom: name.parse().unwrap(),
                team: "team".parse().unwrap(),
                workflow: None,
                generation: 1,
                attempt: 1,
                failure: None,
                reason: None,
                at: at(*second),
                cleared_at: None,
            };
            summary.add(symptom, None);
        }
        summary
    }

    fn said(state: IncidentState, symptoms: u32, newest: i64) -> Said {
        Said {
            state,
            opening: 1,
            symptoms,
            newest_at: at(newest),
            at: at(newest),
            severity: Some(Severity::Error),
            printed_at: None,
            reference: Some("C/1".into()),
        }
    }

    #[test]
    fn lines_that_come_later_are_put_into_a_message_that_is_edited_and_once() {
        let open = said(IncidentState::Open, 1, 5);
        let closed = said(IncidentState::Resolved, 1, 5);
        let waits = Said {
            printed_at: Some(at(200)),
            ..said(IncidentState::Open, 1, 5)
        };
        let later = Some(at(430));
        for (said, reference, comes_later, expected) in [
            (None, Some("C/1"), true, later),
            (Some(&closed), Some("C/1"), true, later),
            (Some(&open), Some("C/1"), true, None),
            (Some(&waits), Some("C/1"), true, waits.printed_at),
            (Some(&waits), Some("C/1"), false, None),
            (None, None, true, None),
            (None, Some("C/1"), false, None),
        ] {
            assert_eq!(printed_at(said, reference, comes_later, at(100)), expected);
        }
    }

    #[test]
    fn a_route_is_brought_up_to_date_and_told_nothing_twice() {
        use IncidentState::{Open, Resolved};
        let one = [("task/r/t", 5)];
        let two = [("task/r/t", 5), ("task/r/u", 9)];
        let at_once = [("task/r/t", 5), ("task/r/u", 5)];
        let again = [("task/r/t", 9)];
        let late = [("deadline/r", 5)];
        let worse = [("task/r/t", 5), ("deadline/r", 9)];
        let usual = Circumstances {
            now: at(50),
            quiet_until: None,
            is_rare: false,
            is_unsure: false,
        };
        let unsure = Circumstances {
            is_unsure: true,
            ..usual
        };
        let quiet = Circumstances {
            quiet_until: Some(at(100)),
            ..usual
        };
        let rare = Circumstances {
            is_rare: true,
            ..usual
        };
        let slack = AlertChannel::Slack;
        let email = AlertChannel::Email;
        let opened = || Some(said(Open, 1, 5));
        let unfound = || {
            let said = said(Open, 1, 5);
            Some(Said {
                reference: None,
                ..said
            })
        };
        let unprinted = |printed_at| {
            let said = said(Open, 1, 5);
            Some(Said {
                printed_at: Some(at(printed_at)),
                ..said
            })
        };
        let closed = || Some(said(Resolved, 1, 5));
        let now = |kind| Say::Now(kind);
        for (name, state, symptoms, channel, before, circumstances, expected) in [
            (
                "first",
                Open,
                &one[..],
                slack,
                None,
                usual,
                now(PostKind::Opened),
            ),
            (
                "again the same",
                Open,
                &one,
                slack,
                opened(),
                usual,
                Say::Nothing,
            ),
            (
                "one more",
                Open,
                &two,
                slack,
                opened(),
                usual,
                now(PostKind::Changed),
            ),
            (
                "one more at the same time",
                Open,
                &at_once,
                slack,
                opened(),
                usual,
                now(PostKind::Changed),
            ),
            (
                "one more by mail",
                Open,
                &two,
                email,
                opened(),
                usual,
                Say::Nothing,
            ),
            (
                "one more where nothing is found again",
                Open,
                &two,
                slack,
                unfound(),
                usual,
                Say::Nothing,
            ),
            (
                "worse by mail",
                Open,
                &worse,
                email,
                unfound(),
                usual,
                now(PostKind::Changed),
            ),
            (
                "failed again",
                Open,
                &again,
                slack,
                opened(),
                usual,
                now(PostKind::Changed),
            ),
            (
                "well again",
                Resolved,
                &[],
                slack,
                opened(),
                usual,
                now(PostKind::Resolved),
            ),
            (
                "well at night",
                Resolved,
                &[],
                email,
                opened(),
                quiet,
                now(PostKind::Resolved),
            ),
            (
                "never told",
                Resolved,
                &[],
                slack,
                None,
                usual,
                Say::Nothing,
            ),
            (
                "told that it is well",
                Resolved,
                &[],
                slack,
                closed(),
                usual,
                Say::Nothing,
            ),
            (
                "opened again",
                Open,
                &one,
                slack,
                closed(),
                usual,
                now(PostKind::Opened),
            ),
            (
                "at night",
                Open,
                &one,
                slack,
                None,
                quiet,
                Say::Hold(at(100)),
            ),
            (
                "critical at night",
                Open,
                &late,
                slack,
                None,
                quiet,
                now(PostKind::Opened),
            ),
            ("rare", Open, &one, slack, None, rare, Say::Nothing),
            (
                "rare but critical",
                Open,
                &late,
                slack,
                None,
                rare,
                now(PostKind::Opened),
            ),
            (
                "perhaps told of both",
                Resolved,
                &[],
                slack,
                None,
                unsure,
                now(PostKind::Resolved),
            ),
            (
                "perhaps told that it is well",
                Open,
                &one,
                email,
                opened(),
                unsure,
                now(PostKind::Opened),
            ),
            (
                "its lines are not there",
                Open,
                &one,
                slack,
                unprinted(60),
                usual,
                Say::Hold(at(60)),
            ),
            (
                "its lines are there",
                Open,
                &one,
                slack,
                unprinted(50),
                usual,
                now(PostKind::Changed),
            ),
            (
                "nothing stands",
                Open,
                &[],
                slack,
                None,
                usual,
                Say::Nothing,
            ),
        ] {
            let route = AlertRoute {
                channel,
                to: "#ops".into(),
                secret: None,
                facts: Vec::new(),
                severity: Severity::Warning,
            };
            let says = say(
                &incident(state),
                &summary(symptoms),
                &route,
                before.as_ref(),
                circumstances,
            );
            assert_eq!(says, expected, "{name}");
        }
    }
}
