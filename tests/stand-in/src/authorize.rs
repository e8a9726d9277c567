//! Whether a caller may do what it asks: which rights a call needs, as the Service Authorization
//! Reference lists them, and who is asked whether the caller has them.
//!
//! Without an authorizer everybody may do everything.

use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use crate::answer::Refusal;
use crate::asked::{Asked, Service};
use crate::read::{entries, text};
use crate::world::World;

/// A right that a call needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Right {
    pub action: String,
    pub resource: String,
    /// Condition keys of the request and of what it is about.
    pub keys: Map<String, Value>,
}

/// What the authorizer says.
#[derive(Debug, Deserialize)]
struct Verdict {
    /// The first action that is not allowed.
    denied: Option<String>,
    principal: String,
}

/// Asks an authorizer, by its URL, whether the caller has all these rights.
pub async fn ask(authorizer: &str, asked: &Asked, rights: &[Right]) -> Result<(), Refusal> {
    let verdict = verdict(authorizer, asked, rights).await;
    let verdict =
        verdict.map_err(|error| Refusal::of(500, "InternalServerException", error.to_string()))?;
    let Some(action) = verdict.denied else {
        return Ok(());
    };
    let status = match asked.service {
        Service::Emr => 400,
        Service::Batch => 403,
    };
    let message = format!(
        "User: {} is not authorized to perform: {action}",
        verdict.principal
    );
    Err(Refusal::of(status, "AccessDeniedException", message))
}

async fn verdict(authorizer: &str, asked: &Asked, rights: &[Right]) -> Result<Verdict> {
    let host = authorizer.trim_start_matches("http://");
    let (host, path) = host.split_once('/').context("the authorizer has no path")?;
    let stream = TcpStream::connect(host).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let body = json!({ "access_key": asked.caller.access_key, "rights": rights });
    let request = Request::post(format!("/{path}"))
        .header("host", host)
        .body(Full::new(Bytes::from(body.to_string())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "the authorizer says {status}");
    Ok(serde_json::from_slice(&body)?)
}

/// The rights a call needs.
pub fn rights(world: &World, asked: &Asked) -> Vec<Right> {
    match asked.service {
        Service::Emr => emr(world, asked),
        Service::Batch => batch(world, asked),
    }
}

fn emr(world: &World, asked: &Asked) -> Vec<Right> {
    let body = &asked.body;
    let action = format!("elasticmapreduce:{}", asked.operation);
    match asked.operation.as_str() {
        "ListClusters" => vec![right(&action, "*", Map::new())],
        "RunJobFlow" => run_job_flow(world, body),
        _ => {
            let on_cluster = |id: &String| {
                let mut keys = resource_tags(cluster_tags(world, id));
                if let Some(role) = body["ExecutionRoleArn"].as_str() {
                    keys.insert("elasticmapreduce:ExecutionRoleArn".into(), role.into());
                }
                right(
                    &action,
                    &arn(world, "elasticmapreduce", "cluster", id),
                    keys,
                )
            };
            asked.resources().iter().map(on_cluster).collect()
        }
    }
}

fn run_job_flow(world: &World, body: &Value) -> Vec<Right> {
    let tags = entries(body, "Tags").iter();
    let tags = tags.map(|tag| (text(tag, "Key"), text(tag, "Value")));
    let tags: Vec<(String, String)> = tags.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let request_tags = request_tags(&tags);
    let cluster = arn(world, "elasticmapreduce", "cluster", "j-NEW");
    let mut rights = vec![right(
        "elasticmapreduce:RunJobFlow",
        "*",
        request_tags.clone(),
    )];
    if !tags.is_empty() {
        rights.push(right("elasticmapreduce:AddTags", &cluster, request_tags));
    }
    for (part, action) in [
        ("AutoTerminationPolicy", "PutAutoTerminationPolicy"),
        ("ManagedScalingPolicy", "PutManagedScalingPolicy"),
    ] {
        if !body[part].is_null() {
            let action = format!("elasticmapreduce:{action}");
            rights.push(right(&action, &cluster, resource_tags(tags.clone())));
        }
    }
    for (role, service) in [
        ("ServiceRole", "elasticmapreduce.amazonaws.com"),
        ("JobFlowRole", "ec2.amazonaws.com"),
    ] {
        let keys = [("iam:PassedToService".to_owned(), service.into())];
        // An instance profile made in the console, or here, is named like its role.
        let role = iam_arn(world, text(body, role));
        rights.push(right("iam:PassRole", &role, Map::from_iter(keys)));
    }
    if world.clusters.is_empty() {
        let service = "elasticmapreduce.amazonaws.com";
        let role = format!("aws-service-role/{service}/AWSServiceRoleForEMRCleanup");
        let keys = [("iam:AWSServiceName".to_owned(), service.into())];
        let role = iam_arn(world, &role);
        rights.push(right(
            "iam:CreateServiceLinkedRole",
            &role,
            Map::from_iter(keys),
        ));
    }
    rights
}

fn batch(world: &World, asked: &Asked) -> Vec<Right> {
    let body = &asked.body;
    let action = format!("batch:{}", asked.operation);
    match asked.operation.as_str() {
        "SubmitJob" => {
            let tags = tag_map(&body["tags"]);
            let keys = request_tags(&tags);
            let named = [
                ("job-queue", "jobQueue"),
                ("job-definition", "jobDefinition"),
            ];
            let mut rights: Vec<Right> = named
                .into_iter()
                .map(|(kind, field)| {
                    let resource = arn(world, "batch", kind, text(body, field));
                    right(&action, &resource, keys.clone())
                })
                .collect();
            if !tags.is_empty() {
                let job = arn(world, "batch", "job", "new");
                rights.push(right("batch:TagResource", &job, keys));
            }
            rights
        }
        "CancelJob" | "TerminateJob" => {
            let id = text(body, "jobId");
            let job = world.jobs.iter().find(|job| job.id == id);
            let tags = job.map(|job| tag_map(&job.asked["tags"]));
            let keys = resource_tags(tags.unwrap_or_default());
            vec![right(&action, &arn(world, "batch", "job", id), keys)]
        }
        _ => vec![right(&action, "*", Map::new())],
    }
}

fn right(action: &str, resource: &str, keys: Map<String, Value>) -> Right {
    Right {
        action: action.to_owned(),
        resource: resource.to_owned(),
        keys,
    }
}

/// An ARN; what is one already stays.
fn arn(world: &World, service: &str, kind: &str, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let (region, account) = (&world.region.name, &world.region.account);
    format!("arn:aws:{service}:{region}:{account}:{kind}/{name}")
}

fn iam_arn(world: &World, role: &str) -> String {
    if role.starts_with("arn:") {
        return role.to_owned();
    }
    format!("arn:aws:iam::{}:role/{role}", world.region.account)
}

fn cluster_tags(world: &World, id: &str) -> Vec<(String, String)> {
    let asked = world.clusters.get(id).map(|cluster| &cluster.asked);
    let tags = asked.map_or(&[][..], |asked| entries(asked, "Tags")).iter();
    tags.map(|tag| (text(tag, "Key").to_owned(), text(tag, "Value").to_owned()))
        .collect()
}

fn tag_map(tags: &Value) -> Vec<(String, String)> {
    let tags = tags.as_object().into_iter().flatten();
    tags.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn resource_tags(tags: Vec<(String, String)>) -> Map<String, Value> {
    let tags = tags.into_iter();
    tags.map(|(name, value)| (format!("aws:ResourceTag/{name}"), value.into()))
        .collect()
}

fn request_tags(tags: &[(String, String)]) -> Map<String, Value> {
    let tags = tags.iter();
    tags.map(|(name, value)| (format!("aws:RequestTag/{name}"), value.as_str().into()))
        .collect()
}
