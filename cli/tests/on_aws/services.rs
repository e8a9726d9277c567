//! Services at a port of this machine, answered by a function, for clients in another process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::wire::{Answer, Asked};

type Service = Arc<Mutex<dyn FnMut(&Asked) -> Answer + Send>>;

/// Serves until this process ends; gives the URL.
pub fn serve(service: impl FnMut(&Asked) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service: Service = Arc::new(Mutex::new(service));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let service = service.clone();
            thread::spawn(move || answer(stream.unwrap(), &service));
        }
    });
    url
}

/// Answers one request; the connection ends with it.
fn answer(mut stream: TcpStream, service: &Service) {
    let Some(asked) = read(&stream) else { return };
    let answer = (service.lock().unwrap())(&asked);
    let (status, code, body) = match answer {
        Answer::Ok(body) => (200, "", body),
        Answer::Error(status, code, message) => {
            (status, code, json!({ "__type": code, "message": message }))
        }
        Answer::Refused(body) => (400, "", body),
        Answer::Broken | Answer::Silence => return,
    };
    let body = body.to_string();
    let response = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amzn-errortype: {code}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever asked may have gone.
    let _ = stream.write_all(response.as_bytes());
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let (mut length, mut operation) = (0, None);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-amz-target" => operation = value.rsplit_once('.').map(|(_, name)| name.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        what: operation.unwrap_or(path),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}
