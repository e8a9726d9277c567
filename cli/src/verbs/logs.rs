//! `murmur logs`: what an attempt printed, or what was decided about its run.

mod story;

use clap::Args;
use model::run::Run;
use model::task::Task;

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::{Screen, note};
use crate::target::chosen::pause;
use crate::target::local::DataFolder;
use crate::target::{At, Log, Position, Target, block_on};
use crate::view::run::RunView;
use crate::view::{find, words};

const EXAMPLES: &str = "\
Examples:
  murmur logs weather/daily_report               # the run's story
  murmur logs weather/daily_report aggregate
  murmur logs weather/daily_report aggregate --attempt 1 --stderr
  murmur logs weather/daily_report aggregate --follow

Without a task: what was decided about the run, by which function, when and why. In JSON: a list of
the lines the functions logged (at, function, message, event, run, task, generation, attempt, …).

With one, the attempt's own stdout goes to stdout, byte for byte; without --stdout or --stderr its stderr
follows on stderr. In JSON: a list of where the attempt's processes print to (stdout, stderr, child).

On AWS a step's output is read from S3, where EMR copies it every five minutes, its Spark driver's
after its own; a job's from CloudWatch Logs, where its stdout and stderr are one.";

/// Prints a run's story, or what a task's attempt wrote to its stdout and stderr
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Logs {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// A task of the run
    task: Option<String>,
    /// Which attempt [default: the newest]
    #[arg(long, value_name = "NUMBER", requires = "task")]
    attempt: Option<u32>,
    /// Of which generation [default: the newest]
    #[arg(long, value_name = "NUMBER", requires = "task")]
    generation: Option<u32>,
    /// Only its stdout
    #[arg(long, conflicts_with = "stderr", requires = "task")]
    stdout: bool,
    /// Only its stderr, on stdout
    #[arg(long, requires = "task")]
    stderr: bool,
    /// Goes on printing until the attempt has ended
    #[arg(long, short, requires = "task")]
    follow: bool,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

/// How far an attempt's logs were printed.
#[derive(Debug, Default)]
struct Poured {
    stdout: Position,
    stderr: Position,
    /// Whether there was anything to read.
    found: bool,
}

impl Logs {
    /// Prints the logs.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let run = find::run(target.store(), &self.run).await?;
        let Some(task) = &self.task else {
            return story::print(target, &run, &self.shown, screen).await;
        };
        let attempt = self.attempt(target, run, task).await?;
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
            let why = target.why_no_log(&attempt);
            note(why.unwrap_or("it has printed nothing: it was never started here"));
            return Ok(Exit::Fine);
        }
        self.pour(target, attempt, logs, screen).await
    }

    async fn attempt(&self, target: &impl Target, run: Run, task: &str) -> Result<Task, Failure> {
        let view = RunView::load(target.store(), run).await?;
        let name = view.find(task)?;
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

    /// Prints the logs, and what is added to them while the attempt is open.
    async fn pour(
        &self,
        target: &impl Target,
        mut attempt: Task,
        mut logs: Vec<Log>,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let mut poured: Vec<Poured> = Vec::new();
        for look in 0.. {
            // Read before the logs are: what it wrote until its end is in them by then.
            let ended = attempt.state.outcome().is_some() || !self.follow;
            poured.resize_with(logs.len(), Poured::default);
            for (log, poured) in logs.iter().zip(&mut poured) {
                if let Some(child) = log.child.filter(|_| logs.len() > 1) {
                    note(&Paint::Faint.text(&format!("child {child}")));
                }
                self.pour_one(target, log, poured, screen).await?;
            }
            if ended {
                break;
            }
            pause(target.pace().before(look)).await;
            let Some(same) = self.again(target, &attempt).await? else {
                break;
            };
            attempt = same;
            logs = target.logs(&attempt).await?;
        }
        if let Some(why) = target.why_no_log(&attempt)
            && !poured.iter().any(|poured| poured.found)
        {
            note(why);
        }
        Ok(Exit::Fine)
    }

    async fn pour_one(
        &self,
        target: &impl Target,
        log: &Log,
        poured: &mut Poured,
        screen: Screen,
    ) -> Result<(), Failure> {
        // Where both are in one, there is no stderr to choose.
        let only_stderr = self.stderr && log.stderr.is_some();
        if !only_stderr {
            let text = target.read_log(&log.stdout, &mut poured.stdout).await?;
            poured.found |= text.is_some();
            screen.bytes(&text.unwrap_or_default())?;
        }
        let Some(stderr) = log.stderr.as_ref().filter(|_| !self.stdout) else {
            return Ok(());
        };
        let text = target.read_log(stderr, &mut poured.stderr).await?;
        poured.found |= text.is_some();
        let text = text.unwrap_or_default();
        if self.stderr {
            screen.bytes(&text)
        } else {
            Screen::aside(&text)
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
