//! The whole of murmur on AWS, as far as that can be had on one machine: the real Terraform
//! configuration applied to an emulator that enforces rights, the real functions, the real command
//! line, and a stand-in for EMR and Batch that really runs the work.
//!
//! Chapters run one after another in one deployment. What takes long is begun early and waited for
//! late. No chapter looks at anything but what a user of AWS could look at.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

mod aws;
mod chapters;
mod definitions;
mod emulator;
mod murmur;
mod process;
mod programs;
mod rights;
mod stand_in;
mod terraform;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::chapters::{CHAPTERS, Chapter, Course};
use crate::world::World;

/// What the chapters share.
struct Stage {
    world: Option<World>,
    course: Course,
    failed_to_start: bool,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They share a deployment.
    arguments.test_threads = Some(1);
    let missing = terraform::missing().or_else(programs::missing);
    if let Some(missing) = &missing {
        eprintln!("the end-to-end tests are skipped: {missing}");
    }
    let stage = Arc::new(Mutex::new(Stage {
        world: None,
        course: Course::default(),
        failed_to_start: false,
    }));
    let trials = CHAPTERS.iter().map(|(name, chapter)| {
        let stage = stage.clone();
        Trial::test(*name, move || act(&stage, *chapter)).with_ignored_flag(missing.is_some())
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // Whatever was started ends here.
    let world = lock(&stage).world.take();
    drop(world);
    conclusion.exit_code()
}

fn act(stage: &Mutex<Stage>, chapter: Chapter) -> Result<(), Failed> {
    let mut stage = lock(stage);
    let Stage {
        world,
        course,
        failed_to_start,
    } = &mut *stage;
    if *failed_to_start {
        return Err("there is nothing to test: see the first chapter".into());
    }
    let world = match world {
        Some(world) => world,
        none => match World::start() {
            Ok(started) => none.insert(started),
            Err(error) => {
                *failed_to_start = true;
                return Err(format!("{error:#}").into());
            }
        },
    };
    let begun = std::time::Instant::now();
    let result = chapter(world, course);
    eprintln!("  {:.1} s", begun.elapsed().as_secs_f64());
    result.map_err(|error| format!("{error:#}").into())
}

fn lock(stage: &Mutex<Stage>) -> std::sync::MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
