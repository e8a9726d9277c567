//! What bears names of murmur and is not what murmur asked for: as after a submitter that was very
//! slow, or somebody's mistake.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Course;
use crate::process::until;
use crate::world::{DEPLOYMENT, PATIENCE, World};

/// Submits again what has ended, and a cluster that nobody asked for: all of it is ended.
pub fn ended(world: &World, _: &mut Course) -> Result<()> {
    let run = world.trigger("proof/throttled", &["--key", "doubled"])?;
    let before = world.until_run(&run, "succeeded", PATIENCE)?;
    let steady = world.newest_instance("proof/steady")?;
    let job = json!({
        "jobName": format!("{DEPLOYMENT}--{run}--job--1-1"),
        "jobQueue": "light", "jobDefinition": "shell",
        "containerOverrides": { "command": ["sleep", "600"] },
        "tags": { "murmur:deployment": DEPLOYMENT },
    });
    let step = json!({
        "Name": format!("{DEPLOYMENT}--{run}--step--1-1"),
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": { "Jar": "command-runner.jar", "Args": ["sleep", "600"] },
    });
    let named = |values: Vec<Value>, field: &str, name: &Value| {
        let of_name = values.into_iter().filter(|one| one[field] == *name);
        of_name.count()
    };
    let (jobs, steps) = (world.stand_in.jobs()?, world.stand_in.steps()?);
    ensure!(
        named(jobs, "jobName", &job["jobName"]) == 1 && named(steps, "Name", &step["Name"]) == 1,
        "nothing of these names was submitted before: {job} {step}"
    );
    world.aws.call("batch", "submit_job", job)?;
    let asked = json!({ "JobFlowId": steady["id"], "Steps": [step] });
    world.aws.call("emr", "add_job_flow_steps", asked)?;
    let instance = steady["instance"].as_str().context("its key")?;
    let name = instance.strip_suffix("--1").context("the first one")?;
    let name = format!("{DEPLOYMENT}--{name}--9");
    let cluster = run_cluster(world, &name, false)?;
    until("the strays are ended", PATIENCE, || {
        let over = !world.is_at_work(&run)? && is_ending(world, &cluster)?;
        Ok(over.then_some(()))
    })?;
    let after = world.murmur.show(&run)?;
    ensure!(after == before, "the run was\n{before}\nand is\n{after}");
    Ok(())
}

/// Brings up a second cluster under the name of one whose request was not answered. Both are
/// protected, so whoever ends one of them is refused.
pub fn begin_twin(world: &World, course: &mut Course) -> Result<()> {
    let begin = format!("{DEPLOYMENT}--proof--unanswered--");
    let first = until(
        "the cluster is there of which nobody knows",
        PATIENCE,
        || {
            let named = |one: &Value| {
                one["Name"]
                    .as_str()
                    .is_some_and(|it| it.starts_with(&begin))
            };
            Ok(clusters(world)?.into_iter().find(named))
        },
    )?;
    let asked = json!({ "JobFlowIds": [first["Id"]], "TerminationProtected": true });
    world.aws.call("emr", "set_termination_protection", asked)?;
    let name = first["Name"].as_str().context("its name")?;
    let second = run_cluster(world, name, true)?;
    let first = first["Id"].as_str().context("its id")?.to_owned();
    course.twins = vec![first, second];
    Ok(())
}

/// Of the two, one became the instance; the other was asked to end.
pub fn twins(world: &World, course: &mut Course) -> Result<()> {
    let instance = world.until_cluster("proof/unanswered", &["ready"])?;
    let mut others = course.twins.clone();
    others.retain(|id| instance["id"] != **id);
    let [other] = &others[..] else {
        anyhow::bail!("{instance} is none of {:?}", course.twins);
    };
    let asked_to_end = world.stand_in.calls()?.into_iter().any(|call| {
        call["action"] == "elasticmapreduce:TerminateJobFlows"
            && call["resources"][0] == **other
            && call["error"] == "ValidationException"
    });
    ensure!(asked_to_end, "nobody asked {other} to end");
    Ok(())
}

fn run_cluster(world: &World, name: &str, protected: bool) -> Result<String> {
    let asked = json!({
        "Name": name, "ReleaseLabel": "emr-7.9.0", "ServiceRole": "service", "JobFlowRole": "machines",
        "Applications": [{ "Name": "Spark" }],
        "Instances": {
            "InstanceGroups": [{ "InstanceRole": "MASTER", "InstanceType": "m7g.xlarge", "InstanceCount": 1 }],
            "KeepJobFlowAliveWhenNoSteps": true, "TerminationProtected": protected,
        },
        "Tags": [{ "Key": "murmur:deployment", "Value": DEPLOYMENT }],
    });
    let made = world.aws.call("emr", "run_job_flow", asked)?;
    Ok(made["JobFlowId"].as_str().context("its id")?.to_owned())
}

fn clusters(world: &World) -> Result<Vec<Value>> {
    let listed = world.aws.call("emr", "list_clusters", json!({}))?;
    Ok(listed["Clusters"].as_array().cloned().unwrap_or_default())
}

fn is_ending(world: &World, id: &str) -> Result<bool> {
    let asked = json!({ "ClusterId": id });
    let described = world.aws.call("emr", "describe_cluster", asked)?;
    let state = described["Cluster"]["Status"]["State"].as_str();
    Ok(state.is_some_and(|state| state.starts_with("TERMINAT")))
}
