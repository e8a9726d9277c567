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

/// Rights for what cannot be brought about here: function, action, and why.
///
/// None may be here that its function no longer has.
pub const RARE: &[(&str, &str, &str)] = &[
    ("alert", "dynamodb:DeleteItem", STORM),
    ("reconcile", "elasticmapreduce:ListClusters", HOURLY),
    ("reconcile", "elasticmapreduce:TerminateJobFlows", HOURLY),
    ("terminate-cluster", "elasticmapreduce:ListClusters", SLOW),
];

const STORM: &str = "only what was told in a digest is deleted, and on a slow machine failures do not \
                     come fast enough to be a storm";

const SLOW: &str =
    "on a slow machine whoever requested the cluster finds it before its window is over";

const HOURLY: &str =
    "what nobody owns is looked for in the first two minutes of an hour, by the clock";

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

/// The actions of one of the policies for people.
pub fn of_people(world: &World, name: &str) -> Result<BTreeSet<String>> {
    let resources = world.terraform.resources()?;
    let mut policies = resources
        .iter()
        .filter(|resource| resource["type"] == "aws_iam_policy" && resource["name"] == name);
    let policy = policies.next().context("a policy for people")?;
    let policy = policy["values"]["policy"].as_str().context("its text")?;
    let policy: Value = serde_json::from_str(policy)?;
    let statements = policy["Statement"].as_array().into_iter().flatten();
    Ok(statements.flat_map(|one| texts(&one["Action"])).collect())
}

/// What somebody did: actions, and whether they were let.
pub fn done_by(world: &World, user: &str) -> Result<BTreeSet<(String, bool)>> {
    let principal = format!(":user/{user}");
    let calls = world.emulator.authorizations()?.into_iter();
    let own = calls.filter(|call| call.principal.ends_with(&principal));
    Ok(own.map(|call| (call.action, !call.denied)).collect())
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
