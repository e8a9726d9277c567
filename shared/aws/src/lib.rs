//! Adapters for AWS: the ports over DynamoDB, SNS, SQS, EMR and Batch, and a function on Lambda.
//!
//! Holds no domain logic: the contract suites in `testkit` say what each adapter must do. Clients
//! are made from a given configuration, so nothing here knows regions, credentials or endpoints.
//!
//! Every call of the SDK is boxed: its futures are large, and a handler's holds many of them.

#[cfg(feature = "archive")]
mod archive;
mod backoff;
pub mod bus;
pub mod clock;
pub mod compute;
mod deployment;
pub mod envelope;
mod exporter;
pub mod lambda;
mod letter;
#[cfg(feature = "logs")]
pub mod logs;
mod mirror;
pub mod names;
mod notifier;
#[cfg(feature = "people")]
pub mod people;
#[cfg(feature = "logs")]
mod printouts;
#[cfg(feature = "logs")]
mod refused;
mod secrets;
pub mod store;
pub mod trouble;
mod wiring;

#[cfg(feature = "archive")]
pub use archive::S3Archive;
pub use bus::SnsSqsBus;
pub use clock::SystemClock;
pub use compute::EmrBatchCompute;
pub use deployment::{DEPLOYMENT_MAX, Deployment, NotADeployment};
pub use exporter::AwsExporter;
pub use lambda::LambdaInbox;
pub use mirror::EventBridgeMirror;
pub use names::Route53Names;
pub use notifier::{AwsNotifier, NotifierSettings};
#[cfg(feature = "logs")]
pub use printouts::AwsPrintouts;
pub use store::DynamoStateStore;
pub use trouble::Trouble;
pub use wiring::{AwsPorts, Settings, SettingsError};
