//! Where a function's process begins: logs, settings and ports, once; then Lambda is served.

use std::fmt::Display;
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, service_fn};
use model::message::Function;
use ports::{Delivery, Verdict};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{LambdaInbox, chain};
use crate::{AwsPorts, Settings};

/// What is logged where `MURMUR_LOG` does not say.
const LOGGED: &str = "info";

/// How the targets of those begin who log whole requests and answers, secrets of clusters included.
const TALKATIVE: [&str; 6] = ["aws_", "h2", "hyper", "lambda_runtime", "rustls", "tower"];

/// Why a direct call did not succeed; its caller sees both texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// One word for programs.
    pub kind: &'static str,
    /// For people.
    pub message: String,
}

impl From<CallError> for Diagnostic {
    fn from(error: CallError) -> Self {
        Self {
            error_type: error.kind.to_owned(),
            error_message: error.message,
        }
    }
}

/// Runs a function that takes messages from its inbox, until Lambda ends the process.
pub fn run(
    function: Function,
    handle: impl AsyncFn(&AwsPorts, Vec<Delivery>) -> Vec<Verdict>,
) -> ExitCode {
    begin(function.name(), async {
        let settings = Settings::read_for(function, variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let (deployment, inbox) = (
            settings.deployment.clone(),
            settings.queue_urls[&function].clone(),
        );
        let dead_letters = settings.dead_letters_url(function);
        let ports = AwsPorts::new(&config, settings);
        let inbox = LambdaInbox::new(deployment, ports.queues().clone(), inbox, dead_letters);
        let handle = async |batch| handle(&ports, batch).await;
        inbox.serve_measured(function, &ports, handle).await
    })
}

/// Runs a function that is called directly and answers, until Lambda ends the process.
pub fn call<A: DeserializeOwned, B: Serialize>(
    name: &str,
    answer: impl AsyncFn(&AwsPorts, A) -> Result<B, CallError>,
) -> ExitCode {
    begin(name, async {
        let settings = Settings::read(variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let (ports, answer) = (&AwsPorts::new(&config, settings), &answer);
        let serve = service_fn(|event: LambdaEvent<serde_json::Value>| async move {
            let span = span(&event.context);
            let asked = serde_json::from_value(event.payload).map_err(|error| CallError {
                kind: "BrokenRequest",
                message: format!("the request cannot be read: {error}"),
            })?;
            let answer = answer(ports, asked).instrument(span).await;
            ports.tell_figures();
            answer
        });
        lambda_runtime::run(serve).await
    })
}

/// What every line of an invocation's log says.
pub(super) fn span(context: &Context) -> tracing::Span {
    let function = context.env_config.function_name.as_str();
    let request_id = context.request_id.as_str();
    // Of the highest level, so that no filter takes it from an error.
    tracing::error_span!("invocation", function, request_id)
}

/// Serves with logs and a runtime; says why it cannot.
pub(super) fn begin(name: &str, serve: impl Future<Output = Result<(), Error>>) -> ExitCode {
    if let Err(error) = log(variable("MURMUR_LOG").as_deref().unwrap_or(LOGGED)) {
        return ended(name, &error);
    }
    // One event at a time: more threads than one would only cost memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(serve));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ended(name, &chain(error.as_ref())),
    }
}

fn ended(name: &str, error: &dyn Display) -> ExitCode {
    tracing::error!(function = name, %error, "it cannot be served");
    ExitCode::FAILURE
}

/// Logs in lines of JSON.
fn log(wanted: &str) -> Result<(), String> {
    let (targets, wrong) = match wanted.parse::<Targets>() {
        Ok(targets) => (targets, None),
        Err(error) => (Targets::new().with_default(LevelFilter::INFO), Some(error)),
    };
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines.with_filter(targets.and(discreet())))
        .init();
    wrong.map_or(Ok(()), |error| {
        Err(format!(
            "the environment variable MURMUR_LOG is wrong: {error}"
        ))
    })
}

/// Keeps what others log from saying what they send and receive, whatever is wanted.
fn discreet() -> Targets {
    let others = TALKATIVE.map(|others| (others, LevelFilter::INFO));
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(others)
}

/// Reads an environment variable; an empty one is none.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_lets_the_sdk_log_what_it_sends() {
        for wanted in ["trace", "aws_smithy_runtime=trace,aws=trace"] {
            let written = Written::default();
            let writer = written.clone();
            let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            let targets: Targets = wanted.parse().unwrap();
            let lines = lines.with_filter(targets.and(discreet()));
            tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
                tracing::trace!(target: "aws_smithy_runtime::client", "a body");
                tracing::debug!(target: "aws_smithy_runtime::client", "a body, too");
                tracing::info!(target: "aws_smithy_runtime::client", "a retry");
                tracing::trace!(target: "aws::lambda", "a step of our own");
            });
            let said = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(!said.contains("a body"), "{wanted}: {said}");
            let kept = said.contains("a retry") && said.contains("a step of our own");
            assert!(kept, "{wanted}: {said}");
        }
    }
}
