//! `--alerts`: how soon people hear of a failure, and how many failures are folded how fast.
//!
//! The real engine and the real channel, which posts over HTTP to a server that answers as Slack does;
//! only the work is missing.

mod folding;
mod latency;
mod slack;

use std::fmt::Write as _;

use channels::{Apart, Channels, Secret, Secrets, Settings};
use local::{ClockMode, Data, Durability, Engine, Functions, Handlers, Options};
use model::Timestamp;
use model::alert::{CurrentAlerts, Severity};
use model::definition::{AlertChannel, AlertRoute, Workflow, hash_of};
use model::name::TeamName;
use model::registry::CurrentWorkflow;
use ports::{Clock as _, Expect, NotifyError, Ports as _, StateStore as _, Write};
use serde::{Deserialize, Serialize};

use crate::meter::Meter;
use slack::{Slack, TOKEN};

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figures {
    pub told: Vec<latency::Told>,
    pub folded: folding::Folded,
}

/// What one process measures, so that its memory is that of one thing alone.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    Latency,
    Folding,
}

/// Measures one part; gives it as JSON.
pub fn measure(part: Part) -> anyhow::Result<String> {
    Ok(match part {
        Part::Latency => serde_json::to_string(&latency::measure()?)?,
        Part::Folding => serde_json::to_string(&folding::measure()?)?,
    })
}

/// The figures as a table.
pub fn table(figures: &Figures) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<26} {:>9} {:>8} {:>8} {:>8}",
        "from failure to message", "failures", "p50 ms", "p99 ms", "most ms"
    );
    for told in &figures.told {
        let _ = writeln!(
            text,
            "{:<26} {:>9} {:>8.1} {:>8.1} {:>8.1}",
            told.name, told.failures, told.p50_ms, told.p99_ms, told.most_ms
        );
    }
    let folded = &figures.folded;
    let _ = writeln!(
        text,
        "\n{} failures of one cluster: folded in {:.2} s, at most {:.1} MB; {} incident, {} message, \
         edited {} times; the longest batch took {:.0} ms",
        folded.failures,
        folded.seconds,
        folded.peak_rss_mb,
        folded.incidents,
        folded.messages,
        folded.edits,
        folded.look_ms
    );
    text
}

/// The one credential.
struct OneToken;

impl Secrets for OneToken {
    async fn read(&self, _: &TeamName, _: &str) -> Result<Secret, NotifyError> {
        Ok(Secret::new(TOKEN))
    }

    fn forget(&self, _: &TeamName, _: &str) {}
}

#[allow(clippy::disallowed_methods)] // the engine under measure goes by the machine's clock, too
fn now() -> Timestamp {
    Timestamp::now()
}

/// The functions, posting to a server.
fn functions(slack: &Slack) -> anyhow::Result<Functions<Apart>> {
    let settings = Settings {
        slack: Some(slack.url.clone()),
        ..Settings::default()
    };
    let notifier = Apart::begin(Channels::new(OneToken, settings, now)?)?;
    Ok(Functions {
        notifier,
        exporter: ports::exporter::Nothing,
    })
}

fn data(folder: &std::path::Path) -> anyhow::Result<Data> {
    let options = Options {
        durability: Durability::Process,
        clock: ClockMode::Real,
    };
    Ok(Data::open(folder, options)?)
}

/// A team's only route.
fn alerts(team: &TeamName) -> CurrentAlerts {
    CurrentAlerts {
        team: team.clone(),
        log_lines: true,
        routes: vec![AlertRoute {
            channel: AlertChannel::Slack,
            to: format!("#{team}"),
            secret: Some("slack".to_owned()),
            facts: Vec::new(),
            severity: Severity::Warning,
        }],
    }
}

/// Stores workflows and their teams' routes as register-definitions would.
fn register<H: Handlers<Meter> + 'static>(
    engine: &Engine<Meter, H>,
    workflows: &[Workflow],
) -> anyhow::Result<()> {
    engine.call(async |ports| -> anyhow::Result<()> {
        for workflow in workflows {
            let hash = hash_of(workflow);
            protocols::content::store(ports, &hash, &serde_json::to_string(workflow)?).await?;
            let current = CurrentWorkflow {
                workflow: workflow.reference(),
                definition: hash,
                downstreams: Default::default(),
                schedule: None,
                registered_at: ports.clock().now(),
                removed: false,
            };
            let writes = vec![
                Write::put(&current, Expect::Anything),
                Write::put(&alerts(&workflow.team), Expect::Anything),
            ];
            ports.store().commit(writes).await?;
        }
        Ok(())
    })?
}
