//! One request and its answer: no redirect is followed, nothing is tried again, everything ends.
//!
//! A connection for each post: posts are rare, and on Lambda a connection that was kept is broken
//! more often than not. What fails before a byte of the request was sent is known not to have been
//! heard; what fails afterwards is not.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ports::NotifyError;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::address::Address;

/// How much of an answer is read, in bytes.
const ANSWER: usize = 64 * 1024;

/// This machine has no certificates to know others by.
#[derive(Debug, thiserror::Error)]
#[error("no certificate authorities are known here: {0}")]
pub struct NoCertificates(String);

/// What is posted.
pub(crate) struct Outgoing {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: StatusCode,
    /// In seconds, or an instant; as it was said.
    pub retry_after: Option<String>,
    /// As far as it is read; `None` when it broke off.
    pub body: Option<Vec<u8>>,
}

/// There was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Nothing was sent.
    Unsent(String),
    /// It may have been heard.
    Unanswered(String),
}

impl From<CallError> for NotifyError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unsent(reason) => Self::Unavailable { reason },
            CallError::Unanswered(reason) => Self::Unknown { reason },
        }
    }
}

/// Makes requests.
pub(crate) struct Http {
    tls: Arc<ClientConfig>,
}

impl Http {
    /// Trusts whom this machine trusts.
    pub fn new() -> Result<Self, NoCertificates> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(found.certs);
        if taken == 0 {
            let why = found.errors.first().map(ToString::to_string);
            return Err(NoCertificates(
                why.unwrap_or_else(|| "there is none".into()),
            ));
        }
        Self::trusting(roots)
    }

    /// Trusts whom these authorities vouch for.
    pub fn trusting(roots: RootCertStore) -> Result<Self, NoCertificates> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| NoCertificates(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Posts a body and reads the answer, until an instant.
    pub async fn post(
        &self,
        to: &Address,
        outgoing: Outgoing,
        until: Instant,
    ) -> Result<Answer, CallError> {
        let request = request(to, outgoing)?;
        let late = |_| CallError::Unsent(format!("no connection to {} in time", to.authority));
        let mut connection = timeout_at(until, self.connect(to)).await.map_err(late)??;
        let sent = timeout_at(until, connection.sender.try_send_request(request)).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(mut error)) => {
                // Given back as it was: none of it has gone out.
                let is_unsent = error.take_message().is_some();
                let why = told(to, &error.into_error());
                return Err(if is_unsent {
                    CallError::Unsent(why)
                } else {
                    CallError::Unanswered(why)
                });
            }
            Err(_) => {
                let what = format!("{} did not answer in time", to.authority);
                return Err(CallError::Unanswered(what));
            }
        };
        Ok(read(answer, until).await)
    }

    async fn connect(&self, to: &Address) -> Result<Connection, CallError> {
        let unsent = |error: std::io::Error| CallError::Unsent(told(to, &error));
        let stream = TcpStream::connect((to.host.as_str(), to.port)).await;
        let stream = stream.map_err(unsent)?;
        if !to.is_tls {
            return Connection::over(to, stream).await;
        }
        let name = ServerName::try_from(to.host.clone());
        let name = name.map_err(|error| CallError::Unsent(told(to, &error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.map_err(unsent)?;
        Connection::over(to, stream).await
    }
}

/// A connection that is driven for as long as it is kept.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    async fn over<T>(to: &Address, stream: T) -> Result<Self, CallError>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begun = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = begun.map_err(|error| CallError::Unsent(told(to, &error)))?;
        // What becomes of it is said by the request on it.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, driver })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn request(to: &Address, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, CallError> {
    let mut request = Request::post(&to.path)
        .header(HOST, &to.authority)
        .header(USER_AGENT, "murmur")
        .header(CONTENT_TYPE, "application/json; charset=utf-8");
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(outgoing.body)));
    request.map_err(|error| CallError::Unsent(told(to, &error)))
}

async fn read(answer: Response<Incoming>, until: Instant) -> Answer {
    let (head, mut incoming) = answer.into_parts();
    let mut body = Vec::new();
    let is_whole = loop {
        if body.len() >= ANSWER {
            body.truncate(ANSWER);
            break true;
        }
        match timeout_at(until, incoming.frame()).await {
            Ok(Some(Ok(frame))) => body.extend(frame.data_ref().into_iter().flatten()),
            Ok(None) => break true,
            Ok(Some(Err(_))) | Err(_) => break false,
        }
    };
    let retry_after = head.headers.get(RETRY_AFTER);
    Answer {
        status: head.status,
        retry_after: retry_after.and_then(|value| Some(value.to_str().ok()?.to_owned())),
        body: is_whole.then_some(body),
    }
}

/// An error with what caused it, and whom it was about.
fn told(to: &Address, error: &dyn std::error::Error) -> String {
    let mut said = format!("{}: {error}", to.authority);
    let mut cause = error.source();
    while let Some(one) = cause {
        said = format!("{said}: {one}");
        cause = one.source();
    }
    said
}
