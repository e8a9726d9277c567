//! Which murmur is meant: the options all verbs share, and one target that is either kind.
//!
//! The only place that knows every kind; a new one is one more arm here.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, ValueEnum};
use local::SqliteStateStore;
use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::message::{Function, Message};
use model::name::WorkflowRef;
use model::run::Run;
use model::task::Task;
use ports::{CommitError, StateStore, StoreError, Stored, Versioned, Write};

#[cfg(feature = "aws")]
use super::aws::AwsTarget;
use super::local::{DataFolder, LocalTarget};
use super::{DeadLetter, Log, Pace, Position, Target};
use crate::exit::Failure;
use crate::story::Told;

/// Which murmur is meant.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub struct At {
    /// Where murmur runs: on this machine, or on AWS
    #[arg(long, global = true, value_enum, default_value_t)]
    #[arg(env = "MURMUR_TARGET", hide_env_values = true)]
    target: Kind,
    /// The deployment on AWS, as Terraform names it
    #[arg(long, global = true, value_name = "NAME", default_value = "murmur")]
    #[arg(env = "MURMUR_DEPLOYMENT", hide_env_values = true)]
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    // accepted, and refused with its target
    pub(super) deployment: String,
    /// A profile of AWS's configuration [default: as the AWS CLI has it]
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// The AWS region [default: as the AWS CLI has it]
    #[arg(long, global = true, value_name = "REGION")]
    pub(super) region: Option<String>,
}

/// The kinds of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Kind {
    #[default]
    Local,
    Aws,
}

impl At {
    /// Opens it; `data` says where it is when it is on this machine.
    pub fn open(&self, data: &DataFolder) -> Result<Chosen, Failure> {
        match self.target {
            Kind::Local => {
                let given = [("--profile", &self.profile), ("--region", &self.region)];
                if let Some((option, _)) = given.iter().find(|(_, value)| value.is_some()) {
                    return Err(Failure::usage(format!("{option} goes with --target aws")));
                }
                Ok(Chosen::Local(data.open()?))
            }
            #[cfg(feature = "aws")]
            Kind::Aws => Ok(Chosen::Aws(Box::new(block_on(AwsTarget::open(self))?))),
            #[cfg(not(feature = "aws"))]
            Kind::Aws => Err(
                Failure::usage("this murmur was built without `--target aws`")
                    .help("`cargo build --package murmur` builds one with it"),
            ),
        }
    }

    /// Refuses whatever else than this machine is meant; `what` happens here alone.
    pub fn must_be_here(&self, what: &str) -> Result<(), Failure> {
        match self.target {
            Kind::Local => Ok(()),
            Kind::Aws => Err(Failure::usage(format!(
                "`{what}` is for this machine, not for --target aws"
            ))
            .help("leave --target and MURMUR_TARGET away, or say --target local")),
        }
    }
}

/// The target that is meant.
pub enum Chosen {
    Local(LocalTarget),
    #[cfg(feature = "aws")]
    Aws(Box<AwsTarget>),
}

/// Does the same with either target.
macro_rules! either {
    ($chosen:expr, $target:ident => $done:expr) => {
        match $chosen {
            Chosen::Local($target) => $done,
            #[cfg(feature = "aws")]
            Chosen::Aws($target) => $done,
        }
    };
}

impl Target for Chosen {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn now(&self) -> Result<Timestamp, Failure> {
        either!(self, target => target.now())
    }

    fn is_at_work(&self) -> Result<bool, Failure> {
        either!(self, target => target.is_at_work())
    }

    fn how_to_start(&self) -> String {
        either!(self, target => target.how_to_start())
    }

    fn pace(&self) -> Pace {
        either!(self, target => target.pace())
    }

    async fn who(&self, said: Option<&str>) -> String {
        either!(self, target => target.who(said).await)
    }

    async fn send(&self, inbox: Function, message: Message) -> Result<(), Failure> {
        either!(self, target => target.send(inbox, message).await)
    }

    async fn story(&self, run: &Run) -> Result<Vec<Told>, Failure> {
        either!(self, target => target.story(run).await)
    }

    fn why_no_story(&self) -> &'static str {
        either!(self, target => target.why_no_story())
    }

    async fn logs(&self, attempt: &Task) -> Result<Vec<Log>, Failure> {
        either!(self, target => target.logs(attempt).await)
    }

    async fn read_log(&self, at: &str, from: &mut Position) -> Result<Option<Vec<u8>>, Failure> {
        either!(self, target => target.read_log(at, from).await)
    }

    fn why_no_log(&self, attempt: &Task) -> Option<&'static str> {
        either!(self, target => target.why_no_log(attempt))
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Failure> {
        either!(self, target => target.dead_letters().await)
    }

    async fn redrive(&self, letters: &[DeadLetter]) -> Result<usize, Failure> {
        either!(self, target => target.redrive(letters).await)
    }
}

/// The store of either target.
enum Store<'a> {
    Local(&'a SqliteStateStore),
    #[cfg(feature = "aws")]
    Aws(&'a ::aws::DynamoStateStore),
}

impl Chosen {
    fn stored(&self) -> Store<'_> {
        match self {
            Self::Local(target) => Store::Local(target.store()),
            #[cfg(feature = "aws")]
            Self::Aws(target) => Store::Aws(target.store()),
        }
    }
}

/// Does the same with the store of either target.
macro_rules! stored {
    ($chosen:expr, $store:ident => $done:expr) => {
        match $chosen.stored() {
            Store::Local($store) => $done,
            #[cfg(feature = "aws")]
            Store::Aws($store) => $done,
        }
    };
}

impl StateStore for Chosen {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        stored!(self, store => store.read(key).await)
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        stored!(self, store => store.read_many(keys).await)
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        stored!(self, store => store.scan(partition, prefix, after, limit).await)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        stored!(self, store => store.commit(writes).await)
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        stored!(self, store => store.arrive(key, arrivals).await)
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        stored!(self, store => store.due(until, limit).await)
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        stored!(self, store => store.runs_of(workflow, from, to, limit).await)
    }
}

/// Waits for what a verb does with a target.
#[cfg(feature = "aws")]
pub fn block_on<F: Future>(future: F) -> F::Output {
    use std::sync::OnceLock;
    // One for all that this process does: connections to AWS live as long as it.
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build();
        runtime.expect("a process may have a few more files open")
    });
    runtime.block_on(future)
}

/// Waits for what a verb does with a target.
#[cfg(not(feature = "aws"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}

/// Lets time pass before the next look.
pub async fn pause(time: Duration) {
    #[cfg(feature = "aws")]
    tokio::time::sleep(time).await;
    #[cfg(not(feature = "aws"))]
    std::thread::sleep(time);
}
