//! Which instance a cluster's stable name leads to.

use model::cluster::{Endpoint, Instance};

/// Chooses the newest instance that ever became ready, whatever has become of it since. What was
/// ready stays so, thus the choice only ever moves on to newer ones: an older instance's late word
/// cannot take the name back.
pub fn leads_to<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> Option<&'a Endpoint> {
    let reached = instances.into_iter().filter_map(|instance| {
        let endpoint = instance.endpoint.as_ref()?;
        instance.ready_at.is_some().then_some((instance, endpoint))
    });
    let age = |instance: &Instance| (instance.window_start, instance.instance.ordinal);
    let newest = reached.max_by_key(|(instance, _)| age(instance));
    newest.map(|(_, endpoint)| endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::cluster::InstanceState;
    use model::units::Seconds;
    use testkit::night;

    /// An instance so many hours into the night, the how-manieth of its window.
    fn instance(state: InstanceState, hour: u64, ordinal: u32) -> Instance {
        let window_start = Seconds::hours(hour).after(night::minute(0));
        let mut instance = night::instance(state);
        instance.window_start = window_start;
        instance.instance.window_start = window_start;
        instance.instance.ordinal = ordinal;
        instance.endpoint = instance.ready_at.is_some().then(|| Endpoint {
            master_dns: format!("{hour}-{ordinal}"),
            ..Endpoint::default()
        });
        instance
    }

    #[test]
    fn the_newest_that_was_ever_ready_has_the_name() {
        use InstanceState::{Draining, Failed, Ready, Requested, Starting, Terminated};
        let cases: [(&[(InstanceState, u64, u32)], Option<&str>); 7] = [
            (&[], None),
            (&[(Requested, 0, 1), (Starting, 0, 2)], None),
            (&[(Ready, 0, 1)], Some("0-1")),
            (&[(Failed, 0, 1), (Ready, 0, 2)], Some("0-2")),
            (&[(Ready, 5, 1), (Draining, 0, 2)], Some("5-1")),
            (&[(Draining, 0, 1), (Starting, 5, 1)], Some("0-1")),
            (&[(Ready, 0, 1), (Terminated, 5, 1)], Some("5-1")),
        ];
        for (instances, expected) in cases {
            let instances: Vec<Instance> = instances
                .iter()
                .map(|(state, hour, ordinal)| instance(*state, *hour, *ordinal))
                .collect();
            let chosen = leads_to(&instances).map(|endpoint| endpoint.master_dns.as_str());
            assert_eq!(chosen, expected);
        }
    }
}
