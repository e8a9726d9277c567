//! `murmur clusters endpoint`: where a cluster can be reached now, for scripts.

use clap::Args;
use model::Timestamp;
use model::cluster::{Endpoint as Reached, InstanceState};
use model::id::EmrClusterId;
use model::name::ClusterRef;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::nearest::nearest;
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::cluster::ClusterView;
use crate::view::find;

const EXAMPLES: &str = "\
Examples:
  murmur clusters endpoint energy/analytics                # the name of its primary node
  murmur clusters endpoint energy/analytics --port trino   # name:port of an application
  murmur clusters endpoint analytics --lasting             # a name that outlives instances

It exits with 1 when the cluster cannot be reached now, and says when it can. In JSON: cluster,
state, reason, instance, until, name (the lasting one), master_dns, private_ip and ports.";

/// Prints where a cluster can be reached now
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Endpoint {
    /// A cluster, as team/name; the name alone where no other team has it
    cluster: String,
    /// An application on it, such as trino
    #[arg(long, value_name = "APPLICATION")]
    port: Option<String>,
    /// The cluster's own name, which leads to whichever instance is up; only on AWS, where the
    /// deployment has a zone
    #[arg(long)]
    lasting: bool,
    #[command(flatten)]
    data: DataFolder,
}

/// Where a cluster can be reached, for machines.
#[derive(Debug, Serialize)]
struct Document<'a> {
    cluster: &'a ClusterRef,
    state: InstanceState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// EMR's id.
    instance: Option<&'a EmrClusterId>,
    until: Timestamp,
    #[serde(flatten)]
    endpoint: &'a Reached,
}

impl Endpoint {
    /// Prints the endpoint.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let (store, now) = (target.store(), target.now()?);
        let cluster = find::cluster(store, &self.cluster).await?;
        let view = ClusterView::load(store, cluster, now).await?;
        let reachable = view
            .instances
            .iter()
            .rev()
            .find(|instance| match instance.state {
                InstanceState::Ready | InstanceState::Draining => instance.endpoint.is_some(),
                InstanceState::Requested
                | InstanceState::Starting
                | InstanceState::Terminating
                | InstanceState::Terminated
                | InstanceState::Failed => false,
            });
        let reached = reachable.and_then(|instance| Some((instance, instance.endpoint.as_ref()?)));
        let Some((instance, endpoint)) = reached else {
            return Err(unreachable_now(&view));
        };
        if screen.is_json() {
            screen.json(&Document {
                cluster: &view.cluster,
                state: instance.state,
                reason: instance.reason.as_deref(),
                instance: instance.id.as_ref(),
                until: instance.window_end,
                endpoint,
            })?;
            return Ok(Exit::Fine);
        }
        let name = match &endpoint.name {
            Some(name) if self.lasting => name,
            None if self.lasting => return Err(no_lasting_name(&view)),
            Some(_) | None => &endpoint.master_dns,
        };
        match &self.port {
            None => screen.text(&format!("{name}\n"))?,
            Some(application) => {
                let port = port(endpoint, application)?;
                screen.text(&format!("{name}:{port}\n"))?;
            }
        }
        Ok(Exit::Fine)
    }
}

fn no_lasting_name(view: &ClusterView) -> Failure {
    let what = format!("{} has no lasting name", view.cluster);
    Failure::not_found(what).help("Terraform's variable `zone` gives clusters one, on AWS")
}

fn unreachable_now(view: &ClusterView) -> Failure {
    let state = match view.live() {
        Some(live) => format!("it is {}", crate::view::words::instance(live.state)),
        None => "it has no instance".to_owned(),
    };
    let failure =
        Failure::not_as_it_should_be(format!("{} cannot be reached now: {state}", view.cluster));
    match &view.next {
        Some(next) => failure.help(format!("its next window begins {}", next.start)),
        None => failure,
    }
}

fn port(endpoint: &Reached, application: &str) -> Result<u16, Failure> {
    let wanted = application.to_lowercase();
    endpoint.ports.get(&wanted).copied().ok_or_else(|| {
        let failure = Failure::not_found(format!("no port of `{application}` is known"));
        match nearest(&wanted, endpoint.ports.keys().map(String::as_str)) {
            Some(meant) => failure.help(format!("did you mean `{meant}`?")),
            None => {
                let known: Vec<&str> = endpoint.ports.keys().map(String::as_str).collect();
                failure.help(format!("it has: {}", known.join(", ")))
            }
        }
    })
}
