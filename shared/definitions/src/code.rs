//! The stable names of everything that can be wrong with definitions.

use std::fmt;

use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// Names a kind of diagnostic; written in kebab case, never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code {
            $($(#[$doc])+ #[serde(rename = $text)] $name,)+
        }

        impl Code {
            /// Lists every code.
            pub const ALL: &[Code] = &[$(Code::$name),+];

            /// The written name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Larger than the largest file that is read.
    FileTooLarge = "file-too-large",
    /// The operating system refused to read it.
    FileUnreadable = "file-unreadable",
    /// Not UTF-8, or binary.
    NotText = "not-text",
    /// Nothing is defined in files of this name.
    UnknownFile = "unknown-file",
    /// Two files define the same thing.
    DuplicateFile = "duplicate-file",
    /// Not YAML.
    Syntax = "syntax",
    /// YAML that definitions do not use: anchors, tags, several documents, too much nesting.
    UnsupportedYaml = "unsupported-yaml",
    /// A key is given twice.
    DuplicateKey = "duplicate-key",
    /// YAML 1.1, and so Terraform, reads it otherwise.
    Ambiguous = "ambiguous",
    /// There is no such key.
    UnknownKey = "unknown-key",
    /// A key that is needed is not there.
    MissingKey = "missing-key",
    /// Keys that exclude each other.
    ConflictingKeys = "conflicting-keys",
    /// A number where a text belongs, and the like.
    WrongKind = "wrong-kind",
    /// There is no such word.
    UnknownValue = "unknown-value",
    /// Too small, too large, too short or too long.
    OutOfRange = "out-of-range",
    /// Not written as such a value is.
    BadValue = "bad-value",
    /// Not a name.
    BadName = "bad-name",
    /// Two tasks have one name.
    DuplicateTask = "duplicate-task",
    /// More tasks than a workflow may have.
    TooManyTasks = "too-many-tasks",
    /// An upstream is named twice.
    DuplicateUpstream = "duplicate-upstream",
    /// There is no such task.
    UnknownTask = "unknown-task",
    /// There is no such workflow.
    UnknownWorkflow = "unknown-workflow",
    /// There is no such cluster.
    UnknownCluster = "unknown-cluster",
    /// There is no such pool.
    UnknownPool = "unknown-pool",
    /// There is no such team.
    UnknownTeam = "unknown-team",
    /// The team may not use it.
    JobDefinitionNotAllowed = "job-definition-not-allowed",
    /// The team's clusters may not have it.
    InstanceProfileNotAllowed = "instance-profile-not-allowed",
    /// Two clusters would have one name in DNS.
    DuplicateAddress = "duplicate-address",
    /// Tasks or workflows wait for each other.
    Cycle = "cycle",
    /// Workflows start each other more often in a row than is allowed.
    ChainTooDeep = "chain-too-deep",
    /// A trigger rule without upstreams.
    IdleTriggerRule = "idle-trigger-rule",
    /// Not a schedule expression.
    BadSchedule = "bad-schedule",
    /// Not a time zone.
    BadTimeZone = "bad-time-zone",
    /// The schedule fires at no instant, or at none to come.
    NeverFires = "never-fires",
    /// A rate has no instants of its own, so it makes no window.
    RateWindow = "rate-window",
    /// A cluster begins and ends at the same instant.
    WindowEmpty = "window-empty",
    /// A cluster begins and never ends.
    WindowNeverEnds = "window-never-ends",
    /// A cluster begins again before it ended.
    WindowOverlaps = "window-overlaps",
    /// A cluster stays up longer than the registry looks back.
    WindowTooLong = "window-too-long",
    /// A terminate that ends nothing.
    IdleTerminate = "idle-terminate",
    /// A time-out that the end of the cluster's window comes before.
    TimeoutBeyondWindow = "timeout-beyond-window",
    /// Backoff grows beyond its own maximum.
    BackoffAboveMaximum = "backoff-above-maximum",
    /// More text than EMR or Batch takes.
    ArgumentsTooLong = "arguments-too-long",
    /// Not a template, or one with an unknown variable.
    BadTemplate = "bad-template",
    /// Not an event pattern.
    BadPattern = "bad-pattern",
    /// A pattern that could match murmur's own facts.
    OwnFacts = "own-facts",
    /// Looks like a secret.
    Secret = "secret",
    /// More problems than are listed.
    TooManyProblems = "too-many-problems",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
