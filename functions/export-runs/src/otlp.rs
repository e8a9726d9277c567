//! Spans as OTLP has them in JSON: numbers of 64 bits are texts, ids hexadecimal. Pure.

use serde_json::{Value, json};

use crate::trace::{Span, Status};

/// How many spans go in one document: well below a megabyte.
const SPANS: usize = 500;
/// OTLP's word for a span that is of this process alone.
const INTERNAL: u32 = 1;

/// The bodies of as many requests as it takes; none without spans.
pub(crate) fn documents(spans: &[Span]) -> Vec<String> {
    spans.chunks(SPANS).map(document).collect()
}

fn document(spans: &[Span]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        ("service.name", json!("murmur")),
        ("service.version", json!(version)),
    ];
    let scope = json!({
        "scope": { "name": "murmur", "version": version },
        "spans": spans.iter().map(span).collect::<Vec<_>>(),
    });
    json!({
        "resourceSpans": [{
            "resource": { "attributes": attributes(&resource) },
            "scopeSpans": [scope],
        }],
    })
    .to_string()
}

fn span(span: &Span) -> Value {
    let events = span.events.iter();
    let events = events.map(|(name, at)| json!({ "name": name, "timeUnixNano": nanoseconds(*at) }));
    let links = span.links.iter();
    let links = links.map(|(trace, id)| json!({ "traceId": trace, "spanId": id }));
    let mut written = json!({
        "traceId": span.trace,
        "spanId": span.id,
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(span.began),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes(&span.attributes),
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "status": match &span.status {
            Status::Unset => json!({}),
            Status::Well => json!({ "code": 1 }),
            Status::Failed(message) => json!({ "code": 2, "message": message }),
        },
    });
    if let Some(parent) = &span.parent {
        written["parentSpanId"] = json!(parent);
    }
    written
}

fn attributes(attributes: &[(&'static str, Value)]) -> Vec<Value> {
    let written = attributes.iter().map(|(key, value)| {
        let value = match value {
            Value::Number(number) => json!({ "intValue": number.to_string() }),
            Value::String(text) => json!({ "stringValue": text }),
            other => json!({ "stringValue": other.to_string() }),
        };
        json!({ "key": key, "value": value })
    });
    written.collect()
}

fn nanoseconds(at: model::Timestamp) -> String {
    at.as_nanosecond().to_string()
}
