//! What people who look at a deployment, or operate it, need to be allowed: the policies for them are
//! enough for every verb of the command line and every query, and for nothing else.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Course;
use super::delivery::{dead_letters, send};
use super::operations::ask;
use super::stop::newest;
use crate::definitions::minute;
use crate::murmur::Murmur;
use crate::process::{text, until};
use crate::rights;
use crate::world::{DEPLOYMENT, PATIENCE, World};

const READER: &str = "reader";
const OPERATOR: &str = "operator";
/// Where Batch logs to.
const JOBS: &str = "/aws/batch/job";

pub fn rights(world: &World, course: &mut Course) -> Result<()> {
    let reader = Person::make(world, READER, &["read_policy_arn"])?;
    let operator = Person::make(world, OPERATOR, &["read_policy_arn", "operate_policy_arn"])?;
    let result = act(world, course, &reader, &operator);
    // Whoever is left would keep the policies from being unmade.
    reader.remove(world)?;
    operator.remove(world)?;
    result
}

fn act(world: &World, course: &Course, reader: &Person, operator: &Person) -> Result<()> {
    let fact = course.facts.first().context("facts were told")?;
    // It was done with long ago, so doing it again does no harm.
    send(world, "advance-run-dead-letters", &fact.body)?;
    until("it is set aside", PATIENCE, || {
        Ok((dead_letters(world)?.len() == 1).then_some(()))
    })?;
    look(world, reader)?;
    let looked = done_by(world, reader)?;
    operate(reader, operator)?;
    let operated = done_by(world, operator)?;
    let read = rights::of_people(world, "read")?;
    let operate = rights::of_people(world, "operate")?;
    for (policy, done) in [(read, looked), (operate, operated)] {
        let unused: Vec<&String> = policy.difference(&done).collect();
        ensure!(unused.is_empty(), "nobody needs {unused:?}");
    }
    Ok(())
}

/// What somebody did so far, none of which may have been refused.
fn done_by(world: &World, person: &Person) -> Result<BTreeSet<String>> {
    let name = person.name;
    let (done, refused): (Vec<_>, Vec<_>) = rights::done_by(world, name)?
        .into_iter()
        .partition(|(_, was_let)| *was_let);
    ensure!(refused.is_empty(), "{name} was refused {refused:?}");
    Ok(done.into_iter().map(|(action, _)| action).collect())
}

/// Every verb that looks, and a query as docs/queries.md has them.
fn look(world: &World, reader: &Person) -> Result<()> {
    for arguments in [
        &["runs", "proof"][..],
        &["show", "proof/fails"],
        &["why", "proof/fails"],
        &["timeline"],
        &["clusters"],
        &["clusters", "endpoint", "proof/steady"],
        &["logs", "proof/fails"],
        &["dead-letters", "list"],
    ] {
        reader.may(arguments)?;
    }
    // Whoever holds places is looked up where somebody does.
    let run = world.trigger("proof/unfit", &["--key", "looked-at"])?;
    until("a step runs", PATIENCE, || {
        let shown = world.murmur.show(&run)?;
        Ok((newest(&shown, "endless")["state"] == "running").then_some(()))
    })?;
    reader.may(&["clusters", "proof/steady"])?;
    ask(world, &["cancel", &run, "--why", "it was looked at"])?;
    world.until_run(&run, "cancelled", PATIENCE)?;
    let job = reader.may(&printed_by_job(world)?)?;
    ensure!(job.contains("Batch has this"), "what did it print? {job}");
    let step = reader.may(&printed_by_step(world)?)?;
    for printed in ["EMR has this", "the driver says this"] {
        ensure!(step.contains(printed), "what did it print? {step}");
    }
    let statement = format!(
        "SELECT run, state FROM \"{DEPLOYMENT}\".\"runs\" WHERE listing = 'proof/throttled'"
    );
    let asked = json!({ "Statement": statement });
    let found = world
        .aws
        .call_as(&reader.credentials, "dynamodb", "execute_statement", asked)?;
    let found = found["Items"].as_array().map_or(0, Vec::len);
    ensure!(found > 0, "the query finds nothing");
    Ok(())
}

/// A reader can start nothing and put nothing back; an operator can.
fn operate(reader: &Person, operator: &Person) -> Result<()> {
    let trigger = ["trigger", "proof/throttled", "--key", "allowed", "--wait"];
    let redrive = ["dead-letters", "redrive", "--all"];
    for arguments in [&trigger[..], &redrive] {
        let refused = reader.murmur.run(arguments)?;
        ensure!(!refused.status.success(), "a reader may {arguments:?}");
    }
    operator.may(&trigger)?;
    operator.may(&redrive)?;
    Ok(())
}

/// Puts into CloudWatch Logs what Batch would have put there of a job.
fn printed_by_job(world: &World) -> Result<[String; 3]> {
    let jobs = world.stand_in.jobs()?;
    let mut of_workflow = jobs.iter().rev().filter(|job| {
        let name = job["jobName"].as_str().unwrap_or_default();
        name.contains("proof--throttled--") && job["status"] == "SUCCEEDED"
    });
    let job = of_workflow.next().context("a job that has ended")?;
    let asked = json!({ "jobs": [job["jobId"]] });
    let described = world.aws.call("batch", "describe_jobs", asked)?;
    let stream = &described["jobs"][0]["container"]["logStreamName"];
    ensure!(stream.is_string(), "it logs nowhere: {described}");
    let logs = |operation: &str, asked: Value| world.aws.call("logs", operation, asked);
    logs("create_log_group", json!({ "logGroupName": JOBS }))?;
    let name = json!({ "logGroupName": JOBS, "logStreamName": stream });
    logs("create_log_stream", name.clone())?;
    let mut events = name;
    let at_ms = minute(0).as_millisecond();
    events["logEvents"] = json!([{ "timestamp": at_ms, "message": "Batch has this" }]);
    logs("put_log_events", events)?;
    let name = job["jobName"].as_str().unwrap_or_default();
    Ok(["logs".into(), run_of(name)?, "job".into()])
}

/// Puts into S3 what EMR would have put there of a step, and of the Spark driver it began.
fn printed_by_step(world: &World) -> Result<[String; 3]> {
    let steps = world.stand_in.steps()?;
    let mut of_workflow = steps.iter().rev().filter(|step| {
        let name = step["Name"].as_str().unwrap_or_default();
        name.contains("proof--throttled--") && step["State"] == "COMPLETED"
    });
    let step = of_workflow.next().context("a step that has ended")?;
    let (cluster, id) = (step["ClusterId"].as_str(), step["Id"].as_str());
    let (cluster, id) = cluster.zip(id).context("their ids")?;
    let application = "application_1700000000000_0001";
    let container = "container_1700000000000_0001_01_000001";
    let folders = [
        (format!("steps/{id}"), "EMR has this", application),
        (
            format!("containers/{application}/{container}"),
            "the driver says this",
            "",
        ),
    ];
    for (folder, stdout, stderr) in folders {
        for (name, printed) in [("stdout", stdout), ("stderr", stderr)] {
            world.put_log(cluster, &format!("{folder}/{name}"), printed)?;
        }
    }
    let name = step["Name"].as_str().unwrap_or_default();
    Ok(["logs".into(), run_of(name)?, "step".into()])
}

/// The run in the name of something that was submitted.
fn run_of(name: &str) -> Result<String> {
    let key = name.strip_prefix(DEPLOYMENT).context("a name of ours")?;
    let parts: Vec<&str> = key.trim_start_matches("--").split("--").collect();
    let run = parts.len().checked_sub(2).context("a run and a task")?;
    Ok(parts[..run].join("--"))
}

/// Somebody who has nothing but some policies.
struct Person {
    name: &'static str,
    credentials: (String, String),
    policies: Vec<Value>,
    murmur: Murmur,
}

impl Person {
    fn make(world: &World, name: &'static str, policies: &[&str]) -> Result<Self> {
        let iam = |operation: &str, asked: Value| world.aws.call("iam", operation, asked);
        iam("create_user", json!({ "UserName": name }))?;
        let mut arns = Vec::new();
        for policy in policies {
            let arn = world.terraform.output(policy)?;
            iam(
                "attach_user_policy",
                json!({ "UserName": name, "PolicyArn": arn }),
            )?;
            arns.push(arn);
        }
        let made = iam("create_access_key", json!({ "UserName": name }))?;
        let key = |part: &str| made["AccessKey"][part].as_str().map(str::to_owned);
        let credentials = key("AccessKeyId").zip(key("SecretAccessKey"));
        let credentials = credentials.context("an access key")?;
        Ok(Self {
            name,
            murmur: world.murmur.with_credentials(credentials.clone()),
            credentials,
            policies: arns,
        })
    }

    /// Does something with `murmur` that must not be refused; gives what it printed.
    fn may<T: AsRef<str>>(&self, arguments: &[T]) -> Result<String> {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let output = self.murmur.run(&arguments)?;
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        // 1 says only that not all is well with what is shown.
        let fine = matches!(output.status.code(), Some(0 | 1)) && !stderr.contains("denied");
        ensure!(fine, "murmur {arguments:?}: {stdout}{stderr}");
        Ok(stdout)
    }

    fn remove(&self, world: &World) -> Result<()> {
        let iam = |operation: &str, asked: Value| world.aws.call("iam", operation, asked);
        for arn in &self.policies {
            iam(
                "detach_user_policy",
                json!({ "UserName": self.name, "PolicyArn": arn }),
            )?;
        }
        let (key, _) = &self.credentials;
        iam(
            "delete_access_key",
            json!({ "UserName": self.name, "AccessKeyId": key }),
        )?;
        iam("delete_user", json!({ "UserName": self.name }))?;
        Ok(())
    }
}
