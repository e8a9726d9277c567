//! What is handed to the compute service for an attempt: templates filled in, one function per
//! task kind.

use std::collections::{BTreeMap, BTreeSet};

use model::attempt::AttemptKey;
use model::definition::{BatchTask, Cluster, CommandTask, PrestoTask, SparkTask, TaskKind};
use model::run::{Cause, Run};
use model::work::{JobSpec, Submission, Work};
use serde_json::Value;

use crate::plan::Plan;
use crate::slot;
use crate::template::{TemplateContext, TemplateError, render};

/// Why an attempt cannot be submitted, ever: a template has no value for this run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in `{field}` of task `{task}`: {source}")]
pub struct WorkError {
    pub task: String,
    pub field: String,
    #[source]
    pub source: TemplateError,
}

/// Where an attempt's work goes and as whom.
#[derive(Debug, Clone, Copy, Default)]
pub struct Going<'a> {
    /// Role the step runs as.
    pub execution_role: Option<&'a str>,
    /// What its instance's definition says; [`needs_cluster`] tells whose work it matters to.
    pub cluster: Option<&'a Cluster>,
}

/// Whether what is submitted depends on the definition of the cluster it goes to.
pub fn needs_cluster(kind: &TaskKind) -> bool {
    match kind {
        TaskKind::Presto(_) => true,
        TaskKind::Spark(_) | TaskKind::Command(_) | TaskKind::Batch(_) => false,
    }
}

/// Fills in an attempt's work.
pub fn submission(
    plan: &Plan,
    position: u32,
    run: &Run,
    key: &AttemptKey,
    going: Going<'_>,
) -> Result<Submission, WorkError> {
    let task = plan.written(position);
    let upstreams = upstreams(plan, position);
    let params = params(plan, run);
    let zone = slot::zone(&plan.workflow.timezone);
    let logical_time = run.logical_date.to_zoned(zone);
    let fill = Fill {
        context: TemplateContext {
            team: plan.workflow.team.as_str(),
            workflow: plan.workflow.name.as_str(),
            task: key.task.as_str(),
            run: run.run.as_str(),
            slot: run.slot.as_str(),
            logical_time: &logical_time,
            generation: key.generation,
            attempt: key.attempt,
            params: &params,
            items: &plan.task(position).items,
            upstreams: &upstreams,
            event: match &run.cause {
                Cause::Event { event } => Some(event),
                Cause::Schedule { .. }
                | Cause::Upstream { .. }
                | Cause::Manual { .. }
                | Cause::Backfill { .. } => None,
            },
        },
    };
    let work = match &task.kind {
        TaskKind::Spark(spark) => spark_step(spark, &fill)?,
        TaskKind::Presto(presto) => presto_step(presto, going.cluster, &fill)?,
        TaskKind::Command(command) => command_step(command, &fill)?,
        TaskKind::Batch(batch) => batch_job(batch, &fill)?,
    };
    Ok(Submission {
        key: key.clone(),
        work,
        timeout: task.timeout,
        execution_role: going.execution_role.map(str::to_owned),
        tags: BTreeMap::from([
            ("murmur:team".to_owned(), run.team.to_string()),
            ("murmur:workflow".to_owned(), run.workflow.to_string()),
            ("murmur:run".to_owned(), run.run.to_string()),
        ]),
    })
}

/// `spark-submit` in cluster mode, as EMR's command runner takes it.
fn spark_step(spark: &SparkTask, fill: &Fill<'_>) -> Result<Work, WorkError> {
    let mut argv = vec![
        "spark-submit".to_owned(),
        "--deploy-mode".to_owned(),
        "cluster".to_owned(),
    ];
    if let Some(class) = &spark.class {
        argv.extend(["--class".to_owned(), class.clone()]);
    }
    for (name, value) in &spark.conf {
        let value = fill.in_("conf", value)?;
        argv.extend(["--conf".to_owned(), format!("{name}={value}")]);
    }
    argv.push(fill.in_("script", &spark.script)?);
    argv.extend(fill.all("args", &spark.args)?);
    Ok(Work::Step { argv })
}

/// The statement through the command line client, so it is observed like every other step.
fn presto_step(
    presto: &PrestoTask,
    cluster: Option<&Cluster>,
    fill: &Fill<'_>,
) -> Result<Work, WorkError> {
    let mut argv = vec![query_client(cluster).to_owned()];
    for (flag, value) in [("--catalog", &presto.catalog), ("--schema", &presto.schema)] {
        if let Some(value) = value {
            argv.extend([flag.to_owned(), value.clone()]);
        }
    }
    argv.extend([
        "--execute".to_owned(),
        fill.in_("statement", &presto.statement)?,
    ]);
    Ok(Work::Step { argv })
}

/// EMR names the client after the engine. An engine from before Trino was called so, `PrestoSQL`,
/// has the older name.
fn query_client(cluster: Option<&Cluster>) -> &'static str {
    let applications = cluster.iter().flat_map(|cluster| &cluster.emr.applications);
    let mut applications = applications.map(String::as_str);
    if applications.any(|name| name.eq_ignore_ascii_case("trino")) {
        "trino-cli"
    } else {
        "presto-cli"
    }
}

fn command_step(command: &CommandTask, fill: &Fill<'_>) -> Result<Work, WorkError> {
    Ok(Work::Step {
        argv: fill.all("command", &command.command)?,
    })
}

fn batch_job(batch: &BatchTask, fill: &Fill<'_>) -> Result<Work, WorkError> {
    Ok(Work::Job(JobSpec {
        definition: batch.job_definition.clone(),
        command: fill.all("command", &batch.command)?,
        environment: fill.each("environment", &batch.environment)?,
        parameters: fill.each("parameters", &batch.parameters)?,
        vcpus: batch.vcpus.clone(),
        memory_mib: batch.memory_mib,
        gpus: batch.gpus,
        array_size: batch.array_size,
        share_identifier: batch.share_identifier.clone(),
        share_priority: batch.share_priority,
    }))
}

/// The templates of one attempt.
struct Fill<'a> {
    context: TemplateContext<'a>,
}

impl Fill<'_> {
    fn in_(&self, field: &str, text: &str) -> Result<String, WorkError> {
        render(text, &self.context).map_err(|source| WorkError {
            task: self.context.task.to_owned(),
            field: field.to_owned(),
            source,
        })
    }

    fn all(&self, field: &str, texts: &[String]) -> Result<Vec<String>, WorkError> {
        texts.iter().map(|text| self.in_(field, text)).collect()
    }

    fn each(
        &self,
        field: &str,
        texts: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, WorkError> {
        let filled = texts
            .iter()
            .map(|(name, text)| Ok((name.clone(), self.in_(field, text)?)));
        filled.collect()
    }
}

/// The run's params over the defaults.
fn params(plan: &Plan, run: &Run) -> BTreeMap<String, Value> {
    let mut params = BTreeMap::new();
    for (name, spec) in &plan.workflow.params {
        if let Some(value) = run.params.get(name).or(spec.default.as_ref()) {
            params.insert(name.clone(), value.clone());
        }
    }
    params
}

/// The names `upstream.…` may use; not even collected when no template mentions it, since a join
/// may have ten thousand.
fn upstreams(plan: &Plan, position: u32) -> BTreeSet<String> {
    if !mentions_upstream(&plan.written(position).kind) {
        return BTreeSet::new();
    }
    let names = plan.upstreams_of(position).iter();
    names.map(|at| plan.task(*at).name.to_string()).collect()
}

fn mentions_upstream(kind: &TaskKind) -> bool {
    let mentions = |text: &String| text.contains("upstream");
    match kind {
        TaskKind::Spark(spark) => {
            mentions(&spark.script)
                || spark.args.iter().any(mentions)
                || spark.conf.values().any(mentions)
        }
        TaskKind::Presto(presto) => mentions(&presto.statement),
        TaskKind::Command(command) => command.command.iter().any(mentions),
        TaskKind::Batch(batch) => {
            let named = batch.environment.values().chain(batch.parameters.values());
            batch.command.iter().chain(named).any(mentions)
        }
    }
}

#[cfg(test)]
mod tests;
