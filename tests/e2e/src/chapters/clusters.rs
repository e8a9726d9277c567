//! Clusters: they come and go by ticks of the Scheduler.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use stand_in::faults::{CallEnd, EventEnd, EventFault, Faults};

use super::Course;
use super::{lost, stop, strays};
use crate::definitions::last;
use crate::process::until;
use crate::stand_in::{batch_events, call, emr_events};
use crate::world::{DEPLOYMENT, LONG_PATIENCE, PATIENCE, World};

/// A password that nobody but EMR may know.
const SECRET: &str = "correct-horse-battery-staple";

/// Begins everything that takes long, trouble included.
pub fn come(world: &World, course: &mut Course) -> Result<()> {
    let (done, not_done) = (CallEnd::NoAnswerButDone, CallEnd::NoAnswerAndNotDone);
    world.stand_in.add_faults(Faults {
        calls: vec![
            call("RunJobFlow", "proof--unanswered--", done),
            call("RunJobFlow", "proof--fleeting--", done),
            call("RunJobFlow", "proof--doomed--", CallEnd::Throttled),
            call("SubmitJob", "--job_made--", done),
            call("SubmitJob", "--job_lost--", not_done),
            call("AddJobFlowSteps", "--step_made--", done),
            call("AddJobFlowSteps", "--step_lost--", not_done),
            call("SubmitJob", "proof--doubted--", not_done),
            call("AddJobFlowSteps", "proof--doubted--", not_done),
        ],
        events: vec![
            emr_events("proof--silent--", EventEnd::Dropped),
            // Else the event of the cluster would tell its id.
            emr_events("proof--unanswered--", EventEnd::Dropped),
            // Its end is told.
            EventFault {
                states: ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
                    .map(str::to_owned)
                    .into(),
                ..emr_events("proof--fleeting--", EventEnd::Dropped)
            },
            batch_events("proof--unheard--", EventEnd::Dropped),
        ],
        // Whoever waits for an answer comes back later than who looks after the lease.
        hang_ms: 4_000,
        failing_bootstraps: vec!["proof--unlucky--".into()],
        public_names: true,
    })?;
    let secret = json!({
        "Name": format!("{DEPLOYMENT}/proof/metastore"),
        "SecretString": json!({ "user": "hive", "password": SECRET }).to_string(),
    });
    world.aws.call("secretsmanager", "create_secret", secret)?;
    for cluster in world.definitions.clusters()? {
        let (team, name) = cluster.split_once('/').context("team and name")?;
        world.tick(
            team,
            &format!("{name}--provision"),
            world.definitions.opened,
        )?;
    }
    // Fifteen minutes past midnight, whenever that was last.
    let slot = last(0, 15, "America/Los_Angeles")?;
    world.tick("weather", "daily_report", slot)?;
    lost::begin(world, course)?;
    for name in ["silent", "unanswered"] {
        let run = world.trigger(&format!("proof/{name}"), &[])?;
        course.runs.insert(name, run);
    }
    strays::begin_twin(world, course)?;
    let steady = world.until_cluster("proof/steady", &["ready"])?;
    let endpoint = &steady["endpoint"];
    ensure!(
        endpoint["private_ip"]
            .as_str()
            .is_some_and(|ip| ip.starts_with("10.0.")),
        "where is it? {endpoint}"
    );
    let told = world
        .murmur
        .json(&["clusters", "endpoint", "proof/steady"])?;
    ensure!(told.to_string().contains("amazonaws.com"), "{told}");
    name_leads_to(
        world,
        "steady",
        endpoint["master_dns"].as_str().context("a name")?,
    )?;
    stop::begin_unfit(world, course)?;
    stop::begin_doubted(world, course)
}

/// A reference in a definition becomes a value in the request, and that is in nothing murmur keeps or
/// says.
pub fn secret(world: &World, _: &mut Course) -> Result<()> {
    let instance = world.until_cluster("proof/secretive", &["ready"])?;
    let asked = json!({ "ClusterId": instance["id"] });
    let described = world.aws.call("emr", "describe_cluster", asked)?;
    let properties = &described["Cluster"]["Configurations"][0]["Properties"];
    let password = &properties["javax.jdo.option.ConnectionPassword"];
    ensure!(*password == SECRET, "EMR was told {properties}");
    let mut start = Value::Null;
    let mut items = 0;
    loop {
        let mut asked = json!({ "TableName": DEPLOYMENT });
        if !start.is_null() {
            asked["ExclusiveStartKey"] = start;
        }
        let page = world.aws.call("dynamodb", "scan", asked)?;
        ensure!(!page.to_string().contains(SECRET), "the table knows it");
        items += page["Items"].as_array().map_or(0, Vec::len);
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            break;
        }
    }
    ensure!(items > 50, "only {items} items were looked at");
    // Whatever functions print is in the emulator's log.
    let log = fs::read_to_string(world.folder.join("emulator.log"))?;
    let own = format!("\"function\":\"{DEPLOYMENT}-provision-cluster\"");
    ensure!(log.contains(&own), "provision-cluster has printed nothing");
    ensure!(!log.contains(SECRET), "a log knows it");
    Ok(())
}

/// A cluster whose window ends while nobody knows whether it was requested: it was, and is ended.
pub fn fleeting(world: &World, _: &mut Course) -> Result<()> {
    let down = world.until_cluster("proof/fleeting", &["terminated", "failed"])?;
    ensure!(down["state"] == "terminated", "it was never found: {down}");
    let id = down["id"].as_str().context("its id")?;
    let asked = json!({ "ClusterId": id });
    let described = world.aws.call("emr", "describe_cluster", asked)?;
    let state = &described["Cluster"]["Status"]["State"];
    ensure!(*state == "TERMINATED", "EMR says {state}");
    Ok(())
}

/// The stable name of a cluster of the team leads to an instance.
fn name_leads_to(world: &World, cluster: &str, master_dns: &str) -> Result<()> {
    until(
        &format!("the name of {cluster} leads to {master_dns}"),
        PATIENCE,
        || {
            let asked = json!({ "HostedZoneId": world.zone });
            let listed = world
                .aws
                .call("route53", "list_resource_record_sets", asked)?;
            let records = listed["ResourceRecordSets"]
                .as_array()
                .into_iter()
                .flatten();
            let leads = |record: &&Value| {
                record["Type"] == "CNAME"
                    && record["Name"]
                        .as_str()
                        .is_some_and(|name| name.contains(cluster))
                    && record["ResourceRecords"].to_string().contains(master_dns)
            };
            Ok(records.into_iter().find(leads).map(|_| ()))
        },
    )
}

/// Waits for the cluster that nobody but the Scheduler has brought up.
pub fn comes(world: &World, course: &mut Course) -> Result<()> {
    let (from, to) = course.brief.context("it was dropped in before")?;
    let up = ["ready", "draining", "terminating", "terminated"];
    let up = world.until_cluster("proof/brief", &up)?;
    let lives = up["state"] == "ready" || up["state"] == "draining";
    ensure!(lives, "this machine is too slow: it has gone already: {up}");
    ensure!(
        time(&up, "window_start")? == from,
        "it is of another window: {up}"
    );
    ensure!(
        time(&up, "window_end")? == to,
        "its window ends elsewhere: {up}"
    );
    // Somebody protects it, which is to be no reason to give up.
    protect(world, &up, true)
}

/// Waits until the Scheduler has taken it down.
pub fn goes(world: &World, course: &mut Course) -> Result<()> {
    let (_, to) = course.brief.context("it was dropped in before")?;
    let up = world.newest_instance("proof/brief")?;
    let run = course.run("drained")?;
    let ended = world.until_run(run, "succeeded", LONG_PATIENCE)?;
    let attempts = ended["tasks"][0]["attempts"]
        .as_array()
        .context("attempts")?;
    ensure!(attempts.len() == 1, "it took several attempts: {ended}");
    until("it cannot be ended", PATIENCE, || {
        let calls = world.stand_in.calls()?;
        let mut calls = calls.iter();
        let refused = calls.find(|call| {
            call["action"] == "elasticmapreduce:TerminateJobFlows"
                && call["resources"][0] == up["id"]
                && call["error"] == "ValidationException"
        });
        Ok(refused.map(|_| ()))
    })?;
    protect(world, &up, false)?;
    let down = world.until_cluster("proof/brief", &["terminated"])?;
    ensure!(down["id"] == up["id"], "it is another instance: {down}");
    let (step_ended, draining) = (time(&attempts[0], "ended_at")?, time(&down, "draining_at")?);
    ensure!(
        draining >= to,
        "it was drained before its window ended: {down}"
    );
    ensure!(
        step_ended > draining,
        "the step had ended before there was anything to drain"
    );
    ensure!(
        time(&down, "ended_at")? >= step_ended,
        "it went before its step had ended"
    );
    let ticks = world.emulator.ticks()?;
    for tick in ["provision", "terminate"] {
        let name = format!("{DEPLOYMENT}-proof/brief--{tick}");
        ensure!(
            ticks.get(&name) == Some(&1),
            "{name} fired {:?} times",
            ticks.get(&name)
        );
    }
    Ok(())
}

fn protect(world: &World, instance: &Value, protected: bool) -> Result<()> {
    let asked = json!({ "JobFlowIds": [instance["id"]], "TerminationProtected": protected });
    world.aws.call("emr", "set_termination_protection", asked)?;
    Ok(())
}

fn time(item: &Value, name: &str) -> Result<Timestamp> {
    let text = item[name]
        .as_str()
        .with_context(|| format!("{name} of {item}"))?;
    Ok(text.parse()?)
}
