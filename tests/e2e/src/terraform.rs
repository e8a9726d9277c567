//! Terraform on the real configuration, in a copy of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::emulator::{Emulator, REGION};
use crate::process::{run, succeed, text};

/// Where a machine may keep providers that Terraform would otherwise download.
const MIRRORS: [&str; 3] = ["/opt", "/usr/share", "/usr/local/share"];
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// Terraform in a folder of its own.
pub struct Terraform {
    folder: PathBuf,
    emulator: String,
}

impl Terraform {
    /// Copies the configuration, and initializes it.
    pub fn prepare(folder: &Path, emulator: &Emulator, variables: &Value) -> Result<Self> {
        let terraform = Self {
            folder: folder.join("terraform"),
            emulator: emulator.url.clone(),
        };
        copy(&project().join("infra/terraform"), &terraform.folder)?;
        let values = terraform.folder.join("e2e.auto.tfvars.json");
        fs::write(values, serde_json::to_string_pretty(variables)?)?;
        let provider = json!({
            "provider": { "aws": {
                "region": REGION,
                "skip_credentials_validation": true,
                "skip_metadata_api_check": true,
            } }
        });
        let provider = serde_json::to_string_pretty(&provider)?;
        fs::write(terraform.folder.join("e2e_override.tf.json"), provider)?;
        let mut init = terraform.command(&["init", "-input=false"]);
        if let Some(mirror) = mirror() {
            init.arg(format!("-plugin-dir={}", mirror.display()));
        }
        succeed(&mut init)?;
        Ok(terraform)
    }

    /// Makes what is described true.
    pub fn apply(&self) -> Result<()> {
        let output = self.try_apply()?;
        ensure!(output.status.success(), "{}", text(&output.stderr));
        Ok(())
    }

    /// Tries to.
    pub fn try_apply(&self) -> Result<Output> {
        run(&mut self.command(&["apply", "-input=false", "-auto-approve"]))
    }

    /// Whether a plan changes anything, and what it says.
    pub fn plan(&self) -> Result<(bool, String)> {
        let output = run(&mut self.command(&["plan", "-input=false", "-detailed-exitcode"]))?;
        match output.status.code() {
            Some(0) => Ok((false, said(&output))),
            Some(2) => Ok((true, said(&output))),
            _ => anyhow::bail!("{}", said(&output)),
        }
    }

    /// Unmakes everything.
    pub fn destroy(&self) -> Result<()> {
        succeed(&mut self.command(&["destroy", "-input=false", "-auto-approve"]))?;
        Ok(())
    }

    /// Everything that is there, as resources of the state with their values.
    pub fn resources(&self) -> Result<Vec<Value>> {
        let shown = succeed(&mut self.command(&["show", "-json"]))?;
        let state: Value = serde_json::from_str(&shown)?;
        let mut found = Vec::new();
        collect(&state["values"]["root_module"], &mut found);
        Ok(found)
    }

    /// An output.
    pub fn output(&self, name: &str) -> Result<Value> {
        let shown = succeed(&mut self.command(&["output", "-json", name]))?;
        Ok(serde_json::from_str(&shown)?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("TF_IN_AUTOMATION", "true")
            .env("NO_COLOR", "1")
            .env("AWS_ENDPOINT_URL", &self.emulator)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        if matches!(arguments, ["init" | "apply" | "plan" | "destroy", ..]) {
            command.arg("-no-color");
        }
        command
    }
}

/// What Terraform said, all of it.
pub fn said(output: &Output) -> String {
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// Why Terraform cannot be used here; `None` when it can.
pub fn missing() -> Option<String> {
    let version = Command::new("terraform").arg("version").output();
    let runs = version.is_ok_and(|output| output.status.success());
    (!runs).then(|| "Terraform 1.11 or newer is needed: install it".to_owned())
}

/// The folder of the project.
pub fn project() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    folder.expect("this crate is in tests/e2e").to_owned()
}

/// Finds a folder that holds the provider, so that nothing needs to be downloaded.
fn mirror() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".terraform.d"));
    let roots = MIRRORS.iter().map(PathBuf::from).chain(home);
    let mut folders = roots.flat_map(|root| {
        let entries = fs::read_dir(&root).into_iter().flatten().flatten();
        let mut inside: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        inside.insert(0, root);
        inside
    });
    folders.find(|folder| folder.join(PROVIDER).is_dir())
}

/// Copies what is described, and nothing that Terraform itself has put there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let shown = name.to_string_lossy().into_owned();
        if shown.starts_with('.') || shown.starts_with("terraform.tfstate") || shown == "tests" {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn collect(module: &Value, found: &mut Vec<Value>) {
    found.extend(
        module["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .cloned(),
    );
    for child in module["child_modules"].as_array().into_iter().flatten() {
        collect(child, found);
    }
}
