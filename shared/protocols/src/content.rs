//! Definitions by hash: written in parts by register-definitions, read by everyone else.

use std::any::Any;
use std::sync::Arc;

use model::definition::{Cluster, Workflow};
use model::id::DefinitionHash;
use model::key::Key;
use model::registry::{DefinitionPart, PART_BYTES};
use ports::{Expect, Ports, StateStore as _, Trouble, TypedStore as _, Write};

/// Cuts content into the parts that are stored; writing them again changes nothing.
pub fn parts(hash: &DefinitionHash, content: &str) -> Vec<DefinitionPart> {
    let mut pieces = Vec::new();
    let mut rest = content;
    loop {
        let mut end = rest.len().min(PART_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece.to_owned());
        if tail.is_empty() {
            break;
        }
        rest = tail;
    }
    let total = u32::try_from(pieces.len()).expect("a definition has far fewer than 2^32 parts");
    (0..total)
        .zip(pieces)
        .map(|(part, content)| DefinitionPart {
            hash: hash.clone(),
            part,
            parts: total,
            content,
        })
        .collect()
}

/// Stores content under its hash.
pub async fn store(
    ports: &impl Ports,
    hash: &DefinitionHash,
    content: &str,
) -> Result<(), Trouble> {
    for part in parts(hash, content) {
        ports
            .store()
            .commit(vec![Write::put(&part, Expect::Anything)])
            .await?;
    }
    Ok(())
}

/// Loads a cluster's definition.
pub async fn cluster(ports: &impl Ports, hash: &DefinitionHash) -> Result<Arc<Cluster>, Trouble> {
    cached(ports, hash, |text| serde_json::from_str::<Cluster>(text)).await
}

/// Loads a workflow's definition. Those who need its graph load `plans` instead.
pub async fn workflow(ports: &impl Ports, hash: &DefinitionHash) -> Result<Arc<Workflow>, Trouble> {
    cached(ports, hash, |text| serde_json::from_str::<Workflow>(text)).await
}

/// Reads the content of a hash, joined from its parts.
pub async fn text(ports: &impl Ports, hash: &DefinitionHash) -> Result<String, Trouble> {
    let partition = Key::definition_partition(hash);
    let parts = ports
        .store()
        .list::<DefinitionPart>(&partition, "part#")
        .await?;
    let whole = parts
        .first()
        .is_some_and(|first| parts.len() == first.value.parts as usize);
    if !whole {
        return Err(Trouble::Poison(format!("definition {hash} is not stored")));
    }
    Ok(parts.into_iter().map(|part| part.value.content).collect())
}

/// Looks content up in the cache, or reads and makes it.
pub async fn cached<T: Any + Send + Sync, E: std::fmt::Display>(
    ports: &impl Ports,
    hash: &DefinitionHash,
    make: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Arc<T>, Trouble> {
    if let Some(content) = ports.cache().get::<T>(hash) {
        return Ok(content);
    }
    let text = text(ports, hash).await?;
    let content = make(&text)
        .map_err(|error| Trouble::Poison(format!("definition {hash} cannot be used: {error}")))?;
    let content = Arc::new(content);
    ports
        .cache()
        .put(hash.clone(), Arc::clone(&content), text.len());
    Ok(content)
}
