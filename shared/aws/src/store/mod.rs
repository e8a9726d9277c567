//! The state table in DynamoDB.
//!
//! Reads by key and partition are strongly consistent, glances are not. A call whose answer was lost is made again
//! by the SDK; if it had taken effect, its own condition then refuses it, and that reads as a
//! conflict: to the handler the same as a crash right after the commit, which every handler
//! outlives. Commits of several writes carry the SDK's idempotency token, so they are not even
//! refused. Knows keys and versions, not records.

mod attribute;
mod commit;
pub mod item;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::name::WorkflowRef;
use ports::{CommitError, StateStore, StoreError, Stored, Versioned, Write};

use crate::backoff::Backoff;
use crate::trouble::Trouble;
use item::{ARRIVALS, Attributes, PARTITION, Place, SORT, VERSION};

/// The most items one call reads by key.
const MAX_READS: usize = 100;
/// The most writes one commit takes.
const MAX_WRITES: usize = 100;
/// The sparse index of what is due; it holds keys, and the few attributes people look for.
const DUE_INDEX: &str = "due";
/// The index of runs of a workflow by logical date; it holds whole items.
const RUNS_INDEX: &str = "runs";

/// Keeps items in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoStateStore {
    client: Client,
    table: String,
}

impl DynamoStateStore {
    /// Uses a table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Reads at most 100 different places.
    async fn load(
        &self,
        places: &[Place],
        consistent: bool,
    ) -> Result<BTreeMap<Place, Attributes>, StoreError> {
        let mut backoff = Backoff::of(places.iter().map(|place| place.sort.as_str()));
        let mut wanted: Vec<Attributes> = places.iter().map(Place::attributes).collect();
        let mut found = BTreeMap::new();
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(consistent)
                .build()
                .map_err(unavailable)?;
            let request = self
                .client
                .batch_get_item()
                .request_items(&self.table, keys);
            let answer = Box::pin(request.send()).await.map_err(unanswered)?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            found.extend(items.filter_map(|item| Some((Place::of_item(&item)?, item))));
            let rest = answer.unprocessed_keys.unwrap_or_default().into_values();
            wanted = rest.flat_map(|keys| keys.keys).collect();
            if !wanted.is_empty() && !backoff.pause().await {
                let reason = format!("{} items were not read in time", wanted.len());
                return Err(StoreError::Unavailable { reason });
            }
        }
        Ok(found)
    }

    async fn item(&self, key: &Key, consistent: bool) -> Result<Option<Stored>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Place::of(key).attributes()))
            .consistent_read(consistent);
        let answer = Box::pin(request.send()).await.map_err(unanswered)?;
        answer.item.as_ref().map(item::decode).transpose()
    }

    async fn items(
        &self,
        keys: &[Key],
        consistent: bool,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let places: Vec<Place> = keys.iter().map(Place::of).collect();
        let distinct: BTreeSet<&Place> = places.iter().collect();
        let distinct: Vec<Place> = distinct.into_iter().cloned().collect();
        let mut found = BTreeMap::new();
        for chunk in distinct.chunks(MAX_READS) {
            found.append(&mut self.load(chunk, consistent).await?);
        }
        let answer = |place| found.get(place).map(item::decode).transpose();
        places.iter().map(answer).collect()
    }

    /// Reads the first items that a query finds.
    async fn query(&self, query: Query<'_>) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        while items.len() < query.limit {
            let rest = i32::try_from(query.limit - items.len()).unwrap_or(i32::MAX);
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .set_index_name(query.index.map(str::to_owned))
                // Indexes have no consistent reads.
                .consistent_read(query.index.is_none())
                .scan_index_forward(!query.newest_first)
                .key_condition_expression("#of = :of AND #at BETWEEN :from AND :to")
                .expression_attribute_names("#of", query.of.0)
                .expression_attribute_names("#at", query.at)
                .expression_attribute_values(":of", AttributeValue::S(query.of.1.to_owned()))
                .expression_attribute_values(":from", AttributeValue::S(query.from.clone()))
                .expression_attribute_values(":to", AttributeValue::S(query.to.clone()))
                .limit(rest)
                .set_exclusive_start_key(start);
            let answer = Box::pin(request.send()).await.map_err(unanswered)?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(items)
    }

    fn arrival(&self, key: &JoinKey, arrivals: &BTreeSet<Arrival>) -> UpdateItemFluentBuilder {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Place::of(&Key::Join(key.clone())).attributes()))
            .return_values(ReturnValue::AllNew);
        let mut sets = Vec::new();
        for (number, (name, value)) in item::new_node(key).into_iter().enumerate() {
            sets.push(format!("#{number} = :{number}"));
            request = request
                .expression_attribute_names(format!("#{number}"), name)
                .expression_attribute_values(format!(":{number}"), value);
        }
        let sets = sets.join(", ");
        request
            .update_expression(format!("SET {sets} ADD #arrivals :arrivals, #version :one"))
            .expression_attribute_names("#arrivals", ARRIVALS)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":arrivals", item::arrival_set(arrivals))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
    }
}

/// Items of one partition of the table or of an index, within a range of the sort key.
struct Query<'a> {
    index: Option<&'static str>,
    of: (&'static str, &'a str),
    at: &'static str,
    from: String,
    to: String,
    newest_first: bool,
    limit: usize,
}

impl StateStore for DynamoStateStore {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.item(key, true).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.items(keys, true).await
    }

    async fn glance(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.item(key, false).await
    }

    async fn glance_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.items(keys, false).await
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        // No key holds a control character or the last character there is.
        let begin = if prefix.is_empty() { "\u{1}" } else { prefix };
        let next = after.map(|after| format!("{after}\u{1}"));
        let from = next.filter(|next| next.as_str() > begin);
        let from = from.unwrap_or_else(|| begin.to_owned());
        let to = format!("{prefix}{}", char::MAX);
        if from > to {
            return Ok(Vec::new());
        }
        let query = Query {
            index: None,
            of: (PARTITION, partition),
            at: SORT,
            from,
            to,
            newest_first: false,
            limit,
        };
        self.query(query).await?.iter().map(item::decode).collect()
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        commit::commit(&self.client, &self.table, writes).await
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        let seed = arrivals.iter().map(|arrival| arrival.0.as_str());
        let mut backoff = Backoff::of(seed);
        loop {
            // A set-add may be made twice, so the SDK's own retries do no harm here.
            match Box::pin(self.arrival(key, arrivals).send()).await {
                Ok(answer) => {
                    let node = answer.attributes.unwrap_or_default();
                    return item::decode(&node)?.read();
                }
                Err(error) if is_contention(error.code()) && backoff.pause().await => {}
                Err(error) => return Err(unanswered(error)),
            }
        }
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let until = item::index_time(until);
        let mut places = Vec::new();
        for shard in 0..item::DUE_SHARDS {
            let query = Query {
                index: Some(DUE_INDEX),
                of: (item::DUE_SHARD, &shard.to_string()),
                at: item::DUE,
                from: "0".into(),
                to: until.clone(),
                newest_first: false,
                limit,
            };
            let keys = self.query(query).await?;
            places.extend(
                keys.iter()
                    .filter_map(|key| Some((due(key)?, Place::of_item(key)?))),
            );
        }
        places.sort();
        places.truncate(limit);
        let places: Vec<Place> = places.into_iter().map(|(_, place)| place).collect();
        let mut items = Vec::new();
        for chunk in places.chunks(MAX_READS) {
            items.extend(self.load(chunk, true).await?);
        }
        // What the index lags behind: items that are gone, or due later by now.
        let mut items: Vec<_> = items
            .into_iter()
            .filter_map(|(place, item)| Some((due(&item)?, place, item)))
            .filter(|(due, _, _)| *due <= until)
            .collect();
        items.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        items
            .iter()
            .map(|(_, _, item)| item::decode(item))
            .collect()
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        if from > to {
            return Ok(Vec::new());
        }
        let query = Query {
            index: Some(RUNS_INDEX),
            of: (item::LISTING, &workflow.to_string()),
            at: item::LISTING_DATE,
            from: item::index_time(from),
            to: item::index_time(to),
            newest_first: true,
            limit,
        };
        self.query(query).await?.iter().map(item::decode).collect()
    }
}

fn due(item: &Attributes) -> Option<String> {
    item.get(item::DUE)?.as_s().ok().cloned()
}

/// Whether another write to the same item was under way, so that the call is worth making again.
fn is_contention(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("TransactionConflictException" | "TransactionInProgressException")
    )
}

/// Says that a call did not succeed.
fn unanswered<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let reason = Trouble::of(&error).to_string();
    StoreError::Unavailable { reason }
}

fn unavailable<E>(error: E) -> StoreError
where
    E: std::error::Error,
{
    let reason = DisplayErrorContext(error).to_string();
    StoreError::Unavailable { reason }
}
