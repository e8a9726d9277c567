//! What the services' refusals mean.
//!
//! The one place that decides whether a submission took effect (rule 9): what was not answered, or
//! answered by a failing server, may have.

use aws_sdk_emr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use ports::{ComputeError, SubmitError};

use crate::secrets::Values;
use crate::trouble::Trouble;

/// Codes by which services say that they were asked too often.
const THROTTLED: [&str; 8] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Codes of requests that were not let in, though they may be with other credentials or time.
const NOT_LET_IN: [&str; 6] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// EMR's words for a cluster that has as many open steps as it takes.
const STEPS_FULL: &str = "Maximum number of active steps";

/// Says what a refused submission means. A request that is wrong is [`SubmitError::Refused`];
/// whether its place is gone is for the caller to find out.
pub fn submission<E>(error: SdkError<E, HttpResponse>) -> SubmitError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    told(error, said)
}

/// Says what a refused submission means that was made with secrets; tells none of them.
pub fn of_secrets<E>(error: SdkError<E, HttpResponse>, values: &Values) -> SubmitError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if values.is_empty() {
        return submission(error);
    }
    told(error, |error| {
        // No more than the service's own words: a cause may quote the answer, and that the request.
        let said = in_its_words(error).unwrap_or_else(|| error.to_string());
        values.hide(&said)
    })
}

/// What a service said, or why it said nothing, in one line: people read it.
fn said<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    in_its_words(error).unwrap_or_else(|| Trouble::of(error).to_string())
}

/// The code and the message of an answer; `None` when there was none.
fn in_its_words<E>(error: &SdkError<E, HttpResponse>) -> Option<String>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let SdkError::ServiceError(_) = error else {
        return None;
    };
    let code = error.code().unwrap_or("an error without a code");
    let message = error.message().filter(|message| !message.is_empty());
    Some(message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")))
}

fn told<E>(
    error: SdkError<E, HttpResponse>,
    tell: impl FnOnce(&SdkError<E, HttpResponse>) -> String,
) -> SubmitError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.code().map(str::to_owned);
    let full = error
        .message()
        .is_some_and(|said| said.contains(STEPS_FULL));
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let sent = !matches!(error, SdkError::ConstructionFailure(_));
    let answered = matches!(error, SdkError::ServiceError(_));
    let reason = tell(&error);
    if !sent {
        // Most of all for want of credentials; it comes back like what is throttled.
        return SubmitError::Throttled { reason };
    }
    if !answered {
        return SubmitError::Unknown { reason };
    }
    let is_one_of = |codes: &[&str]| code.as_deref().is_some_and(|code| codes.contains(&code));
    if full || is_one_of(&THROTTLED) || is_one_of(&NOT_LET_IN) || status == Some(429) {
        return SubmitError::Throttled { reason };
    }
    match status {
        Some(400..=499) => SubmitError::Refused { reason },
        Some(_) | None => SubmitError::Unknown { reason },
    }
}

/// Says that a call which asks or stops did not succeed.
pub fn unavailable<E>(error: SdkError<E, HttpResponse>) -> ComputeError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let reason = said(&error);
    ComputeError { reason }
}

/// Whether the service understood the request and finds it wrong: it names something that is not
/// there, or is not there any more.
pub fn is_wrong<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let wrong = [
        "InvalidRequestException",
        "ValidationException",
        "ClientException",
    ];
    error.code().is_some_and(|code| wrong.contains(&code))
}

#[cfg(test)]
mod tests {
    use aws_sdk_emr::operation::add_job_flow_steps::AddJobFlowStepsError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answered(code: &str, message: &str) -> SdkError<AddJobFlowStepsError, HttpResponse> {
        let said = ErrorMetadata::builder().code(code).message(message).build();
        let status = 400.try_into().unwrap();
        let raw = HttpResponse::new(status, SdkBody::from("{\"a\": \"body\"}"));
        SdkError::service_error(AddJobFlowStepsError::generic(said), raw)
    }

    #[test]
    fn people_read_the_services_own_words() {
        let reason = "ValidationException: The step is too long.".to_owned();
        let error = answered("ValidationException", "The step is too long.");
        assert_eq!(submission(error), SubmitError::Refused { reason });
        let reason = "ThrottlingException".to_owned();
        let error = answered("ThrottlingException", "");
        assert_eq!(submission(error), SubmitError::Throttled { reason });
        let silent = SdkError::<AddJobFlowStepsError, HttpResponse>::timeout_error("25 s");
        let reason = "AWS gave no answer: 25 s".to_owned();
        assert_eq!(submission(silent), SubmitError::Unknown { reason });
    }
}
