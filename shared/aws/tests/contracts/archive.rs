//! History in a bucket, against the emulator.

use std::sync::atomic::{AtomicU32, Ordering};

use aws::S3Archive;
use ports::archive::Archive as _;

use crate::emulator;
use crate::wire::{Answer, Wire};

async fn bucket() -> S3Archive {
    static BUCKETS: AtomicU32 = AtomicU32::new(0);
    let name = format!("prod-history-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
    let client = client(&emulator::config());
    client.create_bucket().bucket(&name).send().await.unwrap();
    S3Archive::new(client, name)
}

/// The emulator knows buckets by path only.
fn client(config: &aws_config::SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

#[tokio::test]
async fn a_bucket_keeps_the_contract() {
    testkit::contract::archive::all(bucket).await;
}

#[tokio::test]
async fn a_refusal_is_told_and_is_not_taken_for_a_file_that_is_gone() {
    let wire = Wire::new(|_| Answer::Error(403, "AccessDenied", "not yours".into()));
    let archive = S3Archive::new(client(&wire.config()), "prod-history");
    assert!(archive.get("runs/a").await.is_err());
    assert!(archive.list("runs/").await.is_err());
    assert!(archive.put("runs/a", vec![1]).await.is_err());
    assert!(archive.remove("runs/a").await.is_err());
}
