//! Two sets of definitions: from one to the other, things come, stay, change and go.

use model::definition::{Cluster, Definitions, Team, Workflow};
use serde_json::json;

fn workflow(name: &str, more: serde_json::Value) -> Workflow {
    let mut written = json!({
        "team": "weather",
        "name": name,
        "timezone": "UTC",
        "tasks": [{
            "name": "clean",
            "batch": {"job_definition": "clean", "queue": "light"},
        }],
    });
    let more = more.as_object().unwrap().clone();
    written.as_object_mut().unwrap().extend(more);
    serde_json::from_value(written).unwrap()
}

fn scheduled(name: &str, expression: &str) -> Workflow {
    workflow(
        name,
        json!({"schedule": {"expression": expression, "timezone": "UTC"}}),
    )
}

fn cluster(name: &str, provision: &str) -> Cluster {
    let at = |expression: &str| json!({"expression": expression, "timezone": "UTC"});
    serde_json::from_value(json!({
        "team": "weather",
        "name": name,
        "provision": at(provision),
        "terminate": at("cron(0 9 * * ? *)"),
        "drain": 1800,
        "tags": {"purpose": "etl"},
        "step_concurrency": 2,
        "replacements": 1,
        "emr": {
            "release": "emr-7.9.0",
            "instances": {"primary": {"types": ["m7g.xlarge"], "count": 1}},
            "auto_termination": 3600,
        },
    }))
    .unwrap()
}

fn set(workflows: Vec<Workflow>, clusters: Vec<Cluster>) -> Definitions {
    let team: Team = serde_json::from_value(json!({"name": "weather"})).unwrap();
    Definitions {
        teams: [(team.name.clone(), team)].into(),
        clusters: clusters
            .into_iter()
            .map(|cluster| (cluster.reference(), cluster))
            .collect(),
        workflows: workflows
            .into_iter()
            .map(|workflow| (workflow.reference(), workflow))
            .collect(),
    }
}

pub fn before() -> Definitions {
    set(
        vec![
            scheduled("daily", "cron(0 6 * * ? *)"),
            scheduled("edited", "cron(0 6 * * ? *)"),
            scheduled("gone", "cron(0 6 * * ? *)"),
        ],
        vec![
            cluster("etl", "cron(0 6 * * ? *)"),
            cluster("old", "cron(0 7 * * ? *)"),
        ],
    )
}

pub fn after() -> Definitions {
    let report =
        json!({"after": ["weather/daily"], "deadline": {"wall_clock": {"hour": 8, "minute": 0}}});
    set(
        vec![
            scheduled("daily", "cron(0 6 * * ? *)"),
            scheduled("edited", "cron(30 * * * ? *)"),
            workflow("report", report),
        ],
        vec![
            cluster("etl", "cron(0 4 * * ? *)"),
            cluster("new", "cron(0 5 * * ? *)"),
        ],
    )
}
