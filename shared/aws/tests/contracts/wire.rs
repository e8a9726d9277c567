//! Answers to the SDK's requests from within the test, where an emulator cannot be made to fail.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// A request as the service sees it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The operation of a JSON protocol, or else the path.
    pub what: String,
    pub body: Value,
}

/// What becomes of a request.
pub enum Answer {
    Ok(Value),
    /// An error of the service: HTTP status, code, message.
    Error(u16, &'static str, String),
    /// An error of the service with more to it.
    Refused(Value),
    /// The connection broke; whether the request took effect is not known.
    Broken,
    /// Nothing ever comes back.
    Silence,
}

type Service = dyn FnMut(&Asked) -> Answer + Send;

/// Clients whose requests are answered by a function.
#[derive(Clone)]
pub struct Wire {
    service: Arc<Mutex<Service>>,
}

impl Wire {
    pub fn new(service: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        Self {
            service: Arc::new(Mutex::new(service)),
        }
    }

    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .build()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = asked(&request);
        let answer = (self.service.lock().expect("no service panics"))(&asked);
        match answer {
            Answer::Ok(body) => HttpConnectorFuture::ready(Ok(response(200, None, &body))),
            Answer::Error(status, code, message) => {
                let body = serde_json::json!({ "__type": code, "message": message });
                HttpConnectorFuture::ready(Ok(response(status, Some(code), &body)))
            }
            Answer::Refused(body) => HttpConnectorFuture::ready(Ok(response(400, None, &body))),
            Answer::Broken => {
                let error = ConnectorError::io("the connection was reset".into());
                HttpConnectorFuture::ready(Err(error))
            }
            Answer::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

fn asked(request: &HttpRequest) -> Asked {
    let target = request.headers().get("x-amz-target");
    let operation = target
        .and_then(|target| target.rsplit_once('.'))
        .map(|(_, name)| name);
    let path = || {
        let uri = request.uri();
        let uri = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        uri.split_once('/').map_or("", |(_, path)| path).to_owned()
    };
    let body = request.body().bytes().unwrap_or_default();
    Asked {
        what: operation.map_or_else(path, str::to_owned),
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
    }
}

fn response(status: u16, code: Option<&'static str>, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("it is a status");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    if let Some(code) = code {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}
