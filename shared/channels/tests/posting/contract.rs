//! Every channel keeps the contract of channels.

use std::cell::RefCell;
use std::time::Duration;

use channels::Channels;
use model::definition::{AlertChannel, AlertRoute};
use serde_json::{Value, json};
use testkit::contract::notifier::{self, Next, NotifierBench};

use super::server::{self, Server};
use super::{Known, answer, by_token, by_webhook, channels, pagerduty, webhook};

struct Bench {
    server: Server,
    channels: Channels<Known>,
    route: AlertRoute,
    /// What became of each request.
    fates: RefCell<Vec<Next>>,
}

impl Bench {
    async fn of(route: AlertRoute) -> Self {
        let server = Server::start([]).await;
        Self {
            channels: channels(&server.url, Duration::from_millis(500)),
            server,
            route,
            fates: RefCell::default(),
        }
    }

    fn is_slacks_api(&self) -> bool {
        self.route.secret.as_deref() == Some("token")
    }

    fn taken(&self) -> server::Next {
        if !self.is_slacks_api() {
            return answer(200, "ok");
        }
        let ts = self.fates.borrow().len().to_string();
        answer(
            200,
            json!({ "ok": true, "channel": "C1", "ts": ts }).to_string(),
        )
    }

    fn title(&self, asked: &Value) -> String {
        let title = match self.route.channel {
            AlertChannel::Slack => &asked["text"],
            AlertChannel::Pagerduty => &asked["payload"]["summary"],
            AlertChannel::Webhook | AlertChannel::Email => &asked["title"],
        };
        title.as_str().unwrap().to_owned()
    }
}

impl NotifierBench for Bench {
    type Notifier = Channels<Known>;

    fn notifier(&self) -> &Channels<Known> {
        &self.channels
    }

    fn route(&self) -> AlertRoute {
        self.route.clone()
    }

    fn next(&self, next: Next) {
        self.server.push(match next {
            Next::Takes => self.taken(),
            Next::Throttles => server::Next::Answer(429, Some(("Retry-After", "7")), String::new()),
            Next::IsUnavailable => answer(503, ""),
            Next::Refuses => answer(403, ""),
            Next::IsSilent => server::Next::Hang,
        });
        self.fates.borrow_mut().push(next);
    }

    fn read(&self) -> Vec<String> {
        let asked = self.server.asked();
        assert_eq!(asked.len(), self.fates.borrow().len());
        let mut read: Vec<(String, String)> = Vec::new();
        for (number, (asked, fate)) in asked.iter().zip(self.fates.borrow().iter()).enumerate() {
            if *fate != Next::Takes {
                continue;
            }
            let message = asked.json();
            let edited = message["ts"].as_str().map(str::to_owned);
            let key = edited.unwrap_or_else(|| number.to_string());
            let title = self.title(&message);
            match read.iter_mut().find(|(one, _)| *one == key) {
                Some((_, known)) => *known = title,
                None => read.push((key, title)),
            }
        }
        read.into_iter().map(|(_, title)| title).collect()
    }
}

#[tokio::test]
async fn every_channel_keeps_the_contract() {
    for route in [by_token(), by_webhook(), pagerduty(), webhook(None)] {
        notifier::all(async || Bench::of(route.clone()).await).await;
    }
}
