//! `murmur logs`: what an attempt printed.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use model::task::Task;

use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::{Screen, note};
use crate::target::local::DataFolder;
use crate::target::{Log, Target};
use crate::view::run::RunView;
use crate::view::{find, words};

const EXAMPLES: &str = "\
Examples:
  murmur logs weather/daily_report aggregate
  murmur logs weather/daily_report aggregate --attempt 1 --stderr
  murmur logs weather/daily_report aggregate --follow

The attempt's own stdout goes to stdout, byte for byte; without --stdout or --stderr its stderr
follows on stderr. In JSON: a list of attempts with their files (stdout, stderr, child).";

/// Prints what a task's attempt wrote to its stdout and stderr
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Logs {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// A task of the run
    task: String,
    /// Which attempt [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    attempt: Option<u32>,
    /// Of which generation [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u32>,
    /// Only its stdout
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,
    /// Only its stderr, on stdout
    #[arg(long)]
    stderr: bool,
    /// Goes on printing until the attempt has ended
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    data: DataFolder,
}

/// How often a file is looked at that is still written to.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Logs {
    /// Prints the logs.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let target = self.data.open()?;
        pollster::block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let attempt = self.attempt(target).await?;
        let logs = target.logs(&attempt).await?;
        if screen.is_json() {
            screen.json(&logs)?;
            return Ok(Exit::Fine);
        }
        note(&Paint::Faint.text(&format!(
            "{}, {}{}",
            attempt.attempt_key(),
            words::task(attempt.state),
            attempt.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
        )));
        if logs.is_empty() && !self.follow {
            note("it has printed nothing: it was never started here");
            return Ok(Exit::Fine);
        }
        self.pour(target, attempt, logs, screen).await
    }

    async fn attempt(&self, target: &impl Target) -> Result<Task, Failure> {
        let store = target.store();
        let run = find::run(store, &self.run).await?;
        let view = RunView::load(store, run).await?;
        let name = view.find(&self.task)?;
        let attempts = view.attempts(&name);
        let wanted = |attempt: &&&Task| {
            self.attempt.is_none_or(|number| attempt.attempt == number)
                && self
                    .generation
                    .is_none_or(|number| attempt.generation == number)
        };
        match attempts.iter().rev().find(wanted) {
            Some(attempt) => Ok((*attempt).clone()),
            None if attempts.is_empty() => {
                let word = view.standing(&name).word();
                Err(
                    Failure::not_found(format!("{name} has printed nothing: it is {word}"))
                        .help(format!("`murmur why {} {name}` says why", view.run.run)),
                )
            }
            None => {
                let known: Vec<String> = attempts
                    .iter()
                    .map(|task| format!("{} of generation {}", task.attempt, task.generation))
                    .collect();
                Err(Failure::not_found(format!("{name} has no such attempt"))
                    .help(format!("it has: {}", known.join(", "))))
            }
        }
    }

    /// Prints the files, and what is added to them while the attempt is open.
    async fn pour(
        &self,
        target: &impl Target,
        mut attempt: Task,
        mut logs: Vec<Log>,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        loop {
            // Read before the files are: what it wrote until its end is in them by then.
            let ended = attempt.state.outcome().is_some() || !self.follow;
            let several = logs.len() > 1;
            out.resize(logs.len(), 0);
            err.resize(logs.len(), 0);
            for (log, (out, err)) in logs.iter().zip(out.iter_mut().zip(&mut err)) {
                if let Some(child) = log.child.filter(|_| several) {
                    note(&Paint::Faint.text(&format!("child {child}")));
                }
                if !self.stderr {
                    let text = more(&log.stdout, out)?;
                    screen.bytes(&text)?;
                }
                if !self.stdout {
                    let text = more(&log.stderr, err)?;
                    if self.stderr {
                        screen.bytes(&text)?
                    } else {
                        Screen::aside(&text)?
                    }
                }
            }
            if ended {
                return Ok(Exit::Fine);
            }
            std::thread::sleep(LOOK_EVERY);
            let same = self.again(target, &attempt).await?;
            if same.is_none() {
                return Ok(Exit::Fine);
            }
            attempt = same.unwrap_or(attempt);
            logs = target.logs(&attempt).await?;
        }
    }

    /// The attempt as it is now; `None` when another has followed it.
    async fn again(&self, target: &impl Target, attempt: &Task) -> Result<Option<Task>, Failure> {
        use ports::TypedStore as _;
        let key = model::key::Key::Task(attempt.run.clone(), attempt.task.clone());
        let task = target
            .store()
            .get::<Task>(&key)
            .await?
            .map(|task| task.value);
        Ok(task.filter(|task| task.attempt_key() == attempt.attempt_key()))
    }
}

/// What was added to a file since the last look.
fn more(path: &Path, seen: &mut u64) -> Result<Vec<u8>, Failure> {
    let failed = |error| {
        Failure::trouble(format!("cannot read {}", path.display()))
            .because(anyhow::Error::new(error))
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(*seen)).map_err(failed)?;
    *seen += file.read_to_end(&mut text).map_err(failed)? as u64;
    Ok(text)
}
