//! Tasks.

use std::collections::BTreeMap;

use model::definition::{
    BatchTask, ClusterChoice as LoweredChoice, CommandTask, Dataset as LoweredDataset, PrestoTask,
    Retries, SparkTask, Task as Lowered, TaskKind,
};
use model::name::{ClusterRef, PoolRef, TaskName, TeamName};

use super::{arguments, reference, text};
use crate::read::{Argument, Map, ShortOr};
use crate::source::At;
use crate::written::{Batch, ClusterChoice, Command, Dataset, Presto, RetriesLong, Spark, Task};

/// Converts a task.
pub(super) fn lower(name: TaskName, task: &Task, own: &TeamName) -> Option<Lowered> {
    let mut after = Vec::new();
    for upstream in task.after.iter().flat_map(|after| &after.0) {
        after.push(TaskName::new(&upstream.value.0).ok()?);
    }
    let pool = match &task.pool {
        None => None,
        Some(pool) => {
            let (team, name) = reference(&pool.value, own)?;
            Some(PoolRef::new(team, name))
        }
    };
    Some(Lowered {
        name,
        after,
        trigger_rule: task
            .trigger_rule
            .as_ref()
            .map_or_else(Default::default, |rule| rule.value.0),
        for_each: for_each(task),
        kind: kind(task, own)?,
        retries: retries(task)?,
        timeout: task.timeout.as_ref().map(|timeout| timeout.value.0),
        pool,
        priority: task.priority.map_or(Some(0), |priority| priority.fit())?,
        inputs: datasets(task.inputs.as_ref())?,
        outputs: datasets(task.outputs.as_ref())?,
    })
}

fn datasets(written: Option<&Vec<Dataset>>) -> Option<Vec<LoweredDataset>> {
    let written = written.into_iter().flatten();
    written
        .map(|dataset| match dataset {
            ShortOr::Short(uri) => located(&uri.value.0),
            ShortOr::Long(long) => Some(LoweredDataset {
                namespace: long.value.namespace.get()?.value.0.clone(),
                name: long.value.name.get()?.value.0.clone(),
            }),
        })
        .collect()
}

/// Takes a URI apart as OpenLineage does: `s3://bucket` and `path/of/objects`; HDFS alone keeps the
/// slash at the beginning of a path. `None` of what is no such URI.
pub(crate) fn located(uri: &str) -> Option<LoweredDataset> {
    let (scheme, rest) = uri.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (authority, path) = rest.split_once('/')?;
    let path = path.trim_matches('/');
    if !is_scheme || authority.is_empty() || path.is_empty() {
        return None;
    }
    let scheme = match scheme {
        "s3a" | "s3n" => "s3",
        other => other,
    };
    let root = if scheme == "hdfs" { "/" } else { "" };
    Some(LoweredDataset {
        namespace: format!("{scheme}://{authority}"),
        name: format!("{root}{path}"),
    })
}

/// The values of each key of `for_each`.
pub(crate) fn for_each(task: &Task) -> BTreeMap<String, Vec<String>> {
    let keys = task
        .for_each
        .iter()
        .flat_map(|for_each| for_each.value.values());
    keys.map(|(key, values)| {
        (
            key.value.clone(),
            values.iter().map(|value| value.0.clone()).collect(),
        )
    })
    .collect()
}

/// Converts what a task does; `None` when some of it could not be read.
pub(crate) fn kind(task: &Task, own: &TeamName) -> Option<TaskKind> {
    if let Some(task) = &task.spark {
        return spark(task.get()?, own).map(TaskKind::Spark);
    }
    if let Some(task) = &task.presto {
        return presto(task.get()?, own).map(TaskKind::Presto);
    }
    if let Some(task) = &task.command {
        return command(task.get()?, own).map(TaskKind::Command);
    }
    batch(task.batch.as_ref()?.get()?).map(TaskKind::Batch)
}

fn spark(spark: &Spark, own: &TeamName) -> Option<SparkTask> {
    Some(SparkTask {
        cluster: cluster(spark.cluster.get()?, own)?,
        script: spark.script.get()?.value.0.clone(),
        class: text(spark.class.as_ref()),
        args: texts(spark.args.iter().flatten()),
        conf: by_name(spark.conf.as_ref()),
    })
}

fn presto(presto: &Presto, own: &TeamName) -> Option<PrestoTask> {
    Some(PrestoTask {
        cluster: cluster(presto.cluster.get()?, own)?,
        statement: presto.statement.get()?.value.0.clone(),
        catalog: text(presto.catalog.as_ref()),
        schema: text(presto.schema.as_ref()),
    })
}

fn command(command: &Command, own: &TeamName) -> Option<CommandTask> {
    Some(CommandTask {
        cluster: cluster(command.cluster.get()?, own)?,
        command: texts(command.command.get()?),
    })
}

fn batch(batch: &Batch) -> Option<BatchTask> {
    Some(BatchTask {
        job_definition: batch.job_definition.get()?.value.0.clone(),
        queue: batch.queue.get()?.value.0.clone(),
        command: texts(batch.command.iter().flatten()),
        environment: by_name(batch.environment.as_ref()),
        parameters: by_name(batch.parameters.as_ref()),
        vcpus: batch.vcpus.as_ref().map(|vcpus| vcpus.value.0.clone()),
        memory_mib: batch.memory_mib.and_then(|size| size.fit()),
        gpus: batch.gpus.and_then(|count| count.fit()),
        array_size: batch.array_size.and_then(|size| size.fit()),
        share_identifier: text(batch.share_identifier.as_ref()),
        share_priority: batch
            .share_priority
            .as_ref()
            .and_then(|priority| priority.value.fit()),
    })
}

fn cluster(choice: &ClusterChoice, own: &TeamName) -> Option<LoweredChoice> {
    Some(match choice {
        ShortOr::Short(name) => {
            let (team, name) = reference(&name.value, own)?;
            LoweredChoice::Named(ClusterRef::new(team, name))
        }
        ShortOr::Long(tagged) => LoweredChoice::Tagged(arguments(Some(tagged.value.tags.get()?))),
    })
}

fn texts<'a>(arguments: impl IntoIterator<Item = &'a At<Argument>>) -> Vec<String> {
    arguments
        .into_iter()
        .map(|argument| argument.value.0.clone())
        .collect()
}

fn by_name(map: Option<&Map<At<Argument>>>) -> BTreeMap<String, String> {
    let values = map.iter().flat_map(|map| map.values());
    values
        .map(|(key, value)| (key.value.clone(), value.value.0.clone()))
        .collect()
}

fn retries(task: &Task) -> Option<Retries> {
    let defaults = Retries::default();
    Some(match &task.retries {
        None => defaults,
        Some(ShortOr::Short(attempts)) => Retries {
            attempts: attempts.fit()?,
            ..defaults
        },
        Some(ShortOr::Long(long)) => {
            let RetriesLong {
                attempts,
                backoff,
                max_backoff,
                infrastructure_attempts,
            } = long;
            let budget = defaults.infrastructure_attempts;
            Retries {
                attempts: attempts.map_or(Some(defaults.attempts), |number| number.fit())?,
                backoff: backoff
                    .as_ref()
                    .map_or(defaults.backoff, |time| time.value.0),
                max_backoff: max_backoff
                    .as_ref()
                    .map_or(defaults.max_backoff, |time| time.value.0),
                infrastructure_attempts: infrastructure_attempts
                    .map_or(Some(budget), |number| number.fit())?,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::located;

    #[test]
    fn a_uri_is_a_namespace_and_a_name() {
        let cases = [
            ("s3://lake/raw/obs", Some(("s3://lake", "raw/obs"))),
            ("s3a://lake/raw/obs/", Some(("s3://lake", "raw/obs"))),
            (
                "gs://lake/{{ team }}/x",
                Some(("gs://lake", "{{ team }}/x")),
            ),
            ("hdfs://nn:8020/data/x", Some(("hdfs://nn:8020", "/data/x"))),
            ("s3://lake", None),
            ("s3://lake/", None),
            ("s3:///raw", None),
            ("://lake/raw", None),
            ("lake/raw", None),
            ("", None),
        ];
        for (uri, expected) in cases {
            let found = located(uri);
            let found = found
                .as_ref()
                .map(|it| (it.namespace.as_str(), it.name.as_str()));
            assert_eq!(found, expected, "{uri}");
        }
    }
}
