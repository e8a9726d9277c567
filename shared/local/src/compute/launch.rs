//! What is really run for a step or a job: the cloud's programs and URIs become this machine's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::attempt::AttemptKey;
use model::work::JobSpec;
use serde::{Deserialize, Serialize};

use super::configuration::{JobDefinition, LocalConfiguration};
use super::uri::localise;

/// A command with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Program and arguments; never empty, never a shell string.
    pub argv: Vec<String>,
    /// Added to what the engine itself was given.
    pub environment: BTreeMap<String, String>,
    /// `None` is the work's own directory.
    pub working_directory: Option<PathBuf>,
}

/// Batch knows no job definition of this name.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error(
        "ClientException: JobDefinition `{name}` is not known; known are: {known}. Add it to `job_definitions` of the local configuration"
    )]
    UnknownDefinition { name: String, known: String },
    #[error("ClientException: neither job definition `{name}` nor the job gives a command")]
    NoCommand { name: String },
}

/// Says what runs for a step.
pub fn step(configuration: &LocalConfiguration, key: &AttemptKey, argv: &[String]) -> Launch {
    let argv: Vec<String> = argv
        .iter()
        .map(|argument| localise(configuration, argument))
        .collect();
    let (argv, own) = match argv.split_first() {
        Some((program, rest)) if program == "spark-submit" => spark(configuration, rest),
        Some((program, rest)) if program == "presto-cli" => query(&configuration.presto, rest),
        Some((program, rest)) if program == "trino-cli" || program == "trino" => {
            query(&configuration.trino, rest)
        }
        Some(_) | None => (argv, BTreeMap::new()),
    };
    let mut environment = common_environment(configuration, key);
    environment.extend(own);
    Launch {
        argv,
        environment,
        working_directory: configuration.working_directory.clone(),
    }
}

/// Says what runs for a job, or for each child of an array job.
pub fn job(
    configuration: &LocalConfiguration,
    key: &AttemptKey,
    spec: &JobSpec,
) -> Result<Launch, LaunchError> {
    let configured = configuration.job_definitions.get(&spec.definition);
    // A machine that was told of no job definition at all runs whatever brings its own command.
    let untold = JobDefinition::default();
    let untold = Some(&untold)
        .filter(|_| configuration.job_definitions.is_empty() && !spec.command.is_empty());
    let Some(definition) = configured.or(untold) else {
        let known: Vec<&str> = configuration
            .job_definitions
            .keys()
            .map(String::as_str)
            .collect();
        return Err(LaunchError::UnknownDefinition {
            name: spec.definition.clone(),
            known: known.join(", "),
        });
    };
    let command = if spec.command.is_empty() {
        &definition.command
    } else {
        &spec.command
    };
    if command.is_empty() {
        let name = spec.definition.clone();
        return Err(LaunchError::NoCommand { name });
    }
    let mut environment = common_environment(configuration, key);
    let own = definition.environment.iter().chain(&spec.environment);
    environment.extend(own.map(|(name, value)| (name.clone(), localise(configuration, value))));
    Ok(Launch {
        argv: command
            .iter()
            .map(|argument| localise(configuration, argument))
            .collect(),
        environment,
        working_directory: definition.working_directory.clone(),
    })
}

fn common_environment(
    configuration: &LocalConfiguration,
    key: &AttemptKey,
) -> BTreeMap<String, String> {
    let mut environment = configuration.environment.clone();
    let storage = configuration.storage.display().to_string();
    environment.extend(
        [
            ("MURMUR_RUN", key.run.to_string()),
            ("MURMUR_TASK", key.task.to_string()),
            ("MURMUR_GENERATION", key.generation.to_string()),
            ("MURMUR_ATTEMPT", key.attempt.to_string()),
            ("MURMUR_STORAGE", storage),
            ("TRACEPARENT", model::trace::of_attempt(key)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    environment
}

/// Options of `spark-submit` without a value; every other takes the next argument, unless joined
/// to it by `=`.
const SPARK_FLAGS: [&str; 7] = [
    "-v",
    "--verbose",
    "--supervise",
    "-h",
    "--help",
    "--version",
    "--usage-error",
];

/// Settings that would send the application to a cluster that is not there.
const SPARK_ELSEWHERE: [&str; 2] = ["spark.master=", "spark.submit.deployMode="];

fn spark(
    configuration: &LocalConfiguration,
    arguments: &[String],
) -> (Vec<String>, BTreeMap<String, String>) {
    let spark = &configuration.spark;
    let home = || std::env::var_os("SPARK_HOME").map(|home| PathBuf::from(home).join("bin"));
    let submit = spark
        .submit
        .clone()
        .or_else(|| home().map(|folder| folder.join("spark-submit")))
        .unwrap_or_else(|| "spark-submit".into());
    let mut argv = vec![
        submit.display().to_string(),
        "--master".into(),
        format!("local[{}]", spark.cores.max(1)),
    ];
    let mut rest = arguments;
    // Only what stands before the application is spark-submit's own.
    while let Some((option, after)) = rest.split_first().filter(|(o, _)| o.starts_with('-')) {
        let alone = SPARK_FLAGS.contains(&option.as_str()) || option.contains('=');
        let length = if alone { 1 } else { 2.min(rest.len()) };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value),
            None => (option.as_str(), after.first().map_or("", String::as_str)),
        };
        let elsewhere = match name {
            "--master" | "--deploy-mode" => true,
            "--conf" | "-c" => SPARK_ELSEWHERE
                .iter()
                .any(|setting| value.starts_with(setting)),
            _ => false,
        };
        if !elsewhere {
            argv.extend_from_slice(&rest[..length]);
        }
        rest = &rest[length..];
    }
    argv.extend_from_slice(rest);
    (argv, spark.environment.clone())
}

/// The configured program gets the statement as its last argument; catalog and schema are told by
/// `MURMUR_CATALOG` and `MURMUR_SCHEMA`. Without a statement the arguments are passed on.
fn query(stand_in: &[String], arguments: &[String]) -> (Vec<String>, BTreeMap<String, String>) {
    let value_of = |name: &str| {
        let joined = format!("{name}=");
        let next = |position: usize| arguments.get(position + 1).cloned();
        arguments
            .iter()
            .enumerate()
            .find_map(
                |(position, argument)| match argument.strip_prefix(&joined) {
                    Some(value) => Some(value.to_owned()),
                    None if argument == name => next(position),
                    None => None,
                },
            )
    };
    let environment = [
        ("MURMUR_CATALOG", value_of("--catalog")),
        ("MURMUR_SCHEMA", value_of("--schema")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    let mut argv = stand_in.to_vec();
    match value_of("--execute") {
        Some(statement) => argv.push(statement),
        None => argv.extend_from_slice(arguments),
    }
    (argv, environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::configuration::{JobDefinition, SparkConfiguration};

    fn configuration() -> LocalConfiguration {
        LocalConfiguration {
            storage: "/data".into(),
            spark: SparkConfiguration {
                submit: Some("/venv/bin/spark-submit".into()),
                cores: 2,
                environment: [("SPARK_CONF_DIR".into(), "/conf".into())].into(),
            },
            presto: ["python3", "sql.py", "--statement"]
                .map(String::from)
                .into(),
            trino: ["trino", "--execute"].map(String::from).into(),
            job_definitions: [(
                "clean".to_owned(),
                JobDefinition {
                    command: vec!["python3".into(), "clean.py".into()],
                    environment: [("OUT".to_owned(), "s3://lake/out".to_owned())].into(),
                    working_directory: Some("/jobs".into()),
                },
            )]
            .into(),
            ..Default::default()
        }
    }

    fn key() -> AttemptKey {
        "weather--daily--20260301t051500z--clean--1-2"
            .parse()
            .unwrap()
    }

    #[test]
    fn programs_of_the_cloud_become_programs_of_this_machine() {
        let spark = "/venv/bin/spark-submit --master local[2]";
        let presto = "python3 sql.py --statement";
        for (argv, expected) in [
            (
                "spark-submit s3://jobs/a.py --master x",
                format!("{spark} /data/jobs/a.py --master x"),
            ),
            (
                "spark-submit --deploy-mode cluster --master yarn --conf spark.executor.memory=4g a.py s3://lake/in",
                format!("{spark} --conf spark.executor.memory=4g a.py /data/lake/in"),
            ),
            (
                "spark-submit --verbose --deploy-mode=cluster -c spark.master=yarn --class org.A a.jar",
                format!("{spark} --verbose --class org.A a.jar"),
            ),
            (
                "spark-submit --conf=spark.submit.deployMode=cluster a.py",
                format!("{spark} a.py"),
            ),
            ("spark-submit --name", format!("{spark} --name")),
            (
                "presto-cli --server localhost:8889 --catalog hive --execute select",
                format!("{presto} select"),
            ),
            ("presto-cli --execute=select", format!("{presto} select")),
            (
                "trino-cli --catalog hive --execute select",
                "trino --execute select".into(),
            ),
            ("presto-cli --file q.sql", format!("{presto} --file q.sql")),
            ("python3 s3://jobs/x.py", "python3 /data/jobs/x.py".into()),
        ] {
            let argv: Vec<String> = argv.split(' ').map(String::from).collect();
            let launch = step(&configuration(), &key(), &argv);
            assert_eq!(launch.argv.join(" "), expected);
        }
    }

    #[test]
    fn work_is_told_what_it_is() {
        let argv = ["presto-cli", "--catalog", "hive", "--execute", "s"].map(String::from);
        let environment = step(&configuration(), &key(), &argv).environment;
        for (name, value) in [
            ("MURMUR_RUN", "weather--daily--20260301t051500z"),
            ("MURMUR_TASK", "clean"),
            ("MURMUR_ATTEMPT", "2"),
            ("MURMUR_STORAGE", "/data"),
            ("MURMUR_CATALOG", "hive"),
            ("TRACEPARENT", &model::trace::of_attempt(&key())),
        ] {
            assert_eq!(environment[name], value, "{name}");
        }
    }

    #[test]
    fn what_a_job_leaves_empty_comes_from_its_definition() {
        let spec = JobSpec {
            definition: "clean".into(),
            ..Default::default()
        };
        let launch = job(&configuration(), &key(), &spec).unwrap();
        assert_eq!(launch.argv, ["python3", "clean.py"]);
        assert_eq!(launch.environment["OUT"], "/data/lake/out");
        assert_eq!(launch.working_directory, Some("/jobs".into()));
        let own = JobSpec {
            command: vec!["true".into()],
            ..spec.clone()
        };
        assert_eq!(job(&configuration(), &key(), &own).unwrap().argv, ["true"]);
        let unknown = JobSpec {
            definition: "cleam".into(),
            ..spec
        };
        let error = job(&configuration(), &key(), &unknown).unwrap_err();
        assert!(error.to_string().contains("known are: clean"), "{error}");
    }

    #[test]
    fn a_machine_told_of_no_job_definition_runs_what_brings_its_command() {
        let untold = LocalConfiguration::default();
        let job = |configuration: &LocalConfiguration, command: &[&str]| {
            let spec = JobSpec {
                definition: "any".into(),
                command: command.iter().map(ToString::to_string).collect(),
                ..JobSpec::default()
            };
            job(configuration, &key(), &spec)
        };
        assert_eq!(job(&untold, &["true"]).unwrap().argv, ["true"]);
        assert!(job(&untold, &[]).is_err());
        assert!(job(&configuration(), &["true"]).is_err());
    }
}
