//! What a service answers, before it is bytes.

use serde_json::Value;

/// An answer, or none.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Ok(Value),
    Error(Refusal),
    /// The connection closes without a word; whether the call took effect is not told.
    Nothing,
}

/// A refusal as the SDKs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    /// EMR's word for a request that is wrong by itself, or that the cluster's state forbids.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::of(400, "ValidationException", message)
    }

    /// EMR's word for what names nothing it has.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::of(400, "InvalidRequestException", message)
    }

    /// Batch's word for everything that is the caller's fault.
    pub fn client(message: impl Into<String>) -> Self {
        Self::of(400, "ClientException", message)
    }

    /// A refusal of any kind.
    pub fn of(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(refusal) => Self::Error(refusal),
        }
    }
}
