//! How much EMR and Batch take in one submission.
//!
//! Counts what is certain: the literal text of templates, not what fills them.

use std::collections::BTreeMap;

use choreography::work::{SPARK_TRACEPARENT, TRACEPARENT};
use model::definition::{BatchTask, TaskKind};
use model::trace;

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::Span;

/// EMR: the strings of a step, in characters.
const STEP_CHARACTERS: usize = 10_240;
/// `trino-cli` is shorter.
const QUERY_CLIENT: &str = "presto-cli";
/// Batch: the payload of SubmitJob, in bytes.
const JOB_BYTES: usize = 30 * 1024;

/// Reports a task that the compute service would refuse for its size.
pub(super) fn check(kind: &TaskKind, at: Span, findings: &mut Findings<'_>) {
    let (size, most, unit) = match kind {
        TaskKind::Spark(task) => {
            let conf = task
                .conf
                .iter()
                .flat_map(|(key, value)| ["--conf", "=", key, value]);
            let fixed = [
                "spark-submit",
                "--deploy-mode",
                "cluster",
                "--conf",
                SPARK_TRACEPARENT,
                "=",
                task.script.as_str(),
            ];
            let class = task
                .class
                .iter()
                .flat_map(|class| ["--class", class.as_str()]);
            let args = task.args.iter().map(String::as_str);
            (
                trace::TRACEPARENT
                    + characters(fixed.into_iter().chain(class).chain(conf).chain(args)),
                STEP_CHARACTERS,
                "characters",
            )
        }
        TaskKind::Presto(task) => (
            characters([QUERY_CLIENT, "--execute", &task.statement]),
            STEP_CHARACTERS,
            "characters",
        ),
        TaskKind::Command(task) => (
            characters(task.command.iter().map(String::as_str)),
            STEP_CHARACTERS,
            "characters",
        ),
        TaskKind::Batch(task) => (job_bytes(task), JOB_BYTES, "bytes"),
    };
    if size > most {
        let service = match kind {
            TaskKind::Spark(_) | TaskKind::Presto(_) | TaskKind::Command(_) => "EMR",
            TaskKind::Batch(_) => "Batch",
        };
        let message = format!("this has {size} {unit}; {service} takes at most {most}");
        findings
            .error(Code::ArgumentsTooLong, at, message)
            .help("put the text into a file in S3 and pass its address");
    }
}

fn characters<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    texts
        .into_iter()
        .map(|text| literal(text).chars().count())
        .sum()
}

/// The JSON that SubmitJob is sent, without what is the same for every job.
fn job_bytes(task: &BatchTask) -> usize {
    let command: Vec<String> = task.command.iter().map(|text| literal(text)).collect();
    let parameters = task.parameters.iter();
    let parameters: BTreeMap<&String, String> = parameters
        .map(|(name, value)| (name, literal(value)))
        .collect();
    let span = "0".repeat(trace::TRACEPARENT);
    let given = task.environment.iter();
    let given = given.map(|(name, value)| (name.as_str(), literal(value)));
    let environment: Vec<serde_json::Value> = given
        .chain([(TRACEPARENT, span)])
        .map(|(name, value)| serde_json::json!({ "name": name, "value": value }))
        .collect();
    let mut body = serde_json::json!({
        "jobDefinition": task.job_definition,
        "jobQueue": task.queue,
        "containerOverrides": { "command": command, "environment": environment },
    });
    if !parameters.is_empty() {
        body["parameters"] = serde_json::json!(parameters);
    }
    body.to_string().len()
}

/// A template's text without what is filled in.
fn literal(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        kept.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, behind)| behind);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn only_the_literal_text_of_a_template_counts() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a{{ x }}b{{ y }}", "ab"),
            ("{{ open", ""),
            ("}}", "}}"),
        ] {
            assert_eq!(literal(text), expected, "{text}");
        }
    }
}
