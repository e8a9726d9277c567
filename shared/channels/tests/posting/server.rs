//! A server that answers as it is told, and keeps what it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What becomes of the next request.
#[derive(Debug, Clone)]
pub enum Next {
    /// Status, one header, body.
    Answer(u16, Option<(&'static str, &'static str)>, String),
    /// It is never answered.
    Hang,
    /// The connection breaks once the request was read.
    Break,
    /// The head of an answer, and half of its body.
    Half(u16),
    /// A byte of the body now and then, without end.
    Drip,
    /// A body without end.
    Flood,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct State {
    next: VecDeque<Next>,
    asked: Vec<Asked>,
}

/// A server on this machine.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start(next: impl IntoIterator<Item = Next>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self::new(url, next);
        let serving = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    /// The same over TLS, as `localhost`, with a certificate; each request is answered whole.
    pub async fn start_tls(config: ServerConfig, next: impl IntoIterator<Item = Next>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self::new(format!("https://localhost:{port}"), next);
        let serving = server.clone();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (own, acceptor) = (serving.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // Whoever does not trust it breaks off.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request| own.clone().answer_whole(request));
                    let connection = http1::Builder::new();
                    drop(
                        connection
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
        server
    }

    fn new(url: String, next: impl IntoIterator<Item = Next>) -> Self {
        let server = Self {
            url,
            state: Arc::default(),
        };
        server.state.lock().unwrap().next = next.into_iter().collect();
        server
    }

    /// Answers one more request like this.
    pub fn push(&self, next: Next) {
        self.state.lock().unwrap().next.push_back(next);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    async fn serve(self, stream: TcpStream) {
        let raw = stream.into_std().unwrap();
        let spare = TcpStream::from_std(raw.try_clone().unwrap()).unwrap();
        let stream = TcpStream::from_std(raw).unwrap();
        let spare = Arc::new(tokio::sync::Mutex::new(spare));
        let service = service_fn(move |request| self.clone().answer(request, Arc::clone(&spare)));
        // Whoever breaks off is no harm.
        drop(
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await,
        );
    }

    /// Keeps a request; says what becomes of it.
    async fn take(&self, request: Request<Incoming>) -> Next {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut state = self.state.lock().unwrap();
        state.asked.push(Asked {
            path: head.uri.to_string(),
            headers: head.headers,
            body,
        });
        state.next.pop_front().expect("nobody asks more often")
    }

    async fn answer_whole(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        match self.take(request).await {
            Next::Answer(status, _, body) => {
                let response = Response::builder().status(status);
                Ok(response.body(Full::new(Bytes::from(body))).unwrap())
            }
            other => panic!("{other:?} is for plain connections"),
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        spare: Arc<tokio::sync::Mutex<TcpStream>>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let next = self.take(request).await;
        let mut spare = spare.lock().await;
        match next {
            Next::Answer(status, header, body) => {
                let mut response = Response::builder().status(status);
                if let Some((name, value)) = header {
                    response = response.header(name, value);
                }
                return Ok(response.body(Full::new(Bytes::from(body))).unwrap());
            }
            Next::Hang => {}
            Next::Break => spare.shutdown().await.unwrap(),
            Next::Half(status) => {
                let half = format!("HTTP/1.1 {status} OK\r\nContent-Length: 100\r\n\r\n{{\"ok\":");
                spare.write_all(half.as_bytes()).await.unwrap();
                spare.shutdown().await.unwrap();
            }
            Next::Drip => {
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
                spare.write_all(head.as_bytes()).await.unwrap();
                while spare.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Next::Flood => {
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
                spare.write_all(head.as_bytes()).await.unwrap();
                while spare.write_all(&[b' '; 4096]).await.is_ok() {}
            }
        }
        std::future::pending().await
    }
}
