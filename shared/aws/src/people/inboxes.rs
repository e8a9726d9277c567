//! The inboxes of a deployment, found by name: whoever is no function has not been told their URLs.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use model::message::{Function, Message};

use super::Refused;
use crate::Deployment;
use crate::trouble::Trouble;

/// Puts messages into inboxes.
#[derive(Debug, Clone)]
pub struct Inboxes {
    queues: Client,
    deployment: Deployment,
}

impl Inboxes {
    /// Uses the inboxes of a deployment.
    pub fn new(config: &SdkConfig, deployment: Deployment) -> Self {
        let queues = Client::new(config);
        Self { queues, deployment }
    }

    /// Puts a message into an inbox. When the answer is lost it may be there twice (rule 1).
    pub async fn send(&self, inbox: Function, message: &Message) -> Result<(), Refused> {
        let body = serde_json::to_string(message).expect("messages are plain data with text keys");
        self.send_body(inbox.name(), &body).await
    }

    /// Puts a body into an inbox as it is.
    pub(super) async fn send_body(&self, inbox: &str, body: &str) -> Result<(), Refused> {
        let name = format!("{}-{inbox}", self.deployment);
        let refused = |trouble| Refused::new(format!("send to the inbox {name}"), trouble);
        let Some(url) = url(&self.queues, &name).await? else {
            let absent = Trouble::Absent("there is no such queue".into());
            return Err(refused(absent));
        };
        let send = self.queues.send_message().queue_url(url).message_body(body);
        let sent = Box::pin(send.send()).await;
        sent.map_err(|error| refused(Trouble::of(&error)))?;
        Ok(())
    }
}

/// Finds a queue by its name; `None` when there is none.
pub(super) async fn url(queues: &Client, name: &str) -> Result<Option<String>, Refused> {
    let asked = queues.get_queue_url().queue_name(name);
    let answer = Box::pin(asked.send()).await;
    match answer.map_err(|error| Trouble::of(&error)) {
        Ok(answer) => Ok(answer.queue_url),
        Err(Trouble::Absent(_)) => Ok(None),
        Err(trouble) => Err(Refused::new(format!("find the queue {name}"), trouble)),
    }
}
