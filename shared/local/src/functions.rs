//! murmur's own functions behind the engine's inboxes.

use model::definition::AlertRoute;
use model::message::Function;
use model::name::TeamName;
use model::post::Post;
use ports::exporter::Nothing;
use ports::{Compute, Delivery, Export, Exporter, Notifier, NotifyError, Verdict};

use crate::compute::LocalPrintouts;
use crate::handlers::Handlers;
use crate::local_ports::LocalPorts;

/// The very function libraries that run on Lambda.
#[derive(Debug, Clone, Copy, Default)]
pub struct Functions<N, E = Nothing> {
    /// Where the alert function posts.
    pub notifier: N,
    /// Where traces and lineage go.
    pub exporter: E,
}

impl<C: Compute, N: Notifier, E: Exporter> Handlers<C> for Functions<N, E> {
    fn wants(&self, function: Function) -> bool {
        let exports = [Export::Traces, Export::Lineage];
        function == Function::ExportRuns
            && exports.map(|it| self.exporter.takes(it)).contains(&true)
    }

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
            Function::Alert => {
                let notifier = Committing {
                    ports,
                    inner: &self.notifier,
                };
                let printouts = LocalPrintouts::new(ports.folder());
                alert::handle(ports, &notifier, &printouts, batch).await
            }
            Function::ExportRuns => {
                let exporter = Committing {
                    ports,
                    inner: &self.exporter,
                };
                export_runs::handle(ports, &exporter, batch).await
            }
        }
    }
}

/// Somebody elsewhere who hears of anything only after everything done so far was committed. That
/// something is about to be posted survives a crash, so that a repeat says that it is one; and
/// nothing is exported that a crash could take back.
struct Committing<'a, C, N> {
    ports: &'a LocalPorts<C>,
    inner: &'a N,
}

impl<C: Compute, N: Notifier> Notifier for Committing<'_, C, N> {
    async fn post(
        &self,
        team: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        let unavailable = |failure: crate::database::Failure| NotifyError::Unavailable {
            reason: failure.to_string(),
        };
        self.ports.commit().map_err(unavailable)?;
        self.inner.post(team, route, post).await
    }
}

impl<C: Compute, E: Exporter> Exporter for Committing<'_, C, E> {
    fn takes(&self, export: Export) -> bool {
        self.inner.takes(export)
    }

    async fn hand_over(&self, export: Export, document: &str) -> Result<(), NotifyError> {
        let unavailable = |failure: crate::database::Failure| NotifyError::Unavailable {
            reason: failure.to_string(),
        };
        self.ports.commit().map_err(unavailable)?;
        self.inner.hand_over(export, document).await
    }
}
