//! What a machine says about itself: where storage lies, how programs are found, how long clusters
//! take. Users write it as `local.yaml`; who reads that file is the engine's business.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use model::name::ClusterRef;
use model::units::Seconds;
use serde::{Deserialize, Serialize};

use super::alerts::AlertConfiguration;
use super::exports::ExportConfiguration;
use super::faults::{ClusterFaults, Faults};

/// Configures the compute of one machine; every part has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalConfiguration {
    /// Where `s3://<bucket>/<key>` lies: at `<storage>/<bucket>/<key>`.
    pub storage: PathBuf,
    /// Prefixes of URIs that lie elsewhere, such as `s3://jobs/: demo/jobs/`; the longest wins.
    pub mounts: BTreeMap<String, PathBuf>,
    /// Where steps run; `None` gives each a directory of its own.
    pub working_directory: Option<PathBuf>,
    /// Given to all work.
    pub environment: BTreeMap<String, String>,
    /// Batch job definitions by name.
    pub job_definitions: BTreeMap<String, JobDefinition>,
    /// How many jobs of a Batch queue run at once; of others, as many as there are cores.
    pub queues: BTreeMap<String, usize>,
    /// How many processes run at once on the whole machine; `None` is no limit.
    pub max_processes: Option<usize>,
    pub spark: SparkConfiguration,
    /// Program and first arguments that stand in for `presto-cli`; the statement comes last.
    pub presto: Vec<String>,
    /// Program and first arguments that stand in for `trino-cli` and `trino`.
    pub trino: Vec<String>,
    pub clusters: ClusterHabits,
    /// How long work has between SIGTERM and SIGKILL.
    pub grace: Seconds,
    /// Where alerts are posted besides the terminal.
    pub alerts: AlertConfiguration,
    /// Where traces and lineage go.
    pub exports: ExportConfiguration,
    /// What goes wrong with clusters, for tests and demonstrations.
    pub cluster_faults: BTreeMap<ClusterRef, ClusterFaults>,
    /// What goes wrong with calls and events, for tests and demonstrations.
    pub faults: Faults,
    /// The program that watches over one piece of work, to which its directory is added as last
    /// argument; `None` is this program with `__supervise`.
    #[serde(skip)]
    pub supervisor: Option<Vec<OsString>>,
}

/// What a Batch job definition holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobDefinition {
    /// Runs when the job gives no command.
    pub command: Vec<String>,
    /// `None` gives each job a directory of its own.
    pub working_directory: Option<PathBuf>,
    pub environment: BTreeMap<String, String>,
}

/// How `spark-submit` is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SparkConfiguration {
    /// The program; `None` takes `$SPARK_HOME/bin/spark-submit`, else `spark-submit` of the path.
    pub submit: Option<PathBuf>,
    /// The N of `--master local[N]`.
    pub cores: usize,
    pub environment: BTreeMap<String, String>,
}

impl Default for SparkConfiguration {
    fn default() -> Self {
        Self {
            submit: None,
            cores: 2,
            environment: BTreeMap::new(),
        }
    }
}

/// How long a cluster takes, and where its applications listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterHabits {
    pub starting: Seconds,
    pub bootstrapping: Seconds,
    pub terminating: Seconds,
    /// Ports by application, in lower case.
    pub ports: BTreeMap<String, u16>,
}

impl Default for ClusterHabits {
    fn default() -> Self {
        // EMR's own ports.
        let ports = [
            ("flink", 8081),
            ("hbase", 16010),
            ("hive", 10000),
            ("hue", 8888),
            ("jupyterhub", 9443),
            ("livy", 8998),
            ("presto", 8889),
            ("spark", 18080),
            ("trino", 8889),
            ("zeppelin", 8890),
        ];
        Self {
            starting: Seconds::minutes(4),
            bootstrapping: Seconds::minutes(2),
            terminating: Seconds::minutes(1),
            ports: ports.map(|(name, port)| (name.into(), port)).into(),
        }
    }
}

impl Default for LocalConfiguration {
    fn default() -> Self {
        Self {
            storage: "storage".into(),
            mounts: BTreeMap::new(),
            working_directory: None,
            environment: BTreeMap::new(),
            job_definitions: BTreeMap::new(),
            queues: BTreeMap::new(),
            max_processes: None,
            spark: SparkConfiguration::default(),
            presto: vec!["presto-cli".into(), "--execute".into()],
            trino: vec!["trino".into(), "--execute".into()],
            clusters: ClusterHabits::default(),
            grace: Seconds(10),
            alerts: AlertConfiguration::default(),
            exports: ExportConfiguration::default(),
            cluster_faults: BTreeMap::new(),
            faults: Faults::default(),
            supervisor: None,
        }
    }
}

impl LocalConfiguration {
    /// Takes relative paths from this directory, which should be absolute: work runs elsewhere.
    /// In commands and environments, where a text need not be a path, `{folder}` stands for it.
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.name_folder(&base.display().to_string());
        self.storage = base.join(&self.storage);
        self.exports.relative_to(base);
        for path in self.mounts.values_mut() {
            *path = base.join(&*path);
        }
        let optional = [
            self.working_directory.as_mut(),
            self.spark.submit.as_mut().filter(has_folder),
        ];
        let definitions = self.job_definitions.values_mut();
        for path in optional
            .into_iter()
            .chain(definitions.map(|definition| definition.working_directory.as_mut()))
            .flatten()
        {
            *path = base.join(&*path);
        }
        self
    }

    fn name_folder(&mut self, folder: &str) {
        let definitions = self.job_definitions.values_mut();
        let (commands, environments): (Vec<_>, Vec<_>) = definitions
            .map(|definition| (&mut definition.command, &mut definition.environment))
            .unzip();
        let commands = commands
            .into_iter()
            .chain([&mut self.presto, &mut self.trino]);
        let environments = environments
            .into_iter()
            .chain([&mut self.environment, &mut self.spark.environment]);
        let values = environments.flat_map(BTreeMap::values_mut);
        for text in commands.flatten().chain(values) {
            *text = text.replace("{folder}", folder);
        }
    }

    /// How many jobs of a queue run at once.
    pub fn queue_concurrency(&self, queue: &str) -> usize {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        self.queues
            .get(queue)
            .copied()
            .unwrap_or_else(|| cores().max(2))
    }
}

/// A bare program name is looked up on the path, not in a folder.
fn has_folder(path: &&mut PathBuf) -> bool {
    path.components().count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_the_placeholder_of_the_folder_count_from_where_the_file_lies() {
        let argv = |words: &str| words.split(' ').map(String::from).collect::<Vec<_>>();
        let environment = |value: &str| [("A".to_owned(), value.to_owned())].into();
        let configuration = LocalConfiguration {
            storage: "../storage".into(),
            presto: argv("python3 {folder}/sql.py --root={folder}/data"),
            trino: argv("trino {folders}"),
            environment: environment("{folder}"),
            spark: SparkConfiguration {
                submit: Some("spark-submit".into()),
                environment: environment("{folder}/conf"),
                ..Default::default()
            },
            job_definitions: [(
                "job".to_owned(),
                JobDefinition {
                    command: argv("{folder}/job.sh"),
                    working_directory: Some("jobs".into()),
                    environment: environment("x:{folder}/y"),
                },
            )]
            .into(),
            ..Default::default()
        }
        .relative_to(Path::new("/project/demo"));
        assert_eq!(configuration.storage, Path::new("/project/demo/../storage"));
        let presto = "python3 /project/demo/sql.py --root=/project/demo/data";
        assert_eq!(configuration.presto.join(" "), presto);
        assert_eq!(configuration.trino.join(" "), "trino {folders}");
        assert_eq!(configuration.environment["A"], "/project/demo");
        assert_eq!(configuration.spark.environment["A"], "/project/demo/conf");
        assert_eq!(configuration.spark.submit, Some("spark-submit".into()));
        let job = &configuration.job_definitions["job"];
        assert_eq!(job.command, ["/project/demo/job.sh"]);
        assert_eq!(job.environment["A"], "x:/project/demo/y");
        assert_eq!(job.working_directory, Some("/project/demo/jobs".into()));
    }
}
