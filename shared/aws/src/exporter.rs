//! Traces and lineage from AWS: credentials from Secrets Manager, and the rest as everywhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use channels::{Collector, ExportSettings, Keys, NoCertificates, Secret};
use ports::NotifyError;

use crate::notifier::unread;
use crate::secrets::TeamSecrets;

/// How long a credential is kept in memory.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// How long Secrets Manager may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Posts traces and lineage.
pub type AwsExporter = Collector<KeptKeys>;

/// Makes one.
pub fn exporter(
    config: &SdkConfig,
    settings: ExportSettings,
) -> Result<AwsExporter, NoCertificates> {
    let patience = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
    let config = config.to_builder().timeout_config(patience).build();
    let keys = KeptKeys {
        secrets: TeamSecrets::new(&config),
        kept: Mutex::default(),
    };
    Collector::new(keys, settings)
}

/// Credentials by the ARNs or names of their secrets, each kept for some minutes.
pub struct KeptKeys {
    secrets: TeamSecrets,
    kept: Mutex<Kept>,
}

type Kept = BTreeMap<String, (Instant, Secret)>;

impl KeptKeys {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys for KeptKeys {
    async fn read(&self, name: &str) -> Result<Secret, NotifyError> {
        if let Some((at, secret)) = self.kept().get(name)
            && at.elapsed() < KEPT
        {
            return Ok(secret.clone());
        }
        let secret = self.secrets.whole(name).await.map_err(unread)?;
        let secret = Secret::new(&secret);
        let kept = (Instant::now(), secret.clone());
        self.kept().insert(name.to_owned(), kept);
        Ok(secret)
    }

    fn forget(&self, name: &str) {
        self.kept().remove(name);
    }
}
