//! AWS as the suite itself calls it, with every right unless it says whose.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::emulator::{Emulator, REGION};
use crate::stand_in::StandIn;

/// A client of every service.
pub struct Aws(RefCell<Lines>);

struct Lines {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A message of a queue.
#[derive(Debug, Clone)]
pub struct QueueMessage {
    pub body: String,
    pub attributes: Value,
}

impl Aws {
    /// Starts the client.
    pub fn start(python: &Path, emulator: &Emulator, stand_in: &StandIn) -> Result<Self> {
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/aws.py"))
            .env("AWS_ENDPOINT_URL", &emulator.url)
            .env("COMPUTE_URL", &stand_in.url)
            .env("AWS_REGION", REGION)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (requests, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.context("it was piped")?);
        Ok(Self(RefCell::new(Lines {
            child,
            requests,
            answers,
        })))
    }

    /// Makes a call, named as boto3 names it.
    pub fn call(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        let root = ("test".to_owned(), "test".to_owned());
        self.call_as(&root, service, operation, arguments)
    }

    /// Makes a call with somebody's access key and secret.
    pub fn call_as(
        &self,
        credentials: &(String, String),
        service: &str,
        operation: &str,
        arguments: Value,
    ) -> Result<Value> {
        let mut lines = self.0.borrow_mut();
        let request = json!({
            "service": service, "operation": operation, "arguments": arguments, "credentials": credentials,
        });
        let requests = lines.requests.as_mut().context("it is open")?;
        writeln!(requests, "{request}")?;
        let mut answer = String::new();
        lines.answers.read_line(&mut answer)?;
        let answer: Value = serde_json::from_str(&answer).context("the AWS client ended")?;
        match answer.get("ok") {
            Some(ok) => Ok(ok.clone()),
            None => bail!("{}", answer["error"].as_str().unwrap_or_default()),
        }
    }

    /// Takes all messages a queue has, off it.
    pub fn drain(&self, url: &str) -> Result<Vec<QueueMessage>> {
        let mut taken = Vec::new();
        loop {
            let answer = self.call(
                "sqs",
                "receive_message",
                json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] }),
            )?;
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return Ok(taken);
            }
            for message in messages {
                let handle = &message["ReceiptHandle"];
                let gone = json!({ "QueueUrl": url, "ReceiptHandle": handle });
                self.call("sqs", "delete_message", gone)?;
                taken.push(QueueMessage {
                    body: message["Body"].as_str().unwrap_or_default().to_owned(),
                    attributes: message["MessageAttributes"].clone(),
                });
            }
        }
    }

    /// How many messages wait or are at work in each queue whose name begins so, but for those that
    /// are delayed.
    pub fn backlog(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        let listed = self.call("sqs", "list_queues", json!({ "QueueNamePrefix": prefix }))?;
        let mut backlog = BTreeMap::new();
        for url in listed["QueueUrls"].as_array().into_iter().flatten() {
            let names = [
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ];
            let asked = json!({ "QueueUrl": url, "AttributeNames": names });
            let answer = self.call("sqs", "get_queue_attributes", asked)?;
            let count = |name: &str| answer["Attributes"][name].as_str()?.parse::<u64>().ok();
            let name = url.as_str().and_then(|url| url.rsplit('/').next());
            let total = names.into_iter().filter_map(count).sum();
            backlog.insert(name.unwrap_or_default().to_owned(), total);
        }
        Ok(backlog)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
