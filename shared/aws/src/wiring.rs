//! The ports a function is given on AWS, and the settings they come from.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use aws_config::SdkConfig;
use model::message::Function;
use ports::{Clock as _, ContentCache, Meter, Ports};
use telemetry::{EmfMeter, SharedMeter, Timed, Watched};

use crate::clock::SystemClock;
use crate::compute::EmrSettings;
use crate::names::Zone;
use crate::{
    Deployment, DynamoStateStore, EmrBatchCompute, NotADeployment, Route53Names, SnsSqsBus,
};

/// Where a deployment keeps what functions reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub deployment: Deployment,
    pub table: String,
    pub topic_arn: String,
    /// The inboxes by URL; a function needs those it sends to.
    pub queue_urls: BTreeMap<Function, String>,
    /// What every cluster is given; only who requests clusters needs it.
    pub emr: Option<EmrSettings>,
    /// Where clusters have names; only who records clusters needs it, and not every deployment
    /// has one.
    pub zone: Option<Zone>,
    /// Whether what is measured of runs is also kept by workflow.
    pub metrics_by_workflow: bool,
}

/// A setting is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    #[error("the environment variable MURMUR_DEPLOYMENT is wrong: {0}")]
    Deployment(#[from] NotADeployment),
    #[error(transparent)]
    Channels(#[from] channels::SettingsError),
}

impl Settings {
    /// Reads settings by the names of environment variables.
    ///
    /// `MURMUR_DEPLOYMENT`, `MURMUR_TABLE`, `MURMUR_TOPIC_ARN`, `MURMUR_QUEUE_URL_PREFIX` (an
    /// inbox is this and its function's name); for who requests clusters
    /// `MURMUR_EMR_SERVICE_ROLE` and `MURMUR_EMR_INSTANCE_PROFILE`, and where clusters name none
    /// themselves, `MURMUR_EMR_SUBNET` and `MURMUR_EMR_LOG_URI`; where clusters have names in a
    /// Route 53 zone, for who records clusters `MURMUR_ZONE_ID` and `MURMUR_ZONE_NAME`;
    /// `MURMUR_METRICS_BY_WORKFLOW`, which is `true` unless it is `false`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let optional = |name: &str| get(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| optional(name).ok_or(SettingsError::Missing(name));
        let prefix = needed("MURMUR_QUEUE_URL_PREFIX")?;
        let inbox = |function: Function| (function, format!("{prefix}{function}"));
        let roles = ["MURMUR_EMR_SERVICE_ROLE", "MURMUR_EMR_INSTANCE_PROFILE"];
        let emr = if roles.iter().all(|role| optional(role).is_none()) {
            None
        } else {
            Some(EmrSettings {
                service_role: needed("MURMUR_EMR_SERVICE_ROLE")?,
                instance_profile: needed("MURMUR_EMR_INSTANCE_PROFILE")?,
                subnet: optional("MURMUR_EMR_SUBNET"),
                log_uri: optional("MURMUR_EMR_LOG_URI"),
            })
        };
        let zone = ["MURMUR_ZONE_ID", "MURMUR_ZONE_NAME"];
        let zone = if zone.iter().all(|part| optional(part).is_none()) {
            None
        } else {
            Some(Zone {
                id: needed("MURMUR_ZONE_ID")?,
                name: needed("MURMUR_ZONE_NAME")?,
            })
        };
        Ok(Self {
            deployment: needed("MURMUR_DEPLOYMENT")?.parse()?,
            table: needed("MURMUR_TABLE")?,
            topic_arn: needed("MURMUR_TOPIC_ARN")?,
            queue_urls: Function::ALL.map(inbox).into(),
            emr,
            zone,
            metrics_by_workflow: optional("MURMUR_METRICS_BY_WORKFLOW").as_deref() != Some("false"),
        })
    }

    /// Reads settings and checks that they are enough for one function.
    pub fn read_for(
        function: Function,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let settings = Self::read(get)?;
        if function == Function::ProvisionCluster && settings.emr.is_none() {
            return Err(SettingsError::Missing("MURMUR_EMR_SERVICE_ROLE"));
        }
        Ok(settings)
    }

    /// Where a function's poison goes, by URL.
    pub fn dead_letters_url(&self, function: Function) -> String {
        crate::bus::dead_letters(&self.queue_urls[&function])
    }
}

/// State, bus, compute, clock and names on AWS, all measured.
pub struct AwsPorts {
    store: Watched<DynamoStateStore>,
    queues: aws_sdk_sqs::Client,
    bus: Timed<SnsSqsBus>,
    compute: Timed<EmrBatchCompute>,
    clock: SystemClock,
    names: Route53Names,
    cache: ContentCache,
    meter: Arc<EmfMeter>,
}

impl AwsPorts {
    /// Makes the clients. Each service's endpoint can be set on its own, as the SDK has it
    /// (`AWS_ENDPOINT_URL_EMR` and so on).
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        let topics = aws_sdk_sns::Client::new(config);
        let queues = aws_sdk_sqs::Client::new(config);
        let deployment = &settings.deployment;
        let by_workflow = settings.metrics_by_workflow;
        let meter = Arc::new(EmfMeter::new(deployment.as_str(), by_workflow));
        let shared: SharedMeter = Arc::clone(&meter) as SharedMeter;
        let tables = aws_sdk_dynamodb::Client::new(config);
        let store = Watched::new(DynamoStateStore::new(tables, settings.table));
        store.tell(Arc::clone(&shared));
        let compute = Timed::new(EmrBatchCompute::new(config, deployment, settings.emr));
        compute.tell(Arc::clone(&shared));
        let bus = Timed::new(SnsSqsBus::new(
            topics,
            queues.clone(),
            settings.topic_arn,
            settings.queue_urls,
        ));
        bus.tell(shared);
        Self {
            store,
            bus,
            compute,
            meter,
            queues,
            clock: SystemClock::default(),
            names: Route53Names::new(config, settings.zone),
            cache: ContentCache::default(),
        }
    }
}

impl AwsPorts {
    /// The client of the queues, which an inbox uses, too.
    pub fn queues(&self) -> &aws_sdk_sqs::Client {
        &self.queues
    }

    /// Writes what was measured since the last time to stdout, of which CloudWatch makes metrics.
    pub fn tell_figures(&self) {
        let lines = self.meter.lines(self.clock.now().as_millisecond());
        let text: String = lines
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect();
        // Nobody hears of it then, and the work is no worse for that.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

impl Ports for AwsPorts {
    type Store = Watched<DynamoStateStore>;
    type Bus = Timed<SnsSqsBus>;
    type Compute = Timed<EmrBatchCompute>;
    type Clock = SystemClock;
    type Names = Route53Names;

    fn store(&self) -> &Watched<DynamoStateStore> {
        &self.store
    }
    fn bus(&self) -> &Timed<SnsSqsBus> {
        &self.bus
    }
    fn compute(&self) -> &Timed<EmrBatchCompute> {
        &self.compute
    }
    fn clock(&self) -> &SystemClock {
        &self.clock
    }
    fn names(&self) -> &Route53Names {
        &self.names
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
    fn meter(&self) -> &dyn Meter {
        &*self.meter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 4] = [
        ("MURMUR_DEPLOYMENT", "prod"),
        ("MURMUR_QUEUE_URL_PREFIX", "https://sqs/1/prod-"),
        ("MURMUR_TABLE", "prod"),
        ("MURMUR_TOPIC_ARN", "arn:aws:sns:eu-west-1:1:prod-events"),
    ];
    const EMR: [(&str, &str); 2] = [
        ("MURMUR_EMR_SERVICE_ROLE", "service"),
        ("MURMUR_EMR_INSTANCE_PROFILE", "machines"),
    ];
    const ZONE: [(&str, &str); 2] = [
        ("MURMUR_ZONE_ID", "Z1"),
        ("MURMUR_ZONE_NAME", "clusters.example.com"),
    ];

    fn get(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn every_inbox_and_its_dead_letters_are_known_by_their_functions_name() {
        let settings = Settings::read(get(&NEEDED)).unwrap();
        assert_eq!(settings.queue_urls.len(), Function::ALL.len());
        let url = &settings.queue_urls[&Function::SubmitTask];
        assert_eq!(url, "https://sqs/1/prod-submit-task");
        let url = settings.dead_letters_url(Function::SubmitTask);
        assert_eq!(url, "https://sqs/1/prod-submit-task-dead-letters");
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let all: Vec<_> = NEEDED.into_iter().chain(EMR).chain(ZONE).collect();
        for (name, _) in &all {
            let others = all.iter().filter(|(one, _)| one != name).copied();
            let mut without: Vec<_> = others.collect();
            let missing = Err(SettingsError::Missing(name));
            assert_eq!(Settings::read(get(&without)), missing);
            without.push((name, ""));
            assert_eq!(Settings::read(get(&without)), missing);
        }
    }

    #[test]
    fn a_deployment_has_a_proper_name() {
        let mut variables = NEEDED;
        variables[0].1 = "Prod";
        let error = Settings::read(get(&variables)).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("the environment variable MURMUR_DEPLOYMENT is wrong: `Prod`"),
            "{said}"
        );
    }

    #[test]
    fn only_who_requests_clusters_needs_what_they_are_given() {
        for function in Function::ALL {
            let read = Settings::read_for(function, get(&NEEDED));
            let needs = function == Function::ProvisionCluster;
            assert_eq!(read.is_err(), needs, "{function}: {read:?}");
        }
        let all: Vec<_> = NEEDED.into_iter().chain(EMR).collect();
        let read = Settings::read_for(Function::ProvisionCluster, get(&all)).unwrap();
        assert_eq!(read.emr.unwrap().service_role, "service");
    }
}
