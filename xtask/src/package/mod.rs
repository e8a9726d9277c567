//! `cargo xtask package`: one zip per function, as Lambda's runtime `provided.al2023` takes it.

mod archive;
mod build;
mod cross;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand};
use clap::ValueEnum;
use serde_json::json;

use crate::project;

pub use build::PROFILE;

/// The most a package may have, in bytes: a larger one starts slower.
const MOST_BYTES: u64 = 5_000_000;

/// Builds the functions and makes one zip of each.
///
/// arm64 and x86_64 are built for the glibc of `provided.al2023`, with cargo-lambda from PyPI in a
/// virtual environment under target/. `host` is built by plain cargo and runs here alone.
#[derive(clap::Args)]
#[command(after_help = "\
The zips are target/package/<arch>/<function>.zip, each with the one file `bootstrap`. They are the
same bytes as long as the code is the same.

Examples:
  cargo xtask package                              what Terraform deploys by default: arm64
  cargo xtask package --arch x86_64 submit-task    one function
  cargo xtask package --arch host --profile dev    quickly, for tests on this machine")]
pub struct Arguments {
    /// Functions to package; all when none is named.
    functions: Vec<String>,
    /// Where it is to run.
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
    /// Cargo's profile.
    #[arg(long, default_value = PROFILE)]
    profile: String,
    /// How to print what was made.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Where a package runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// Lambda on Graviton.
    Arm64,
    #[value(name = "x86_64")]
    X86_64,
    /// This machine.
    Host,
}

impl Arch {
    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
            Self::Host => "host",
        }
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

impl Format {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
        }
    }
}

/// A function that was packaged.
pub struct Package {
    pub function: String,
    pub zip: PathBuf,
    pub zip_bytes: u64,
    /// The program itself, without symbols.
    pub bootstrap: PathBuf,
    pub bootstrap_bytes: u64,
}

/// Builds, packs, and prints a table.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (arch, profile) = (arguments.arch, arguments.profile.as_str());
    let packages = package(arch, profile, &arguments.functions)?;
    match arguments.format {
        Format::Table => print!("{}", table(&packages)),
        Format::Json => println!("{:#}", as_json(arch, profile, &packages)),
    }
    let is_large = |one: &&Package| arch != Arch::Host && one.zip_bytes > MOST_BYTES;
    let large: Vec<&Package> = packages.iter().filter(is_large).collect();
    for one in &large {
        let (size, most) = (megabytes(one.zip_bytes), megabytes(MOST_BYTES));
        eprintln!(
            "error: {}.zip has {size} MB; {most} MB is the most",
            one.function
        );
    }
    Ok(if large.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds and packs functions, all when none is named.
pub fn package(arch: Arch, profile: &str, wanted: &[String]) -> Result<Vec<Package>> {
    let metadata = workspace()?;
    let functions = chosen(functions(&metadata), wanted)?;
    let target = metadata.target_directory.as_std_path();
    let folder = target.join("package").join(arch.name());
    let mut packages = Vec::with_capacity(functions.len());
    let programs = programs(arch, profile, &functions, target)?;
    for (function, bootstrap) in functions.into_iter().zip(programs) {
        let zip = folder.join(format!("{function}.zip"));
        let effort = match arch {
            Arch::Arm64 | Arch::X86_64 => archive::Effort::Smallest,
            Arch::Host => archive::Effort::Fastest,
        };
        archive::write(&bootstrap, &zip, effort)
            .with_context(|| format!("cannot write {}", zip.display()))?;
        packages.push(Package {
            function,
            zip_bytes: zip.metadata()?.len(),
            zip,
            bootstrap_bytes: bootstrap.metadata()?.len(),
            bootstrap,
        });
    }
    Ok(packages)
}

/// Builds a program that is no function in the same way; it is not packed.
pub fn program(arch: Arch, profile: &str, name: &str) -> Result<PathBuf> {
    let metadata = workspace()?;
    let target = metadata.target_directory.as_std_path();
    let programs = programs(arch, profile, &[name.to_owned()], target)?;
    programs.into_iter().next().context("one was asked for")
}

fn workspace() -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(project::root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot read the workspace")
}

/// Builds programs without symbols, in the same order.
fn programs(arch: Arch, profile: &str, names: &[String], target: &Path) -> Result<Vec<PathBuf>> {
    let built = match arch {
        Arch::Arm64 => cross::build("aarch64-unknown-linux-gnu", profile, names, target),
        Arch::X86_64 => cross::build("x86_64-unknown-linux-gnu", profile, names, target),
        Arch::Host => build::host(profile, names, target),
    }?;
    let folder = target.join("package").join(arch.name()).join("bootstrap");
    let mut programs = Vec::with_capacity(names.len());
    for (name, program) in names.iter().zip(built) {
        let bootstrap = folder.join(name);
        build::stripped(&program, &bootstrap)?;
        programs.push(bootstrap);
    }
    Ok(programs)
}

/// The crates that are a Lambda: those of functions/ with a program behind the feature.
fn functions(metadata: &Metadata) -> Vec<String> {
    let folder = metadata.workspace_root.join("functions");
    let is_function = |package: &&cargo_metadata::Package| {
        let mut targets = package.targets.iter();
        package.manifest_path.starts_with(&folder)
            && targets.any(|target| target.is_bin() && target.required_features == [build::FEATURE])
    };
    let packages = metadata.packages.iter().filter(is_function);
    let mut names: Vec<String> = packages.map(|package| package.name.to_string()).collect();
    names.sort();
    names
}

fn chosen(functions: Vec<String>, wanted: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|name| !functions.contains(name)) {
        let known = functions.join(", ");
        anyhow::bail!("there is no function `{unknown}`; there are {known}");
    }
    ensure!(!functions.is_empty(), "the workspace has no functions");
    let is_wanted = |name: &String| wanted.is_empty() || wanted.contains(name);
    Ok(functions.into_iter().filter(is_wanted).collect())
}

fn table(packages: &[Package]) -> String {
    let names = packages.iter().map(|one| one.function.len());
    let width = names.max().unwrap_or(0).max("function".len());
    let mut lines = format!(
        "{:width$}  {:>7}  {:>12}\n",
        "function", "zip MB", "unpacked MB"
    );
    for one in packages {
        let (zip, bootstrap) = (megabytes(one.zip_bytes), megabytes(one.bootstrap_bytes));
        lines += &format!("{:width$}  {zip:>7}  {bootstrap:>12}\n", one.function);
    }
    lines
}

fn as_json(arch: Arch, profile: &str, packages: &[Package]) -> serde_json::Value {
    let one = |one: &Package| {
        json!({
            "function": one.function,
            "zip": one.zip,
            "zip_bytes": one.zip_bytes,
            "bootstrap_bytes": one.bootstrap_bytes,
        })
    };
    let packages: Vec<_> = packages.iter().map(one).collect();
    json!({ "arch": arch.name(), "profile": profile, "packages": packages })
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02}", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_the_workspace_is_packaged() {
        let metadata = workspace().unwrap();
        let mut folders: Vec<String> = std::fs::read_dir(project::root().join("functions"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        assert_eq!(functions(&metadata), folders);
    }

    #[test]
    fn a_function_that_is_not_there_is_named() {
        let known = || vec!["operate".to_owned(), "reconcile".to_owned()];
        assert_eq!(chosen(known(), &[]).unwrap(), known());
        let one = ["reconcile".to_owned()];
        assert_eq!(chosen(known(), &one).unwrap(), one);
        let error = chosen(known(), &["recon".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no function `recon`; there are operate, reconcile"
        );
    }

    #[test]
    fn sizes_are_in_millions_of_bytes() {
        let package = Package {
            function: "operate".into(),
            zip: "x".into(),
            zip_bytes: 4_321_987,
            bootstrap: "y".into(),
            bootstrap_bytes: 10_004_999,
        };
        assert_eq!(
            table(&[package]),
            "function   zip MB   unpacked MB\noperate      4.32         10.00\n"
        );
    }
}
