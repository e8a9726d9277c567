//! start-run
