//! observe-task
