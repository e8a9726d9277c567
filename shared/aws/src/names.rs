//! Names of clusters in a Route 53 zone.

use std::sync::OnceLock;

use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::error::{BuildError, DisplayErrorContext};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use model::address;
use model::name::ClusterRef;
use ports::{Names, NamesError};

/// How long clients may keep where a name leads, in seconds.
const TTL_S: i64 = 30;

/// A hosted zone that clusters have names in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    pub id: String,
    /// Such as `clusters.example.com`.
    pub name: String,
}

/// Keeps one CNAME record for each cluster, if the deployment has a zone for them.
#[derive(Debug)]
pub struct Route53Names {
    config: SdkConfig,
    zone: Option<Zone>,
    /// Made when it is first needed: most functions point no name.
    client: OnceLock<Client>,
}

impl Route53Names {
    /// Uses a zone; without one, clusters have no names.
    pub fn new(config: &SdkConfig, zone: Option<Zone>) -> Self {
        Self {
            config: config.clone(),
            zone,
            client: OnceLock::new(),
        }
    }
}

impl Names for Route53Names {
    fn name_of(&self, cluster: &ClusterRef) -> Option<String> {
        let zone = self.zone.as_ref()?.name.trim_end_matches('.');
        Some(format!("{}.{zone}", address::of(cluster)))
    }

    async fn point(&self, name: &str, host: &str) -> Result<(), NamesError> {
        let Some(zone) = &self.zone else {
            return Ok(());
        };
        let client = self.client.get_or_init(|| Client::new(&self.config));
        let request = client
            .change_resource_record_sets()
            .hosted_zone_id(&zone.id)
            .change_batch(upsert(name, host).map_err(failed)?);
        Box::pin(request.send()).await.map_err(failed)?;
        Ok(())
    }
}

fn upsert(name: &str, host: &str) -> Result<ChangeBatch, BuildError> {
    let record = ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::Cname)
        .ttl(TTL_S)
        .resource_records(ResourceRecord::builder().value(host).build()?)
        .build()?;
    let change = Change::builder()
        .action(ChangeAction::Upsert)
        .resource_record_set(record)
        .build()?;
    ChangeBatch::builder().changes(change).build()
}

fn failed(error: impl std::error::Error) -> NamesError {
    NamesError {
        reason: DisplayErrorContext(error).to_string(),
    }
}
