//! Builds the functions for Lambda: cargo-lambda and zig from PyPI, in a virtual environment that
//! is made once, against the glibc that `provided.al2023` has.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::build::{done, features};
use crate::demo::environment;
use crate::project::{cargo, command, shown};

const PACKAGE: &str = "cargo-lambda==1.9.2";
/// A program built for a newer one would not start there.
const GLIBC: &str = "2.34";

/// Builds functions for a processor; gives their programs in the same order.
pub fn build(
    triple: &str,
    profile: &str,
    functions: &[String],
    target: &Path,
) -> Result<Vec<PathBuf>> {
    add_target(triple)?;
    let tools = tools(target)?;
    let folder = target.join("package").join("built").join(triple);
    let mut build = cargo();
    build.env("PATH", with_first(&tools.join("bin"))?);
    build.arg("lambda");
    build.args(arguments(triple, profile, functions));
    build.arg("--lambda-dir").arg(&folder);
    done(build)?;
    let program = |function: &String| folder.join(function).join("bootstrap");
    Ok(functions.iter().map(program).collect())
}

/// What cargo-lambda is told.
fn arguments(triple: &str, profile: &str, functions: &[String]) -> Vec<String> {
    let mut arguments = vec![
        "build".to_owned(),
        format!("--profile={profile}"),
        format!("--target={triple}.{GLIBC}"),
    ];
    arguments.extend(functions.iter().map(|name| format!("--package={name}")));
    arguments.push("--bins".to_owned());
    arguments.push(features(functions));
    arguments
}

/// Adds Rust's own libraries for a processor, unless they are there.
fn add_target(triple: &str) -> Result<()> {
    let mut ask = command("rustc");
    ask.args(["--print", "target-libdir", "--target", triple]);
    let output = ask.output().context("rustc could not be started")?;
    let libraries = String::from_utf8(output.stdout)?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    let mut add = command("rustup");
    add.args(["target", "add", triple]);
    done(add).with_context(|| format!("Rust's libraries for {triple} are not installed"))
}

/// Makes the virtual environment, unless it is there.
fn tools(target: &Path) -> Result<PathBuf> {
    let folder = target.join("package");
    fs::create_dir_all(&folder)?;
    let home = folder.join(PACKAGE.replace("==", "-"));
    let (python, whole) = (home.join("bin/python"), home.join("installed"));
    let lock = File::create(folder.join("cargo-lambda.lock"))?;
    lock.lock().context("files cannot be locked")?;
    if !whole.exists() {
        eprintln!("Installing {PACKAGE} (with zig, once)");
        let mut venv = Command::new(environment::find_python()?.program);
        venv.args(["-m", "venv", "--clear"]).arg(&home);
        quietly(venv)?;
        let mut install = Command::new(python);
        install.args(["-m", "pip", "install", "--quiet"]);
        install.args(["--disable-pip-version-check", PACKAGE]);
        quietly(install)?;
        File::create(whole)?;
    }
    Ok(home)
}

fn quietly(mut command: Command) -> Result<()> {
    let words = shown(&command);
    let output = command.output();
    let output = output.with_context(|| format!("`{words}` could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{words}` failed: {said}");
    Ok(())
}

fn with_first(folder: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glibc_of_lambda_is_pinned() {
        let functions = ["operate".to_owned()];
        let said = arguments("aarch64-unknown-linux-gnu", "lambda", &functions);
        assert_eq!(
            said.join(" "),
            "build --profile=lambda --target=aarch64-unknown-linux-gnu.2.34 --package=operate \
             --bins --features=operate/lambda"
        );
    }
}
