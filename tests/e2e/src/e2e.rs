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
mod outside;
mod process;
mod programs;
mod rights;
mod stand_in;
mod terraform;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::chapters::{CHAPTERS, Chapter, Course};
use crate::world::World;

/// What the chapters share.
struct Stage {
    world: Option<World>,
    course: Course,
    failed_to_start: bool,
    /// What took how long, in seconds.
    times: Vec<(&'static str, f64)>,
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
        times: Vec::new(),
    }));
    let trials = CHAPTERS.iter().map(|(name, chapter)| {
        let stage = stage.clone();
        Trial::test(*name, move || act(&stage, name, *chapter)).with_ignored_flag(missing.is_some())
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // Whatever was started ends here.
    let world = lock(&stage).world.take();
    drop(world);
    for (name, seconds) in &lock(&stage).times {
        eprintln!("{seconds:7.1} s  {name}");
    }
    conclusion.exit_code()
}

fn act(stage: &Mutex<Stage>, name: &'static str, chapter: Chapter) -> Result<(), Failed> {
    let mut stage = lock(stage);
    let Stage {
        world,
        course,
        failed_to_start,
        times,
    } = &mut *stage;
    let mut begun = Instant::now();
    if *failed_to_start {
        return Err("there is nothing to test: see the first chapter".into());
    }
    let world = match world {
        Some(world) => world,
        none => match World::start() {
            Ok(started) => {
                times.push(("(building, starting and applying)", seconds_since(begun)));
                begun = Instant::now();
                none.insert(started)
            }
            Err(error) => {
                *failed_to_start = true;
                return Err(format!("{error:#}").into());
            }
        },
    };
    let result = chapter(world, course);
    times.push((name, seconds_since(begun)));
    result.map_err(|error| format!("{error:#}").into())
}

fn seconds_since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64()
}

fn lock(stage: &Mutex<Stage>) -> std::sync::MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
