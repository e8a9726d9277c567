//! Messages that were set aside, and that nobody handles until somebody puts them back.
//!
//! What is known is stored before it is told, and that it was told after that: whoever comes to a
//! sweep that broke off in between tells the same again.

use choreography::letters::{self, Counted};
use model::Timestamp;
use model::key::Key;
use model::letters::Letters;
use model::message::Function;
use ports::{EventBus as _, Ports, StateStore as _, Trouble, TypedStore as _, Write};

/// Tells of inboxes of which messages were set aside since the last look, and of those of which none
/// is left.
pub(crate) async fn look<P: Ports>(ports: &P, now: Timestamp) -> Result<(), Trouble> {
    let counted = ports.bus().set_aside().await?;
    let stored = ports.store().get::<Letters>(&Key::Letters).await?;
    let (known, mut version) = stored.map(|stored| (stored.value, stored.version)).unzip();
    let known: Letters = known.unwrap_or_default();
    let mut next = known.clone();
    for inbox in Function::ALL {
        let letters = counted.get(&inbox).copied().unwrap_or(0);
        let seen = match letters::count(known.inboxes.get(&inbox), letters, now) {
            Counted::Same => continue,
            Counted::Gone(gone) => gone,
            Counted::New => {
                let letter = ports.bus().dead_letter(inbox).await?;
                let letter = letter.map(|letter| (letter.reason, letter.body));
                letters::set_aside(letters, letter, now)
            }
        };
        tracing::warn!(%inbox, letters, reason = seen.reason, "its dead letters have changed");
        next.inboxes.insert(inbox, seen);
    }
    if next != known {
        commit(ports, &next, &mut version).await?;
    }
    let untold = next.inboxes.iter().filter(|(_, seen)| !seen.told);
    let facts: Vec<_> = untold
        .map(|(inbox, seen)| letters::fact(*inbox, seen))
        .collect();
    if facts.is_empty() {
        return Ok(());
    }
    ports.bus().publish(facts).await?;
    for seen in next.inboxes.values_mut() {
        seen.told = true;
    }
    commit(ports, &next, &mut version).await
}

async fn commit<P: Ports>(
    ports: &P,
    next: &Letters,
    version: &mut Option<u64>,
) -> Result<(), Trouble> {
    let write = Write::replace(next, *version);
    ports.store().commit(vec![write]).await?;
    *version = Some(version.map_or(1, |version| version + 1));
    Ok(())
}
