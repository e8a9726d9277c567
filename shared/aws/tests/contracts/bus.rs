//! The bus over SNS and SQS keeps the contract.

use std::cell::Cell;

use crate::bus_bench::Bench;

#[tokio::test]
async fn the_sns_and_sqs_bus_keeps_the_contract() {
    let benches = Cell::new(0);
    testkit::contract::bus::all(async || {
        benches.set(benches.get() + 1);
        Bench::new(&format!("contract-{}", benches.get())).await
    })
    .await;
}
