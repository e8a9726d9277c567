//! submit-task
