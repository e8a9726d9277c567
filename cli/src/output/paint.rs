//! Colours by meaning, so that the same state looks the same everywhere.

use anstyle::{AnsiColor, Effects, Style};
use model::cluster::InstanceState;
use model::run::RunState;
use model::task::TaskState;

use crate::view::run::Standing;

/// What a piece of text is to say at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Busy,
    Waiting,
}

impl Paint {
    /// The terminal's style for it.
    pub const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().effects(Effects::BOLD),
            Self::Faint => Style::new().effects(Effects::DIMMED),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Busy => AnsiColor::Cyan.on_default(),
            Self::Waiting => AnsiColor::Yellow.on_default(),
        }
    }

    /// Wraps a text in it.
    pub fn text(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }

    /// How a run's state looks.
    pub fn of_run(state: RunState) -> Self {
        match state {
            RunState::Waiting => Self::Waiting,
            RunState::Running => Self::Busy,
            RunState::Succeeded => Self::Good,
            RunState::Failed => Self::Bad,
            RunState::Cancelled | RunState::Skipped => Self::Faint,
        }
    }

    /// How a task's state looks.
    pub fn of_task(state: TaskState) -> Self {
        match state {
            TaskState::Waiting | TaskState::Retrying => Self::Waiting,
            TaskState::Claimed | TaskState::Submitted | TaskState::Running => Self::Busy,
            TaskState::Succeeded => Self::Good,
            TaskState::Failed | TaskState::Blocked => Self::Bad,
            TaskState::Skipped | TaskState::Cancelled => Self::Faint,
        }
    }

    /// How a task's standing looks.
    pub fn of_standing(standing: Standing) -> Self {
        match standing {
            Standing::Pending | Standing::NeverReached => Self::Faint,
            Standing::At(state) => Self::of_task(state),
        }
    }

    /// How an instance's state looks.
    pub fn of_instance(state: InstanceState) -> Self {
        match state {
            InstanceState::Requested | InstanceState::Starting => Self::Waiting,
            InstanceState::Ready => Self::Good,
            InstanceState::Draining | InstanceState::Terminating => Self::Busy,
            InstanceState::Terminated => Self::Faint,
            InstanceState::Failed => Self::Bad,
        }
    }
}
