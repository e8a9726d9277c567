//! Where Prometheus fetches an engine's figures: `/metrics` on this machine, on a thread of its own, so
//! that the engine never waits for whoever asks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use tiny_http::{Header, Request, Response, Server};

use crate::meters::Meters;

/// What the text is.
const KIND: &[u8] = b"application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until it is dropped.
pub struct Endpoint {
    server: Arc<Server>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on a port of this machine; on any that is free when it is 0.
    pub fn open(port: u16, meters: Arc<Meters>) -> io::Result<Self> {
        let server = Server::http((Ipv4Addr::LOCALHOST, port)).map_err(io::Error::other)?;
        let address = server.server_addr().to_ip();
        let address = address.ok_or_else(|| io::Error::other("it listens on no port"))?;
        let server = Arc::new(server);
        let serving = Arc::clone(&server);
        let serve = move || {
            for request in serving.incoming_requests() {
                answer(request, &meters);
            }
        };
        let thread = std::thread::Builder::new()
            .name("metrics".into())
            .spawn(serve)?;
        Ok(Self {
            server,
            address,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            // If it has panicked, that was told.
            let _ = thread.join();
        }
    }
}

fn answer(request: Request, meters: &Meters) {
    let path = request.url().split('?').next().unwrap_or_default();
    let response = if path == "/metrics" {
        let kind = Header::from_bytes(&b"Content-Type"[..], KIND);
        let kind = kind.expect("both are plain text");
        Response::from_string(meters.text()).with_header(kind)
    } else {
        Response::from_string("figures are at /metrics\n").with_status_code(404)
    };
    // Whoever has gone does not wait for it.
    let _ = request.respond(response);
}
