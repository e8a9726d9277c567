//! One cluster: what it is, what runs on it, who waits for it, and its history.

use std::fmt::Write as _;

use model::cluster::Instance;
use model::definition::{Cluster, InstanceGroup};
use model::limit::{Place, Waiter};
use serde::Serialize;

use super::overview::Row;
use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, maybe, plain};
use crate::output::time::{Zone, took};
use crate::target::Target;
use crate::view::cluster::ClusterView;
use crate::view::{find, words};

/// How many instances of the past are shown.
const HISTORY: usize = 10;

/// A cluster, for machines.
#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    instances: &'a [Instance],
    open_work: &'a [Place],
    waiters: &'a [Waiter],
}

/// Prints a cluster.
pub async fn print(
    target: &impl Target,
    name: &str,
    shown: &ShownZone,
    screen: Screen,
) -> Result<Exit, Failure> {
    let (store, now) = (target.store(), target.now()?);
    let cluster = find::cluster(store, name).await?;
    let view = ClusterView::load(store, cluster, now).await?;
    if screen.is_json() {
        let (row, instances) = (Row::of(&view), view.instances.as_slice());
        let (open_work, waiters) = (view.open.as_slice(), view.waiters.as_slice());
        screen.json(&Document {
            row,
            instances,
            open_work,
            waiters,
        })?;
        return Ok(Exit::Fine);
    }
    let own = view
        .definition
        .as_ref()
        .map(|cluster| cluster.provision.timezone.as_str());
    let zone = shown.or(own)?;
    screen.text(&header(&view, &zone))?;
    if !view.open.is_empty() {
        let mut table = Table::new([("open work", Fit::Whole), ("since", Fit::Whole)]);
        for place in &view.open {
            table.row([plain(&place.holder), plain(took(place.since, now))]);
        }
        screen.text(&format!("\n{}", table.render(crate::output::width())))?;
    }
    if !view.waiters.is_empty() {
        let mut table = Table::new([
            ("waits for it", Fit::Whole),
            ("since", Fit::Whole),
            ("priority", Fit::Drop),
        ]);
        for waiter in &view.waiters {
            let since = took(waiter.since, now);
            table.row([
                plain(&waiter.holder),
                plain(since),
                plain(waiter.priority.to_string()),
            ]);
        }
        screen.text(&format!("\n{}", table.render(crate::output::width())))?;
    }
    if !view.instances.is_empty() {
        let table = history(&view.instances, &zone);
        screen.text(&format!("\n{}", table.render(crate::output::width())))?;
    }
    Ok(Exit::Fine)
}

fn header(view: &ClusterView, zone: &Zone) -> String {
    let mut text = String::new();
    let mut line = |title: &str, said: String| {
        let title = Paint::Faint.text(&format!("{title:<12}"));
        let _ = writeln!(text, "{title} {said}");
    };
    line("cluster", Paint::Strong.text(&view.cluster.to_string()));
    match view.live() {
        Some(live) => {
            let id = live
                .id
                .as_ref()
                .map(|id| format!(", {id}"))
                .unwrap_or_default();
            let state = Paint::of_instance(live.state).text(words::instance(live.state));
            line(
                "state",
                format!("{state}{id}, until {}", zone.full(live.window_end)),
            );
            if let Some(endpoint) = &live.endpoint {
                let ports = endpoint
                    .ports
                    .iter()
                    .map(|(name, port)| format!("{name} {port}"));
                let ports = ports.collect::<Vec<_>>().join(", ");
                let address = endpoint.private_ip.as_ref();
                let address = address.map(|ip| format!(", {ip}")).unwrap_or_default();
                line(
                    "endpoint",
                    format!("{}{address} ({ports})", endpoint.master_dns),
                );
                if let Some(name) = &endpoint.name {
                    line("lasting name", name.clone());
                }
            }
        }
        None => line("state", "no instance".to_owned()),
    }
    match &view.next {
        Some(next) => line(
            "next window",
            format!(
                "{} until {}",
                zone.weekday(next.start),
                zone.beside(next.end, next.start)
            ),
        ),
        None => line(
            "next window",
            "none: it is not provisioned any more".to_owned(),
        ),
    }
    if let Some(cluster) = &view.definition {
        line("machines", machines(cluster));
        let (release, applications) = (&cluster.emr.release, cluster.emr.applications.join(", "));
        line("software", format!("{release}: {applications}"));
        let tags = cluster
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        line("tags", tags.collect::<Vec<_>>().join(", "));
    }
    text
}

fn machines(cluster: &Cluster) -> String {
    let instances = &cluster.emr.instances;
    let group = |role: &str, group: &InstanceGroup| {
        let spot = match group.spot_percent {
            0 => String::new(),
            percent => format!(", {percent} % spot"),
        };
        format!(
            "{role} {} × {}{spot}",
            group.count,
            group.types.join(" or ")
        )
    };
    let mut said = vec![group("primary", &instances.primary)];
    said.extend(instances.core.as_ref().map(|core| group("core", core)));
    said.extend(instances.task.as_ref().map(|task| group("task", task)));
    said.join("; ")
}

fn history(instances: &[Instance], zone: &Zone) -> Table {
    let mut table = Table::new([
        ("window", Fit::Whole),
        ("try", Fit::Drop),
        ("state", Fit::Whole),
        ("id", Fit::Drop),
        ("ready", Fit::Drop),
        ("ended", Fit::Drop),
        ("reason", Fit::Wrap),
    ]);
    for instance in instances.iter().rev().take(HISTORY) {
        let beside = |at| zone.beside(at, instance.window_start);
        let ordinal = instance.instance.ordinal;
        table.row([
            plain(zone.full(instance.window_start)),
            maybe((ordinal > 1).then_some(ordinal)),
            (
                words::instance(instance.state).to_owned(),
                Paint::of_instance(instance.state),
            ),
            maybe(instance.id.as_ref()),
            maybe(instance.ready_at.map(beside)),
            maybe(instance.ended_at.map(beside)),
            maybe(instance.reason.as_ref()),
        ]);
    }
    table
}
