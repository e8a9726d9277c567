//! A copy of the project into which a patch can be put; the project itself is never touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::project::{command, root, shown};

/// The copy's folder.
pub struct ProjectCopy(PathBuf);

impl ProjectCopy {
    /// Under `target/`, where the copy's own programs are built, too.
    pub fn new() -> Result<Self> {
        let folder = root().join("target/mistakes/copy");
        fs::create_dir_all(&folder)?;
        let copy = Self(folder);
        copy.restore()?;
        Ok(copy)
    }

    /// Makes it like the project again; files that are so already keep their time, so that nothing
    /// is built without need.
    pub fn restore(&self) -> Result<()> {
        for file in files()? {
            let (from, to) = (root().join(&file), self.0.join(&file));
            let wanted = fs::read(&from).with_context(|| format!("{file} cannot be read"))?;
            if fs::read(&to).is_ok_and(|there| there == wanted) {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&to, wanted)?;
        }
        Ok(())
    }

    /// Puts a patch in; says why it does not fit.
    pub fn apply(&self, patch: &Path) -> Result<Option<String>> {
        why_it_does_not_fit(git_apply(&self.0, patch))
    }

    /// A command that runs in the copy.
    pub fn cargo(&self) -> Command {
        let mut cargo = crate::project::cargo();
        cargo.current_dir(&self.0);
        cargo.env("CARGO_TARGET_DIR", root().join("target/mistakes/target"));
        // A mistake shows within a few days, and what takes long is to build it: in small units of
        // which most stay as they are, without the line numbers that a patch shifts.
        cargo.env("CARGO_PROFILE_SIMULATION_CODEGEN_UNITS", "256");
        cargo.env("CARGO_PROFILE_SIMULATION_DEBUG", "false");
        cargo
    }
}

/// `git apply` in a folder, as if no repository were around it.
fn git_apply(folder: &Path, patch: &Path) -> Command {
    let mut apply = command("git");
    apply.current_dir(folder);
    apply.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    apply.args(["apply", "--whitespace=nowarn"]).arg(patch);
    apply
}

/// Lets git apply; `None` if it did.
fn why_it_does_not_fit(mut apply: Command) -> Result<Option<String>> {
    let output = apply.output().context("git does not start")?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("git does not say why");
    let first = first.trim_start_matches("error: ");
    Ok(Some(format!(
        "its patch does not fit the code any more and has to be written anew: {first}"
    )))
}

/// What the project is built from, by path.
fn files() -> Result<Vec<String>> {
    let mut list = command("git");
    list.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let output = list.output().context("git does not start")?;
    ensure!(output.status.success(), "`{}` failed", shown(&list));
    let names = String::from_utf8(output.stdout)?;
    let there = names.split('\0').filter(|name| !name.is_empty());
    Ok(there
        .filter(|name| root().join(name).is_file())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_mistake_can_still_be_made() {
        let patches = crate::mistakes::patches().unwrap();
        assert!(patches.len() >= 13, "{patches:?}");
        for patch in patches {
            let mut apply = git_apply(&root(), &patch);
            apply.arg("--check");
            let why = why_it_does_not_fit(apply).unwrap();
            assert_eq!(why, None, "{}", patch.display());
        }
    }

    #[test]
    fn a_patch_for_code_that_has_changed_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let patch = folder.path().join("no-lease.patch");
        fs::write(folder.path().join("claim.rs"), "fn decide() {}\n").unwrap();
        let text = "--- a/claim.rs\n+++ b/claim.rs\n@@ -1 +1 @@\n-fn lease() {}\n+\n";
        fs::write(&patch, text).unwrap();
        let why = why_it_does_not_fit(git_apply(folder.path(), &patch)).unwrap();
        let told = "its patch does not fit the code any more and has to be written anew: patch failed: claim.rs:1";
        assert_eq!(why.as_deref(), Some(told));
    }
}
