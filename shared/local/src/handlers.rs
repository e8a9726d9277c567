//! The functions behind their inboxes.

use model::message::Function;
use ports::{Compute, Delivery, Verdict};

use crate::local_ports::LocalPorts;

/// Handles what arrives in inboxes.
#[allow(async_fn_in_trait)] // the engine runs on one thread
pub trait Handlers<C: Compute> {
    /// Whether an optional function is switched on: only then its inbox is given facts.
    fn wants(&self, _function: Function) -> bool {
        false
    }

    /// Handles a batch of one inbox; one verdict for each delivery, in order.
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<C>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict>;
}
