//! PagerDuty by its Events API v2: one alert for each opening of an incident, by its deduplication
//! key; what changes is triggered again under the same key, what is well again is resolved.
//!
//! The credential is the integration's routing key; the route's `to` names the service for people,
//! and begins with `eu/` where that is in PagerDuty's European region.
//! <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>

use model::alert::Severity;
use model::post::{Post, PostKind};
use ports::NotifyError;
use serde_json::{Map, Value, json};

use crate::address::Service;
use crate::http::Outgoing;
use crate::{Call, Secret, answer, text};

const ELSEWHERE: &str = "https://events.pagerduty.com/v2/enqueue";
const EUROPE: &str = "https://events.eu.pagerduty.com/v2/enqueue";

/// The longest summary, in characters.
const SUMMARY: usize = 1_024;
/// The longest of each other text and how many lines there are, so that the event stays far below
/// 512 KB.
const VALUE: usize = 1_000;
const LINES: usize = 100;

/// Triggers or resolves an alert.
pub(crate) async fn post<S>(
    call: &Call<'_, S>,
    service: &str,
    secret: &Secret,
    post: &Post,
) -> Result<Option<String>, NotifyError> {
    let is_european = service.starts_with("eu/");
    let url = if is_european { EUROPE } else { ELSEWHERE };
    let to = call.address(Service::Pagerduty, url)?;
    let mut event = event(post);
    event["routing_key"] = json!(secret.expose());
    let outgoing = Outgoing {
        headers: Vec::new(),
        body: event.to_string().into_bytes(),
    };
    let answered = call.send(&to, outgoing).await?;
    match answer::failure("PagerDuty", &answered, &answer::said(&answered, secret)) {
        None => Ok(None),
        Some(error) => Err(error),
    }
}

/// The event, without its routing key.
fn event(post: &Post) -> Value {
    let action = match post.kind {
        // No digest comes here, where each alert is acknowledged on its own; if one did, it would be
        // better seen than lost.
        PostKind::Opened | PostKind::Changed | PostKind::Digest => "trigger",
        PostKind::Resolved => {
            return json!({ "event_action": "resolve", "dedup_key": post.dedup_key });
        }
    };
    let links: Vec<Value> = text::links(post)
        .take(LINES)
        .map(|link| json!({ "href": link.url, "text": text::shortened(&link.label, VALUE) }))
        .collect();
    json!({
        "event_action": action,
        "dedup_key": post.dedup_key,
        "client": "murmur",
        "links": links,
        "payload": {
            "summary": text::shortened(&text::title(post), SUMMARY),
            "source": format!("murmur/{}", post.team),
            "severity": severity(post.severity),
            "timestamp": post.at.to_string(),
            "group": post.team.as_str(),
            "custom_details": details(post),
        },
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Critical => "critical",
    }
}

fn details(post: &Post) -> Map<String, Value> {
    let short = |text: &String| json!(text::shortened(&text::one_line(text), VALUE));
    let list = |texts: &[String]| texts.iter().take(LINES).map(short).collect::<Vec<Value>>();
    let mut details: Map<String, Value> = post
        .fields
        .iter()
        .take(LINES)
        .map(|(label, value)| (text::shortened(label, VALUE), short(value)))
        .collect();
    let mut lines = list(&post.lines);
    lines.extend(text::more(post).map(Value::from));
    details.insert("What".to_owned(), json!(lines));
    if let Some((by, lines)) = text::printed(post) {
        details.insert(text::shortened(&by, VALUE), json!(list(&lines)));
    }
    details.insert("Commands".to_owned(), json!(list(&post.commands)));
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::{post, printed_post};

    #[test]
    fn one_key_is_triggered_again_and_resolved() {
        let cases = [
            (PostKind::Opened, "trigger"),
            (PostKind::Changed, "trigger"),
            (PostKind::Resolved, "resolve"),
        ];
        for (kind, action) in cases {
            let event = event(&post(kind));
            assert_eq!(event["event_action"], action);
            assert_eq!(event["dedup_key"], "murmur/run/weather--daily--k-1/1");
        }
        let event = event(&post(PostKind::Opened));
        assert_eq!(event["payload"]["severity"], "error");
        assert_eq!(
            event["payload"]["custom_details"]["Logical date"],
            "2026-03-01"
        );
        assert_eq!(
            event["payload"]["custom_details"]["What"][2],
            "… and 3 more"
        );
    }

    #[test]
    fn what_was_printed_and_links_are_told_of_what_is_wrong() {
        let event = event(&printed_post());
        let details = &event["payload"]["custom_details"];
        assert_eq!(
            details["clean, attempt 2 printed last"][1],
            "<!channel> no such table"
        );
        let link = json!([{ "href": "https://console.example/a?b=1&c=2", "text": "log <b>" }]);
        assert_eq!(event["links"], link);
    }

    #[test]
    fn however_much_there_is_to_say_pagerduty_takes_it() {
        let mut post = post(PostKind::Opened);
        post.title = "ä".repeat(10_000);
        post.lines = vec!["ö".repeat(10_000); 1_000];
        post.fields = vec![("a".into(), "b".repeat(10_000)); 3];
        let event = event(&post);
        let summary = event["payload"]["summary"].as_str().unwrap();
        assert_eq!(summary.chars().count(), SUMMARY);
        assert!(event.to_string().len() < 512 * 1024);
    }
}
