//! The language of `scenario.txt`: one step a line, `#` begins a comment.
//!
//! ```text
//! at 2026-03-01T05:15:00Z              it is this instant; the first step
//! pass 10m [sweeping]                  time passes; reconcile sweeps every two minutes of it
//! sweep                                reconcile sweeps once
//! register FOLDER                      FOLDER's definitions become current; `events` at first
//! tick SCHEDULE [INSTANT] [late|skip]  SCHEDULE fires; for now unless said otherwise
//! event FILE                           the event of FILE comes in over the event bus
//! operation ID BY JSON                 BY asks for something, as in `operation.requested`
//! work TASKS STATE [REASON]            the service moves open work, and tells
//! lost work TASKS STATE [REASON]       the service moves open work, and the event is lost
//! stray TASKS STATE                    other work under the same key appears, and the service tells
//! cluster CLUSTER STATE [REASON]       the service moves the newest instance, and tells
//! lost cluster CLUSTER STATE [REASON]  the service moves it, and the event is lost
//! settle                               what was asked of the service happens, and it tells
//! lost settle                          what was asked of the service happens, and all events are lost
//! answer submissions|requests ANSWER   the next one is answered so: throttle, gone, refuse,
//!                                      unknown_taken or unknown_lost
//! drop TYPE                            the next fact of this type, such as `task.ready`, gets lost
//! duplicate                            every message so far comes again
//! ```
//!
//! `TASKS` is a task's name, where `*` stands for any text, after `RUN/` if several runs have one;
//! `RUN` is any part of a run's id.

use anyhow::{Context as _, Result, bail, ensure};
use model::Timestamp;
use model::expected::ScheduleRef;
use model::name::ClusterRef;
use model::observation::{ClusterState, WorkState};
use model::operation::OperationKind;
use model::units::Seconds;
use testkit::SubmitAnswer;

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Step {
    At(Timestamp),
    Pass {
        time: Seconds,
        sweeping: bool,
    },
    Sweep,
    Register(String),
    Tick(TickStep),
    Event(String),
    Operation {
        id: String,
        by: String,
        what: Box<OperationKind>,
    },
    Work {
        tasks: String,
        state: WorkState,
        reason: Option<String>,
        told: bool,
    },
    Stray {
        tasks: String,
        state: WorkState,
    },
    Cluster {
        cluster: ClusterRef,
        state: ClusterState,
        reason: Option<String>,
        told: bool,
    },
    Settle {
        told: bool,
    },
    Answer {
        to: Asked,
        answer: SubmitAnswer,
    },
    /// A fact's type, without `murmur.` and version.
    Drop(String),
    Duplicate,
}

/// A tick that comes.
#[derive(Debug, Clone)]
pub struct TickStep {
    pub schedule: ScheduleRef,
    /// `None` is now.
    pub scheduled_time: Option<Timestamp>,
    pub late: bool,
    pub skip: bool,
}

/// What a scripted answer is for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    Submissions,
    Requests,
}

/// Reads a line; `None` when nothing happens on it.
pub fn parse(line: &str) -> Result<Option<Step>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    step(verb, rest.trim(), true).map(Some)
}

fn step(verb: &str, rest: &str, told: bool) -> Result<Step> {
    let mut words = Words(rest);
    let step = match verb {
        "at" => Step::At(words.next()?.parse()?),
        "pass" => {
            let time = seconds(words.next()?)?;
            Step::Pass {
                time,
                sweeping: words.is_next("sweeping"),
            }
        }
        "sweep" => Step::Sweep,
        "register" => Step::Register(words.next()?.to_owned()),
        "tick" => Step::Tick(tick(&mut words)?),
        "event" => Step::Event(words.next()?.to_owned()),
        "operation" => {
            let (id, by) = (words.next()?.to_owned(), words.next()?.to_owned());
            let what = serde_json::from_str(words.rest().context("what is asked for?")?)?;
            Step::Operation {
                id,
                by,
                what: Box::new(what),
            }
        }
        "work" => {
            let (tasks, state) = (words.next()?.to_owned(), named(words.next()?)?);
            Step::Work {
                tasks,
                state,
                reason: words.rest().map(str::to_owned),
                told,
            }
        }
        "cluster" => {
            let (cluster, state) = (words.next()?.parse()?, named(words.next()?)?);
            Step::Cluster {
                cluster,
                state,
                reason: words.rest().map(str::to_owned),
                told,
            }
        }
        "lost" => {
            let what = words.next()?;
            ensure!(
                ["work", "cluster", "settle"].contains(&what),
                "only the service's events get lost"
            );
            return self::step(what, words.0, false);
        }
        "stray" => Step::Stray {
            tasks: words.next()?.to_owned(),
            state: named(words.next()?)?,
        },
        "settle" => Step::Settle { told },
        "answer" => Step::Answer {
            to: asked(words.next()?)?,
            answer: answer(words.next()?)?,
        },
        "drop" => Step::Drop(words.next()?.to_owned()),
        "duplicate" => Step::Duplicate,
        _ => bail!("`{verb}` is no step"),
    };
    ensure!(words.0.is_empty(), "`{}` is too much", words.0);
    Ok(step)
}

fn tick(words: &mut Words<'_>) -> Result<TickStep> {
    let mut tick = TickStep {
        schedule: words.next()?.parse()?,
        scheduled_time: None,
        late: false,
        skip: false,
    };
    while let Some(word) = words.take() {
        match word {
            "late" => tick.late = true,
            "skip" => tick.skip = true,
            instant => tick.scheduled_time = Some(instant.parse()?),
        }
    }
    Ok(tick)
}

fn asked(word: &str) -> Result<Asked> {
    match word {
        "submissions" => Ok(Asked::Submissions),
        "requests" => Ok(Asked::Requests),
        _ => bail!("`{word}` is neither `submissions` nor `requests`"),
    }
}

fn answer(word: &str) -> Result<SubmitAnswer> {
    Ok(match word {
        "throttle" => SubmitAnswer::Throttle,
        "gone" => SubmitAnswer::Gone,
        "refuse" => SubmitAnswer::Refuse,
        "unknown_taken" => SubmitAnswer::UnknownTaken,
        "unknown_lost" => SubmitAnswer::UnknownLost,
        _ => bail!("`{word}` is no answer"),
    })
}

/// Reads one of an enum's names.
fn named<T: serde::de::DeserializeOwned>(word: &str) -> Result<T> {
    Ok(serde_json::from_value(word.into())?)
}

fn seconds(word: &str) -> Result<Seconds> {
    let span: jiff::SignedDuration = word.parse()?;
    Ok(Seconds(
        u64::try_from(span.as_secs()).context("time only passes forward")?,
    ))
}

/// What is left of a line.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn next(&mut self) -> Result<&'a str> {
        self.take().context("a word is missing")
    }

    fn is_next(&mut self, word: &str) -> bool {
        let is = self.0 == word;
        if is {
            self.0 = "";
        }
        is
    }

    fn rest(&mut self) -> Option<&'a str> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then_some(rest)
    }
}
