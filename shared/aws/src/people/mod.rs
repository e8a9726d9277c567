//! What people reach in a deployment and functions do not: letters put aside, what work printed,
//! who is calling, whether there is a deployment at all.
//!
//! Behind the feature `people`, so that no function is built with it. Knows nothing of how it is
//! shown.

mod dead_letters;
mod inboxes;
mod logs;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::DynamoStateStore;
use crate::store::item::{PARTITION, SORT};
use crate::trouble::Trouble;

pub use dead_letters::{DeadLetter, DeadLetters};
pub use inboxes::Inboxes;
pub use logs::{Logs, NotASource, Position, Printed, Source};

/// Something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing}: {trouble}")]
pub struct Refused {
    /// In the infinitive, with what it is done to.
    pub doing: String,
    pub trouble: Trouble,
}

impl Refused {
    /// Says what could not be done.
    pub fn new(doing: impl Into<String>, trouble: Trouble) -> Self {
        let doing = doing.into();
        Self { doing, trouble }
    }
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

/// Asks who is calling; that needs no permission.
pub async fn caller(config: &SdkConfig) -> Result<Caller, Refused> {
    let asked = aws_sdk_sts::Client::new(config).get_caller_identity();
    let answer = Box::pin(asked.send()).await;
    let answer = answer.map_err(|error| Refused::new("ask who is calling", Trouble::of(&error)))?;
    Ok(Caller {
        account: answer.account.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
    })
}

/// The state table, to be read.
pub fn table(config: &SdkConfig, table: &str) -> DynamoStateStore {
    DynamoStateStore::new(aws_sdk_dynamodb::Client::new(config), table)
}

/// Finds out whether a table can be read. What is read is what every look at a deployment reads.
pub async fn knock(config: &SdkConfig, table: &str) -> Result<(), Trouble> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let asked = aws_sdk_dynamodb::Client::new(config)
        .get_item()
        .table_name(table)
        .key(PARTITION, text("DEPLOYMENT"))
        .key(SORT, text("current"));
    match Box::pin(asked.send()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Trouble::of(&error)),
    }
}
