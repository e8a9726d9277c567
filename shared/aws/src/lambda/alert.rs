//! alert on Lambda: an inbox, the ports of every function, the channels of teams, and what work
//! printed.

use std::process::ExitCode;

use aws_config::BehaviorVersion;
use model::message::Function;
use ports::{Delivery, Verdict};

use super::LambdaInbox;
use super::entry::{begin, variable};
use crate::{AwsNotifier, AwsPorts, AwsPrintouts, NotifierSettings, Settings};

/// Runs alert, until Lambda ends the process.
pub fn alert(
    handle: impl AsyncFn(&AwsPorts, &AwsNotifier, &AwsPrintouts, Vec<Delivery>) -> Vec<Verdict>,
) -> ExitCode {
    begin(Function::Alert.name(), async {
        let settings = Settings::read_for(Function::Alert, variable)?;
        let channels = NotifierSettings::read(settings.deployment.clone(), variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let notifier = AwsNotifier::new(&config, channels)?;
        let printouts = AwsPrintouts::new(&config);
        let inbox = settings.queue_urls[&Function::Alert].clone();
        let deployment = settings.deployment.clone();
        let dead_letters = settings.dead_letters_url(Function::Alert);
        let ports = AwsPorts::new(&config, settings);
        let inbox = LambdaInbox::new(deployment, ports.queues().clone(), inbox, dead_letters);
        let handle = async |batch| handle(&ports, &notifier, &printouts, batch).await;
        inbox.serve_measured(Function::Alert, &ports, handle).await
    })
}
