//! `murmur pause` and `murmur resume`: holds back a workflow's new runs, or a run's further tasks.

use clap::Args;
use model::id::RunId;
use model::key::Key;
use model::name::WorkflowRef;
use model::operation::{OperationKind, PauseTarget};
use model::run::Run;
use ports::{StateStore, TypedStore as _};

use crate::ask::Asking;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;

const PAUSE_EXAMPLES: &str = "\
Examples:
  murmur pause weather/daily_report --why 'the source is being moved'
  murmur pause weather--daily_report--20260301t051500z    # one run: no further task starts";

const RESUME_EXAMPLES: &str = "\
Examples:
  murmur resume weather/daily_report
  murmur resume weather--daily_report--20260301t051500z";

/// Holds back a workflow's new runs, or a run's further tasks
///
/// Ticks of a paused workflow are recorded as skipped. What is at work goes on to its end.
#[derive(Debug, Args)]
#[command(after_help = PAUSE_EXAMPLES)]
pub struct Pause {
    #[command(flatten)]
    what: What,
}

/// Lets a paused workflow or run go on
#[derive(Debug, Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub struct Resume {
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
struct What {
    /// A workflow as team/name, or a run: its id, or team/workflow@SLOT
    #[arg(value_name = "WORKFLOW or RUN")]
    name: String,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    data: DataFolder,
}

impl Pause {
    /// Asks for it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        self.what
            .ask(at, screen, |target| OperationKind::Pause { target })
    }
}

impl Resume {
    /// Asks for it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        self.what
            .ask(at, screen, |target| OperationKind::Resume { target })
    }
}

impl What {
    fn ask(
        self,
        at: &At,
        screen: Screen,
        kind: impl FnOnce(PauseTarget) -> OperationKind,
    ) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(async {
            let (meant, workflow) = meant(target.store(), &self.name).await?;
            self.asking
                .ask(&target, &workflow, kind(meant), screen)
                .await
        })
    }
}

/// A workflow when it is written as one, else a run.
async fn meant(store: &impl StateStore, name: &str) -> Result<(PauseTarget, WorkflowRef), Failure> {
    let is_workflow = name.contains('/') && !name.contains('@');
    if is_workflow {
        let workflow = find::workflow(store, name).await?;
        return Ok((PauseTarget::Workflow(workflow.clone()), workflow));
    }
    let known = store.get::<Run>(&Key::Run(RunId::from(name))).await?;
    let run = match known {
        Some(run) => run.value,
        None => find::run(store, name).await?,
    };
    Ok((PauseTarget::Run(run.run.clone()), run.workflow_ref()))
}
