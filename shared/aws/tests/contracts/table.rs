//! The state table and its indexes, as the deployment has them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

/// Makes the table as the deployment has it.
pub async fn create(client: &Client, table: &str) {
    let text = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let names = [
        "partition",
        "sort",
        "due_shard",
        "due",
        "listing",
        "listing_date",
    ];
    client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(names.map(text).into()))
        .set_key_schema(Some(keys("partition", "sort")))
        .global_secondary_indexes(index("due", "due_shard", "due", ProjectionType::KeysOnly))
        .global_secondary_indexes(index(
            "runs",
            "listing",
            "listing_date",
            ProjectionType::All,
        ))
        .send()
        .await
        .unwrap();
}

fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    let key = |name, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    vec![key(hash, KeyType::Hash), key(range, KeyType::Range)]
}

fn index(name: &str, hash: &str, range: &str, holds: ProjectionType) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, range)))
        .projection(Projection::builder().projection_type(holds).build())
        .build()
        .unwrap()
}
