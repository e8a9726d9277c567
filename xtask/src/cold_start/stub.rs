//! What a function reaches from inside Lambda, in a few lines: the runtime's interface, which
//! hands it events, and services of AWS that have nothing.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Result;

/// What a function was seen to do.
#[derive(Debug, PartialEq)]
pub enum Did {
    /// It asked for an event.
    Asked(Instant),
    /// It answered one, or said why not.
    Answered { path: String, body: String },
}

/// Listens for one function.
pub struct Stub {
    pub address: SocketAddr,
    pub did: Receiver<Did>,
    events: Sender<String>,
}

impl Stub {
    /// Begins to listen; every connection has a thread of its own, until it closes.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, did) = channel();
        let (events, handed) = channel();
        let handed = Arc::new(Mutex::new(handed));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tell, handed) = (tell.clone(), handed.clone());
                std::thread::spawn(move || serve(&stream, &tell, &handed));
            }
        });
        Ok(Self {
            address,
            did,
            events,
        })
    }

    /// Hands over an event at the next request for one.
    pub fn hand(&self, event: &str) {
        // Nobody takes it when the function has ended; then its end is what is told.
        let _ = self.events.send(event.to_owned());
    }
}

fn serve(stream: &TcpStream, tell: &Sender<Did>, handed: &Mutex<Receiver<String>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let answer = if request.path.ends_with("/invocation/next") {
            let _ = tell.send(Did::Asked(Instant::now()));
            let events = handed.lock().expect("no holder panics");
            let Ok(event) = events.recv() else { return };
            drop(events);
            next(&event)
        } else if request.path.starts_with("/2018-06-01/runtime/") {
            let (path, body) = (request.path, request.body);
            let _ = tell.send(Did::Answered { path, body });
            with_body("202 Accepted", "application/json", "{}")
        } else {
            of_a_service(&request)
        };
        let mut writer = stream;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn next(event: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\n\
         \r\n{event}",
        event.len()
    )
}

/// A service that has nothing and takes everything.
fn of_a_service(request: &Request) -> String {
    if request.body.starts_with("Action=PublishBatch") {
        let xml = "<PublishBatchResponse><PublishBatchResult><Successful/><Failed/>\
                   </PublishBatchResult></PublishBatchResponse>";
        return with_body("200 OK", "text/xml", xml);
    }
    // DynamoDB, SQS, EMR and Batch; lists that must be there are empty.
    let json = r#"{"Successful":[],"Failed":[],"Items":[],"Count":0,"Responses":{},"jobs":[]}"#;
    with_body("200 OK", "application/x-amz-json-1.0", json)
}

fn with_body(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A request, as far as it is of interest.
struct Request {
    path: String,
    body: String,
}

impl Request {
    /// Reads one; `None` at the end of the connection.
    fn read(reader: &mut impl std::io::BufRead) -> Option<Self> {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let path = first.split(' ').nth(1)?.to_owned();
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            is_chunked |= line.starts_with("transfer-encoding:") && line.ends_with("chunked");
        }
        let mut body = Vec::new();
        if is_chunked {
            while let size @ 1.. = chunk_size(reader)? {
                read_more(reader, size, &mut body)?;
                chunk_end(reader)?;
            }
            chunk_end(reader)?;
        } else {
            read_more(reader, length, &mut body)?;
        }
        let body = String::from_utf8(body).ok()?;
        Some(Self { path, body })
    }
}

fn chunk_size(reader: &mut impl std::io::BufRead) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    usize::from_str_radix(line.trim(), 16).ok()
}

fn chunk_end(reader: &mut impl std::io::BufRead) -> Option<()> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    Some(())
}

fn read_more(reader: &mut impl std::io::BufRead, count: usize, to: &mut Vec<u8>) -> Option<()> {
    let from = to.len();
    to.resize(from + count, 0);
    reader.read_exact(&mut to[from..]).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn exchange(stub: &Stub, request: &str) -> String {
        let mut stream = TcpStream::connect(stub.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_function_is_handed_its_events_and_heard() {
        let stub = Stub::new().unwrap();
        stub.hand("{\"Records\":[]}");
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";
        let answer = exchange(&stub, next);
        assert!(answer.ends_with("\r\n\r\n{\"Records\":[]}"), "{answer}");
        assert!(matches!(stub.did.recv().unwrap(), Did::Asked(_)));
        for body in [
            "Content-Length: 2\r\n\r\n{}",
            "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        ] {
            let response = "POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n";
            let answer = exchange(&stub, &format!("{response}{body}"));
            assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
            let expected = Did::Answered {
                path: "/2018-06-01/runtime/invocation/1/response".into(),
                body: "{}".into(),
            };
            assert_eq!(stub.did.recv().unwrap(), expected);
        }
    }

    #[test]
    fn services_answer_and_are_not_what_was_done() {
        let stub = Stub::new().unwrap();
        let answer = exchange(&stub, "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(stub.did.try_recv().is_err());
    }
}
