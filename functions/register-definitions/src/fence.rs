//! Commits of one registration: every one of them also moves the deployment's item on, so of two
//! registrations at once one stops at its next write and the sets never mix.

use std::collections::BTreeSet;

use model::id::DefinitionHash;
use model::key::Key;
use model::name::TeamName;
use model::registry::Deployment;
use ports::{Ports, StateStore as _, Trouble, TypedStore as _, Write};

/// The most writes that go with the deployment's item in one commit.
const MOST_WRITES: usize = 99;

/// What stands in place of the set's hash while a registration is under way.
const INCOMPLETE: &str = "incomplete";

/// The deployment's item as this registration last wrote it.
pub(crate) struct Fence {
    deployment: Deployment,
    version: Option<u64>,
}

impl Fence {
    /// Reads the deployment; an empty one when nothing was ever registered.
    pub async fn read<P: Ports>(ports: &P) -> Result<Self, Trouble> {
        let stored = ports.store().get::<Deployment>(&Key::Deployment).await?;
        let version = stored.as_ref().map(|stored| stored.version);
        let deployment = stored
            .map(|stored| stored.value)
            .unwrap_or_else(|| Deployment {
                teams: BTreeSet::new(),
                set: DefinitionHash::from(INCOMPLETE),
                registered_at: model::Timestamp::UNIX_EPOCH,
            });
        Ok(Self {
            deployment,
            version,
        })
    }

    /// The teams there are, of an incomplete registration also those to come or to go.
    pub fn teams(&self) -> &BTreeSet<TeamName> {
        &self.deployment.teams
    }

    /// Whether this set, and nothing else, is registered completely.
    pub fn is_complete(&self, set: &DefinitionHash) -> bool {
        self.deployment.set == *set
    }

    /// Says that a registration of these teams, too, is under way.
    pub async fn begin<P: Ports>(
        &mut self,
        ports: &P,
        teams: impl IntoIterator<Item = TeamName>,
    ) -> Result<(), Trouble> {
        self.deployment.teams.extend(teams);
        self.deployment.set = DefinitionHash::from(INCOMPLETE);
        self.commit(ports, Vec::new()).await
    }

    /// Says that the set is complete.
    pub async fn finish<P: Ports>(&mut self, ports: &P, last: Deployment) -> Result<(), Trouble> {
        self.deployment = last;
        self.commit(ports, Vec::new()).await
    }

    /// Makes groups of writes, each group whole, as many groups as fit in each commit.
    pub async fn commit_groups<P: Ports>(
        &mut self,
        ports: &P,
        groups: Vec<Vec<Write>>,
    ) -> Result<(), Trouble> {
        let mut pending: Vec<Write> = Vec::new();
        for group in groups {
            if pending.len() + group.len() > MOST_WRITES {
                self.commit(ports, std::mem::take(&mut pending)).await?;
            }
            pending.extend(group);
        }
        if pending.is_empty() {
            Ok(())
        } else {
            self.commit(ports, pending).await
        }
    }

    async fn commit<P: Ports>(&mut self, ports: &P, mut writes: Vec<Write>) -> Result<(), Trouble> {
        writes.push(Write::replace(&self.deployment, self.version));
        ports.store().commit(writes).await?;
        self.version = Some(self.version.map_or(1, |version| version + 1));
        Ok(())
    }
}
