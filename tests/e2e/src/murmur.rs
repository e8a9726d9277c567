//! The real `murmur`, as a person uses it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::emulator::REGION;
use crate::process::{run, text};

/// The program, and how it reaches the deployment.
#[derive(Clone)]
pub struct Murmur {
    program: PathBuf,
    deployment: String,
    endpoints: Vec<(&'static str, String)>,
    /// Access key and secret.
    credentials: (String, String),
}

impl Murmur {
    /// Takes the program for a deployment.
    pub fn new(program: &Path, deployment: &str, aws: &str, compute: &str) -> Self {
        Self {
            program: program.to_owned(),
            deployment: deployment.to_owned(),
            endpoints: vec![
                ("AWS_ENDPOINT_URL", aws.to_owned()),
                ("AWS_ENDPOINT_URL_EMR", compute.to_owned()),
                ("AWS_ENDPOINT_URL_BATCH", compute.to_owned()),
            ],
            credentials: ("test".into(), "test".into()),
        }
    }

    /// The same as somebody else uses it.
    pub fn with_credentials(&self, credentials: (String, String)) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// Does something, and says how that went.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        run(self.command().args(arguments))
    }

    /// Does something that must go well; exit code 1 says only that not all is well with the runs.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = run(self.command().args(arguments).args(["--format", "json"]))?;
        if !matches!(output.status.code(), Some(0 | 1)) || output.stdout.is_empty() {
            bail!(
                "murmur {arguments:?}: {}{}",
                text(&output.stdout),
                text(&output.stderr)
            );
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Checks definitions on this machine; gives what is wrong, as it says it.
    pub fn check(&self, events: &Path) -> Result<String> {
        let output = run(Command::new(&self.program)
            .arg("check")
            .arg("--events")
            .arg(events)
            .env("NO_COLOR", "1"))?;
        Ok(format!("{}{}", text(&output.stdout), text(&output.stderr)))
    }

    /// The newest run of a workflow; `None` when it has none.
    pub fn newest_run(&self, workflow: &str) -> Result<Option<Value>> {
        let runs = self.json(&["runs", workflow, "--limit", "1"])?;
        Ok(runs.get(0).cloned())
    }

    /// A run with its tasks.
    pub fn show(&self, run: &str) -> Result<Value> {
        self.json(&["show", run])
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let (key, secret) = &self.credentials;
        command
            .envs(self.endpoints.iter().map(|(name, value)| (name, value)))
            .env("MURMUR_TARGET", "aws")
            .env("MURMUR_DEPLOYMENT", &self.deployment)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_COLOR", "1");
        command
    }
}
