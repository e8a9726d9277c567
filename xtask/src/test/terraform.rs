//! Terraform, as far as it needs no account: formatted, valid, and tested with a provider that is
//! only imitated.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project::{command, root, succeeds};

const CONFIGURATION: &str = "infra/terraform";
/// The provider, below the folder of a mirror.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";
/// Where mirrors of providers lie, besides the home folder's.
const MIRRORS: [&str; 3] = ["/opt", "/usr/share", "/usr/local/share"];

/// The commands of the suite; why there are none where Terraform is not installed.
pub fn commands() -> Result<Vec<Command>, String> {
    let mut version = command("terraform");
    version.arg("version");
    if !succeeds(version) {
        return Err("Terraform is not installed".to_owned());
    }
    let mut format = terraform();
    format.args(["fmt", "-check", "-recursive", "-diff"]);
    let mut init = terraform();
    init.args(["init", "-backend=false", "-input=false"]);
    if let Some(mirror) = mirror() {
        init.arg(format!("-plugin-dir={}", mirror.display()));
    }
    let mut validate = terraform();
    validate.arg("validate");
    let mut test = terraform();
    test.arg("test");
    Ok(vec![format, init, validate, test])
}

/// Terraform in the folder of the configuration, with what it installs kept elsewhere.
fn terraform() -> Command {
    let mut terraform = command("terraform");
    terraform
        .arg(format!("-chdir={CONFIGURATION}"))
        .env("TF_DATA_DIR", root().join("target/terraform"))
        .env("TF_IN_AUTOMATION", "1");
    // Whoever deploys from the same shell tests something else.
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("TF_VAR_")) {
        terraform.env_remove(name);
    }
    terraform
}

/// A folder that holds the provider, on machines that reach no registry.
fn mirror() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".terraform.d"));
    let parents = MIRRORS.into_iter().map(PathBuf::from).chain(home);
    parents
        .flat_map(folders)
        .find(|folder| folder.join(PROVIDER).is_dir())
}

/// A folder and the folders in it, in order.
fn folders(parent: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&parent).into_iter().flatten();
    let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    inside.sort();
    inside.insert(0, parent);
    inside
}
