//! The zone of names, with its faults.

use model::name::ClusterRef;
use ports::{Names, NamesError};

use super::{PlatformPorts, Point};
use crate::platform::faults::Fault;

impl Names for PlatformPorts {
    fn name_of(&self, cluster: &ClusterRef) -> Option<String> {
        Some(format!("{}.{}.test", cluster.name, cluster.team))
    }

    async fn point(&self, name: &str, host: &str) -> Result<(), NamesError> {
        let faults = &self.shared.faults;
        self.turn(Point::BeforeEffect).await;
        if faults.strikes(Fault::NamesThrottle) {
            return Err(failed("not pointed"));
        }
        let now = self.shared.now();
        self.shared.watch.trace.mix_text(host);
        self.shared
            .watch
            .trace
            .note(now, || format!("  {name} leads to {host}"));
        self.shared
            .hosts
            .borrow_mut()
            .insert(name.to_owned(), host.to_owned());
        self.turn(Point::AfterEffect).await;
        if faults.strikes(Fault::NamesAnswerLost) {
            return Err(failed("pointed, the answer is lost"));
        }
        Ok(())
    }
}

fn failed(reason: &str) -> NamesError {
    NamesError {
        reason: format!("simulated: {reason}"),
    }
}
