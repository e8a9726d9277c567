//! Commits: one conditional write, or a transaction of several.
//!
//! A put that replaces whatever is there must still count the version on, so it guesses what is
//! there, at first nothing; a refusal tells what is, and the write is made again with that.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use ports::{CommitError, Expect, Item, StoreError, Write};

use super::item::{self, Attributes, PARTITION, Place, VERSION};
use super::{MAX_WRITES, is_contention, unavailable};
use crate::backoff::Backoff;

/// Makes all writes or none.
pub async fn commit(client: &Client, table: &str, writes: Vec<Write>) -> Result<(), CommitError> {
    let mut writes: Vec<Planned> = writes.into_iter().map(Planned::of).collect();
    check_shape(&writes)?;
    let mut backoff = Backoff::of(writes.iter().map(Planned::seed));
    loop {
        let refused = match writes.as_slice() {
            [] => return Ok(()),
            [single] => single.make(client, table).await?,
            several => transact(client, table, several).await?,
        };
        match refused {
            None => return Ok(()),
            Some(Refused::Contention { reason }) => {
                if !backoff.pause().await {
                    return Err(StoreError::Unavailable { reason }.into());
                }
            }
            Some(Refused::Conditions(found)) => {
                let mut refused = writes.iter_mut().zip(found);
                let guessed = refused
                    .all(|(write, found)| found.is_none_or(|found| write.guess_again(&found)));
                if !guessed || !backoff.pause().await {
                    return Err(CommitError::Conflict);
                }
            }
        }
    }
}

/// Why a commit did not happen.
enum Refused {
    /// For each write whose condition did not hold, the version that is there, as far as asked.
    Conditions(Vec<Option<Found>>),
    /// Another write was under way.
    Contention { reason: String },
}

/// What was there instead.
struct Found {
    version: Option<u64>,
}

/// A write with what it takes to be there.
struct Planned {
    place: Place,
    write: Write,
    condition: Condition,
}

/// What a write takes to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    /// Must hold; the item begins at this version.
    Absent(u64),
    Version(u64),
    /// The version, 0 for none, that a put of anything takes to be there.
    Guess(u64),
}

impl Planned {
    fn of(write: Write) -> Self {
        let condition = match &write {
            Write::Put {
                expect: Expect::Anything,
                ..
            } => Condition::Guess(0),
            Write::Delete {
                expect: Expect::Anything,
                ..
            } => Condition::None,
            Write::Put {
                expect: Expect::Absent,
                ..
            }
            | Write::Delete {
                expect: Expect::Absent | Expect::AbsentThen(_),
                ..
            } => Condition::Absent(1),
            Write::Put {
                expect: Expect::AbsentThen(first),
                ..
            } => Condition::Absent(*first),
            Write::Put {
                expect: Expect::Version(version),
                ..
            }
            | Write::Delete {
                expect: Expect::Version(version),
                ..
            } => Condition::Version(*version),
        };
        Self {
            place: Place::of(write.key()),
            write,
            condition,
        }
    }

    fn seed(&self) -> &str {
        match &self.write {
            Write::Put { item, .. } => &item.body,
            Write::Delete { .. } => &self.place.sort,
        }
    }

    /// Takes what was found for what is there; `false` when something else had to be.
    fn guess_again(&mut self, found: &Found) -> bool {
        let Condition::Guess(_) = self.condition else {
            return false;
        };
        self.condition = Condition::Guess(found.version.unwrap_or(0));
        true
    }

    /// The version the item will have.
    fn next_version(&self) -> u64 {
        match self.condition {
            Condition::None => 1,
            Condition::Absent(first) => first,
            Condition::Version(version) | Condition::Guess(version) => version.saturating_add(1),
        }
    }

    /// Whether a refusal is to tell what is there.
    fn asks(&self) -> ReturnValuesOnConditionCheckFailure {
        match self.condition {
            Condition::Guess(_) => ReturnValuesOnConditionCheckFailure::AllOld,
            Condition::None | Condition::Absent(_) | Condition::Version(_) => {
                ReturnValuesOnConditionCheckFailure::None
            }
        }
    }

    /// Makes the write alone.
    async fn make(&self, client: &Client, table: &str) -> Result<Option<Refused>, StoreError> {
        match &self.write {
            Write::Put { item, .. } => self.put(client, table, item).await,
            Write::Delete { .. } => self.delete(client, table).await,
        }
    }

    async fn put(
        &self,
        client: &Client,
        table: &str,
        item: &Item,
    ) -> Result<Option<Refused>, StoreError> {
        let Expression {
            text,
            names,
            values,
        } = Expression::of(self.condition);
        let request = client
            .put_item()
            .table_name(table)
            .set_item(Some(item::encode(item, self.next_version())?))
            .set_condition_expression(text)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(self.asks());
        match Box::pin(request.send()).await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => Ok(Some(
                    Refused::Conditions(vec![Some(Found::of(refused.item()))]),
                )),
                _ => contention(error),
            },
        }
    }

    async fn delete(&self, client: &Client, table: &str) -> Result<Option<Refused>, StoreError> {
        let Expression {
            text,
            names,
            values,
        } = Expression::of(self.condition);
        let request = client
            .delete_item()
            .table_name(table)
            .set_key(Some(self.place.attributes()))
            .set_condition_expression(text)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        match Box::pin(request.send()).await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => Ok(Some(
                    Refused::Conditions(vec![Some(Found::of(refused.item()))]),
                )),
                _ => contention(error),
            },
        }
    }

    /// The write as a part of a transaction.
    fn part(&self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let Expression {
            text,
            names,
            values,
        } = Expression::of(self.condition);
        let part = TransactWriteItem::builder();
        let part = match &self.write {
            Write::Put { item, .. } => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item::encode(item, self.next_version())?))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(self.asks());
                part.put(put.build().map_err(unavailable)?)
            }
            Write::Delete { .. } => {
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(self.place.attributes()))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                part.delete(delete.build().map_err(unavailable)?)
            }
        };
        Ok(part.build())
    }
}

impl Found {
    fn of(item: Option<&Attributes>) -> Self {
        Self {
            version: item.and_then(item::version),
        }
    }
}

/// A condition as DynamoDB wants it.
#[derive(Default)]
struct Expression {
    text: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

impl Expression {
    fn of(condition: Condition) -> Self {
        let of = |text: &str, name: &str, values| Self {
            text: Some(text.into()),
            names: Some(HashMap::from([("#name".into(), name.into())])),
            values,
        };
        match condition {
            Condition::None => Self::default(),
            Condition::Absent(_) | Condition::Guess(0) => {
                of("attribute_not_exists(#name)", PARTITION, None)
            }
            Condition::Version(version) | Condition::Guess(version) => {
                let version = AttributeValue::N(version.to_string());
                let values = HashMap::from([(":version".into(), version)]);
                of("#name = :version", VERSION, Some(values))
            }
        }
    }
}

async fn transact(
    client: &Client,
    table: &str,
    writes: &[Planned],
) -> Result<Option<Refused>, StoreError> {
    let parts: Result<Vec<_>, _> = writes.iter().map(|write| write.part(table)).collect();
    let request = client
        .transact_write_items()
        .set_transact_items(Some(parts?));
    match Box::pin(request.send()).await {
        Ok(_) => Ok(None),
        Err(error) => match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                match cancellation(cancelled.cancellation_reasons()) {
                    Some(refused) => Ok(Some(refused)),
                    None => Err(unavailable(error)),
                }
            }
            _ => contention(error),
        },
    }
}

/// Says why a transaction was cancelled; `None` when waiting does not help.
fn cancellation(reasons: &[CancellationReason]) -> Option<Refused> {
    let has = |codes: &[&str]| {
        let mut said = reasons.iter().filter_map(CancellationReason::code);
        said.find(|code| codes.contains(code)).map(str::to_owned)
    };
    if has(&["ConditionalCheckFailed"]).is_some() {
        let found = reasons.iter().map(|reason| {
            let failed = reason.code() == Some("ConditionalCheckFailed");
            failed.then(|| Found::of(reason.item()))
        });
        return Some(Refused::Conditions(found.collect()));
    }
    let contention = has(&[
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ]);
    contention.map(|reason| Refused::Contention { reason })
}

fn contention<E>(error: SdkError<E>) -> Result<Option<Refused>, StoreError>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    if is_contention(error.code()) {
        let reason = DisplayErrorContext(error).to_string();
        return Ok(Some(Refused::Contention { reason }));
    }
    Err(unavailable(error))
}

/// Refuses what DynamoDB would refuse, before it costs anything.
fn check_shape(writes: &[Planned]) -> Result<(), StoreError> {
    let refuse = |reason| Err(StoreError::Unavailable { reason });
    if writes.len() > MAX_WRITES {
        let count = writes.len();
        return refuse(format!(
            "{count} writes in one commit, at most {MAX_WRITES} are possible"
        ));
    }
    let distinct: BTreeSet<&Place> = writes.iter().map(|write| &write.place).collect();
    if distinct.len() < writes.len() {
        return refuse("two writes to one key in one commit".into());
    }
    Ok(())
}
