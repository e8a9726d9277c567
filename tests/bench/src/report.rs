//! What was measured, for people and for machines.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One shape's figures. Latency is from the end of a task's last upstream, as the compute told it,
/// to the task's submission; the makespan is the median of all rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub shape: String,
    pub synchronous: String,
    /// Tasks of one round.
    pub tasks: usize,
    pub rounds: usize,
    pub makespan_ms: f64,
    pub tasks_per_s: f64,
    pub latency_p50_ms: f64,
    pub latency_p99_ms: f64,
    pub cpu_s: f64,
    pub peak_rss_mb: f64,
    pub store_operations_per_task: f64,
    pub items_written_per_task: f64,
    pub body_bytes_per_task: f64,
    pub messages_per_task: f64,
    pub inbox_rows_per_task: f64,
    pub commits_per_task: f64,
    pub syncs_per_task: f64,
    pub disk_bytes_per_task: f64,
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<24} {:<6} {:>6} {:>6} {:>11} {:>9} {:>8} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8}",
        "shape",
        "sync",
        "tasks",
        "rounds",
        "makespan ms",
        "tasks/s",
        "p50 ms",
        "p99 ms",
        "cpu s",
        "rss MB",
        "ops/t",
        "bytes/t",
        "commit/t",
        "sync/t",
        "inbox/t"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "{:<24} {:<6} {:>6} {:>6} {:>11.1} {:>9.0} {:>8.3} {:>8.3} {:>7.2} {:>7.1} {:>7.2} {:>8.0} {:>8.3} {:>8.4} {:>8.3}",
            row.shape,
            row.synchronous,
            row.tasks,
            row.rounds,
            row.makespan_ms,
            row.tasks_per_s,
            row.latency_p50_ms,
            row.latency_p99_ms,
            row.cpu_s,
            row.peak_rss_mb,
            row.store_operations_per_task,
            row.body_bytes_per_task,
            row.commits_per_task,
            row.syncs_per_task,
            row.inbox_rows_per_task
        );
    }
    text
}
