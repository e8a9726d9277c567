//! Golden scenarios: definitions and what happens to them in, facts out.
//!
//! A folder under `cases/` is a test: `events/` holds its definitions, `scenario.txt` what happens
//! (see `script`), and `expected.txt` every fact and call that followed, step by step, and where
//! everything was at the end. `UPDATE_EXPECT=1` writes the latter anew.
//!
//! Every scenario runs again in worse worlds (see `mode`) and must end in the same place.

mod facts;
mod finally;
mod letter;
mod mode;
mod perform;
mod script;
mod select;
mod told;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::mode::Mode;
use crate::world::World;

fn main() {
    let arguments = Arguments::from_args();
    let cases = cases().expect("cases/ can be read");
    let trials = cases.into_iter().flat_map(|(name, folder)| {
        Mode::ALL.map(|mode| {
            let folder = folder.clone();
            Trial::test(format!("{name}::{}", mode.name()), move || {
                check(&folder, mode).map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// Every folder under `cases/`, by name.
fn cases() -> Result<Vec<(String, PathBuf)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        let entry = entry?;
        cases.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    cases.sort();
    ensure!(!cases.is_empty(), "there are no scenarios");
    Ok(cases)
}

fn check(folder: &Path, mode: Mode) -> Result<()> {
    let straight = play(folder, Mode::Straight)?;
    match mode {
        Mode::Straight => {
            let text = format!("{}\nfinally\n{}", straight.story, straight.finally);
            expect_test::expect_file![folder.join("expected.txt")].assert_eq(&text);
        }
        Mode::TwiceReversed | Mode::Crashing => {
            let other = play(folder, mode)?;
            ensure!(
                other.finally == straight.finally,
                "it ends elsewhere when {}.\n\nShould end:\n{}\nEnds:\n{}\nAfter:\n{}",
                mode.meaning(),
                straight.finally,
                other.finally,
                other.story
            );
        }
    }
    Ok(())
}

/// What a scenario came to.
struct Played {
    story: String,
    finally: String,
}

fn play(folder: &Path, mode: Mode) -> Result<Played> {
    let text = fs::read_to_string(folder.join("scenario.txt"))
        .with_context(|| format!("{} has no scenario.txt", folder.display()))?;
    let mut world = World::new(folder, mode);
    let mut story = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let step = script::parse(line).with_context(|| format!("line {number}: {line}"))?;
        story.push_str(line);
        story.push('\n');
        let Some(step) = step else { continue };
        let told = perform::perform(&mut world, step);
        let told = told.with_context(|| format!("line {number}: {line}, after\n{story}"))?;
        for line in told {
            story.push_str("    ");
            story.push_str(&line);
            story.push('\n');
        }
    }
    world
        .repeat_everything()
        .with_context(|| format!("everything again, after\n{story}"))?;
    Ok(Played {
        story,
        finally: finally::tell(&world),
    })
}
