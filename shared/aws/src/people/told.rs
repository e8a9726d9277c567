//! What functions logged, as far as CloudWatch Logs still keeps it.

use aws_config::SdkConfig;
use model::Timestamp;
use model::message::Function;

use super::Refused;
use crate::Deployment;
use crate::trouble::Trouble;

/// The most lines that are read of one function; of more nobody reads all.
const MOST: usize = 20_000;

/// Finds lines in the logs of a deployment's functions.
#[derive(Debug, Clone)]
pub struct FunctionLogs {
    logs: aws_sdk_cloudwatchlogs::Client,
    deployment: Deployment,
}

impl FunctionLogs {
    /// Uses the logs of a deployment.
    pub fn new(config: &SdkConfig, deployment: Deployment) -> Self {
        let logs = aws_sdk_cloudwatchlogs::Client::new(config);
        Self { logs, deployment }
    }

    /// What the names of its functions begin with.
    pub fn prefix(&self) -> String {
        format!("{}-", self.deployment)
    }

    /// Reads every line that holds a word, of every function, logged between two instants; the word is
    /// of letters, digits, `-` and `_`.
    pub async fn with(
        &self,
        word: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<String>, Refused> {
        let mut lines = Vec::new();
        for function in Function::ALL {
            let group = format!("/aws/lambda/{}{function}", self.prefix());
            match self.of_group(&group, word, from, to).await {
                Ok(mut found) => lines.append(&mut found),
                // It has never logged, or its log has gone.
                Err(Trouble::Absent(_)) => {}
                Err(trouble) => return Err(Refused::new(format!("read {group}"), trouble)),
            }
        }
        Ok(lines)
    }

    async fn of_group(
        &self,
        group: &str,
        word: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<String>, Trouble> {
        let mut lines = Vec::new();
        let mut next = None;
        loop {
            let asked = self
                .logs
                .filter_log_events()
                .log_group_name(group)
                .filter_pattern(format!("\"{word}\""))
                .start_time(from.as_millisecond())
                .end_time(to.as_millisecond())
                .set_next_token(next);
            let answer = Box::pin(asked.send()).await;
            let answer = answer.map_err(|error| Trouble::of(&error))?;
            let events = answer.events.unwrap_or_default().into_iter();
            lines.extend(events.filter_map(|event| event.message));
            next = answer.next_token;
            if next.is_none() || lines.len() >= MOST {
                return Ok(lines);
            }
        }
    }
}
