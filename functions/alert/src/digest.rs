//! A storm as one message a minute: what a route was not told one by one.

use choreography::alert::compose::{DIGEST_LINES, compose_digest};
use choreography::alert::pace;
use choreography::alert::say::Say;
use model::Timestamp;
use model::alert::{Folded, RouteRef};
use model::definition::AlertRoute;
use model::key::Key;
use model::post::Post;
use model::units::Seconds;
use ports::Write;
use ports::{Clock as _, Expect, Notifier, NotifyError, Ports, StateStore as _, Trouble};

use crate::known::{self, Known};
use crate::notice::{Begun, Knows, ask_for_digest, read_pace, refused};
use crate::printed::Found;

/// Posts what was folded, if the route does not know it by now.
pub(crate) async fn post<P: Ports, N: Notifier>(
    ports: &P,
    notifier: &N,
    route_ref: &RouteRef,
) -> Result<(), Trouble> {
    let Some(pace) = read_pace(ports, route_ref).await? else {
        return Ok(());
    };
    let now = ports.clock().now();
    let next = pace::digest(&pace.value, now).map_err(Trouble::Later)?;
    let partition = Key::route_partition(route_ref);
    let store = ports.store();
    let page = store
        .scan(&partition, "folded#", None, DIGEST_LINES)
        .await?;
    let Some(route) = known::route(ports, route_ref).await? else {
        for stored in &page {
            forget(ports, &stored.read::<Folded>()?.value).await?;
        }
        return Ok(());
    };
    if page.is_empty() {
        return Ok(());
    }
    let write = Write::replace(&next, Some(pace.version));
    ports.store().commit(vec![write]).await?;
    let mut entries = Vec::new();
    let mut is_taken = None;
    for stored in &page {
        match entry(ports, &route, &stored.read::<Folded>()?.value, now).await {
            Ok(entry) => entries.extend(entry),
            // Somebody is telling it: its mark stays until we know that it was told.
            Err(Trouble::Later(wait)) => is_taken = Some(wait),
            Err(Trouble::Conflict) => is_taken = Some(Seconds(1)),
            Err(trouble) => return Err(trouble),
        }
    }
    if !entries.is_empty() {
        let answer = tell(ports, notifier, (route_ref, &route), entries, now).await?;
        if let Err(error) = answer {
            return Err(refused(ports, route_ref, error).await?);
        }
    }
    match is_taken {
        Some(wait) => Err(Trouble::Later(wait)),
        None if page.len() == DIGEST_LINES => {
            ask_for_digest(ports, route_ref, Seconds::minutes(1)).await
        }
        None => Ok(()),
    }
}

/// One incident of a digest, its intent stored; `None` where there is nothing to tell any more.
async fn entry<P: Ports>(
    ports: &P,
    route: &AlertRoute,
    folded: &Folded,
    now: Timestamp,
) -> Result<Option<(Folded, Begun)>, Trouble> {
    if let Some(known) = Known::read(ports, &folded.incident).await? {
        let knows = Knows::read(ports, &folded.route, &folded.incident).await?;
        if let Say::Now(kind) = known.say(ports, route, &knows.notice, now).await? {
            let begun = knows.begin(ports, known, kind, Found::default(), None, now);
            let begun = begun.await?;
            return Ok(Some((folded.clone(), begun)));
        }
    }
    forget(ports, folded).await?;
    Ok(None)
}

async fn tell<P: Ports, N: Notifier>(
    ports: &P,
    notifier: &N,
    (route_ref, route): (&RouteRef, &AlertRoute),
    entries: Vec<(Folded, Begun)>,
    now: Timestamp,
) -> Result<Result<(), NotifyError>, Trouble> {
    let post = composed(route_ref, &entries, now);
    let answer = notifier.post(&route_ref.team, route, &post).await;
    tracing::info!(route = %route_ref, incidents = entries.len(), ?answer, "told in a digest");
    // A digest's message is no incident's own: nothing is edited or threaded there later.
    let answer = answer.map(|_| None);
    for (folded, begun) in entries {
        begun.ended(ports, &answer, now).await?;
        if answer.is_ok() {
            forget(ports, &folded).await?;
        }
    }
    Ok(answer.map(|_| ()))
}

/// One incident is told in its own words.
fn composed(route: &RouteRef, entries: &[(Folded, Begun)], now: Timestamp) -> Post {
    match entries {
        [(_, only)] => only.post.clone(),
        several => {
            let posts: Vec<Post> = several.iter().map(|(_, one)| one.post.clone()).collect();
            compose_digest(&route.team, &posts, now)
        }
    }
}

async fn forget<P: Ports>(ports: &P, folded: &Folded) -> Result<(), Trouble> {
    let key = Key::Folded(folded.route.clone(), folded.incident.clone());
    let write = Write::delete(key, Expect::Anything);
    Ok(ports.store().commit(vec![write]).await?)
}
