//! The real program, as people call it.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::emulator;

/// Where a program finds AWS.
#[derive(Debug, Clone)]
pub struct Where {
    pub deployment: &'static str,
    /// Endpoints of services that the emulator does not answer for, by their variable.
    pub endpoints: Vec<(&'static str, String)>,
}

/// What a program said.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that finds the emulator and nothing else of AWS.
pub fn on_aws(program: &str) -> Command {
    let mut command = Command::new(program);
    let config = emulator::config();
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("MURMUR_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_ENDPOINT_URL", config.endpoint_url().unwrap())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("NO_COLOR", "1")
        .env("USER", "ann")
        .stdin(Stdio::null());
    command
}

impl Where {
    /// The program with its arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = on_aws(env!("CARGO_BIN_EXE_murmur"));
        command
            .args(arguments)
            .env("MURMUR_TARGET", "aws")
            .env("MURMUR_DEPLOYMENT", self.deployment);
        for (name, url) in &self.endpoints {
            command.env(name, url);
        }
        command
    }

    /// What it says.
    pub fn says(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().unwrap())
    }

    /// What it prints when all is well.
    pub fn prints(&self, arguments: &[&str]) -> String {
        let said = self.says(arguments);
        assert_eq!(said.code, 0, "murmur {arguments:?}: {said:#?}");
        said.stdout
    }

    /// What it prints for machines.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--format", "json"]].concat();
        serde_json::from_str(&self.prints(&arguments)).unwrap()
    }
}

impl Said {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }
}
