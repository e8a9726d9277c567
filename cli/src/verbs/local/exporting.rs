//! Where traces and lineage go from this machine, as local.yaml says: to services, into files.
//!
//! Services are posted to on a thread of their own; the engine goes on meanwhile.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::thread;

use channels::{Collector, Destination, ExportSettings, Keys, Secret};
use local::compute::{Credential, ExportConfiguration, ExportDestination};
use ports::{Export, Exporter, NotifyError};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::progress;

/// How many documents wait for the thread.
const WAITING: usize = 1_000;

/// Hands documents over to services and writes them into files.
pub struct Exporting {
    traces: Outlet,
    lineage: Outlet,
}

/// Where one kind of document goes.
#[derive(Default)]
struct Outlet {
    letters: Option<mpsc::Sender<Letter>>,
    file: Option<File>,
}

struct Letter {
    export: Export,
    document: String,
    answer: oneshot::Sender<Result<(), NotifyError>>,
}

impl Exporting {
    /// Begins; starts the thread where there is something for it to do.
    pub fn begin(configuration: &ExportConfiguration) -> Result<Self, Failure> {
        let ExportConfiguration { traces, lineage } = configuration;
        let settings = ExportSettings {
            traces: destination(Export::Traces, traces)?,
            lineage: destination(Export::Lineage, lineage)?,
        };
        let letters = if settings == ExportSettings::default() {
            None
        } else {
            let keys = LocalKeys {
                traces: traces.secret.clone(),
                lineage: lineage.secret.clone(),
            };
            Some(started(keys, settings)?)
        };
        let outlet = |one: &ExportDestination| {
            let file = one.file.as_deref().map(opened).transpose()?;
            let letters = letters.clone().filter(|_| one.url.is_some());
            Ok::<_, Failure>(Outlet { letters, file })
        };
        Ok(Self {
            traces: outlet(traces)?,
            lineage: outlet(lineage)?,
        })
    }

    fn outlet(&self, export: Export) -> &Outlet {
        match export {
            Export::Traces => &self.traces,
            Export::Lineage => &self.lineage,
        }
    }
}

fn destination(export: Export, one: &ExportDestination) -> Result<Option<Destination>, Failure> {
    let secret = one.secret.as_ref().map(|_| word(export).to_owned());
    let destination = one.url.as_deref();
    let destination = destination.map(|url| Destination::new(export, url, secret));
    destination.transpose().map_err(|error| {
        let part = format!("local.yaml is wrong under `exports.{}`", word(export));
        Failure::usage(part).because(error)
    })
}

fn word(export: Export) -> &'static str {
    match export {
        Export::Traces => "traces",
        Export::Lineage => "lineage",
    }
}

fn opened(path: &Path) -> Result<File, Failure> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let file = folder.and_then(|()| File::options().create(true).append(true).open(path));
    file.map_err(|error| {
        Failure::trouble(format!("cannot write {}", path.display())).because(error)
    })
}

fn started(keys: LocalKeys, settings: ExportSettings) -> Result<mpsc::Sender<Letter>, Failure> {
    let cannot = || Failure::trouble("cannot export traces and lineage");
    let collector = Collector::new(keys, settings).map_err(|error| cannot().because(error))?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot().because(error))?;
    let (letters, arriving) = mpsc::channel(WAITING);
    thread::Builder::new()
        .name("exports".to_owned())
        .spawn(move || LocalSet::new().block_on(&runtime, deliver(collector, arriving)))
        .map_err(|error| cannot().because(error))?;
    Ok(letters)
}

/// Posts letters as they arrive, until nobody sends any more; one that hangs holds up no other.
async fn deliver(collector: Collector<LocalKeys>, mut arriving: mpsc::Receiver<Letter>) {
    let collector = Rc::new(collector);
    while let Some(letter) = arriving.recv().await {
        let collector = Rc::clone(&collector);
        tokio::task::spawn_local(async move {
            let answer = collector.hand_over(letter.export, &letter.document).await;
            // Whoever has stopped wants no answer.
            drop(letter.answer.send(answer));
        });
    }
}

impl Exporter for Exporting {
    fn takes(&self, export: Export) -> bool {
        let outlet = self.outlet(export);
        outlet.letters.is_some() || outlet.file.is_some()
    }

    /// Writes into the file last: what a service has not taken comes again, and would stand there
    /// with every try.
    async fn hand_over(&self, export: Export, document: &str) -> Result<(), NotifyError> {
        let outlet = self.outlet(export);
        let unavailable = |reason: String| NotifyError::Unavailable { reason };
        if let Some(letters) = &outlet.letters {
            let (answer, answered) = oneshot::channel();
            let letter = Letter {
                export,
                document: document.to_owned(),
                answer,
            };
            let sent = letters.try_send(letter);
            sent.map_err(|_| unavailable("too many documents wait already".to_owned()))?;
            let lost = || Err(unavailable("nobody exports any more".to_owned()));
            let result = answered.await.unwrap_or_else(|_| lost());
            if let Err(error) = &result {
                let what = format!("{}: {error}", word(export));
                progress::line(&format!("{}  {what}", Paint::Waiting.text("not exported")));
            }
            result?;
        }
        if let Some(mut file) = outlet.file.as_ref() {
            let line = format!("{document}\n");
            let written = file.write_all(line.as_bytes());
            written.map_err(|error| unavailable(error.to_string()))?;
        }
        Ok(())
    }
}

/// Credentials of local.yaml.
struct LocalKeys {
    traces: Option<Credential>,
    lineage: Option<Credential>,
}

impl Keys for LocalKeys {
    async fn read(&self, name: &str) -> Result<Secret, NotifyError> {
        let credential = [Export::Traces, Export::Lineage]
            .into_iter()
            .find(|export| word(*export) == name)
            .and_then(|export| match export {
                Export::Traces => self.traces.as_ref(),
                Export::Lineage => self.lineage.as_ref(),
            });
        let value = credential.and_then(Credential::read);
        let value = value.ok_or_else(|| NotifyError::Refused {
            reason: format!("the secret under `exports.{name}` of local.yaml is not set"),
        })?;
        Ok(Secret::new(&value))
    }

    fn forget(&self, _: &str) {}
}
