//! What is wrong when a call to AWS did not succeed, in one line.
//!
//! Says nothing of whether the call took effect; where that matters, `compute::answer` decides.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody said who is calling.
    NoCredentials,
    /// Whoever is calling could not be made sure of: expired, or wrong.
    BadCredentials(String),
    /// The caller may not do this.
    Denied(String),
    Throttled(String),
    /// What the call names is not there.
    Absent(String),
    /// There was no answer.
    Unreachable(String),
    Other(String),
}

const BAD_CREDENTIALS: [&str; 8] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const DENIED: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
];
const THROTTLED: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
];
const ABSENT: [&str; 6] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "NoSuchKey",
    "NotFound",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
];

impl Trouble {
    /// Finds out what is wrong.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let SdkError::ServiceError(_) = error {
            return Self::answered(error);
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(one) = cause {
            if let Some(credentials) = one.downcast_ref::<CredentialsError>() {
                return Self::of_credentials(credentials);
            }
            cause = one.source();
        }
        let why = innermost(error);
        match error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => Self::Unreachable(why),
            _ => Self::Other(why),
        }
    }

    fn answered<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let code = error.code().unwrap_or("an error without a code");
        let said = match error.message() {
            Some(message) if !message.is_empty() => message.trim_end_matches('.').to_owned(),
            Some(_) | None => code.to_owned(),
        };
        let is_one_of = |codes: &[&str]| codes.contains(&code);
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        if is_one_of(&BAD_CREDENTIALS) {
            Self::BadCredentials(said)
        } else if is_one_of(&DENIED) {
            Self::Denied(said)
        } else if is_one_of(&THROTTLED) || status == Some(429) {
            Self::Throttled(said)
        } else if is_one_of(&ABSENT) {
            Self::Absent(said)
        } else if said == code {
            Self::Other(said)
        } else {
            Self::Other(format!("{code}: {said}"))
        }
    }

    fn of_credentials(error: &CredentialsError) -> Self {
        match error {
            CredentialsError::CredentialsNotLoaded(_) => Self::NoCredentials,
            other => Self::BadCredentials(innermost(other)),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials => f.write_str("there are no AWS credentials"),
            Self::BadCredentials(said) => write!(f, "the AWS credentials do not hold: {said}"),
            Self::Denied(said) => write!(f, "access denied: {said}"),
            Self::Throttled(said) => write!(f, "AWS was asked too often: {said}"),
            Self::Absent(said) | Self::Other(said) => f.write_str(said),
            Self::Unreachable(why) => write!(f, "AWS gave no answer: {why}"),
        }
    }
}

/// The last cause of an error, which is the one that says something.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
