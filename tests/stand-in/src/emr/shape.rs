//! Clusters and steps as EMR shows them.

use model::observation::{ClusterState, WorkState};
use serde_json::{Value, json};

use crate::read::{entries, text};
use crate::world::{Cluster, Step, World};

/// EMR's word for a cluster's state.
pub fn cluster_state(state: ClusterState) -> &'static str {
    match state {
        ClusterState::Starting => "STARTING",
        ClusterState::Bootstrapping => "BOOTSTRAPPING",
        ClusterState::Running => "RUNNING",
        ClusterState::Waiting => "WAITING",
        ClusterState::Terminating => "TERMINATING",
        ClusterState::Terminated => "TERMINATED",
        ClusterState::TerminatedWithErrors => "TERMINATED_WITH_ERRORS",
    }
}

/// EMR's word for a step's state.
pub fn state_of_step(step: &Step) -> &'static str {
    match step.state {
        WorkState::Pending | WorkState::Running if step.cancel_asked => "CANCEL_PENDING",
        WorkState::Pending => "PENDING",
        WorkState::Running => "RUNNING",
        WorkState::Succeeded => "COMPLETED",
        WorkState::Failed => "FAILED",
        WorkState::Cancelled => "CANCELLED",
        WorkState::Interrupted => "INTERRUPTED",
    }
}

/// The ARN of a cluster.
pub fn cluster_arn(world: &World, id: &str) -> String {
    let (region, account) = (&world.region.name, &world.region.account);
    format!("arn:aws:elasticmapreduce:{region}:{account}:cluster/{id}")
}

/// A cluster in a list.
pub fn cluster_summary(world: &World, cluster: &Cluster) -> Value {
    json!({
        "Id": cluster.id,
        "Name": cluster.name(),
        "Status": cluster_status(cluster),
        "NormalizedInstanceHours": 0,
        "ClusterArn": cluster_arn(world, &cluster.id),
    })
}

/// A cluster that is described.
pub fn cluster(world: &World, cluster: &Cluster) -> Value {
    let asked = &cluster.asked;
    let instances = &asked["Instances"];
    let subnet = match text(instances, "Ec2SubnetId") {
        "" => instances["Ec2SubnetIds"][0].as_str().unwrap_or_default(),
        subnet => subnet,
    };
    let release = text(asked, "ReleaseLabel");
    let applications = entries(asked, "Applications").iter();
    let applications: Vec<Value> = applications
        .map(|one| json!({ "Name": one["Name"], "Version": release.trim_start_matches("emr-") }))
        .collect();
    let mut shown = json!({
        "Id": cluster.id,
        "Name": cluster.name(),
        "Status": cluster_status(cluster),
        "Ec2InstanceAttributes": {
            "Ec2SubnetId": subnet,
            "RequestedEc2SubnetIds": [subnet],
            "IamInstanceProfile": asked["JobFlowRole"],
        },
        "InstanceCollectionType": if has_fleets(cluster) { "INSTANCE_FLEET" } else { "INSTANCE_GROUP" },
        "ReleaseLabel": release,
        "AutoTerminate": instances["KeepJobFlowAliveWhenNoSteps"] != true,
        "TerminationProtected": cluster.protected,
        "VisibleToAllUsers": true,
        "Applications": applications,
        "Tags": entries(asked, "Tags"),
        "ServiceRole": asked["ServiceRole"],
        "NormalizedInstanceHours": 0,
        "Configurations": entries(asked, "Configurations"),
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
        "StepConcurrencyLevel": cluster.step_concurrency(),
        "ClusterArn": cluster_arn(world, &cluster.id),
    });
    for optional in ["LogUri", "SecurityConfiguration"] {
        if !asked[optional].is_null() {
            shown[optional] = asked[optional].clone();
        }
    }
    // Known as soon as the machine is there.
    if cluster.state != ClusterState::Starting {
        shown["MasterPublicDnsName"] = master_name(cluster).into();
    }
    shown
}

/// The primary node in a list of instances.
pub fn primary(cluster: &Cluster) -> Value {
    let [high, low] = address(cluster);
    let mut shown = json!({
        "Id": format!("ci-{:013}", cluster.number),
        "Ec2InstanceId": format!("i-{:017x}", cluster.number),
        "PrivateDnsName": private_name(cluster),
        "PrivateIpAddress": format!("10.0.{high}.{low}"),
        "Status": { "State": "RUNNING", "StateChangeReason": {}, "Timeline": { "CreationDateTime": seconds(cluster.created_ms) } },
        "Market": "ON_DEMAND",
    });
    if cluster.public_name {
        shown["PublicDnsName"] = master_name(cluster).into();
        shown["PublicIpAddress"] = format!("203.0.113.{low}").into();
    }
    shown
}

/// A step, listed or described.
pub fn step(step: &Step) -> Value {
    let jar = &step.asked["HadoopJarStep"];
    let mut timeline = json!({ "CreationDateTime": seconds(step.created_ms) });
    if let Some(at_ms) = step.started_ms {
        timeline["StartDateTime"] = seconds(at_ms).into();
    }
    if let Some(at_ms) = step.ended_ms {
        timeline["EndDateTime"] = seconds(at_ms).into();
    }
    let mut status = json!({
        "State": state_of_step(step),
        "StateChangeReason": {},
        "Timeline": timeline,
    });
    if let Some(reason) = &step.reason {
        match step.state {
            WorkState::Failed => {
                let message = match reason.strip_prefix("exit code ") {
                    Some(code) => format!("Command exiting with ret '{code}'"),
                    None => reason.clone(),
                };
                status["FailureDetails"] =
                    json!({ "Reason": "Unknown Error.", "Message": message });
            }
            WorkState::Pending
            | WorkState::Running
            | WorkState::Succeeded
            | WorkState::Cancelled
            | WorkState::Interrupted => {
                status["StateChangeReason"] = json!({ "Message": reason });
            }
        }
    }
    json!({
        "Id": step.id,
        "Name": step.name(),
        "Config": { "Jar": jar["Jar"], "Properties": {}, "Args": entries(jar, "Args") },
        "ActionOnFailure": step.action_on_failure(),
        "Status": status,
    })
}

/// Adds the token of the next page, if there is one.
pub fn with_marker(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["Marker"] = next.into();
    }
    answer
}

/// Whether its machines are fleets.
pub fn has_fleets(cluster: &Cluster) -> bool {
    !entries(&cluster.asked["Instances"], "InstanceFleets").is_empty()
}

fn cluster_status(cluster: &Cluster) -> Value {
    let mut timeline = json!({ "CreationDateTime": seconds(cluster.created_ms) });
    if let Some(at_ms) = cluster.ready_ms {
        timeline["ReadyDateTime"] = seconds(at_ms).into();
    }
    if let Some(at_ms) = cluster.ended_ms {
        timeline["EndDateTime"] = seconds(at_ms).into();
    }
    let mut reason = json!({});
    if let Some(why) = &cluster.reason {
        if !why.code.is_empty() {
            reason["Code"] = why.code.as_str().into();
        }
        reason["Message"] = why.message.as_str().into();
    }
    json!({
        "State": cluster_state(cluster.state),
        "StateChangeReason": reason,
        "Timeline": timeline,
    })
}

fn master_name(cluster: &Cluster) -> String {
    let [_, low] = address(cluster);
    if cluster.public_name {
        format!("ec2-203-0-113-{low}.compute-1.amazonaws.com")
    } else {
        private_name(cluster)
    }
}

fn private_name(cluster: &Cluster) -> String {
    let [high, low] = address(cluster);
    format!("ip-10-0-{high}-{low}.ec2.internal")
}

fn address(cluster: &Cluster) -> [u8; 2] {
    let number = u16::try_from(cluster.number).unwrap_or(u16::MAX);
    number.to_be_bytes()
}

/// An instant as the JSON protocol has it: seconds with a fraction.
#[allow(clippy::cast_precision_loss)] // milliseconds of this era fit
fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1000.0
}
