//! Makes a checked set of definitions the current one.

use std::collections::{BTreeMap, BTreeSet};

use choreography::upstreams::Start;
use model::Timestamp;
use model::definition::{Cluster, Definitions, Team, Workflow, hash_of};
use model::expected::ScheduleRef;
use model::id::DefinitionHash;
use model::key::Key;
use model::name::{ClusterRef, TeamName, WorkflowRef};
use model::registry::{Catalogue, CurrentCluster, CurrentWorkflow, Deployment};
use ports::{Clock as _, Expect, Ports, Trouble, Versioned, Write};
use protocols::content;

use crate::current::Current;
use crate::fence::Fence;
use crate::grown::{self, Grown};
use crate::owed;
use crate::wanted::{catalogues, current_alerts, current_team, downstreams};
use crate::{Changes, Registered};

/// How often it begins again when somebody writes in between: a tick moves an expected slot on, or
/// another registration is under way.
const TRIES: u32 = 10;

/// Makes a set that `definitions::check` found good the one that new runs and instances take.
pub async fn apply<P: Ports>(ports: &P, definitions: &Definitions) -> Result<Registered, Trouble> {
    for _ in 0..TRIES {
        match once(ports, definitions).await {
            Err(Trouble::Conflict) => {}
            done => return done,
        }
    }
    Err(Trouble::Conflict)
}

async fn once<P: Ports>(ports: &P, definitions: &Definitions) -> Result<Registered, Trouble> {
    let set = hash_of(definitions);
    let mut fence = Fence::read(ports).await?;
    if fence.is_complete(&set) {
        return Ok(Registered::Unchanged);
    }
    let catalogues = catalogues(definitions);
    let before = fence.teams().clone();
    fence.begin(ports, catalogues.keys().cloned()).await?;
    let current = Current::read(ports, &before, definitions).await?;
    let now = ports.clock().now();
    let mut registration = Registration {
        definitions,
        current: &current,
        starts: owed::starts(definitions),
        downstreams: downstreams(definitions),
        now,
        changes: Changes::default(),
        grown: Vec::new(),
    };
    let everything = registration.catalogues_of_both(&catalogues);
    fence.commit_groups(ports, everything).await?;

    let mut groups = registration.teams();
    groups.extend(registration.clusters(ports).await?);
    groups.extend(registration.workflows(ports).await?);
    fence.commit_groups(ports, groups).await?;
    grown::release(ports, std::mem::take(&mut registration.grown)).await?;
    // The catalogues were just written, so their versions are not those read before; the fence
    // keeps others away.
    let last = registration.last_catalogues(&catalogues);
    fence.commit_groups(ports, last).await?;
    let teams = catalogues.into_keys().collect();
    let last = Deployment {
        teams,
        set,
        registered_at: now,
    };
    fence.finish(ports, last).await?;
    let changes = registration.changes;
    tracing::info!(?changes, "definitions registered");
    Ok(Registered::Changed(Box::new(changes)))
}

/// One registration under way.
struct Registration<'a> {
    definitions: &'a Definitions,
    current: &'a Current,
    starts: BTreeMap<WorkflowRef, Start>,
    downstreams: BTreeMap<WorkflowRef, BTreeSet<WorkflowRef>>,
    now: Timestamp,
    changes: Changes,
    grown: Vec<Grown>,
}

impl Registration<'_> {
    /// Catalogues that list what there was and what comes, so that a crash in between leaves
    /// nothing behind that no catalogue names.
    fn catalogues_of_both(&self, wanted: &BTreeMap<TeamName, Catalogue>) -> Vec<Vec<Write>> {
        let new = wanted.values().filter_map(|catalogue| {
            let stored = self.current.catalogues.get(&catalogue.team);
            let mut both = catalogue.clone();
            if let Some(stored) = stored {
                let before = stored.value.clone();
                before.workflows.into_iter().for_each(|(name, hash)| {
                    both.workflows.entry(name).or_insert(hash);
                });
                before.clusters.into_iter().for_each(|(name, tags)| {
                    both.clusters.entry(name).or_insert(tags);
                });
            }
            let same = stored.is_some_and(|stored| stored.value == both);
            (!same).then(|| vec![Write::put(&both, Expect::Anything)])
        });
        new.collect()
    }

    fn last_catalogues(&self, wanted: &BTreeMap<TeamName, Catalogue>) -> Vec<Vec<Write>> {
        let kept = wanted
            .values()
            .map(|catalogue| vec![Write::put(catalogue, Expect::Anything)]);
        let gone = self
            .current
            .catalogues
            .keys()
            .filter(|team| !wanted.contains_key(*team));
        let gone = gone.map(|team| {
            vec![Write::delete(
                Key::Catalogue(team.clone()),
                Expect::Anything,
            )]
        });
        kept.chain(gone).collect()
    }

    /// A team that is gone keeps its item: runs that are still going have its quota and role.
    fn teams(&mut self) -> Vec<Vec<Write>> {
        let mut groups = Vec::new();
        for (name, team) in &self.definitions.teams {
            let stored = self.current.teams.get(name);
            let wanted = current_team(team);
            let mut group = Vec::new();
            if stored.is_none_or(|stored| stored.value != wanted) {
                if let Some(stored) = stored {
                    self.grown.extend(grown::between(&stored.value, &wanted));
                }
                let version = stored.map(|stored| stored.version);
                group.push(Write::replace(&wanted, version));
            }
            group.extend(self.alerts(team));
            if group.is_empty() {
                continue;
            }
            let names = if self.current.catalogues.contains_key(name) {
                &mut self.changes.teams.changed
            } else {
                &mut self.changes.teams.added
            };
            names.insert(name.clone());
            groups.push(group);
        }
        let kept = |team: &&TeamName| self.definitions.teams.contains_key(*team);
        let gone = self.current.catalogues.keys().filter(|team| !kept(team));
        self.changes.teams.removed.extend(gone.cloned());
        groups
    }

    /// A team without routes that never had any needs no item.
    fn alerts(&self, team: &Team) -> Option<Write> {
        let stored = self.current.alerts.get(&team.name);
        let wanted = current_alerts(team);
        let same = stored.map_or(wanted.routes.is_empty(), |stored| stored.value == wanted);
        (!same).then(|| Write::replace(&wanted, stored.map(|stored| stored.version)))
    }

    async fn workflows<P: Ports>(&mut self, ports: &P) -> Result<Vec<Vec<Write>>, Trouble> {
        let mut groups = Vec::new();
        for (reference, workflow) in &self.definitions.workflows {
            let hash = hash_of(workflow);
            let stored = self.current.workflows.get(reference);
            let before = stored.filter(|stored| !stored.value.removed);
            let wanted = CurrentWorkflow {
                workflow: reference.clone(),
                definition: hash.clone(),
                downstreams: self.downstreams.get(reference).cloned().unwrap_or_default(),
                schedule: workflow.schedule.clone(),
                registered_at: before.map_or(self.now, |before| before.value.registered_at),
                removed: false,
            };
            let mut group = self.workflow_expected(reference, workflow, before)?;
            if before.is_none_or(|before| before.value != wanted) {
                store_content(ports, before.map(|b| &b.value.definition), &hash, workflow).await?;
                let wanted = CurrentWorkflow {
                    registered_at: self.now,
                    ..wanted
                };
                group.push(Write::replace(&wanted, stored.map(|stored| stored.version)));
                match before.map(|before| before.value.definition == hash) {
                    None => self.changes.workflows.added.insert(reference.clone()),
                    Some(false) => self.changes.workflows.changed.insert(reference.clone()),
                    // Only who waits for it is new; that one is told as changed itself.
                    Some(true) => false,
                };
            }
            groups.push(group);
        }
        groups.extend(self.removed_workflows());
        Ok(groups)
    }

    fn workflow_expected(
        &self,
        reference: &WorkflowRef,
        workflow: &Workflow,
        before: Option<&Versioned<CurrentWorkflow>>,
    ) -> Result<Vec<Write>, Trouble> {
        let owes = |schedule: &ScheduleRef| self.current.expected.get(schedule);
        let ticks = ScheduleRef::Workflow(reference.clone());
        let stored = owes(&ticks);
        let (wanted, old) = (
            workflow.schedule.as_ref(),
            before.and_then(|before| before.value.schedule.as_ref()),
        );
        let ticks = owed::schedule(ticks, wanted, old, stored, self.now)?;
        let stored = owes(&ScheduleRef::Upstreams(reference.clone()));
        let upstreams = owed::upstreams(workflow, &self.starts, stored, self.now);
        Ok(ticks.into_iter().chain(upstreams).collect())
    }

    fn removed_workflows(&mut self) -> Vec<Vec<Write>> {
        let mut groups = Vec::new();
        for (reference, stored) in &self.current.workflows {
            if self.definitions.workflows.contains_key(reference) || stored.value.removed {
                continue;
            }
            let removed = CurrentWorkflow {
                downstreams: BTreeSet::new(),
                schedule: None,
                registered_at: self.now,
                removed: true,
                ..stored.value.clone()
            };
            let schedules = [
                ScheduleRef::Workflow(reference.clone()),
                ScheduleRef::Upstreams(reference.clone()),
            ];
            let mut group = vec![Write::replace(&removed, Some(stored.version))];
            group.extend(self.no_longer_owed(schedules));
            self.changes.workflows.removed.insert(reference.clone());
            groups.push(group);
        }
        groups
    }

    async fn clusters<P: Ports>(&mut self, ports: &P) -> Result<Vec<Vec<Write>>, Trouble> {
        let mut groups = Vec::new();
        for (reference, cluster) in &self.definitions.clusters {
            let hash = hash_of(cluster);
            let stored = self.current.clusters.get(reference);
            let before = stored.filter(|stored| !stored.value.removed);
            if before.is_some_and(|before| before.value.definition == hash) {
                continue;
            }
            let old = match before {
                // One that can no longer be read is as good as another schedule.
                Some(before) => content::cluster(ports, &before.value.definition).await.ok(),
                None => None,
            };
            store_content(ports, None, &hash, cluster).await?;
            let wanted = CurrentCluster {
                cluster: reference.clone(),
                definition: hash,
                tags: cluster.tags.clone(),
                registered_at: self.now,
                removed: false,
            };
            let mut group = self.cluster_expected(reference, cluster, old.as_deref())?;
            group.push(Write::replace(&wanted, stored.map(|stored| stored.version)));
            let names = match before {
                Some(_) => &mut self.changes.clusters.changed,
                None => &mut self.changes.clusters.added,
            };
            names.insert(reference.clone());
            groups.push(group);
        }
        groups.extend(self.removed_clusters());
        Ok(groups)
    }

    fn cluster_expected(
        &self,
        reference: &ClusterRef,
        cluster: &Cluster,
        old: Option<&Cluster>,
    ) -> Result<Vec<Write>, Trouble> {
        let (provision, terminate) = (
            ScheduleRef::Provision(reference.clone()),
            ScheduleRef::Terminate(reference.clone()),
        );
        let ends = [
            (provision, &cluster.provision, old.map(|old| &old.provision)),
            (terminate, &cluster.terminate, old.map(|old| &old.terminate)),
        ];
        let mut writes = Vec::new();
        for (schedule, wanted, old) in ends {
            let stored = self.current.expected.get(&schedule);
            writes.extend(owed::schedule(
                schedule,
                Some(wanted),
                old,
                stored,
                self.now,
            )?);
        }
        Ok(writes)
    }

    fn removed_clusters(&mut self) -> Vec<Vec<Write>> {
        let mut groups = Vec::new();
        for (reference, stored) in &self.current.clusters {
            if self.definitions.clusters.contains_key(reference) || stored.value.removed {
                continue;
            }
            let removed = CurrentCluster {
                registered_at: self.now,
                removed: true,
                ..stored.value.clone()
            };
            let schedules = [
                ScheduleRef::Provision(reference.clone()),
                ScheduleRef::Terminate(reference.clone()),
            ];
            let mut group = vec![Write::replace(&removed, Some(stored.version))];
            group.extend(self.no_longer_owed(schedules));
            self.changes.clusters.removed.insert(reference.clone());
            groups.push(group);
        }
        groups
    }

    fn no_longer_owed(&self, schedules: [ScheduleRef; 2]) -> Vec<Write> {
        let owes = |schedule: &ScheduleRef| self.current.expected.get(schedule);
        let gone = schedules.into_iter().filter_map(|schedule| {
            let stored = owes(&schedule);
            owed::gone(schedule, stored)
        });
        gone.collect()
    }
}

/// Stores a definition under its hash, unless the pointer says that it is there.
async fn store_content<P: Ports, T: serde::Serialize>(
    ports: &P,
    known: Option<&DefinitionHash>,
    hash: &DefinitionHash,
    definition: &T,
) -> Result<(), Trouble> {
    if known == Some(hash) {
        return Ok(());
    }
    let text =
        serde_json::to_string(definition).expect("definitions are plain data with text keys");
    content::store(ports, hash, &text).await
}
