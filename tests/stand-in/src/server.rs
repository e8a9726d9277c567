//! HTTP: requests become calls, answers become bytes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_config::{BehaviorVersion, Region as AwsRegion};
use aws_sdk_eventbridge::config::{Credentials, SharedCredentialsProvider};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HeaderMap, USER_AGENT};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use local::compute::ProcessCompute;
use local::{ClockMode, EngineClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

use crate::answer::{Answer, Refusal};
use crate::asked::{Asked, Call, Caller, Service, access_key, operation};
use crate::courier::{self, Bus};
use crate::drive::{self, lock};
use crate::faults::{CallEnd, Faults};
use crate::options::Options;
use crate::world::{Region, World};
use crate::{admin, authorize, batch, emr};

/// What requests are answered from.
struct Services {
    world: Arc<Mutex<World>>,
    authorizer: Option<String>,
}

/// A connection that closes without an answer.
#[derive(Debug)]
struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Serves until the program's input ends; stops all work then.
pub async fn serve(options: &Options) -> Result<()> {
    let clock = EngineClock::start(ClockMode::Real, None);
    let configuration = options.read_configuration()?;
    let compute = ProcessCompute::open(&options.data, configuration, clock.clone())?;
    let world = Arc::new(Mutex::new(World {
        compute: Arc::new(compute),
        clock,
        region: Region {
            name: options.region.clone(),
            account: options.account.clone(),
        },
        clusters: BTreeMap::new(),
        steps: Vec::new(),
        jobs: Vec::new(),
        faults: Faults::default(),
        events: Vec::new(),
        calls: Vec::new(),
    }));
    let (events, taken) = unbounded_channel();
    match &options.events {
        Some(endpoint) => {
            let bus = Bus {
                name: options.bus.clone(),
                emr_source: options.emr_source.clone(),
                batch_source: options.batch_source.clone(),
            };
            tokio::spawn(courier::run(client(options, endpoint), bus, taken));
        }
        None => drop(taken),
    }
    let driven = world.clone();
    std::thread::spawn(move || drive::run(&driven, &events));
    let services = Services {
        world: world.clone(),
        authorizer: options.authorizer.clone(),
    };
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .context("the port is taken")?;
    println!("http://{}", listener.local_addr()?);
    let over = tokio::task::spawn_blocking(|| {
        // Whatever is written there, and whatever goes wrong: its end is what counts.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    });
    tokio::select! {
        refused = accept(listener, Arc::new(services)) => refused?,
        _ = over => {}
        _ = terminated() => {}
    }
    tokio::task::spawn_blocking(move || drive::stop_all(&world)).await?;
    Ok(())
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

fn client(options: &Options, endpoint: &str) -> aws_sdk_eventbridge::Client {
    let credentials = Credentials::new("test", "test", None, None, "stand-in");
    let config = aws_sdk_eventbridge::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(AwsRegion::new(options.region.clone()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    aws_sdk_eventbridge::Client::from_conf(config)
}

async fn accept(listener: TcpListener, services: Arc<Services>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let services = services.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| handle(&services, request));
            let connection = hyper::server::conn::http1::Builder::new();
            // Fails when the client goes away, or when it is to get no answer.
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    services: &Services,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| NoAnswer)?.to_bytes();
    let path = head.uri.path();
    if path.starts_with(admin::PREFIX) {
        let (status, answer) = admin::answer(&services.world, &head.method, path, &body);
        return Ok(respond(status, "application/json", None, &answer));
    }
    let target = header(&head.headers, "x-amz-target");
    let Some((service, operation)) = operation(path, target.as_deref()) else {
        let answer = json!({ "message": format!("{path} is of neither EMR nor Batch") });
        return Ok(respond(
            404,
            "application/json",
            Some("UnknownOperationException"),
            &answer,
        ));
    };
    let authorization = header(&head.headers, AUTHORIZATION.as_str());
    let Some(access_key) = authorization.as_deref().and_then(access_key) else {
        let refusal = Refusal::of(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
        return Ok(bytes(service, Err(refusal)));
    };
    let asked = Asked {
        service,
        operation,
        caller: Caller {
            access_key,
            user_agent: header(&head.headers, USER_AGENT.as_str()).unwrap_or_default(),
        },
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let (answer, hang_ms) = match refused(services, &asked).await {
        Ok(()) => perform(&mut lock(&services.world), &asked),
        Err(refusal) => (Answer::Error(refusal), 0),
    };
    remember(&mut lock(&services.world), &asked, &answer);
    match answer {
        Answer::Ok(value) => Ok(bytes(service, Ok(value))),
        Answer::Error(refusal) => Ok(bytes(service, Err(refusal))),
        Answer::Nothing => {
            tokio::time::sleep(Duration::from_millis(hang_ms)).await;
            Err(NoAnswer)
        }
    }
}

/// Refuses what the caller has no right to.
async fn refused(services: &Services, asked: &Asked) -> Result<(), Refusal> {
    let Some(authorizer) = &services.authorizer else {
        return Ok(());
    };
    let rights = authorize::rights(&lock(&services.world), asked);
    authorize::ask(authorizer, asked, &rights).await
}

/// Makes a call, or what the faults make of it.
fn perform(world: &mut World, asked: &Asked) -> (Answer, u64) {
    let fault = world.faults.take(&asked.operation, &asked.body.to_string());
    let answer = match fault {
        CallEnd::Sound => call(world, asked).into(),
        CallEnd::Throttled => Answer::Error(throttled(asked.service)),
        CallEnd::ServerError => Answer::Error(Refusal::of(
            500,
            "InternalServerException",
            "An internal error occurred",
        )),
        CallEnd::NoAnswerAndNotDone => Answer::Nothing,
        CallEnd::NoAnswerButDone => match call(world, asked) {
            Ok(_) => Answer::Nothing,
            Err(refusal) => Answer::Error(refusal),
        },
    };
    (answer, world.faults.hang_ms)
}

fn remember(world: &mut World, asked: &Asked, answer: &Answer) {
    let error = match answer {
        Answer::Ok(_) => None,
        Answer::Error(refusal) => Some(refusal.code.to_owned()),
        Answer::Nothing => Some("none".to_owned()),
    };
    let service = match asked.service {
        Service::Emr => "elasticmapreduce",
        Service::Batch => "batch",
    };
    let call = Call {
        at_ms: world.now_ms(),
        action: format!("{service}:{}", asked.operation),
        caller: asked.caller.clone(),
        resources: asked.resources(),
        error,
    };
    world.calls.push(call);
}

fn call(world: &mut World, asked: &Asked) -> Result<Value, Refusal> {
    let (operation, body) = (asked.operation.as_str(), &asked.body);
    match asked.service {
        Service::Emr => emr::answer(world, operation, body),
        Service::Batch => batch::answer(world, operation, body),
    }
}

fn throttled(service: Service) -> Refusal {
    match service {
        Service::Emr => Refusal::of(400, "ThrottlingException", "Rate exceeded"),
        Service::Batch => Refusal::of(429, "TooManyRequestsException", "Too Many Requests"),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// EMR names errors in the body (JSON 1.1), Batch in a header (REST-JSON).
fn bytes(service: Service, answer: Result<Value, Refusal>) -> Response<Full<Bytes>> {
    match (service, answer) {
        (Service::Emr, Ok(value)) => respond(200, "application/x-amz-json-1.1", None, &value),
        (Service::Emr, Err(refusal)) => {
            let body = match refusal.code {
                "InvalidRequestException" => {
                    json!({ "__type": refusal.code, "ErrorCode": "InvalidRequest", "Message": refusal.message })
                }
                _ => json!({ "__type": refusal.code, "message": refusal.message }),
            };
            respond(refusal.status, "application/x-amz-json-1.1", None, &body)
        }
        (Service::Batch, Ok(value)) => respond(200, "application/json", None, &value),
        (Service::Batch, Err(refusal)) => {
            let body = json!({ "message": refusal.message });
            respond(
                refusal.status,
                "application/json",
                Some(refusal.code),
                &body,
            )
        }
    }
}

fn respond(status: u16, kind: &str, error: Option<&str>, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
    if let Some(error) = error {
        response = response.header("x-amzn-errortype", error);
    }
    response
        .body(Full::new(Bytes::from(body.to_string())))
        .expect("status and headers are sound")
}
