//! export-runs on Lambda: an inbox, the ports of every function, and who keeps traces and lineage.

use std::process::ExitCode;

use aws_config::BehaviorVersion;
use channels::ExportSettings;
use model::message::Function;
use ports::{Delivery, Verdict};

use super::LambdaInbox;
use super::entry::{begin, variable};
use crate::exporter::{AwsExporter, exporter};
use crate::{AwsPorts, Settings};

/// Runs export-runs, until Lambda ends the process.
pub fn exports(
    handle: impl AsyncFn(&AwsPorts, &AwsExporter, Vec<Delivery>) -> Vec<Verdict>,
) -> ExitCode {
    let function = Function::ExportRuns;
    begin(function.name(), async {
        let settings = Settings::read_for(function, variable)?;
        let exports = ExportSettings::read(variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let exporter = exporter(&config, exports)?;
        let inbox = settings.queue_urls[&function].clone();
        let deployment = settings.deployment.clone();
        let dead_letters = settings.dead_letters_url(function);
        let ports = AwsPorts::new(&config, settings);
        let inbox = LambdaInbox::new(deployment, ports.queues().clone(), inbox, dead_letters);
        let handle = async |batch| handle(&ports, &exporter, batch).await;
        inbox.serve_measured(function, &ports, handle).await
    })
}
