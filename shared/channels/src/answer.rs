//! What an answer means, where a service says it by the status alone. Pure.

use hyper::StatusCode;
use model::units::Seconds;
use ports::NotifyError;

use crate::Secret;
use crate::http::Answer;
use crate::text::{one_line, shortened};

/// How long a channel is left alone that does not say how long it wants to be.
const ALONE: Seconds = Seconds(30);
/// The longest that is believed.
const LONGEST: Seconds = Seconds::minutes(15);
/// How much of what a service says is repeated, in characters.
const SAID: usize = 200;

/// What a status says that is no success; `None` of one that is.
pub(crate) fn failure(who: &str, answer: &Answer, said: &str) -> Option<NotifyError> {
    let status = answer.status;
    let reason = || match said {
        "" => format!("{who} answered {status}"),
        said => format!("{who} answered {status}: {said}"),
    };
    if status.is_success() {
        return None;
    }
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS => throttled(who, answer),
        // Whoever stands in between gave up; the service itself may have taken it.
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            NotifyError::Unknown { reason: reason() }
        }
        status if status.is_server_error() => NotifyError::Unavailable { reason: reason() },
        status if status.is_redirection() => NotifyError::Refused {
            reason: format!("{who} answered {status}: it leads elsewhere, and is not followed"),
        },
        _ => NotifyError::Refused { reason: reason() },
    })
}

/// That a channel wants to be left alone for a while.
pub(crate) fn throttled(who: &str, answer: &Answer) -> NotifyError {
    let said = answer.retry_after.as_deref().unwrap_or_default().trim();
    // An instant is rare, and half a minute is not wrong by much.
    let after = said.parse().map_or(ALONE, Seconds);
    NotifyError::Throttled {
        after: after.clamp(Seconds(1), LONGEST),
        reason: format!("{who} was posted to too often"),
    }
}

/// What a service says in a text, in one line and without the credential, which half of it would
/// give away, too.
pub(crate) fn said(answer: &Answer, secret: &Secret) -> String {
    let body = answer.body.as_deref().unwrap_or_default();
    let body = secret.hide(String::from_utf8_lossy(body).into_owned());
    shortened(&one_line(&body), SAID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: retry_after.map(str::to_owned),
            body: Some(b"no\nservice".to_vec()),
        }
    }

    #[test]
    fn every_status_means_one_thing() {
        let cases = [
            (200, "-"),
            (202, "-"),
            (204, "-"),
            (301, "refused"),
            (308, "refused"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (408, "unknown"),
            (410, "refused"),
            (429, "throttled"),
            (500, "unavailable"),
            (502, "unavailable"),
            (503, "unavailable"),
            (504, "unknown"),
        ];
        for (status, expected) in cases {
            let answer = answer(status, None);
            let meant = match failure("it", &answer, "") {
                None => "-",
                Some(NotifyError::Throttled { .. }) => "throttled",
                Some(NotifyError::Unavailable { .. }) => "unavailable",
                Some(NotifyError::Refused { .. }) => "refused",
                Some(NotifyError::Unknown { .. }) => "unknown",
            };
            assert_eq!(meant, expected, "{status}");
        }
        let answer = answer(404, None);
        let heard = said(&answer, &Secret::new("no\nservice"));
        assert_eq!(heard, "[secret]");
        let heard = said(&answer, &Secret::new("canary"));
        let error = failure("it", &answer, &heard).unwrap();
        let said = "the channel refuses: it answered 404 Not Found: no service";
        assert_eq!(error.to_string(), said);
    }

    #[test]
    fn who_throttles_is_left_alone_for_as_long_as_it_says_within_reason() {
        let cases = [
            (None, 30),
            (Some("7"), 7),
            (Some("0"), 1),
            (Some("86400"), 900),
            (Some("Wed, 21 Oct 2026 07:28:00 GMT"), 30),
        ];
        for (said, expected) in cases {
            let NotifyError::Throttled { after, .. } = throttled("it", &answer(429, said)) else {
                panic!("{said:?}");
            };
            assert_eq!(after, Seconds(expected), "{said:?}");
        }
    }
}
