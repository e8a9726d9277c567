//! What is handed to the compute service for an attempt: templates filled in, one function per
//! task kind.

use std::collections::{BTreeMap, BTreeSet};

use model::attempt::AttemptKey;
use model::definition::{BatchTask, Cluster, CommandTask, PrestoTask, SparkTask, TaskKind};
use model::definition::{Dataset, Task};
use model::run::{Cause, Run};
use model::trace;
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

/// The environment variable that tells work which span it belongs to.
pub const TRACEPARENT: &str = "TRACEPARENT";
/// The Spark property that gives it to a driver.
pub const SPARK_TRACEPARENT: &str = "spark.yarn.appMasterEnv.TRACEPARENT";

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
    let values = Values::of(plan, position, run, key);
    let fill = values.fill(plan, position, run, key);
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

/// What an attempt reads and writes, as its task declares it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Datasets {
    pub inputs: Vec<Dataset>,
    pub outputs: Vec<Dataset>,
}

/// Fills in what an attempt's task declares to read and write.
pub fn datasets(
    plan: &Plan,
    position: u32,
    run: &Run,
    key: &AttemptKey,
) -> Result<Datasets, WorkError> {
    let task = plan.written(position);
    if task.inputs.is_empty() && task.outputs.is_empty() {
        return Ok(Datasets::default());
    }
    let values = Values::of(plan, position, run, key);
    let fill = values.fill(plan, position, run, key);
    let filled = |field: &str, all: &[Dataset]| {
        let filled = all.iter().map(|dataset| {
            Ok(Dataset {
                namespace: fill.in_(field, &dataset.namespace)?,
                name: fill.in_(field, &dataset.name)?,
            })
        });
        filled.collect::<Result<Vec<Dataset>, WorkError>>()
    };
    Ok(Datasets {
        inputs: filled("inputs", &task.inputs)?,
        outputs: filled("outputs", &task.outputs)?,
    })
}

/// What the templates of one attempt are filled with, as far as it is not there already.
struct Values {
    params: BTreeMap<String, Value>,
    upstreams: BTreeSet<String>,
    logical_time: jiff::Zoned,
    traceparent: String,
}

impl Values {
    fn of(plan: &Plan, position: u32, run: &Run, key: &AttemptKey) -> Self {
        let zone = slot::zone(&plan.workflow.timezone);
        Self {
            params: params(plan, run),
            upstreams: upstreams(plan, position),
            logical_time: run.logical_date.to_zoned(zone),
            traceparent: trace::of_attempt(key),
        }
    }

    fn fill<'a>(
        &'a self,
        plan: &'a Plan,
        position: u32,
        run: &'a Run,
        key: &'a AttemptKey,
    ) -> Fill<'a> {
        Fill {
            context: TemplateContext {
                team: plan.workflow.team.as_str(),
                workflow: plan.workflow.name.as_str(),
                task: key.task.as_str(),
                run: run.run.as_str(),
                slot: run.slot.as_str(),
                logical_time: &self.logical_time,
                generation: key.generation,
                attempt: key.attempt,
                traceparent: &self.traceparent,
                params: &self.params,
                items: &plan.task(position).items,
                upstreams: &self.upstreams,
                event: match &run.cause {
                    Cause::Event { event } => Some(event),
                    Cause::Schedule { .. }
                    | Cause::Upstream { .. }
                    | Cause::Manual { .. }
                    | Cause::Backfill { .. } => None,
                },
            },
        }
    }
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
    // A step has no environment of its own; what has one is the driver, in YARN's first container.
    if !spark.conf.contains_key(SPARK_TRACEPARENT) {
        let traceparent = fill.context.traceparent;
        let conf = format!("{SPARK_TRACEPARENT}={traceparent}");
        argv.extend(["--conf".to_owned(), conf]);
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
    let mut environment = fill.each("environment", &batch.environment)?;
    environment
        .entry(TRACEPARENT.to_owned())
        .or_insert_with(|| fill.context.traceparent.to_owned());
    Ok(Work::Job(JobSpec {
        definition: batch.job_definition.clone(),
        command: fill.all("command", &batch.command)?,
        environment,
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
    if !mentions_upstream(plan.written(position)) {
        return BTreeSet::new();
    }
    let names = plan.upstreams_of(position).iter();
    names.map(|at| plan.task(*at).name.to_string()).collect()
}

fn mentions_upstream(task: &Task) -> bool {
    let mentions = |text: &String| text.contains("upstream");
    let mut datasets = task.inputs.iter().chain(&task.outputs);
    if datasets.any(|dataset| mentions(&dataset.namespace) || mentions(&dataset.name)) {
        return true;
    }
    match &task.kind {
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
