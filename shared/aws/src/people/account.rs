//! An account and region of AWS, as the person at a terminal reaches it.

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::AttributeValue;

use super::{DeadLetters, FunctionLogs, Inboxes, Logs, Refused};
use crate::store::item::{PARTITION, SORT};
use crate::trouble::Trouble;
use crate::{Deployment, DynamoStateStore};

/// Makes the clients of everything a deployment has in an account.
#[derive(Debug, Clone)]
pub struct Account {
    config: SdkConfig,
    region: Region,
}

/// Nobody said in which region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no AWS region is chosen")]
pub struct NoRegion;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

impl Account {
    /// Reads the environment and profiles as the AWS CLI does; what is named here goes before.
    pub async fn find(profile: Option<&str>, region: Option<&str>) -> Result<Self, NoRegion> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = profile {
            // As with the AWS CLI, a profile that is named goes before keys in the environment.
            let named = ProfileFileCredentialsProvider::builder().profile_name(profile);
            loader = loader
                .profile_name(profile)
                .credentials_provider(named.build());
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = loader.load().await;
        let region = config.region().cloned().ok_or(NoRegion)?;
        Ok(Self { config, region })
    }

    /// The region's name.
    pub fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// Asks who is calling; that needs no permission.
    pub async fn caller(&self) -> Result<Caller, Refused> {
        let asked = aws_sdk_sts::Client::new(&self.config).get_caller_identity();
        let answer = Box::pin(asked.send()).await;
        let answer =
            answer.map_err(|error| Refused::new("ask who is calling", Trouble::of(&error)))?;
        Ok(Caller {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
        })
    }

    /// Finds out whether a deployment's table can be read. What is read is what every look at a
    /// deployment reads.
    pub async fn knock(&self, deployment: &Deployment) -> Result<(), Trouble> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let asked = aws_sdk_dynamodb::Client::new(&self.config)
            .get_item()
            .table_name(deployment.as_str())
            .key(PARTITION, text("DEPLOYMENT"))
            .key(SORT, text("current"));
        match Box::pin(asked.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Trouble::of(&error)),
        }
    }

    /// A deployment's table, to be read.
    pub fn table(&self, deployment: &Deployment) -> DynamoStateStore {
        let tables = aws_sdk_dynamodb::Client::new(&self.config);
        DynamoStateStore::new(tables, deployment.as_str())
    }

    /// A deployment's inboxes.
    pub fn inboxes(&self, deployment: Deployment) -> Inboxes {
        Inboxes::new(&self.config, deployment)
    }

    /// A deployment's dead letters.
    pub fn dead_letters(&self, deployment: Deployment) -> DeadLetters {
        DeadLetters::new(&self.config, deployment)
    }

    /// What a deployment's functions logged.
    pub fn function_logs(&self, deployment: Deployment) -> FunctionLogs {
        FunctionLogs::new(&self.config, deployment)
    }

    /// What work printed.
    pub fn logs(&self) -> Logs {
        Logs::new(&self.config)
    }
}
