//! Adapters for AWS: the ports over DynamoDB, SNS, SQS, EMR and Batch.
//!
//! Holds no domain logic: the contract suites in `testkit` say what each adapter must do. Clients
//! are given, so nothing here knows regions, credentials or endpoints.

mod backoff;
pub mod bus;
pub mod compute;
pub mod envelope;
pub mod store;

pub use bus::SnsSqsBus;
pub use compute::EmrBatchCompute;
pub use store::DynamoStateStore;
