//! A folder with definitions, scripts and data, and the engine process that works on it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a fact may take to come true before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What every script begins with: `record` adds a line, `gate` waits for a file and gives up long
/// after any test would have.
const PRELUDE: &str = r#"
record() { echo "$2" >> "$1"; }
gate() { i=0; until [ -e "$1" ]; do sleep 0.02; i=$((i + 1)); [ $i -lt 4500 ] || exit 99; done; }
"#;

/// A folder to work in.
pub struct Scene {
    folder: tempfile::TempDir,
    configuration: Value,
}

/// How the engine's time passes.
#[derive(Clone, Copy)]
pub enum Time {
    Real,
    /// Skips ahead whenever nothing is in flight, beginning here.
    SkipFrom(&'static str),
}

impl Scene {
    /// A team called `weather` and a machine whose clusters are up after seconds.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self {
            configuration: json!({
                "working_directory": ".",
                "job_definitions": { "any": { "working_directory": "." } },
                "queues": { "light": 4 },
                "clusters": { "starting": 60, "bootstrapping": 30, "terminating": 20 },
                "grace": 2,
            }),
            folder,
        };
        scene.define("team.yaml", "description: Observations\n");
        scene.configure(&json!({}));
        scene
    }

    /// Changes the local configuration.
    pub fn configure(&self, changes: &Value) {
        let mut all = self.configuration.clone();
        for (key, value) in changes.as_object().unwrap() {
            all[key] = value.clone();
        }
        self.write("local.json", all.to_string());
    }

    /// Writes a definition of the team.
    pub fn define(&self, path: &str, yaml: &str) {
        self.write(&format!("events/weather/{path}"), yaml);
    }

    /// Writes a script that tasks run as `[sh, NAME, …]`.
    pub fn script(&self, name: &str, text: &str) {
        self.write(name, format!("{PRELUDE}{text}"));
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// Writes a file whole, so that nobody reads half of it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let draft = self.file(".draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, path).unwrap();
    }

    /// What a file holds; nothing when it is not there.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// The lines of a file, sorted.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.read(name).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Starts an engine without waiting for anything.
    pub fn start(&self, time: Time) -> Running {
        let mut command = self.command();
        if let Time::SkipFrom(start) = time {
            command.args(["skip-from", start]);
        }
        self.spawn(command)
    }

    /// Starts an engine and waits until the definitions are registered.
    pub fn engine(&self, time: Time) -> Running {
        let mut running = self.start(time);
        self.await_ready(&mut running);
        running
    }

    pub fn await_ready(&self, running: &mut Running) {
        self.wait_for("the engine is ready", || {
            if let Some(status) = running.ended() {
                panic!("the engine ended: {status}\n{}", self.log());
            }
            self.file("ready").exists()
        });
    }

    /// The command of an engine on this folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine-under-test"));
        command.arg(self.path());
        command
    }

    pub fn spawn(&self, mut command: Command) -> Running {
        let _ = fs::remove_file(self.file("ready"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.file("engine.log"))
            .unwrap();
        Running(command.stderr(log).spawn().unwrap())
    }

    /// Starts an engine that cannot work, and tells what it says.
    pub fn refused(&self) -> String {
        let output = self.command().output().unwrap();
        assert!(!output.status.success(), "it was to be refused");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What all engines have written so far.
    pub fn log(&self) -> String {
        let log = self.read("engine.log");
        log.chars()
            .rev()
            .take(20_000)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()
    }

    /// Waits until something is so.
    pub fn wait_for(&self, what: &str, mut so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so() {
            if Instant::now() > deadline {
                panic!("waited in vain until {what}\n{}", self.log());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub fn wait_for_file(&self, name: &str) {
        self.wait_for(&format!("there is `{name}`"), || self.file(name).exists());
    }
}

/// An engine at work; killed when it is dropped.
pub struct Running(Child);

impl Running {
    /// Kills it with `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process exists and is no zombie.
pub fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
