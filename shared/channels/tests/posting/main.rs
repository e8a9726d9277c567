//! The channels against servers that answer as Slack, PagerDuty and others do, or do not.
#![allow(clippy::unwrap_used)] // a failed test is what it is for

mod contract;
mod server;
mod tls;

use std::time::{Duration, Instant};

use channels::{Channels, Secret, Secrets, Settings};
use model::Timestamp;
use model::alert::{Root, Severity};
use model::definition::{AlertChannel, AlertRoute};
use model::name::TeamName;
use model::post::{About, Post, PostKind};
use model::units::Seconds;
use ports::{Notifier as _, NotifyError};
use serde_json::json;

use server::{Next, Server};

const TOKEN: &str = "xoxb-canary-token";
const WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/canary-path";
const KEY: &str = "canary-routing-key";

/// Credentials, by name.
struct Known;

impl Secrets for Known {
    async fn read(&self, team: &TeamName, name: &str) -> Result<Secret, NotifyError> {
        assert_eq!(team.as_str(), "weather");
        match name {
            "token" => Ok(Secret::new(TOKEN)),
            "webhook" => Ok(Secret::new(WEBHOOK)),
            "elsewhere" => Ok(Secret::new("https://evil.example/services/canary")),
            "key" => Ok(Secret::new(KEY)),
            other => Err(NotifyError::Refused {
                reason: format!("there is no secret `{other}`"),
            }),
        }
    }

    fn forget(&self, _: &TeamName, _: &str) {}
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn channels(url: &str, patience: Duration) -> Channels<Known> {
    let instead = Some(url.to_owned());
    let settings = Settings {
        webhook_hosts: Settings::hosts(["hooks.example.com"]),
        slack: instead.clone(),
        pagerduty: instead.clone(),
        webhook: instead,
        patience,
    };
    Channels::new(Known, settings, now).unwrap()
}

fn route(channel: AlertChannel, to: &str, secret: Option<&str>) -> AlertRoute {
    AlertRoute {
        channel,
        to: to.to_owned(),
        secret: secret.map(str::to_owned),
        facts: Vec::new(),
        severity: Severity::Warning,
    }
}

fn by_token() -> AlertRoute {
    route(AlertChannel::Slack, "#weather", Some("token"))
}

fn by_webhook() -> AlertRoute {
    route(AlertChannel::Slack, "#weather", Some("webhook"))
}

fn pagerduty() -> AlertRoute {
    route(AlertChannel::Pagerduty, "weather", Some("key"))
}

fn webhook(secret: Option<&str>) -> AlertRoute {
    let to = "https://hooks.example.com/in?from=murmur";
    route(AlertChannel::Webhook, to, secret)
}

fn post(kind: PostKind, reference: Option<&str>) -> Post {
    Post {
        dedup_key: "murmur/run/weather--daily--k-1/1".into(),
        kind,
        repeated: false,
        reference: reference.map(str::to_owned),
        severity: Severity::Critical,
        team: "weather".parse().unwrap(),
        title: "weather/daily: clean <!channel> failed".into(),
        fields: vec![("Run".into(), "weather--daily--k-1".into())],
        lines: vec!["clean: exit code 1".into()],
        omitted: 0,
        printed: None,
        links: Vec::new(),
        worse: false,
        commands: vec!["murmur show weather--daily--k-1".into()],
        at: now(),
        about: vec![About {
            incident: Root::Run("weather--daily--k-1".into()),
            opening: 1,
            kind,
        }],
    }
}

fn answer(status: u16, body: impl Into<String>) -> Next {
    Next::Answer(status, None, body.into())
}

fn said_ok() -> Next {
    let body = json!({ "ok": true, "channel": "C024BE91L", "ts": "1401383885.000061" });
    answer(200, body.to_string())
}

fn said_error(error: &str) -> Next {
    answer(200, json!({ "ok": false, "error": error }).to_string())
}

/// Posts once to a server; gives what came of it, and what the server was asked.
async fn posted(
    next: impl IntoIterator<Item = Next>,
    route: &AlertRoute,
    post: &Post,
) -> (Result<Option<String>, NotifyError>, Vec<server::Asked>) {
    let server = Server::start(next).await;
    let channels = channels(&server.url, Duration::from_millis(500));
    let team: TeamName = "weather".parse().unwrap();
    let begun = Instant::now();
    let result = channels.post(&team, route, post).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "it has no end");
    if let Err(error) = &result {
        let said = format!("{error} {error:?}");
        assert!(!said.contains("canary"), "a secret is shown: {said}");
    }
    (result, server.asked())
}

fn word(result: &Result<Option<String>, NotifyError>) -> &'static str {
    match result {
        Ok(_) => "posted",
        Err(NotifyError::Throttled { .. }) => "throttled",
        Err(NotifyError::Unavailable { .. }) => "unavailable",
        Err(NotifyError::Refused { .. }) => "refused",
        Err(NotifyError::Unknown { .. }) => "unknown",
    }
}

#[tokio::test]
async fn every_answer_of_every_channel_means_one_thing() {
    let limited = || Next::Answer(429, Some(("Retry-After", "7")), String::new());
    let moved = || {
        Next::Answer(
            307,
            Some(("Location", "http://127.0.0.1:1/")),
            String::new(),
        )
    };
    let accepted = json!({ "status": "success", "message": "Event processed", "dedup_key": "k" });
    let invalid = json!({ "status": "invalid event", "message": "Event object is invalid",
        "errors": [format!("routing_key {KEY} is unknown")] });
    let cases = [
        (by_webhook(), answer(200, "ok"), "posted"),
        (by_webhook(), answer(400, "invalid_payload"), "refused"),
        (by_webhook(), answer(403, "action_prohibited"), "refused"),
        (by_webhook(), answer(404, "no_service"), "refused"),
        (by_webhook(), answer(410, "channel_is_archived"), "refused"),
        (by_webhook(), answer(500, "rollup_error"), "unavailable"),
        (by_webhook(), answer(504, ""), "unknown"),
        (by_webhook(), answer(403, WEBHOOK), "refused"),
        (by_webhook(), limited(), "throttled"),
        (by_webhook(), moved(), "refused"),
        (by_webhook(), Next::Hang, "unknown"),
        (by_webhook(), Next::Break, "unknown"),
        (by_webhook(), Next::Half(200), "posted"),
        (by_webhook(), Next::Drip, "posted"),
        (by_webhook(), Next::Flood, "posted"),
        (by_token(), said_ok(), "posted"),
        (by_token(), said_error("invalid_auth"), "refused"),
        (by_token(), said_error("channel_not_found"), "refused"),
        (by_token(), said_error(&format!("odd {TOKEN}")), "refused"),
        (by_token(), said_error("ratelimited"), "throttled"),
        (by_token(), said_error("internal_error"), "unknown"),
        (by_token(), said_error("service_unavailable"), "unavailable"),
        (by_token(), answer(200, "<html>"), "unknown"),
        (by_token(), answer(503, "<html>"), "unavailable"),
        (by_token(), limited(), "throttled"),
        (by_token(), moved(), "refused"),
        (by_token(), Next::Hang, "unknown"),
        (by_token(), Next::Break, "unknown"),
        (by_token(), Next::Half(200), "unknown"),
        (by_token(), Next::Drip, "unknown"),
        (pagerduty(), answer(202, accepted.to_string()), "posted"),
        (pagerduty(), answer(400, invalid.to_string()), "refused"),
        (pagerduty(), limited(), "throttled"),
        (pagerduty(), answer(500, ""), "unavailable"),
        (pagerduty(), moved(), "refused"),
        (pagerduty(), Next::Hang, "unknown"),
        (pagerduty(), Next::Break, "unknown"),
        (webhook(None), answer(204, ""), "posted"),
        (webhook(Some("key")), answer(200, KEY), "posted"),
        (webhook(Some("key")), answer(401, KEY), "refused"),
        (webhook(None), answer(502, ""), "unavailable"),
        (webhook(None), limited(), "throttled"),
        (webhook(None), moved(), "refused"),
        (webhook(None), Next::Break, "unknown"),
    ];
    for (route, next, expected) in cases {
        let what = format!("{:?} {next:?}", route.channel);
        let (result, asked) = posted([next], &route, &post(PostKind::Opened, None)).await;
        assert_eq!(word(&result), expected, "{what}: {result:?}");
        assert_eq!(asked.len(), 1, "{what}: nothing is tried again");
        if let Err(NotifyError::Throttled { after, .. }) = result {
            let expected = [Seconds(7), Seconds(30)];
            assert!(expected.contains(&after), "{what}: {after}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_reached_was_not_heard() {
    let plain = Server::start([]).await;
    let plain = plain.url.replace("http://", "https://");
    let cases = [
        // Nobody listens; there is no such host; whoever listens speaks no TLS.
        "http://127.0.0.1:1".to_owned(),
        "http://nowhere.invalid".to_owned(),
        plain,
    ];
    let team: TeamName = "weather".parse().unwrap();
    for url in cases {
        for route in [by_webhook(), by_token(), pagerduty(), webhook(None)] {
            let channels = channels(&url, Duration::from_secs(2));
            let post = post(PostKind::Opened, None);
            let result = channels.post(&team, &route, &post).await;
            assert_eq!(word(&result), "unavailable", "{url}: {result:?}");
            assert!(!format!("{result:?}").contains("canary"), "{result:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_asked_of_who_may_not_be_asked() {
    let cases = [
        route(AlertChannel::Slack, "#weather", Some("elsewhere")),
        route(AlertChannel::Slack, "#weather", Some("key")),
        route(AlertChannel::Slack, "#weather", None),
        route(AlertChannel::Slack, "#weather", Some("missing")),
        route(AlertChannel::Pagerduty, "weather", None),
        route(AlertChannel::Webhook, "https://evil.example/", None),
        route(AlertChannel::Webhook, "http://hooks.example.com/", None),
        route(AlertChannel::Email, "duty@example.com", None),
    ];
    for route in cases {
        let (result, asked) = posted([], &route, &post(PostKind::Opened, None)).await;
        assert_eq!(word(&result), "refused", "{route:?}");
        assert!(asked.is_empty());
    }
}

#[tokio::test]
async fn slack_edits_what_it_has_and_tells_below_it_that_all_is_well() {
    let opened = post(PostKind::Opened, None);
    let (result, asked) = posted([said_ok()], &by_token(), &opened).await;
    let reference = result.unwrap().unwrap();
    assert_eq!(asked[0].path, "/api/chat.postMessage");
    assert_eq!(asked[0].header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(asked[0].header("host"), "slack.com");
    assert_eq!(asked[0].json()["channel"], "#weather");
    let text = "weather/daily: clean &lt;!channel&gt; failed";
    assert_eq!(asked[0].json()["text"], text);

    let changed = post(PostKind::Changed, Some(&reference));
    let (result, asked) = posted([said_ok()], &by_token(), &changed).await;
    assert_eq!(result, Ok(Some(reference.clone())));
    assert_eq!(asked[0].path, "/api/chat.update");
    assert_eq!(asked[0].json()["channel"], "C024BE91L");
    assert_eq!(asked[0].json()["ts"], "1401383885.000061");

    let resolved = post(PostKind::Resolved, Some(&reference));
    let (result, asked) = posted([said_ok(), said_ok()], &by_token(), &resolved).await;
    assert_eq!(result, Ok(Some(reference.clone())));
    let paths: Vec<&str> = asked.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/api/chat.update", "/api/chat.postMessage"]);
    assert_eq!(asked[1].json()["thread_ts"], "1401383885.000061");

    // What has become worse is told below it, too, and in the channel.
    let worse = Post {
        worse: true,
        ..changed.clone()
    };
    let (result, asked) = posted([said_ok(), said_ok()], &by_token(), &worse).await;
    assert_eq!(result, Ok(Some(reference.clone())));
    assert_eq!(asked[1].path, "/api/chat.postMessage");
    assert_eq!(asked[1].json()["thread_ts"], "1401383885.000061");
    assert_eq!(asked[1].json()["reply_broadcast"], true);

    // When only the reply fails, the edit is made again, which nobody notices.
    let half = [said_ok(), answer(503, "")];
    let (result, _) = posted(half, &by_token(), &resolved).await;
    assert_eq!(word(&result), "unavailable");

    // What somebody deleted is posted anew.
    let gone = [said_error("message_not_found"), said_ok()];
    let (result, asked) = posted(gone, &by_token(), &changed).await;
    assert_eq!(word(&result), "posted");
    assert_eq!(asked[1].path, "/api/chat.postMessage");
    assert_eq!(asked[1].json()["channel"], "#weather");
}

#[tokio::test]
async fn by_a_webhook_of_slack_everything_is_a_message_of_its_own() {
    for kind in [PostKind::Opened, PostKind::Changed, PostKind::Resolved] {
        let mut post = post(kind, None);
        post.repeated = true;
        let (result, asked) = posted([answer(200, "ok")], &by_webhook(), &post).await;
        assert_eq!(result, Ok(None));
        assert_eq!(asked[0].path, "/services/T0/B0/canary-path");
        assert_eq!(asked[0].header("host"), "hooks.slack.com");
        let text = asked[0].json()["text"].as_str().unwrap().to_owned();
        assert!(text.starts_with("This may be a repeat: "), "{text}");
    }
}

#[tokio::test]
async fn pagerduty_opens_and_resolves_one_alert() {
    let cases = [
        (PostKind::Opened, "trigger"),
        (PostKind::Changed, "trigger"),
        (PostKind::Resolved, "resolve"),
    ];
    for (kind, action) in cases {
        let accepted = answer(202, r#"{"status":"success"}"#);
        let (result, asked) = posted([accepted], &pagerduty(), &post(kind, None)).await;
        assert_eq!(result, Ok(None));
        assert_eq!(asked[0].path, "/v2/enqueue");
        assert_eq!(asked[0].header("host"), "events.pagerduty.com");
        let event = asked[0].json();
        assert_eq!(event["routing_key"], KEY);
        assert_eq!(event["event_action"], action);
        assert_eq!(event["dedup_key"], "murmur/run/weather--daily--k-1/1");
    }
    let european = route(AlertChannel::Pagerduty, "eu/weather", Some("key"));
    let (_, asked) = posted([answer(202, "")], &european, &post(PostKind::Opened, None)).await;
    assert_eq!(asked[0].header("host"), "events.eu.pagerduty.com");
}

#[tokio::test]
async fn a_webhook_is_given_the_post_and_a_signature_where_there_is_a_secret() {
    let opened = post(PostKind::Opened, None);
    let (_, asked) = posted([answer(200, "")], &webhook(Some("key")), &opened).await;
    assert_eq!(asked[0].path, "/in?from=murmur");
    let read: Post = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!(read, opened);
    let signature = asked[0].header("x-murmur-signature");
    let (at, hex) = signature.split_once(",v1=").unwrap();
    assert_eq!(at, format!("t={}", now().as_second()));
    assert_eq!(hex.len(), 64);
    let (_, asked) = posted([answer(200, "")], &webhook(None), &opened).await;
    assert_eq!(asked[0].header("x-murmur-signature"), "");
}
