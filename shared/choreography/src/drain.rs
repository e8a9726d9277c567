//! Ending an instance whose window is over: no new work, open work finishes, until the drain
//! deadline (rule 13).
//!
//! Must not know how open work is found or how an instance is ended.

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::units::Seconds;

use crate::instance::claim;

/// How often open work of a draining instance is looked at.
const RECHECK: Seconds = Seconds(45);

/// What to do about an instance that is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drain {
    /// Its window is not over: nothing.
    NotYet,
    /// Write the mark that it takes no new work, then look again.
    Mark,
    /// Look again after this long.
    Wait(Seconds),
    /// Ask the service to end it, for this reason.
    Terminate(String),
    /// The service was asked; ask again, in case nobody heard.
    AskAgain,
    /// Whether the service ever got the request for it is not known: look its name up.
    LookUp,
    /// The service never had it.
    NeverUp,
    /// It has ended.
    Ended,
}

/// Decides about an instance, given how many steps are open on it. Claims look at the mark after
/// they wrote their place, so places read after the mark was written miss none (rule 16).
pub fn decide(instance: &Instance, open_steps: usize, now: Timestamp) -> Drain {
    match instance.state {
        InstanceState::Requested | InstanceState::Starting | InstanceState::Ready => {
            if now < instance.window_end {
                Drain::NotYet
            } else {
                Drain::Mark
            }
        }
        InstanceState::Draining if instance.id.is_none() => match instance.lease_until {
            None => Drain::NeverUp,
            Some(lease) if lease > now => Drain::Wait(claim::wait(now, lease)),
            Some(_) => Drain::LookUp,
        },
        InstanceState::Draining => with_open(instance, open_steps, now),
        InstanceState::Terminating => Drain::AskAgain,
        InstanceState::Terminated | InstanceState::Failed => Drain::Ended,
    }
}

fn with_open(instance: &Instance, open_steps: usize, now: Timestamp) -> Drain {
    if open_steps == 0 {
        return Drain::Terminate("its window has ended".to_owned());
    }
    if now >= instance.drain_until {
        return Drain::Terminate(format!(
            "its drain deadline has passed with {open_steps} open steps"
        ));
    }
    Drain::Wait(RECHECK.min(claim::wait(now, instance.drain_until)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::night::instance;

    #[test]
    fn an_instance_drains_until_its_work_is_done_or_its_deadline_has_passed() {
        use InstanceState::{
            Draining, Failed, Ready, Requested, Starting, Terminated, Terminating,
        };
        // The window ends after 180 minutes, the drain after 210.
        let ends = |reason: &str| Drain::Terminate(reason.to_owned());
        let done = "its window has ended";
        let late = "its drain deadline has passed with 2 open steps";
        let cases = [
            (Requested, 0, 179, Drain::NotYet),
            (Ready, 5, 179, Drain::NotYet),
            (Requested, 0, 180, Drain::Mark),
            (Starting, 0, 180, Drain::Mark),
            (Ready, 5, 180, Drain::Mark),
            (Draining, 0, 180, ends(done)),
            (Draining, 2, 180, Drain::Wait(RECHECK)),
            (Draining, 2, 209, Drain::Wait(RECHECK)),
            (Draining, 2, 210, ends(late)),
            (Draining, 0, 300, ends(done)),
            (Terminating, 2, 211, Drain::AskAgain),
            (Terminated, 2, 211, Drain::Ended),
            (Failed, 0, 180, Drain::Ended),
        ];
        for (state, open, minutes, expected) in cases {
            let instance = instance(state);
            let now = Seconds::minutes(minutes).after(instance.window_start);
            assert_eq!(
                decide(&instance, open, now),
                expected,
                "{state:?} {minutes}"
            );
        }
    }

    #[test]
    fn the_last_look_is_at_the_deadline() {
        let instance = instance(InstanceState::Draining);
        let now = Seconds(210 * 60 - 10).after(instance.window_start);
        assert_eq!(decide(&instance, 1, now), Drain::Wait(Seconds(11)));
    }

    #[test]
    fn an_instance_without_id_ends_only_when_the_service_proved_not_to_have_it() {
        let end = instance(InstanceState::Draining).window_end;
        let cases = [
            (None, Drain::NeverUp),
            (Some(Seconds(30).after(end)), Drain::Wait(Seconds(31))),
            (Some(end), Drain::LookUp),
        ];
        for (lease_until, expected) in cases {
            let instance = Instance {
                id: None,
                lease_until,
                ..instance(InstanceState::Draining)
            };
            assert_eq!(decide(&instance, 0, end), expected, "{lease_until:?}");
        }
    }
}
