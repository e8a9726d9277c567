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
        .global_secondary_indexes(index(
            "due",
            ["due_shard", "due"],
            &["kind", "reason", "state"],
        ))
        .global_secondary_indexes(index("runs", ["listing", "listing_date"], &[]))
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

/// An index of keys and some attributes, of all of them when none are named.
fn index(name: &str, [hash, range]: [&str; 2], holds: &[&str]) -> GlobalSecondaryIndex {
    let projection = if holds.is_empty() {
        Projection::builder().projection_type(ProjectionType::All)
    } else {
        let holds = holds.iter().map(|name| (*name).to_owned()).collect();
        Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(holds))
    };
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, range)))
        .projection(projection.build())
        .build()
        .unwrap()
}
