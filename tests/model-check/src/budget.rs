//! How much may go wrong in one history: it bounds what is otherwise endless.

/// What is left of each kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Processes that die between two calls, or after the last and before the message is
    /// acknowledged.
    pub crashes: u8,
    /// Messages delivered once more.
    pub duplicates: u8,
    /// Events of the compute service that are never delivered.
    pub losses: u8,
    /// Times a lease and more passes while processes are in the middle.
    pub freezes: u8,
    /// Submissions that are not answered: executed, or not.
    pub unanswered: u8,
    /// Submissions that are not answered and executed some time later.
    pub late: u8,
    /// Reconcile's ticks.
    pub sweeps: u8,
}

impl Budget {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        crashes: 0,
        duplicates: 0,
        losses: 0,
        freezes: 0,
        unanswered: 0,
        late: 0,
        sweeps: 0,
    };
}
