//! The tasks of a workflow.

use model::definition::TriggerRule;

use crate::read::{Argument, Duration, Map, OneOrMany, ShortOr, Text, Tried, Whole, Word, written};
use crate::source::At;

/// A cluster's name, or the tags it must have.
pub(crate) type ClusterChoice = ShortOr<At<Text>, At<ClusterTags>>;

/// One name or several.
pub(crate) type Upstreams = OneOrMany<At<Text>>;

/// A URI, or namespace and name.
pub(crate) type Dataset = ShortOr<At<Text>, At<DatasetLong>>;

written! {
    /// One unit of work: exactly one of `spark`, `presto`, `command` and `batch`.
    #[schemars(extend("oneOf" = ["spark", "presto", "command", "batch"].map(|kind| {
        serde_json::json!({ "required": [kind] })
    })))]
    pub(crate) struct Task {
        /// Tasks of this workflow that come before.
        after: Option<Upstreams>,
        /// When it starts, given how they ended; `all_succeeded` unless given.
        trigger_rule: Option<At<Word<TriggerRule>>>,
        /// Makes one task of each combination of values, at `{{ item.<key> }}`.
        for_each: Option<At<Map<Vec<Argument>>>>,
        /// A Spark application on a cluster.
        spark: Option<Tried<Spark>>,
        /// A Presto or Trino statement on a cluster.
        presto: Option<Tried<Presto>>,
        /// Any other command on a cluster's primary node.
        command: Option<Tried<Command>>,
        /// A Batch job.
        batch: Option<Tried<Batch>>,
        /// Further attempts after a failure: a number, or a mapping; none unless given.
        retries: Option<ShortOr<Whole<0, 100>, RetriesLong>>,
        /// How long an attempt may run.
        timeout: Option<At<Duration>>,
        /// A pool that limits how many run at once: `name`, or `team/name` of another team.
        pool: Option<At<Text>>,
        /// Higher goes first where a limit makes work wait; 0 unless given.
        priority: Option<Whole<-1000, 1000>>,
        /// Datasets it reads, for lineage: `s3://bucket/path`, or `{ namespace, name }`; templates.
        inputs: Option<Vec<Dataset>>,
        /// Datasets it writes, for lineage.
        outputs: Option<Vec<Dataset>>,
    }

    /// A dataset as OpenLineage names it.
    pub(crate) struct DatasetLong {
        /// What it is called there, such as `catalog.schema.table`; a template.
        name: Tried<At<Text>>,
        /// Where it is, such as `trino://host:8889`; a template.
        namespace: Tried<At<Text>>,
    }

    /// A Spark application, run by `spark-submit` as an EMR step.
    pub(crate) struct Spark {
        /// `name`, `team/name` of another team, or `{ tags: … }`.
        cluster: Tried<ClusterChoice>,
        /// Script or jar; a template.
        script: Tried<At<Text>>,
        /// Main class of a jar.
        class: Option<Text>,
        /// Arguments of the application; templates.
        args: Option<Vec<At<Argument>>>,
        /// Spark properties; the values are templates.
        conf: Option<Map<At<Argument>>>,
    }

    /// A Presto or Trino statement, run by its command line client as an EMR step.
    pub(crate) struct Presto {
        /// `name`, `team/name` of another team, or `{ tags: … }`.
        cluster: Tried<ClusterChoice>,
        /// The statement; a template.
        statement: Tried<At<Text>>,
        /// Its catalog.
        catalog: Option<Text>,
        /// Its schema.
        schema: Option<Text>,
    }

    /// A command on a cluster's primary node, as an EMR step.
    pub(crate) struct Command {
        /// `name`, `team/name` of another team, or `{ tags: … }`.
        cluster: Tried<ClusterChoice>,
        /// Program and arguments; templates; no shell reads them.
        command: Tried<Vec<At<Argument>>>,
    }

    /// A Batch job.
    pub(crate) struct Batch {
        /// Name of the job definition.
        job_definition: Tried<At<Text>>,
        /// Name of the job queue.
        queue: Tried<At<Text>>,
        /// Program and arguments; templates; the job definition's own unless given.
        command: Option<Vec<At<Argument>>>,
        /// Environment variables; the values are templates.
        environment: Option<Map<At<Argument>>>,
        /// What fills the job definition's `Ref::<name>`; the values are templates.
        parameters: Option<Map<At<Argument>>>,
        /// Virtual processors, such as `2` or `0.25`.
        vcpus: Option<At<Argument>>,
        /// Memory in MiB.
        memory_mib: Option<Whole<4, 10_000_000>>,
        /// Graphics processors.
        gpus: Option<Whole<1, 64>>,
        /// Makes it an array job with so many children.
        array_size: Option<Whole<2, 10_000>>,
        /// Share identifier of a queue with a scheduling policy.
        share_identifier: Option<Text>,
        /// Priority within its share, higher first; the job definition's own unless given.
        share_priority: Option<At<Whole<0, 9_999>>>,
    }

    /// The tags a cluster of the task's team must have.
    pub(crate) struct ClusterTags {
        /// All of these.
        tags: Tried<Map<Argument>>,
    }

    /// How often and how fast failed attempts are tried again.
    pub(crate) struct RetriesLong {
        /// Further attempts after an application failure; none unless given.
        attempts: Option<Whole<0, 100>>,
        /// Time before the first of them, doubled each time; `30s` unless given.
        backoff: Option<At<Duration>>,
        /// The longest such time; `10m` unless given.
        max_backoff: Option<At<Duration>>,
        /// Further attempts after an infrastructure failure; 3 unless given.
        infrastructure_attempts: Option<Whole<0, 100>>,
    }
}
