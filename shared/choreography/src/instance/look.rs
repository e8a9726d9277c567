//! What reconcile does about an instance that is due (rule 17).

use model::Timestamp;
use model::cluster::{Instance, InstanceState};

use super::LOOK_AGAIN;

/// Something to be done about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// Send the provision tick of its window again.
    Provision,
    /// Have terminate-cluster look at it.
    Drain,
    /// Ask the service about the instance itself.
    Describe,
    /// Compare its open steps with what the service lists.
    Steps,
}

/// Decides what to do about a due instance, given how many steps are open on it, and when it is
/// due again; `None` when never.
///
/// An instance that takes work stays due every time: a submission writes no instance item, so
/// nobody else would arm it.
pub fn look(
    instance: &Instance,
    open_steps: usize,
    now: Timestamp,
) -> (Vec<Look>, Option<Timestamp>) {
    let again = Some(LOOK_AGAIN.after(now));
    let window_over = now >= instance.window_end;
    let steps = (open_steps > 0).then_some(Look::Steps);
    let drain = window_over.then_some(Look::Drain);
    match instance.state {
        InstanceState::Requested => match instance.lease_until {
            Some(lease) if lease > now => (Vec::new(), Some(lease)),
            Some(_) | None if window_over => (vec![Look::Drain], again),
            Some(_) | None => (vec![Look::Provision], again),
        },
        InstanceState::Starting => {
            let looks = [Some(Look::Describe), drain];
            (looks.into_iter().flatten().collect(), again)
        }
        InstanceState::Ready => {
            // Without open work, no step tells that it has gone.
            let looks = [steps.or(Some(Look::Describe)), drain];
            let end = (!window_over).then_some(instance.window_end);
            (
                looks.into_iter().flatten().collect(),
                end.min(again).or(again),
            )
        }
        InstanceState::Draining => {
            // While work is open, terminate-cluster's own delayed message brings it back.
            let overdue = open_steps == 0 || now >= instance.drain_until;
            let looks = [steps, overdue.then_some(Look::Drain)];
            (looks.into_iter().flatten().collect(), again)
        }
        InstanceState::Terminating => {
            let looks = [Some(Look::Describe), steps];
            (looks.into_iter().flatten().collect(), again)
        }
        InstanceState::Terminated | InstanceState::Failed => {
            (steps.into_iter().collect(), steps.and(again))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::units::Seconds;
    use testkit::night::instance;

    /// State, open steps, minutes; looks, seconds until the next.
    type Case = (InstanceState, usize, u64, &'static [Look], Option<u64>);

    #[test]
    fn a_due_instance_gets_the_looks_its_state_needs() {
        use InstanceState::{
            Draining, Failed, Ready, Requested, Starting, Terminated, Terminating,
        };
        use Look::{Describe, Drain, Provision, Steps};
        // The window ends after 180 minutes, the drain after 210.
        let cases: [Case; 16] = [
            (Requested, 0, 5, &[Provision], Some(90)),
            (Requested, 0, 180, &[Drain], Some(90)),
            (Starting, 0, 5, &[Describe], Some(90)),
            (Starting, 0, 180, &[Describe, Drain], Some(90)),
            (Ready, 0, 5, &[Describe], Some(90)),
            (Ready, 3, 5, &[Steps], Some(90)),
            (Ready, 3, 179, &[Steps], Some(60)),
            (Ready, 3, 180, &[Steps, Drain], Some(90)),
            (Draining, 3, 181, &[Steps], Some(90)),
            (Draining, 0, 181, &[Drain], Some(90)),
            (Draining, 3, 210, &[Steps, Drain], Some(90)),
            (Terminating, 3, 211, &[Describe, Steps], Some(90)),
            (Terminated, 3, 240, &[Steps], Some(90)),
            (Terminated, 0, 240, &[], None),
            (Failed, 1, 5, &[Steps], Some(90)),
            (Failed, 0, 5, &[], None),
        ];
        for (state, open, minutes, looks, next) in cases {
            let instance = instance(state);
            let now = Seconds::minutes(minutes).after(instance.window_start);
            let next = next.map(|seconds| Seconds(seconds).after(now));
            let got = look(&instance, open, now);
            assert_eq!(got, (looks.to_vec(), next), "{state:?} {open} {minutes}");
        }
    }

    #[test]
    fn a_claim_is_left_alone_while_its_lease_lasts() {
        let start = instance(InstanceState::Requested).window_start;
        let lease = Seconds(120).after(start);
        let claimed = Instance {
            lease_until: Some(lease),
            ..instance(InstanceState::Requested)
        };
        assert_eq!(look(&claimed, 0, start), (vec![], Some(lease)));
        let (looks, _) = look(&claimed, 0, lease);
        assert_eq!(looks, [Look::Provision]);
    }
}
