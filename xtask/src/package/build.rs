//! Builds the functions with plain cargo, for this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::project::{cargo, command, shown};

/// The profile of what is deployed.
pub const PROFILE: &str = "lambda";
/// The feature without which a function is a library alone.
pub const FEATURE: &str = "lambda";
/// The profile of tests.
const DEVELOPMENT: &str = "dev";

/// Builds functions; gives their programs in the same order.
pub fn host(profile: &str, functions: &[String], target: &Path) -> Result<Vec<PathBuf>> {
    let mut build = cargo();
    build.args(arguments(profile, functions));
    done(build)?;
    let folder = if profile == DEVELOPMENT {
        "debug"
    } else {
        profile
    };
    let program = |function: &String| target.join(folder).join(function);
    Ok(functions.iter().map(program).collect())
}

/// What cargo is told.
fn arguments(profile: &str, functions: &[String]) -> Vec<String> {
    let mut arguments = vec!["build".to_owned(), format!("--profile={profile}")];
    if profile == DEVELOPMENT {
        // Cargo unites the features of what is selected; so this is all that the tests select,
        // their own dependencies included (`--examples` asks for those, and there are none). Then
        // nothing from outside is built anew after the tests were, or before.
        arguments.extend(["--workspace".to_owned(), "--examples".to_owned()]);
        arguments.extend(functions.iter().map(|name| format!("--bin={name}")));
    } else {
        arguments.extend(functions.iter().map(|name| format!("--package={name}")));
        arguments.push("--bins".to_owned());
    }
    arguments.push(features(functions));
    arguments
}

/// The features that make functions programs.
pub fn features(functions: &[String]) -> String {
    let features = functions.iter().map(|name| format!("{name}/{FEATURE}"));
    format!("--features={}", features.collect::<Vec<_>>().join(","))
}

/// Runs a command whose progress is shown.
pub fn done(mut command: Command) -> Result<()> {
    let words = shown(&command);
    let status = command.status();
    let status = status.with_context(|| format!("`{words}` could not be started"))?;
    ensure!(status.success(), "`{words}` ended with {status}");
    Ok(())
}

/// Copies a program without its symbols; one that has none stays as it is.
pub fn stripped(program: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut strip = match rust_objcopy() {
        Some(objcopy) => {
            let mut strip = command(objcopy);
            strip.arg("--strip-all").arg(program).arg(to);
            strip
        }
        None => {
            let mut strip = command("strip");
            strip.arg("-o").arg(to).arg(program);
            strip
        }
    };
    let words = shown(&strip);
    let output = strip.output();
    let output = output.with_context(|| format!("`{words}` could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{words}` failed: {said}");
    Ok(())
}

/// The tool that comes with Rust: it knows every processor, not only this machine's.
fn rust_objcopy() -> Option<PathBuf> {
    let output = command("rustc").args(["--print", "target-libdir"]).output();
    let libraries = PathBuf::from(String::from_utf8(output.ok()?.stdout).ok()?.trim());
    let tool = libraries.parent()?.join("bin/rust-objcopy");
    tool.exists().then_some(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_share_what_is_built_and_packages_hold_what_they_need_alone() {
        let functions = ["operate".to_owned(), "reconcile".to_owned()];
        let said = |profile| arguments(profile, &functions).join(" ");
        assert_eq!(
            said("dev"),
            "build --profile=dev --workspace --examples --bin=operate --bin=reconcile \
             --features=operate/lambda,reconcile/lambda"
        );
        assert_eq!(
            said("lambda"),
            "build --profile=lambda --package=operate --package=reconcile --bins \
             --features=operate/lambda,reconcile/lambda"
        );
    }
}
