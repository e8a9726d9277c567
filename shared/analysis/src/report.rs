//! Ready questions. They are SQL that Athena understands, too: `--sql` prints it.

use crate::prices::Prices;

/// A report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Trend,
    Flaky,
    Failures,
    Clusters,
    CostPerRun,
    CostPerTeam,
}

impl Report {
    /// Every report.
    pub const ALL: [Self; 6] = [
        Self::Trend,
        Self::Flaky,
        Self::Failures,
        Self::Clusters,
        Self::CostPerRun,
        Self::CostPerTeam,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trend => "trend",
            Self::Flaky => "flaky",
            Self::Failures => "failures",
            Self::Clusters => "clusters",
            Self::CostPerRun => "cost-per-run",
            Self::CostPerTeam => "cost-per-team",
        }
    }

    /// What it tells.
    pub fn about(self) -> &'static str {
        match self {
            Self::Trend => "how long each workflow's runs take, week by week; reruns left out",
            Self::Flaky => "tasks that succeed only after retries, the flakiest first",
            Self::Failures => "failed attempts of each team, by whose fault they were",
            Self::Clusters => "how much of their time clusters had work, and what was wasted",
            Self::CostPerRun => "what runs cost, the most expensive first; needs --prices",
            Self::CostPerTeam => "what teams cost, clusters that nobody used apart; needs --prices",
        }
    }

    /// Whether it makes sense only with prices.
    pub fn needs_prices(self) -> bool {
        match self {
            Self::Trend | Self::Flaky | Self::Failures | Self::Clusters => false,
            Self::CostPerRun | Self::CostPerTeam => true,
        }
    }

    /// Its SQL.
    pub fn sql(self, prices: &Prices) -> String {
        let sql = match self {
            Self::Trend => TREND.to_owned(),
            Self::Flaky => FLAKY.to_owned(),
            Self::Failures => FAILURES.to_owned(),
            Self::Clusters => CLUSTERS.to_owned(),
            Self::CostPerRun => format!("{COSTS}{COST_PER_RUN}"),
            Self::CostPerTeam => format!("{COSTS}{COST_PER_TEAM}"),
        };
        sql.replace("{prices}", &prices.values())
    }
}

const TREND: &str = "\
SELECT team, workflow, CAST(date_trunc('week', ended_at) AS date) AS week, count(*) AS runs,
       sum(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END) AS succeeded,
       round(approx_percentile(seconds, 0.5), 1) AS median_seconds,
       round(approx_percentile(seconds, 0.95), 1) AS p95_seconds,
       round(max(seconds), 1) AS longest_seconds
FROM runs
WHERE generation = 1 AND started_at IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3";

/// A task that never succeeds is broken, not flaky; it comes last.
const FLAKY: &str = "\
SELECT team, workflow, task, count(*) AS ended,
       sum(CASE WHEN state = 'succeeded' AND attempt > 1 THEN 1 ELSE 0 END) AS after_retries,
       sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,
       round(100.0 * sum(CASE WHEN state = 'succeeded' AND attempt > 1 THEN 1 ELSE 0 END) / count(*), 1)
         AS flaky_percent
FROM tasks
WHERE attempt > 0 AND state IN ('succeeded', 'failed')
GROUP BY 1, 2, 3
HAVING sum(CASE WHEN state = 'succeeded' AND attempt = 1 THEN 0 ELSE 1 END) > 0
ORDER BY 7 DESC, 5 DESC, 6 DESC, 1, 2, 3
LIMIT 50";

const FAILURES: &str = "\
SELECT team, failure, count(*) AS attempts,
       sum(CASE WHEN state = 'retried' THEN 1 ELSE 0 END) AS retried,
       sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,
       count(DISTINCT workflow) AS workflows,
       round(sum(coalesce(seconds, 0)) / 3600, 2) AS hours_lost
FROM tasks
WHERE state IN ('failed', 'retried')
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2";

/// Work that overlaps counts once: of each piece, what lies beyond the end of all that began before.
const CLUSTERS: &str = "\
WITH spans AS (
  SELECT instance, started_at, ended_at,
         max(ended_at) OVER (PARTITION BY instance ORDER BY started_at, ended_at
                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered
  FROM tasks
  WHERE instance IS NOT NULL AND started_at IS NOT NULL
), busy AS (
  SELECT instance, sum(to_unixtime(ended_at) - to_unixtime(greatest(started_at, coalesce(covered, started_at))))
                   AS seconds
  FROM spans
  WHERE covered IS NULL OR ended_at > covered
  GROUP BY 1
)
SELECT clusters.team, cluster, purpose, count(*) AS instances,
       round(sum(clusters.seconds) / 3600, 2) AS hours,
       round(sum(coalesce(busy.seconds, 0)) / 3600.0, 2) AS busy_hours,
       round((sum(clusters.seconds) - sum(coalesce(busy.seconds, 0))) / 3600, 2) AS idle_hours,
       round(100 * sum(coalesce(busy.seconds, 0)) / sum(clusters.seconds), 1) AS used_percent,
       sum(CASE WHEN busy.instance IS NULL THEN 1 ELSE 0 END) AS never_used
FROM clusters LEFT JOIN busy ON busy.instance = clusters.instance
WHERE id IS NOT NULL AND clusters.seconds > 0
GROUP BY 1, 2, 3
ORDER BY 7 DESC, 1, 2, 3";

/// An instance's cost is shared by what ran on it, by how long each ran; so idle time is paid by those
/// who used the instance, and one that nobody used by its team.
const COSTS: &str = "\
WITH prices (kind, name, per_hour) AS (
  VALUES {prices}
), paid AS (
  SELECT clusters.team, instance, clusters.seconds / 3600 * coalesce(own.per_hour, other.per_hour, 0) AS cost
  FROM clusters
  LEFT JOIN prices AS own ON own.kind = 'cluster' AND own.name = clusters.team || '/' || clusters.cluster
  LEFT JOIN prices AS other ON other.kind = 'cluster' AND other.name = '*'
  WHERE id IS NOT NULL
), busy AS (
  SELECT instance, sum(seconds) AS seconds FROM tasks WHERE seconds > 0 GROUP BY 1
), costs AS (
  SELECT tasks.team, workflow, run, paid.cost * tasks.seconds / busy.seconds AS cost
  FROM tasks
  JOIN paid ON paid.instance = tasks.instance
  JOIN busy ON busy.instance = tasks.instance
  UNION ALL
  SELECT tasks.team, workflow, run, tasks.seconds / 3600 * coalesce(own.per_hour, other.per_hour, 0) AS cost
  FROM tasks
  LEFT JOIN prices AS own ON own.kind = 'queue' AND own.name = tasks.queue
  LEFT JOIN prices AS other ON other.kind = 'queue' AND other.name = '*'
  WHERE tasks.queue IS NOT NULL
  UNION ALL
  SELECT paid.team, NULL AS workflow, NULL AS run, paid.cost
  FROM paid LEFT JOIN busy ON busy.instance = paid.instance
  WHERE busy.instance IS NULL
)
";

const COST_PER_RUN: &str = "\
SELECT team, workflow, run, round(sum(cost), 2) AS cost
FROM costs
WHERE run IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
LIMIT 100";

const COST_PER_TEAM: &str = "\
SELECT team, count(DISTINCT run) AS runs,
       round(sum(CASE WHEN run IS NOT NULL THEN cost ELSE 0 END), 2) AS work_cost,
       round(sum(CASE WHEN run IS NULL THEN cost ELSE 0 END), 2) AS unused_cost,
       round(sum(cost), 2) AS cost
FROM costs
GROUP BY 1
ORDER BY 5 DESC, 1";
