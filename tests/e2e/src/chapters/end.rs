//! The end: what was called in all this, and that nothing stays.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;

use super::Course;
use crate::rights::{self, NOTHING_FINER, RARE};
use crate::world::{DEPLOYMENT, World};

/// What lists things by name: service, operation, list, name.
const LISTS: [(&str, &str, &str, &str); 10] = [
    ("s3", "list_buckets", "Buckets", "Name"),
    ("glue", "get_databases", "DatabaseList", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("events", "list_rules", "Rules", "Name"),
    (
        "scheduler",
        "list_schedule_groups",
        "ScheduleGroups",
        "Name",
    ),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
];

pub fn rights(world: &World, _: &mut Course) -> Result<()> {
    let statements = rights::of_functions(world)?;
    let allowed = rights::allowed(&statements);
    let roles: BTreeSet<String> = allowed.keys().cloned().collect();
    ensure!(roles.len() >= 14, "only {roles:?} have policies");
    let denied = rights::denied(world, &roles)?;
    ensure!(denied.is_empty(), "missing rights: {denied:#?}");
    let done = rights::done(world, &roles)?;
    let mut unused = Vec::new();
    for (role, actions) in &allowed {
        let function = role.trim_start_matches(&format!("{DEPLOYMENT}-"));
        let rare = |action: &&&String| {
            let mut rare = RARE.iter();
            rare.any(|(of, known, _)| *of == function && *known == action.as_str())
        };
        let never = actions.difference(&done[role]);
        let never: Vec<&String> = never.filter(|action| !rare(&action)).collect();
        if !never.is_empty() {
            unused.push(format!("{role} never did {never:?}"));
        }
    }
    ensure!(
        unused.is_empty(),
        "rights nobody used:\n{}",
        unused.join("\n")
    );
    for (function, action, _) in RARE {
        let actions = allowed.get(&format!("{DEPLOYMENT}-{function}"));
        let has = actions.is_some_and(|actions| actions.contains(*action));
        ensure!(
            has,
            "{function} has no right to {action} any more: it is no rare one"
        );
    }
    for statement in statements.iter().filter(|one| one.resources.contains("*")) {
        for action in &statement.actions {
            ensure!(
                NOTHING_FINER.contains(&action.as_str()),
                "{} may {action} whatever there is",
                statement.role
            );
        }
    }
    Ok(())
}

pub fn destroy(world: &World, _: &mut Course) -> Result<()> {
    world.terraform.destroy()?;
    for (service, operation, list, name) in LISTS {
        let listed = world.aws.call(service, operation, json!({}))?;
        for one in listed[list].as_array().into_iter().flatten() {
            let named = if name.is_empty() { one } else { &one[name] };
            let named = named.as_str().unwrap_or_default();
            let last = named.rsplit(['/', ':']).next().unwrap_or_default();
            let is_ours = last.split(['-', '_']).next() == Some(DEPLOYMENT);
            ensure!(!is_ours, "{named} was left behind");
        }
    }
    Ok(())
}
