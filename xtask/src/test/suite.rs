//! Which suites there are and which commands they are.
//!
//! Every cargo suite selects the whole workspace and only other targets of it, so cargo resolves
//! the same features for each and builds nothing twice.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{MetadataCommand, Package};

use crate::demo::environment;
use crate::project::{cargo, command, root, shown, succeeds};
use crate::simulate;
use crate::test::terraform;

/// The suite that lives through many simulated days besides its tests.
const SIMULATION: &str = "simulation";

/// How many of them.
const SEEDS: &str = "20000";

/// Test targets that are suites of their own, so that their time shows.
const ALONE: &[&str] = &["kills"];

/// A suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    pub name: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Lint,
    Jobs,
    Terraform,
    /// Everything inside crates, and these test targets.
    Unit(Vec<String>),
    /// Test targets of a crate under tests/.
    Targets(Vec<String>),
    /// Likewise; what they do on the emulator needs Terraform, Java and Spark.
    EndToEnd(Vec<String>),
    /// The whole demo, with real Spark.
    Demo,
}

/// The folder of the suite that needs more than cargo.
const END_TO_END: &str = "e2e";

/// What a suite does on this machine.
pub enum Plan {
    Run {
        commands: Vec<Command>,
        /// What is left out, and why.
        missing: Option<String>,
    },
    Skip(String),
}

/// Lists every suite in the order they run: what is quick to fail comes first.
pub fn all() -> Result<Vec<Suite>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot read the workspace")?;
    let mut inside = Vec::new();
    let mut suites = vec![
        suite("lint", Kind::Lint),
        suite("jobs", Kind::Jobs),
        suite("terraform", Kind::Terraform),
    ];
    let mut folders = Vec::new();
    for package in &metadata.packages {
        match suite_folder(package) {
            Some(folder) => {
                let is_alone = |target: &String| ALONE.contains(&target.as_str());
                let (alone, together): (Vec<_>, Vec<_>) =
                    test_targets(package).into_iter().partition(is_alone);
                let kind = match folder.as_str() {
                    END_TO_END => Kind::EndToEnd(together),
                    _ => Kind::Targets(together),
                };
                folders.push(suite(&folder, kind));
                for target in alone {
                    folders.push(suite(&target.clone(), Kind::Targets(vec![target])));
                }
            }
            None => inside.extend(test_targets(package)),
        }
    }
    folders.retain(|suite| suite.kind != Kind::Targets(Vec::new()));
    folders.sort_by(|one, other| one.name.cmp(&other.name));
    inside.sort();
    suites.push(suite("unit", Kind::Unit(inside)));
    suites.extend(folders);
    suites.push(suite("demo", Kind::Demo));
    Ok(suites)
}

/// Keeps the named suites, in their own order; all when none is named.
pub fn choose(suites: Vec<Suite>, names: &[String]) -> Result<Vec<Suite>> {
    let known: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!(
            "there is no suite `{unknown}`; there are {}",
            known.join(", ")
        );
    }
    let wanted = |suite: &Suite| names.is_empty() || names.contains(&suite.name);
    Ok(suites.into_iter().filter(wanted).collect())
}

impl Suite {
    /// Whether its first command runs test programs, which take a filter.
    pub fn is_test_programs(&self) -> bool {
        match &self.kind {
            Kind::Unit(_) | Kind::Targets(_) | Kind::EndToEnd(_) => true,
            Kind::Lint | Kind::Jobs | Kind::Terraform | Kind::Demo => false,
        }
    }

    /// Finds out what to run here.
    pub fn plan(&self) -> Plan {
        match &self.kind {
            Kind::Lint => lint(),
            Kind::Jobs => jobs(),
            Kind::Terraform => terraform::commands().map_or_else(Plan::Skip, run),
            Kind::Unit(targets) => tests(&["--lib", "--bins"], targets),
            Kind::Targets(targets) if self.name == SIMULATION => simulation(targets),
            Kind::Targets(targets) => tests(&[], targets),
            Kind::EndToEnd(targets) => end_to_end(targets),
            Kind::Demo => demo(),
        }
    }
}

fn suite(name: &str, kind: Kind) -> Suite {
    Suite {
        name: name.to_owned(),
        kind,
    }
}

/// The folder of a crate under tests/, which names its suite.
fn suite_folder(package: &Package) -> Option<String> {
    let folder = package.manifest_path.parent()?;
    (folder.parent()? == root().join("tests")).then(|| folder.file_name().map(str::to_owned))?
}

fn test_targets(package: &Package) -> Vec<String> {
    let tests = package.targets.iter().filter(|target| target.is_test());
    tests.map(|target| target.name.clone()).collect()
}

fn tests(more: &[&str], targets: &[String]) -> Plan {
    let mut command = cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(more);
    for target in targets {
        command.args(["--test", target]);
    }
    run([command])
}

/// The whole of it on an emulator of AWS; the demo's Spark is made unless it is there.
fn end_to_end(targets: &[String]) -> Plan {
    if let Err(missing) = terraform::commands() {
        return Plan::Skip(missing);
    }
    match environment::prepare() {
        Ok(_) => tests(&[], targets),
        Err(error) => Plan::Skip(format!("{error:#}")),
    }
}

fn simulation(targets: &[String]) -> Plan {
    let mut days = simulate::command();
    days.args(["--seeds", SEEDS]);
    match tests(&[], targets) {
        Plan::Run {
            mut commands,
            missing,
        } => {
            commands.push(days);
            Plan::Run { commands, missing }
        }
        skipped @ Plan::Skip(_) => skipped,
    }
}

fn lint() -> Plan {
    let mut format = cargo();
    format.args(["fmt", "--all", "--check"]);
    let mut clippy = cargo();
    clippy.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    let (there, missing): (Vec<_>, Vec<_>) = [("fmt", format), ("clippy", clippy)]
        .into_iter()
        .partition(|(component, _)| is_installed(component));
    let missing: Vec<String> = missing.iter().map(|(_, command)| shown(command)).collect();
    let missing = (!missing.is_empty()).then(|| {
        let what = missing.join("`, `");
        format!("not installed: `{what}` (`rustup component add rustfmt clippy`)")
    });
    match missing {
        Some(missing) if there.is_empty() => Plan::Skip(missing),
        missing => {
            let commands = there.into_iter().map(|(_, command)| command).collect();
            Plan::Run { commands, missing }
        }
    }
}

fn is_installed(component: &str) -> bool {
    let mut version = cargo();
    version.args([component, "--version"]);
    succeeds(version)
}

/// The jobs run with the demo's Python where the demo has been run, so that Spark's are tested too.
fn jobs() -> Plan {
    let python = match environment::ready() {
        Some(environment) => environment.python,
        None => match environment::find_python() {
            Ok(python) => python.program,
            Err(error) => return Plan::Skip(error.to_string()),
        },
    };
    let mut jobs = command(python);
    jobs.arg("demo/jobs/test_jobs.py");
    run([jobs])
}

/// A day of real work through the real program; it judges itself.
fn demo() -> Plan {
    match std::env::current_exe() {
        Ok(this) => {
            let mut demo = command(this);
            demo.arg("demo");
            run([demo])
        }
        Err(error) => Plan::Skip(format!("this program does not know where it is: {error}")),
    }
}

fn run(commands: impl Into<Vec<Command>>) -> Plan {
    Plan::Run {
        commands: commands.into(),
        missing: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(suites: &[Suite]) -> Vec<&str> {
        suites.iter().map(|suite| suite.name.as_str()).collect()
    }

    #[test]
    fn every_crate_under_tests_is_a_suite() {
        let suites = all().unwrap();
        let names = names(&suites);
        assert_eq!(&names[..4], ["lint", "jobs", "terraform", "unit"]);
        for expected in ["house", "engine", "kills"] {
            assert!(names.contains(&expected), "{names:?}");
        }
    }

    #[test]
    fn no_target_runs_in_two_suites() {
        let mut targets: Vec<String> = all()
            .unwrap()
            .into_iter()
            .flat_map(|suite| match suite.kind {
                Kind::Unit(targets) | Kind::Targets(targets) | Kind::EndToEnd(targets) => targets,
                Kind::Lint | Kind::Jobs | Kind::Terraform | Kind::Demo => Vec::new(),
            })
            .collect();
        targets.sort();
        let before = targets.len();
        targets.dedup();
        assert_eq!(
            targets.len(),
            before,
            "cargo selects targets by name: {targets:?}"
        );
    }

    #[test]
    fn named_suites_run_in_their_own_order() {
        let suites = vec![suite("lint", Kind::Lint), suite("jobs", Kind::Jobs)];
        let both = ["jobs".to_owned(), "lint".to_owned()];
        assert_eq!(
            names(&choose(suites.clone(), &both).unwrap()),
            ["lint", "jobs"]
        );
        assert_eq!(
            names(&choose(suites.clone(), &[]).unwrap()),
            ["lint", "jobs"]
        );
        let error = choose(suites, &["unti".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no suite `unti`; there are lint, jobs"
        );
    }
}
