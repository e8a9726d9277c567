//! Whether an incident is open: while one of its symptoms stands.

use model::Timestamp;
use model::alert::{Incident, IncidentState, Root, Symptom};
use model::units::Seconds;

use crate::claim::SKEW;

/// When routes look at an open incident again, after its opening: more fails with it at first.
const LOOKS: [Seconds; 3] = [Seconds(20), Seconds(90), Seconds(300)];

/// After those, at most so often.
const THEN_EVERY: Seconds = Seconds(600);

/// What opening an incident, or adding to it, comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// It is opened, for the first time or again.
    Opened(Incident),
    /// Its routes look at it again at its `look_at`: they have looked since they were last asked.
    Asked(Incident),
    /// Its routes look at it anyway, later than now.
    Known,
}

/// A symptom stands: the incident is open, and its routes will look after now.
pub fn add(stored: Option<&Incident>, symptom: &Symptom, now: Timestamp) -> Added {
    match stored {
        Some(incident) if incident.state == IncidentState::Open => {
            // By another clock that look may be over.
            if SKEW.after(now) < incident.look_at {
                return Added::Known;
            }
            Added::Asked(Incident {
                look_at: next_look(incident.opened_at, now.max(incident.look_at)),
                ..incident.clone()
            })
        }
        Some(_) | None => Added::Opened(Incident {
            incident: symptom.incident.clone(),
            team: match &symptom.incident {
                Root::Run(_) | Root::Inbox(_) => symptom.team.clone(),
                Root::Cluster(cluster) => cluster.team.clone(),
            },
            workflow: match &symptom.incident {
                Root::Run(_) => symptom.workflow.clone(),
                Root::Cluster(_) | Root::Inbox(_) => None,
            },
            state: IncidentState::Open,
            opening: stored.map_or(1, |incident| incident.opening + 1),
            opened_at: symptom.at,
            resolved_at: None,
            look_at: now,
        }),
    }
}

fn next_look(opened_at: Timestamp, last: Timestamp) -> Timestamp {
    let first = LOOKS.into_iter().map(|look| look.after(opened_at));
    first
        .filter(|at| *at > last)
        .min()
        .unwrap_or(THEN_EVERY.after(last))
}

/// What an incident becomes, given whether a symptom stands; `None` where it stays as it is.
///
/// Whoever resolves it looks at the symptoms again afterwards: one may have come in between, and
/// its bearer has seen the incident open.
pub fn settled(incident: &Incident, stands: bool, now: Timestamp) -> Option<Incident> {
    match (incident.state, stands) {
        (IncidentState::Open, false) => Some(Incident {
            state: IncidentState::Resolved,
            resolved_at: Some(now),
            look_at: now,
            ..incident.clone()
        }),
        (IncidentState::Resolved, true) => Some(Incident {
            state: IncidentState::Open,
            resolved_at: None,
            look_at: now,
            ..incident.clone()
        }),
        (IncidentState::Open, true) | (IncidentState::Resolved, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn symptom() -> Symptom {
        Symptom {
            incident: "cluster/etl/red".parse().unwrap(),
            symptom: "task/r/t".parse().unwrap(),
            team: "weather".parse().unwrap(),
            workflow: Some("report".parse().unwrap()),
            generation: 1,
            attempt: 1,
            failure: None,
            reason: None,
            at: at(100),
            cleared_at: None,
        }
    }

    #[test]
    fn an_incident_of_a_cluster_is_its_owners() {
        let Added::Opened(opened) = add(None, &symptom(), at(101)) else {
            panic!("it opens");
        };
        assert_eq!(opened.team.as_str(), "etl");
        assert_eq!(opened.workflow, None);
        assert_eq!((opened.opening, opened.opened_at), (1, at(100)));
        let of_run = Symptom {
            incident: "run/r".parse().unwrap(),
            ..symptom()
        };
        let Added::Opened(opened) = add(None, &of_run, at(101)) else {
            panic!("it opens");
        };
        assert_eq!(opened.team.as_str(), "weather");
        assert_eq!(opened.workflow, of_run.workflow);
    }

    #[test]
    fn many_symptoms_ask_for_few_looks() {
        let Added::Opened(mut incident) = add(None, &symptom(), at(100)) else {
            panic!("it opens");
        };
        let mut looks = Vec::new();
        for second in 100..2_000 {
            match add(Some(&incident), &symptom(), at(second)) {
                Added::Asked(asked) => {
                    looks.push(asked.look_at.as_second() - 100);
                    incident = asked;
                }
                Added::Known => {}
                Added::Opened(_) => panic!("it is open"),
            }
        }
        assert_eq!(looks, [20, 90, 300, 900, 1_500, 2_100]);
    }

    #[test]
    fn a_look_that_may_be_over_by_another_clock_is_asked_for_again() {
        let Added::Opened(opened) = add(None, &symptom(), at(100)) else {
            panic!("it opens");
        };
        let incident = Incident {
            look_at: at(120),
            ..opened
        };
        let table = [
            (109, None),
            (110, Some(90)),
            (119, Some(90)),
            (150, Some(90)),
        ];
        for (now, expected) in table {
            let asked = match add(Some(&incident), &symptom(), at(now)) {
                Added::Asked(asked) => Some(asked.look_at.as_second() - 100),
                Added::Known => None,
                Added::Opened(_) => panic!("it is open"),
            };
            assert_eq!(asked, expected, "{now}");
        }
    }

    #[test]
    fn it_is_open_while_a_symptom_stands() {
        let Added::Opened(open) = add(None, &symptom(), at(101)) else {
            panic!("it opens");
        };
        assert_eq!(settled(&open, true, at(200)), None);
        let resolved = settled(&open, false, at(200)).unwrap();
        assert_eq!(resolved.state, IncidentState::Resolved);
        assert_eq!(
            (resolved.resolved_at, resolved.look_at),
            (Some(at(200)), at(200))
        );
        assert_eq!(settled(&resolved, false, at(300)), None);
        let again = settled(&resolved, true, at(300)).unwrap();
        assert_eq!((again.state, again.opening), (IncidentState::Open, 1));
        assert_eq!((again.resolved_at, again.look_at), (None, at(300)));
        let Added::Opened(second) = add(Some(&resolved), &symptom(), at(300)) else {
            panic!("it opens again");
        };
        assert_eq!(second.opening, 2);
    }
}
