//! All clusters, one line each.

use model::Timestamp;
use model::cluster::Instance;
use model::name::ClusterRef;
use serde::Serialize;

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint, maybe, plain};
use crate::output::{Screen, note};
use crate::target::Target;
use crate::view::cluster::ClusterView;
use crate::view::{definitions, words};

/// A cluster, for machines.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    pub cluster: &'a ClusterRef,
    /// Of its live instance; `none` when it has none.
    pub state: &'a str,
    pub instance: Option<&'a Instance>,
    /// Steps that are open.
    pub open: usize,
    pub waiting: usize,
    pub next_window: Option<Timestamp>,
    pub next_end: Option<Timestamp>,
}

impl<'a> Row<'a> {
    /// Sums a cluster up.
    pub fn of(view: &'a ClusterView) -> Self {
        let live = view.live();
        Self {
            cluster: &view.cluster,
            state: live.map_or("none", |instance| words::instance(instance.state)),
            instance: live,
            open: view.open.len(),
            waiting: view.waiters.len(),
            next_window: view.next.map(|window| window.start),
            next_end: view.next.map(|window| window.end),
        }
    }
}

/// Prints all clusters.
pub async fn print(
    target: &impl Target,
    shown: &ShownZone,
    screen: Screen,
) -> Result<Exit, Failure> {
    let (store, now) = (target.store(), target.now()?);
    let mut views = Vec::new();
    for cluster in definitions::clusters(store).await? {
        views.push(ClusterView::load(store, cluster, now).await?);
    }
    let rows: Vec<Row<'_>> = views.iter().map(Row::of).collect();
    if screen.is_json() {
        screen.json(&rows)?;
        return Ok(Exit::Fine);
    }
    if rows.is_empty() {
        note("no cluster is registered");
        return Ok(Exit::Fine);
    }
    let zones = views.iter().filter_map(|view| view.definition.as_ref());
    let mut zones: Vec<&str> = zones
        .map(|cluster| cluster.provision.timezone.as_str())
        .collect();
    zones.dedup();
    let zone = shown.or(zones.first().copied().filter(|_| zones.len() == 1))?;
    let mut table = Table::new([
        ("cluster", Fit::Whole),
        ("state", Fit::Whole),
        ("id", Fit::Drop),
        ("window ends", Fit::Drop),
        ("open", Fit::Whole),
        ("waiting", Fit::Whole),
        ("next window", Fit::Drop),
        ("reason", Fit::Wrap),
    ]);
    for row in &rows {
        let instance = row.instance;
        let paint = instance.map_or(Paint::Faint, |live| Paint::of_instance(live.state));
        let concurrency = instance.map(|live| format!("{} of {}", row.open, live.step_concurrency));
        table.row([
            (row.cluster.to_string(), Paint::Strong),
            (row.state.to_owned(), paint),
            maybe(instance.and_then(|live| live.id.as_ref())),
            maybe(instance.map(|live| zone.full(live.window_end))),
            maybe(concurrency),
            plain(if row.waiting == 0 {
                String::new()
            } else {
                row.waiting.to_string()
            }),
            faint(
                row.next_window
                    .map(|start| zone.weekday(start))
                    .unwrap_or_default(),
            ),
            maybe(instance.and_then(|live| live.reason.as_ref())),
        ]);
    }
    screen.table(&table)?;
    note(&Paint::Faint.text(&format!("times in {}", zone.name())));
    Ok(Exit::Fine)
}
