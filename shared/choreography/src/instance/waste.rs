//! Instances that cost more than they should: idle ones, and those that outlive their drain.

use model::Timestamp;
use model::cluster::{Instance, InstanceState, Waste};
use model::units::Seconds;

use super::Told;

/// How long an instance may take to end after its drain.
const ENDS_WITHIN: Seconds = Seconds::minutes(30);

/// What is known of an instance given how many steps are open on it, and what is to be told of it
/// before that is stored. Who is told twice is told the same.
pub fn waste(instance: &Instance, open_steps: usize, now: Timestamp) -> (Waste, Vec<Told>) {
    let mut told = Vec::new();
    if instance.state.is_terminal() {
        return (instance.waste, told);
    }
    let mut waste = Waste {
        leaked_told: instance.waste.leaked_told,
        ..Waste::default()
    };
    if instance.state == InstanceState::Ready && open_steps == 0 {
        waste.idle_since = instance.waste.idle_since.or(Some(now));
        waste.idle_told = instance.waste.idle_told;
    }
    let is_idle = idle_at(instance, &waste).is_some_and(|at| at <= now);
    if is_idle && !waste.idle_told {
        waste.idle_told = true;
        told.push(Told::Idle);
    }
    if instance.id.is_some() && leaked_at(instance) <= now && !waste.leaked_told {
        waste.leaked_told = true;
        told.push(Told::Leaked);
    }
    (waste, told)
}

/// From when on an instance without work is told of; `None` while it has some.
pub fn idle_at(instance: &Instance, waste: &Waste) -> Option<Timestamp> {
    Some(instance.idle_after.after(waste.idle_since?))
}

/// From when on an instance that has not ended is one that leaked.
pub fn leaked_at(instance: &Instance) -> Timestamp {
    ENDS_WITHIN.after(instance.drain_until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::night::{instance, minute};

    /// Looks at an instance at minutes of the night with so many open steps; gives what was told.
    fn told(state: InstanceState, looks: &[(u64, usize)]) -> Vec<(u64, Told)> {
        let mut one = Instance {
            id: Some("j-1".into()),
            ..instance(state)
        };
        let mut told = Vec::new();
        for (at, open) in looks {
            let (waste, now) = waste(&one, *open, minute(*at));
            one.waste = waste;
            told.extend(now.into_iter().map(|what| (*at, what)));
        }
        told
    }

    #[test]
    fn an_instance_is_told_of_once_for_each_time_it_had_no_work_for_an_hour() {
        use InstanceState::{Draining, Ready, Starting};
        let idle = [(5, 0), (64, 0), (65, 0), (66, 0)];
        assert_eq!(told(Ready, &idle), [(65, Told::Idle)]);
        for state in [Starting, Draining] {
            assert_eq!(told(state, &idle), [], "{state:?}");
        }
        let busy = [
            (5, 0),
            (64, 1),
            (65, 0),
            (124, 0),
            (125, 0),
            (126, 1),
            (127, 0),
            (187, 0),
        ];
        assert_eq!(told(Ready, &busy), [(125, Told::Idle), (187, Told::Idle)]);
    }

    #[test]
    fn what_outlives_its_drain_is_told_of_once() {
        use InstanceState::{Draining, Starting, Terminated, Terminating};
        // The window ends at 180, and the drain half an hour later.
        let looks = [(210, 1), (239, 0), (240, 0), (241, 0)];
        for state in [Starting, Draining, Terminating] {
            assert_eq!(told(state, &looks), [(240, Told::Leaked)], "{state:?}");
        }
        assert_eq!(told(Terminated, &looks), []);
    }
}
