//! Slack by its Web API: the credential is a bot's token. A message is found again by channel and
//! time stamp, so what was told is brought up to date where it stands; that it has become worse, or all
//! is well again, is told below it, too, since nobody is notified of an edit.
//!
//! <https://docs.slack.dev/reference/methods/chat.postMessage>,
//! <https://docs.slack.dev/reference/methods/chat.update>

use hyper::header::{AUTHORIZATION, HeaderValue};
use model::post::{Post, PostKind};
use ports::NotifyError;
use serde_json::{Value, json};

use crate::address::Service;
use crate::http::{Answer, Outgoing};
use crate::{Call, Secret, answer, refused, slack, text};

const POST: &str = "https://slack.com/api/chat.postMessage";
const UPDATE: &str = "https://slack.com/api/chat.update";

/// How the tokens of bots begin.
const TOKEN: &str = "xoxb-";

/// Errors after which the message that was to be edited is posted anew: it is gone, or may not be
/// edited any more.
const GONE: [&str; 5] = [
    "cant_update_message",
    "edit_window_closed",
    "message_not_found",
    "msg_not_found",
    "update_failed",
];

/// Whether a credential is for the Web API.
pub(crate) fn is_token(secret: &Secret) -> bool {
    secret.expose().starts_with(TOKEN)
}

/// Posts a message, or brings an earlier one up to date.
pub(crate) async fn post<S>(
    call: &Call<'_, S>,
    channel: &str,
    secret: &Secret,
    post: &Post,
) -> Result<Option<String>, NotifyError> {
    let earlier = post.reference.as_deref().and_then(Reference::read);
    let Some(earlier) = earlier else {
        return anew(call, channel, secret, post).await;
    };
    let mut message = slack::message(post);
    message["channel"] = json!(earlier.channel);
    message["ts"] = json!(earlier.ts);
    match ask(call, UPDATE, secret, &message).await {
        Ok(_) => {}
        Err(Refusal::Said(error)) if GONE.contains(&error.as_str()) => {
            return anew(call, channel, secret, post).await;
        }
        Err(refusal) => return Err(refusal.into()),
    }
    // Told last: when this fails, both are done again, and an edit that is done again shows nowhere.
    if post.kind == PostKind::Resolved || post.worse {
        let reply = json!({
            "channel": earlier.channel,
            "thread_ts": earlier.ts,
            // What became worse is seen by those, too, who do not follow the thread.
            "reply_broadcast": post.worse,
            "text": slack::escaped(&text::title(post), 3_000),
            "unfurl_links": false,
            "unfurl_media": false,
        });
        ask(call, POST, secret, &reply).await?;
    }
    Ok(Some(earlier.written()))
}

async fn anew<S>(
    call: &Call<'_, S>,
    channel: &str,
    secret: &Secret,
    post: &Post,
) -> Result<Option<String>, NotifyError> {
    let mut message = slack::message(post);
    message["channel"] = json!(channel);
    let said = ask(call, POST, secret, &message).await?;
    Ok(Reference::of(&said).map(|reference| reference.written()))
}

/// Where a message is; written `<channel>/<ts>`.
struct Reference {
    channel: String,
    ts: String,
}

impl Reference {
    fn read(text: &str) -> Option<Self> {
        let (channel, ts) = text.split_once('/')?;
        Some(Self {
            channel: channel.to_owned(),
            ts: ts.to_owned(),
        })
    }

    fn of(said: &Value) -> Option<Self> {
        Some(Self {
            channel: said["channel"].as_str()?.to_owned(),
            ts: said["ts"].as_str()?.to_owned(),
        })
    }

    fn written(&self) -> String {
        format!("{}/{}", self.channel, self.ts)
    }
}

/// Why a method was not carried out.
enum Refusal {
    /// In a word of Slack's.
    Said(String),
    Other(NotifyError),
}

impl From<Refusal> for NotifyError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Said(error) => meant(&error),
            Refusal::Other(error) => error,
        }
    }
}

/// What a word of Slack's means.
fn meant(error: &str) -> NotifyError {
    let reason = format!("Slack says {error}");
    match error {
        "service_unavailable" | "team_added_to_org" | "org_login_required" => {
            NotifyError::Unavailable { reason }
        }
        // It may have been carried out in part, Slack says of these.
        "fatal_error" | "internal_error" | "request_timeout" => NotifyError::Unknown { reason },
        _ => refused(reason),
    }
}

/// Calls a method; gives what it says.
async fn ask<S>(
    call: &Call<'_, S>,
    method: &str,
    secret: &Secret,
    message: &Value,
) -> Result<Value, Refusal> {
    let to = call
        .address(Service::Slack, method)
        .map_err(Refusal::Other)?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", secret.expose()));
    let mut bearer = bearer.map_err(|_| Refusal::Other(refused("the secret is no token")))?;
    bearer.set_sensitive(true);
    let outgoing = Outgoing {
        headers: vec![(AUTHORIZATION, bearer)],
        body: slack::body(message),
    };
    let answered = call.send(&to, outgoing).await.map_err(Refusal::Other)?;
    understood(&answered, secret)
}

/// What an answer says; a method that was refused says so with status 200.
fn understood(answered: &Answer, secret: &Secret) -> Result<Value, Refusal> {
    let said: Option<Value> = answered
        .body
        .as_deref()
        .and_then(|body| serde_json::from_slice(body).ok());
    let error = said.as_ref().and_then(|said| said["error"].as_str());
    let error = error.map(|error| secret.hide(text::one_line(error)));
    let error = error.map(|error| text::shortened(&error, 100));
    if let Some(failure) = answer::failure("Slack", answered, error.as_deref().unwrap_or_default())
    {
        return Err(Refusal::Other(failure));
    }
    match (said, error) {
        (Some(said), _) if said["ok"] == true => Ok(said),
        (_, Some(error)) if matches!(error.as_str(), "ratelimited" | "rate_limited") => {
            Err(Refusal::Other(answer::throttled("Slack", answered)))
        }
        (_, Some(error)) => Err(Refusal::Said(error)),
        (_, None) => Err(Refusal::Other(NotifyError::Unknown {
            reason: "Slack gave an answer that cannot be read".to_owned(),
        })),
    }
}
