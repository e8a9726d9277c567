//! One route is brought up to date with one incident.
//!
//! The intent is stored before the post and what was said after it. Who comes after a crash in
//! between cannot know whether the post was seen: it posts again, and says so.

use choreography::alert::compose::{Context, compose};
use choreography::alert::pace::{self, Turn};
use choreography::alert::say::{Say, printed_at};
use model::Timestamp;
use model::alert::{AlertRequest, Folded, IncidentState, Notice, Pace, Root, RouteRef, Said};
use model::key::Key;
use model::message::{Function, Message};
use model::post::{Post, PostKind};
use model::units::Seconds;
use ports::{Clock as _, EventBus as _, Expect, Notifier, NotifyError, Outgoing, Ports};
use ports::{Printouts, StateStore as _, Trouble, TypedStore as _, Versioned, Write};

use crate::known::{self, Known};
use crate::printed::{self, Found};

/// Tells a route what it does not know yet.
pub(crate) async fn tell<P: Ports, N: Notifier, O: Printouts>(
    ports: &P,
    notifier: &N,
    printouts: &O,
    route_ref: &RouteRef,
    incident: &Root,
) -> Result<(), Trouble> {
    let Some(route) = known::route(ports, route_ref).await? else {
        return Ok(());
    };
    let Some(known) = Known::read(ports, incident).await? else {
        return Ok(());
    };
    let knows = Knows::read(ports, route_ref, incident).await?;
    let now = ports.clock().now();
    match known.say(ports, &route, &knows.notice, now).await? {
        Say::Nothing => knows.due(ports, None).await,
        Say::Hold(until) => knows.due(ports, Some(until)).await,
        Say::Now(kind) => {
            let stored = read_pace(ports, route_ref).await?;
            let version = stored.as_ref().map(|stored| stored.version);
            let stored = stored.map(|stored| stored.value);
            let next = match pace::turn(stored.as_ref(), route_ref, route.channel, now) {
                Turn::Wait(wait) => return Err(Trouble::Later(wait)),
                Turn::Fold(next) => {
                    let planned = (stored.as_ref() != Some(&next)).then_some(version);
                    return fold(ports, incident, &next, planned, now).await;
                }
                Turn::Now(next) => Write::replace(&next, version),
            };
            let found = match kind {
                // That it is well again says no more of what was wrong.
                PostKind::Resolved => Found::default(),
                PostKind::Opened | PostKind::Changed | PostKind::Digest => {
                    printed::look(ports, printouts, &known, &route_ref.team).await?
                }
            };
            let begun = knows
                .begin(ports, known, kind, found, Some(next), now)
                .await?;
            let answer = notifier.post(&route_ref.team, &route, &begun.post).await;
            tracing::info!(route = %route_ref, %incident, ?kind, ?answer, "told");
            begun.ended(ports, &answer, now).await?;
            match answer {
                Ok(_) => Ok(()),
                Err(error) => Err(refused(ports, route_ref, error).await?),
            }
        }
    }
}

/// What a route was told of an incident, as it is stored.
pub(crate) struct Knows {
    pub notice: Notice,
    version: Option<u64>,
}

impl Knows {
    /// Reads it; a route that was told nothing knows nothing.
    pub async fn read<P: Ports>(
        ports: &P,
        route: &RouteRef,
        incident: &Root,
    ) -> Result<Self, Trouble> {
        let key = Key::Notice(route.clone(), incident.clone());
        let stored: Option<Versioned<Notice>> = ports.store().get(&key).await?;
        let version = stored.as_ref().map(|stored| stored.version);
        let nothing = || Notice {
            route: route.clone(),
            incident: incident.clone(),
            said: None,
            intent: None,
            due_at: None,
        };
        Ok(Self {
            notice: stored.map_or_else(nothing, |stored| stored.value),
            version,
        })
    }

    /// Has reconcile ask again then, or never.
    async fn due<P: Ports>(self, ports: &P, at: Option<Timestamp>) -> Result<(), Trouble> {
        if self.notice.due_at == at {
            return Ok(());
        }
        let notice = Notice {
            due_at: at,
            ..self.notice
        };
        let write = Write::replace(&notice, self.version);
        Ok(ports.store().commit(vec![write]).await?)
    }

    /// Stores that a post is about to be made, with what else has to hold for it. Whatever had to be
    /// waited for was found before: the lease counts from `now`, and is far longer.
    pub async fn begin<P: Ports>(
        self,
        ports: &P,
        known: Known,
        kind: PostKind,
        found: Found,
        beside: Option<Write>,
        now: Timestamp,
    ) -> Result<Begun, Trouble> {
        let intent = self.notice.intent.as_ref();
        let repeated = pace::begins(intent, now).map_err(Trouble::Later)?;
        let said = self.notice.said.as_ref();
        let told = said.filter(|said| said.state == IncidentState::Open);
        let context = Context {
            printed: found.printed,
            links: found.links,
            told: told.and_then(|told| told.severity),
            ..known.context(ports).await?
        };
        let post = Post {
            repeated,
            reference: said.and_then(|said| said.reference.clone()),
            ..compose(&known.incident, &known.summary, &context, kind, now)
        };
        let notice = Notice {
            intent: Some(pace::intent(now)),
            due_at: None,
            ..self.notice
        };
        let mut writes = vec![Write::replace(&notice, self.version)];
        writes.extend(beside);
        ports.store().commit(writes).await?;
        Ok(Begun {
            known,
            notice,
            version: self.version.map_or(1, |version| version + 1),
            comes_later: found.comes_later,
            post,
        })
    }
}

/// A post whose intent is stored.
pub(crate) struct Begun {
    known: Known,
    notice: Notice,
    version: u64,
    comes_later: bool,
    pub post: Post,
}

impl Begun {
    /// Stores what came of it. When there was no answer the intent stays: the next one is a repeat.
    pub async fn ended<P: Ports>(
        self,
        ports: &P,
        answer: &Result<Option<String>, NotifyError>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let mut notice = self.notice;
        match answer {
            Ok(reference) => {
                notice.intent = None;
                let before = notice.said.take();
                let earlier = before.as_ref().and_then(|said| said.reference.clone());
                let reference = reference.clone().or(earlier);
                let printed_at =
                    printed_at(before.as_ref(), reference.as_deref(), self.comes_later, now);
                notice.due_at = printed_at;
                let newest = self.known.summary.newest_at;
                notice.said = Some(Said {
                    state: self.known.incident.state,
                    opening: self.known.incident.opening,
                    symptoms: self.known.summary.symptoms,
                    newest_at: newest.unwrap_or(self.known.incident.opened_at),
                    at: now,
                    severity: Some(self.known.summary.severity),
                    printed_at,
                    reference,
                });
            }
            Err(NotifyError::Unknown { .. }) => return Ok(()),
            Err(
                NotifyError::Throttled { .. }
                | NotifyError::Unavailable { .. }
                | NotifyError::Refused { .. },
            ) => {
                let left = notice.intent.take().filter(|_| self.post.repeated);
                notice.intent = left.map(|intent| pace::failed(intent, now));
            }
        }
        let write = Write::put(&notice, Expect::Version(self.version));
        Ok(ports.store().commit(vec![write]).await?)
    }
}

/// Leaves it to the next digest; `planned` is the version at which the pace is to be moved on.
async fn fold<P: Ports>(
    ports: &P,
    incident: &Root,
    pace: &Pace,
    planned: Option<Option<u64>>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let folded = Folded {
        route: pace.route.clone(),
        incident: incident.clone(),
        at: now,
    };
    let mut writes = vec![Write::put(&folded, Expect::Anything)];
    writes.extend(planned.map(|version| Write::replace(pace, version)));
    ports.store().commit(writes).await?;
    let at = pace.digest_at.unwrap_or(now);
    let delay = Seconds(Seconds::between(now, at).0 + 1);
    ask_for_digest(ports, &pace.route, delay).await
}

/// What becomes of a message that was not posted: a channel that throttles is left alone.
pub(crate) async fn refused<P: Ports>(
    ports: &P,
    route: &RouteRef,
    error: NotifyError,
) -> Result<Trouble, Trouble> {
    let NotifyError::Throttled { after, .. } = error else {
        return Ok(error.into());
    };
    if let Some(stored) = read_pace(ports, route).await? {
        let next = pace::throttled(&stored.value, after, ports.clock().now());
        let write = Write::replace(&next, Some(stored.version));
        ports.store().commit(vec![write]).await?;
    }
    Ok(Trouble::Later(after))
}

/// Reads how fast a route may be posted to.
pub(crate) async fn read_pace<P: Ports>(
    ports: &P,
    route: &RouteRef,
) -> Result<Option<Versioned<Pace>>, Trouble> {
    let key = Key::Pace(route.clone());
    Ok(ports.store().get::<Pace>(&key).await?)
}

/// Asks for the digest of a route.
pub(crate) async fn ask_for_digest<P: Ports>(
    ports: &P,
    route: &RouteRef,
    delay: Seconds,
) -> Result<(), Trouble> {
    let route = route.clone();
    let message = Message::Alert(AlertRequest::Digest { route });
    let asked = vec![Outgoing { message, delay }];
    Ok(ports.bus().send(Function::Alert, asked).await?)
}
