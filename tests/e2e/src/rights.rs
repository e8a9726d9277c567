//! What roles may do, by their policies, and what they did.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::world::World;

/// Calls that Lambda makes with a function's role: it takes the inbox's messages, and writes logs.
const BY_LAMBDA: [&str; 5] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];

/// Calls for which AWS has nothing finer than every resource.
pub const NOTHING_FINER: [&str; 4] = [
    "batch:DescribeJobs",
    "batch:ListJobs",
    "elasticmapreduce:ListClusters",
    "elasticmapreduce:RunJobFlow",
];

/// Rights for what the suite does not bring about: function, action, and when it is needed.
///
/// None may be here that its function no longer has.
pub const RARE: &[(&str, &str, &str)] = &[
    ("*", "sqs:ChangeMessageVisibility", RETURNS),
    ("advance-run", "batch:TerminateJob", CANCELS_OLDER),
    ("advance-run", "elasticmapreduce:CancelSteps", CANCELS_OLDER),
    ("observe-task", "batch:TerminateJob", STRAY),
    ("observe-task", "elasticmapreduce:CancelSteps", STRAY),
    ("observe-task", "elasticmapreduce:DescribeCluster", CLASSED),
    ("observe-task", "elasticmapreduce:ListInstances", CLASSED),
    ("operate", "batch:ListJobs", UNANSWERED),
    ("operate", "elasticmapreduce:ListSteps", UNANSWERED),
    (
        "provision-cluster",
        "elasticmapreduce:ListClusters",
        UNANSWERED,
    ),
    (
        "provision-cluster",
        "secretsmanager:GetSecretValue",
        "a cluster's configuration refers to a secret",
    ),
    (
        "reconcile",
        "batch:DescribeJobs",
        "a job is open for longer than ten minutes",
    ),
    (
        "reconcile",
        "dynamodb:DeleteItem",
        "a place outlived who held it",
    ),
    (
        "reconcile",
        "elasticmapreduce:CancelSteps",
        "a step outlived its time-out",
    ),
    (
        "reconcile",
        "elasticmapreduce:TerminateJobFlows",
        "a cluster outlived its drain",
    ),
    (
        "provision-cluster",
        "elasticmapreduce:TerminateJobFlows",
        STRAY,
    ),
    (
        "provision-cluster",
        "elasticmapreduce:DescribeCluster",
        STRAY,
    ),
    (
        "record-cluster",
        "elasticmapreduce:TerminateJobFlows",
        STRAY,
    ),
    (
        "register-definitions",
        "sqs:SendMessage",
        "somebody waits for a limit that has grown",
    ),
    ("submit-task", "batch:TerminateJob", STRAY),
    ("submit-task", "elasticmapreduce:CancelSteps", STRAY),
    (
        "submit-task",
        "elasticmapreduce:DescribeCluster",
        "an instance refuses a step",
    ),
    (
        "submit-task",
        "elasticmapreduce:ListInstances",
        "an instance refuses a step",
    ),
    (
        "submit-task",
        "sns:Publish",
        "a submission is refused for good",
    ),
    (
        "terminate-cluster",
        "elasticmapreduce:DescribeCluster",
        "an instance does not end",
    ),
    (
        "terminate-cluster",
        "elasticmapreduce:ListClusters",
        UNANSWERED,
    ),
];

const RETURNS: &str = "a message comes back later: a dependency failed, or it came too early";
const STRAY: &str = "something was submitted twice in spite of everything";
const CANCELS_OLDER: &str = "a run makes an older one of its workflow stop";
const CLASSED: &str = "a failure is classed by its cluster";
const UNANSWERED: &str = "a submission was not answered, and nothing else told of it";

/// A statement of a role's policy.
#[derive(Debug, Clone)]
pub struct Statement {
    pub role: String,
    pub actions: BTreeSet<String>,
    pub resources: BTreeSet<String>,
}

/// The statements of every policy that Terraform gave a role that Lambda has.
pub fn of_functions(world: &World) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for resource in world.terraform.resources()? {
        let (kind, values) = (&resource["type"], &resource["values"]);
        if kind != "aws_iam_role_policy" || values["name"] != "calls" {
            continue;
        }
        let role = values["role"].as_str().context("a role")?;
        let policy: Value = serde_json::from_str(values["policy"].as_str().context("a policy")?)?;
        for statement in policy["Statement"].as_array().into_iter().flatten() {
            statements.push(Statement {
                role: role.to_owned(),
                actions: texts(&statement["Action"]),
                resources: texts(&statement["Resource"]),
            });
        }
    }
    Ok(statements)
}

/// The actions each role may do.
pub fn allowed(statements: &[Statement]) -> BTreeMap<String, BTreeSet<String>> {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in statements {
        let actions = statement.actions.iter().cloned();
        allowed
            .entry(statement.role.clone())
            .or_default()
            .extend(actions);
    }
    allowed
}

/// What each role did, or Lambda with it: its actions.
pub fn done(world: &World, roles: &BTreeSet<String>) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut done: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for role in roles {
        // Nothing else calls this one, so it has no inbox.
        let has_inbox = !role.ends_with("-register-definitions");
        let by_lambda = BY_LAMBDA
            .iter()
            .filter(|it| has_inbox || it.starts_with("logs:"));
        let own = done.entry(role.clone()).or_default();
        own.extend(by_lambda.map(|action| (*action).to_owned()));
    }
    for call in world.emulator.authorizations()? {
        if let Some(own) = call.role.and_then(|role| done.get_mut(&role)) {
            own.insert(call.action);
        }
    }
    Ok(done)
}

/// What roles of this deployment were refused: role, action and resource.
pub fn denied(
    world: &World,
    roles: &BTreeSet<String>,
) -> Result<BTreeSet<(String, String, String)>> {
    let calls = world.emulator.authorizations()?.into_iter();
    let denied = calls.filter(|call| call.denied).filter_map(|call| {
        let role = call.role.filter(|role| roles.contains(role))?;
        Some((role, call.action, call.resource))
    });
    Ok(denied.collect())
}

/// One text or a list of them.
fn texts(value: &Value) -> BTreeSet<String> {
    let one = value.as_str().into_iter();
    let list = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    one.chain(list).map(str::to_owned).collect()
}
