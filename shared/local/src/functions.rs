//! murmur's own functions behind the engine's inboxes.

use model::message::Function;
use ports::{Compute, Delivery, Notifier, Verdict};

use crate::handlers::Handlers;
use crate::local_ports::LocalPorts;

/// The very function libraries that run on Lambda.
#[derive(Debug, Clone, Copy, Default)]
pub struct Functions<N> {
    /// Where the alert function posts.
    pub notifier: N,
}

impl<C: Compute, N: Notifier> Handlers<C> for Functions<N> {
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<C>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict> {
        match function {
            Function::StartRun => start_run::handle(ports, batch).await,
            Function::AdvanceRun => advance_run::handle(ports, batch).await,
            Function::SubmitTask => submit_task::handle(ports, batch).await,
            Function::ObserveTask => observe_task::handle(ports, batch).await,
            Function::ProvisionCluster => provision_cluster::handle(ports, batch).await,
            Function::RecordCluster => record_cluster::handle(ports, batch).await,
            Function::TerminateCluster => terminate_cluster::handle(ports, batch).await,
            Function::Operate => operate::handle(ports, batch).await,
            Function::Reconcile => reconcile::handle(ports, batch).await,
            Function::Alert => alert::handle(ports, &self.notifier, batch).await,
        }
    }
}
