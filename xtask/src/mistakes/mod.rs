//! `cargo xtask mistakes`: known mistakes are put into a copy of the project, one after another, and
//! the simulator has to find each. A simulator that cannot fail proves nothing.

mod copy;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::project::root;
use copy::ProjectCopy;

/// Puts known mistakes into a copy of the project and lets the simulator look for each.
///
/// Every patch in tests/simulation/mistakes is one; its first line says what it is. The project
/// itself, without any, comes first unless mistakes are named: nothing may be found in it. Fails when
/// a mistake is not found, or cannot be made any more because the code under its patch has changed;
/// the others are tried all the same.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask mistakes               all of them; some twenty minutes on two cores
  cargo xtask mistakes no-lease      one")]
pub struct Arguments {
    /// Mistakes by the names of their files; all when none is named.
    mistakes: Vec<String>,
    /// In how many seeds each must be found.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Threads among which the seeds are split.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// What came of looking.
enum Found {
    Nothing,
    /// In the simulator's words: the seed and the invariant.
    Broken(String),
    /// There was nothing to look at: the patch does not fit any more, or does not compile.
    Unmade(String),
}

/// Tries each and prints a table.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen = choose(patches()?, &arguments.mistakes)?;
    let copy = ProjectCopy::new()?;
    let mut all_well = true;
    if arguments.mistakes.is_empty() {
        let (found, seconds) = try_one(&copy, None, arguments)?;
        all_well &= matches!(found, Found::Nothing);
        tell("(none)", &found, seconds, true);
    }
    for patch in &chosen {
        let (found, seconds) = try_one(&copy, Some(patch), arguments)?;
        all_well &= matches!(found, Found::Broken(_));
        tell(&name(patch), &found, seconds, false);
    }
    copy.restore()?;
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The patches, by name.
fn patches() -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/simulation/mistakes");
    let entries = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    let mut patches = Vec::new();
    for entry in entries {
        patches.push(entry?.path());
    }
    patches.sort();
    Ok(patches)
}

fn choose(patches: Vec<PathBuf>, names: &[String]) -> Result<Vec<PathBuf>> {
    let known: Vec<String> = patches.iter().map(|patch| name(patch)).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!(
            "there is no mistake `{unknown}`; there are {}",
            known.join(", ")
        );
    }
    let wanted = |patch: &PathBuf| names.is_empty() || names.contains(&name(patch));
    Ok(patches.into_iter().filter(wanted).collect())
}

fn name(patch: &Path) -> String {
    let stem = patch.file_stem().unwrap_or(patch.as_os_str());
    stem.to_string_lossy().into_owned()
}

fn tell(name: &str, found: &Found, seconds: f64, is_right: bool) {
    let said = match (found, is_right) {
        (Found::Nothing, true) => "nothing, as it should be".to_owned(),
        (Found::Nothing, false) => "NOT FOUND".to_owned(),
        (Found::Broken(said), false) => said.clone(),
        (Found::Broken(said), true) => format!("WRONG: {said}"),
        (Found::Unmade(why), _) => format!("CANNOT BE MADE: {why}"),
    };
    println!("{name:<30} {seconds:>6.0} s  {said}");
}

/// Builds the copy with one mistake and lets the simulator look until it finds something.
fn try_one(
    copy: &ProjectCopy,
    patch: Option<&PathBuf>,
    arguments: &Arguments,
) -> Result<(Found, f64)> {
    let began = Instant::now();
    copy.restore()?;
    let why_not = match patch {
        Some(patch) => copy.apply(patch)?,
        None => None,
    };
    let found = match why_not {
        Some(why) => Found::Unmade(why),
        None => match build(copy)? {
            Some(why) => Found::Unmade(why),
            None => look(copy, arguments)?,
        },
    };
    Ok((found, began.elapsed().as_secs_f64()))
}

/// The simulator in the copy, for a verb of cargo.
fn simulator(copy: &ProjectCopy, verb: &str) -> Command {
    let mut cargo = copy.cargo();
    cargo.args([verb, "--profile", "simulation", "--quiet"]);
    cargo.args(["--package", "simulation-tests", "--bin", "simulate"]);
    cargo.env("RUSTFLAGS", "--cap-lints=allow");
    cargo
}

/// Builds the simulator; says why it does not compile. The compiler's own words go to stderr.
fn build(copy: &ProjectCopy) -> Result<Option<String>> {
    let output = simulator(copy, "build").stderr(Stdio::piped()).output();
    let output = output.context("cargo could not be started")?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    Ok(Some(format!("it does not compile: {}", first_error(&said))))
}

/// The compiler's first error and where it is.
fn first_error(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.starts_with("error"));
    let error = lines.next().unwrap_or("cargo does not say why");
    let place = lines.find_map(|line| line.trim_start().strip_prefix("--> "));
    place.map_or(error.to_owned(), |place| format!("{error} at {place}"))
}

/// Lets the simulator look.
fn look(copy: &ProjectCopy, arguments: &Arguments) -> Result<Found> {
    let (seeds, threads) = (arguments.seeds, arguments.threads);
    let mut look = simulator(copy, "run");
    look.args(["--", "--seeds", &seeds.to_string()]);
    look.args(["--threads", &threads.to_string()]);
    look.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut looking = look.spawn().context("cargo could not be started")?;
    let said = looking.stderr.take().context("it says nothing")?;
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line.starts_with("seed ") {
            // Its story is of no interest here.
            looking.kill()?;
            looking.wait()?;
            return Ok(Found::Broken(briefly(&line)));
        }
    }
    let status = looking.wait()?;
    if !status.success() {
        bail!("the simulator ended with {status} and named no seed");
    }
    Ok(Found::Nothing)
}

/// The seed and the invariant, without what exactly broke.
fn briefly(line: &str) -> String {
    let parts: Vec<&str> = line.splitn(3, ": ").collect();
    match parts.as_slice() {
        [seed, invariant, _] => format!("{seed}: {invariant}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_broke_is_told_briefly() {
        let line = "seed 1 breaks invariant 7: success is the service's word: it says no: of t0";
        let brief = "seed 1 breaks invariant 7: success is the service's word";
        assert_eq!(briefly(line), brief);
        assert_eq!(briefly("seed 1 panics"), "seed 1 panics");
    }

    #[test]
    fn what_does_not_compile_is_told_with_its_place() {
        let said =
            "error[E0425]: cannot find value `lease` in this scope\n   --> shared/x.rs:5:9\n    |";
        let told = "error[E0425]: cannot find value `lease` in this scope at shared/x.rs:5:9";
        assert_eq!(first_error(said), told);
        assert_eq!(
            first_error("error: no such package"),
            "error: no such package"
        );
        assert_eq!(first_error(""), "cargo does not say why");
    }

    #[test]
    fn a_mistake_nobody_knows_is_told_with_those_there_are() {
        let patches = vec![PathBuf::from("a/no-lease.patch"), "a/no-rank.patch".into()];
        let one = ["no-rank".to_owned()];
        assert_eq!(choose(patches.clone(), &one).unwrap().len(), 1);
        assert_eq!(choose(patches.clone(), &[]).unwrap().len(), 2);
        let error = choose(patches, &["no-luck".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no mistake `no-luck`; there are no-lease, no-rank"
        );
    }
}
