//! A full disk stops the engine with a clear word; with space again, everything goes on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use model::id::RunId;
use model::run::RunState;
use model::task::TaskState;

use crate::scene::{Scene, Time};

/// Skips, so that backoffs and leases do not last.
const TIME: Time = Time::SkipFrom("2026-03-01T00:00:00Z");

/// A file system of its own on the data folder, taken away in the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where nobody may mount one.
    fn mount(scene: &Scene, size: &str) -> Option<Self> {
        fs::create_dir_all(scene.data()).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(scene.data())
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(scene.data()))
    }

    fn fill_but(&self, spare: usize) {
        fs::write(self.0.join("spare"), vec![1; spare]).unwrap();
        self.fill();
        fs::remove_file(self.0.join("spare")).unwrap();
    }

    fn is_full(&self) -> bool {
        let path = self.0.join("probe");
        let written = fs::write(&path, [1; 4096]);
        let _ = fs::remove_file(path);
        written.is_err()
    }

    fn fill(&self) {
        let mut size = 64 << 10;
        let mut number = 0;
        while size >= 512 {
            let path = self.0.join(format!("filler-{number}"));
            number += 1;
            if fs::write(&path, vec![1; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn free(&self) {
        for entry in fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            if path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("filler-")
            {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A run whose first task waits at a gate, and twenty others after it.
fn scene() -> Scene {
    let scene = Scene::new();
    let values: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
    scene.define(
        "workflows/daily.yaml",
        &format!(
            r#"
tasks:
  first:
    batch: {{ job_definition: any, queue: light, command: [sh, gated.sh, "{{{{ task }}}}"] }}
  many:
    after: [first]
    for_each: {{ part: [{}] }}
    batch: {{ job_definition: any, queue: light, command: [sh, work.sh, "{{{{ task }}}}"] }}
"#,
            values.join(", ")
        ),
    );
    scene.script("gated.sh", "record started $1; gate gate");
    scene.script("work.sh", "record started $1");
    scene
}

fn all_started_once(scene: &Scene, run: &RunId) {
    scene.ends(run, RunState::Succeeded);
    let started = scene.lines("started");
    assert_eq!(started.len(), 21, "{started:?}");
    let mut once = started.clone();
    once.dedup();
    assert_eq!(once, started);
}

#[test]
fn a_full_disk_stops_the_engine_with_a_clear_word_and_loses_nothing() {
    let scene = scene();
    let Some(disk) = SmallDisk::mount(&scene, "6m") else {
        eprintln!("not tested: only root may mount a small disk");
        return;
    };
    scene.define(
        "workflows/each_minute.yaml",
        r#"
schedule: { expression: "cron(* * * * ? *)", timezone: UTC }
tasks:
  one:
    batch: { job_definition: any, queue: light, command: ["true"] }
"#,
    );
    // In real time: a clock that skips would have made the log so long that it begins anew, which
    // takes no space.
    let mut engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_task(&run, "first", TaskState::Running);
    scene.wait_for_file("started");
    disk.fill();
    // Its end cannot be written down, and its supervisor holds on to it.
    scene.write("gate", "");
    // The next thing the engine writes is a run.
    scene.write("jump", "61");
    scene.wait_for("the engine has stopped", || engine.ended().is_some());
    let stopped = scene.log();
    for expected in [
        "the engine stops, nothing is lost",
        "murmur.db",
        "the disk is full; free some space and start again",
    ] {
        assert!(stopped.contains(expected), "{stopped}");
    }
    let again = scene.refused();
    assert!(again.contains("the disk is full"), "{again}");
    disk.free();
    let _engine = scene.engine(Time::Real);
    all_started_once(&scene, &run);
}

#[test]
fn wherever_the_disk_runs_full_every_task_starts_once() {
    for spare_kib in [4, 16, 40, 100] {
        let scene = scene();
        let Some(disk) = SmallDisk::mount(&scene, "6m") else {
            eprintln!("not tested: only root may mount a small disk");
            return;
        };
        let engine = scene.engine(TIME);
        let run = scene.start_run("daily", "one");
        scene.wait_for_task(&run, "first", TaskState::Running);
        scene.wait_for_file("started");
        disk.fill_but(spare_kib << 10);
        scene.write("gate", "");
        // It may stop for want of two pages while there is room for one.
        let has_stopped = || scene.log().contains("the disk is full");
        scene.wait_for("the disk is full", || disk.is_full() || has_stopped());
        disk.free();
        engine.kill();
        let _engine = scene.engine(TIME);
        all_started_once(&scene, &run);
    }
}
