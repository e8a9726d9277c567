//! Tasks: their kind, where they run, limits, retries and time-outs.

use std::collections::BTreeMap;

use model::name::{ClusterRef, TeamName};
use model::units::Seconds;

use super::cluster::{self, Windows};
use super::directory::{Directory, Wanted};
use super::load::Set;
use super::name::check_identifier;
use super::size;
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::lower;
use crate::read::{Argument, Map, ShortOr, Tried};
use crate::source::{At, Span};
use crate::written::{Batch, ClusterChoice, Dataset, RetriesLong, Task};

/// What a task is checked against.
pub(super) struct Surroundings<'a> {
    pub(super) set: &'a Set,
    pub(super) directory: &'a Directory,
    pub(super) windows: &'a Windows,
    pub(super) team: &'a TeamName,
}

/// Batch takes no shorter time-out.
const SHORTEST_JOB: Seconds = Seconds(60);

/// Checks one task, but for its name, upstreams and templates.
pub(super) fn check(
    name: &At<String>,
    task: &Task,
    around: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) {
    check_kind(name, task, around, findings);
    check_trigger_rule(task, findings);
    for (key, _) in task
        .for_each
        .iter()
        .flat_map(|for_each| &for_each.value.entries)
    {
        check_identifier("a value of `for_each`", key, findings);
    }
    if let Some(pool) = &task.pool {
        around
            .directory
            .resolve(Wanted::Pool, pool, around.team, findings);
    }
    if let Some(ShortOr::Long(retries)) = &task.retries {
        check_retries(retries, findings);
    }
    if let Some(batch) = task.batch.as_ref().and_then(Tried::get) {
        check_batch(batch, task, around, findings);
    }
    if let Some(command) = task.command.as_ref().and_then(Tried::get)
        && command.command.get().is_some_and(Vec::is_empty)
    {
        findings
            .error(
                Code::OutOfRange,
                command.command.at,
                "there is no program in this list",
            )
            .help("write the program and its arguments, e.g. `[aws, s3, ls]`");
    }
    for choice in choices(task) {
        check_cluster(choice, task, around, findings);
    }
    for datasets in [&task.inputs, &task.outputs].into_iter().flatten() {
        check_datasets(datasets, findings);
    }
}

fn check_datasets(datasets: &[Dataset], findings: &mut Findings<'_>) {
    for dataset in datasets {
        if let ShortOr::Short(uri) = dataset
            && lower::located(&uri.value.0).is_none()
        {
            let message = format!("`{}` is not where a dataset is", uri.value.0);
            findings.error(Code::BadValue, uri.at, message).help(
                "write e.g. s3://bucket/path, or `{ namespace: \"trino://host:8889\", name: catalog.schema.table }`",
            );
        }
    }
}

fn check_kind(
    name: &At<String>,
    task: &Task,
    around: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) {
    let kinds = [
        ("spark", task.spark.as_ref().map(|kind| kind.at)),
        ("presto", task.presto.as_ref().map(|kind| kind.at)),
        ("command", task.command.as_ref().map(|kind| kind.at)),
        ("batch", task.batch.as_ref().map(|kind| kind.at)),
    ];
    let given: Vec<(&str, Span)> = kinds
        .into_iter()
        .filter_map(|(word, at)| Some((word, at?)))
        .collect();
    match given[..] {
        [(_, at)] => {
            if let Some(kind) = lower::kind(task, around.team) {
                size::check(&kind, at, findings);
            }
        }
        [(first, _), (second, at), ..] => {
            let message = format!("a task is either `{first}` or `{second}`");
            findings
                .error(Code::ConflictingKeys, at, message)
                .help("make two tasks of it");
        }
        [] => {
            findings
                .error(
                    Code::MissingKey,
                    name.at,
                    format!("`{}` does nothing", name.value),
                )
                .help("add one of `spark`, `presto`, `command` and `batch`");
        }
    }
}

fn check_trigger_rule(task: &Task, findings: &mut Findings<'_>) {
    let comes_after = task.after.as_ref().is_some_and(|after| !after.0.is_empty());
    if let Some(rule) = &task.trigger_rule
        && !comes_after
    {
        findings
            .error(
                Code::IdleTriggerRule,
                rule.at,
                "a task that waits for none has no trigger rule",
            )
            .help("remove it, or add `after:`");
    }
}

fn check_retries(retries: &RetriesLong, findings: &mut Findings<'_>) {
    let defaults = model::definition::Retries::default();
    let backoff = retries
        .backoff
        .as_ref()
        .map_or(defaults.backoff, |backoff| backoff.value.0);
    let most = retries
        .max_backoff
        .as_ref()
        .map_or(defaults.max_backoff, |most| most.value.0);
    if let Some(at) = retries.backoff.as_ref().or(retries.max_backoff.as_ref())
        && backoff > most
    {
        let message = format!("`backoff` is {backoff}, above `max_backoff`, which is {most}");
        findings
            .error(Code::BackoffAboveMaximum, at.at, message)
            .help("make `backoff` shorter or `max_backoff` longer");
    }
}

fn check_batch(batch: &Batch, task: &Task, around: &Surroundings<'_>, findings: &mut Findings<'_>) {
    if let Some(timeout) = &task.timeout
        && timeout.value.0 < SHORTEST_JOB
    {
        findings
            .error(
                Code::OutOfRange,
                timeout.at,
                "Batch takes no time-out below a minute",
            )
            .help("write at least `60s`");
    }
    if let Some(vcpus) = &batch.vcpus {
        let number = vcpus.value.0.parse::<f64>().ok();
        if !number.is_some_and(|number| number.is_finite() && number > 0.0) {
            findings
                .error(
                    Code::BadValue,
                    vcpus.at,
                    format!("`{}` is no number", vcpus.value.0),
                )
                .help("write e.g. 2 or 0.25");
        }
    }
    if let Some(queue) = batch.queue.get()
        && !is_queue(&queue.value.0)
    {
        let message = format!("`{}` is not the name of a queue", queue.value.0);
        findings
            .error(Code::BadValue, queue.at, message)
            .help("write its name, not its ARN: letters, digits, `-` and `_`");
    }
    if let (Some(priority), None) = (&batch.share_priority, &batch.share_identifier) {
        findings
            .error(
                Code::MissingKey,
                priority.at,
                "a priority within a share needs `share_identifier`",
            )
            .help("add `share_identifier:`");
    }
    let allowed = around.set.teams.get(around.team).and_then(|team| {
        let definitions = team.written.as_ref()?.job_definitions.as_ref()?;
        Some(
            definitions
                .iter()
                .map(|definition| definition.value.0.as_str()),
        )
    });
    if let (Some(allowed), Some(definition)) = (allowed, batch.job_definition.get()) {
        let text = definition.value.0.as_str();
        // `name:3` is a revision of `name`.
        let name = text
            .rsplit_once(':')
            .filter(|(_, revision)| is_revision(revision));
        if !allowed
            .clone()
            .any(|allowed| allowed == text || name.is_some_and(|n| n.0 == allowed))
        {
            let help = findings.suggestions.help(text, allowed);
            let message = format!(
                "team `{}` may not use the job definition `{text}`",
                around.team
            );
            findings
                .error(Code::JobDefinitionNotAllowed, definition.at, message)
                .help(
                    help.unwrap_or_else(|| "list it under `job_definitions` in team.yaml".into()),
                );
        }
    }
}

/// Batch's events name queues, so an ARN would not be recognised.
fn is_queue(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= 128 && text.chars().all(allowed)
}

fn is_revision(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn choices(task: &Task) -> impl Iterator<Item = &ClusterChoice> {
    let spark = task
        .spark
        .as_ref()
        .and_then(|spark| spark.get()?.cluster.get());
    let presto = task
        .presto
        .as_ref()
        .and_then(|presto| presto.get()?.cluster.get());
    let command = task
        .command
        .as_ref()
        .and_then(|command| command.get()?.cluster.get());
    [spark, presto, command].into_iter().flatten()
}

fn check_cluster(
    choice: &ClusterChoice,
    task: &Task,
    around: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) {
    let candidates: Vec<ClusterRef> = match choice {
        ShortOr::Short(name) => {
            let found = around
                .directory
                .resolve(Wanted::Cluster, name, around.team, findings);
            found
                .map(|(team, name)| ClusterRef::new(team, name))
                .into_iter()
                .collect()
        }
        ShortOr::Long(tagged) => match tagged.value.tags.get() {
            Some(tags) => check_tags(tags, tagged.at, around, findings),
            None => Vec::new(),
        },
    };
    let windows: Option<Vec<Seconds>> = candidates
        .iter()
        .map(|cluster| around.windows.get(cluster).copied())
        .collect();
    if let Some(timeout) = &task.timeout
        && let Some(longest) = windows.and_then(|windows| windows.into_iter().max())
        && timeout.value.0 > longest
    {
        let message = format!(
            "the time-out is {}, but the cluster ends after {longest}, drain included",
            timeout.value.0
        );
        findings
            .error(Code::TimeoutBeyondWindow, timeout.at, message)
            .help(format!(
                "write at most `{longest}`, or let the cluster live longer"
            ));
    }
}

/// Finds the team's clusters with these tags.
fn check_tags(
    wanted: &Map<Argument>,
    at: Span,
    around: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Vec<ClusterRef> {
    let tags: BTreeMap<&str, &str> = wanted
        .values()
        .map(|(key, value)| (key.value.as_str(), value.0.as_str()))
        .collect();
    if tags.is_empty() {
        findings
            .error(Code::OutOfRange, at, "no tag is given")
            .help("name at least one, or name the cluster");
        return Vec::new();
    }
    let own = around
        .set
        .clusters
        .iter()
        .filter(|(name, _)| name.team == *around.team);
    let mut unreadable = false;
    let mut found = Vec::new();
    for (name, loaded) in own {
        match &loaded.written {
            Some(written) if cluster::has_tags(written, &tags) => found.push(name.clone()),
            Some(_) => {}
            None => unreadable = true,
        }
    }
    if found.is_empty() && !unreadable {
        let message = format!("no cluster of team `{}` has these tags", around.team);
        findings
            .error(Code::UnknownCluster, at, message)
            .help("give a cluster these `tags`, or name one; only clusters of the own team are chosen by tags");
    }
    found
}
