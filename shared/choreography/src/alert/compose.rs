//! The words in which people are told: what failed, where, why, what waits for it, what to do.

use jiff::tz::TimeZone;
use model::Timestamp;
use model::alert::{Incident, Root, Severity, SymptomRef};
use model::id::digest;
use model::name::{TaskName, TeamName, WorkflowRef};
use model::post::{About, Link, Post, PostKind, Printed};
use model::run::{Run, RunState};
use model::units::Seconds;

use super::lines::{line, title};
use super::summary::Summary;

/// The longest deduplication key, in characters.
const KEY_MAX: usize = 255;

/// How many tasks that are blocked are named.
const BLOCKED_MAX: usize = 5;

/// How many incidents a digest lists.
pub const DIGEST_LINES: usize = 50;

/// What is known beside the incident.
#[derive(Debug, Clone)]
pub struct Context {
    /// The run at its root, if it has begun.
    pub run: Option<Run>,
    /// Tasks of the run that cannot start because of what failed.
    pub blocked_tasks: Vec<TaskName>,
    /// Workflows that wait for the run.
    pub blocked_workflows: Vec<WorkflowRef>,
    pub deadline_at: Option<Timestamp>,
    /// How many runs have failed in a row, this one included, where anybody counts.
    pub in_a_row: Option<u32>,
    /// What the first task that failed printed last.
    pub printed: Option<Printed>,
    pub links: Vec<Link>,
    /// How bad the route was told that it is.
    pub told: Option<Severity>,
    /// In which times are shown.
    pub zone: TimeZone,
}

/// Composes a message about one incident.
pub fn compose(
    incident: &Incident,
    summary: &Summary,
    context: &Context,
    kind: PostKind,
    now: Timestamp,
) -> Post {
    let lines = summary.shown.iter().map(|symptom| line(symptom, incident));
    let is_over = kind == PostKind::Resolved;
    let told_less = context.told.is_some_and(|told| told < summary.severity);
    Post {
        dedup_key: dedup_key(&incident.incident, incident.opening),
        kind,
        repeated: false,
        reference: None,
        severity: summary.severity,
        team: incident.team.clone(),
        title: title(incident, summary, kind),
        fields: fields(incident, summary, context, kind, now),
        lines: lines.collect(),
        omitted: summary.omitted(),
        printed: context.printed.clone().filter(|_| !is_over),
        commands: commands(incident, summary, kind),
        links: if is_over {
            Vec::new()
        } else {
            context.links.clone()
        },
        worse: kind == PostKind::Changed && told_less,
        at: incident.opened_at,
        about: vec![About {
            incident: incident.incident.clone(),
            opening: incident.opening,
            kind,
        }],
    }
}

/// Composes one message about many incidents, each in the words of its own.
pub fn compose_digest(team: &TeamName, posts: &[Post], now: Timestamp) -> Post {
    let count = |wanted| posts.iter().filter(|post| post.kind == wanted).count();
    let (opened, resolved) = (count(PostKind::Opened), count(PostKind::Resolved));
    let changed = count(PostKind::Changed);
    let parts = [(opened, "new"), (changed, "worse"), (resolved, "resolved")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let titles: Vec<&str> = posts.iter().map(|post| post.title.as_str()).collect();
    let keys = posts.iter().map(|post| post.dedup_key.as_str());
    let lines = titles
        .iter()
        .take(DIGEST_LINES)
        .map(|&title| title.to_owned());
    Post {
        dedup_key: format!("digest/{}", &digest(keys)[..32]),
        kind: PostKind::Digest,
        repeated: posts.iter().any(|post| post.repeated),
        reference: None,
        severity: posts
            .iter()
            .map(|post| post.severity)
            .max()
            .unwrap_or_default(),
        team: team.clone(),
        title: format!("{} incidents at once: {}", posts.len(), parts.join(", ")),
        fields: Vec::new(),
        lines: lines.collect(),
        omitted: u32::try_from(posts.len().saturating_sub(DIGEST_LINES)).unwrap_or(u32::MAX),
        printed: None,
        commands: vec!["murmur incidents".to_owned()],
        links: Vec::new(),
        worse: false,
        at: now,
        about: posts.iter().flat_map(|post| post.about.clone()).collect(),
    }
}

/// Names an opening of an incident to channels that fold what has one key.
fn dedup_key(root: &Root, opening: u32) -> String {
    let whole = format!("murmur/{root}/{opening}");
    if whole.len() <= KEY_MAX {
        return whole;
    }
    format!("murmur/{}/{opening}", &digest([whole.as_str()])[..32])
}

fn fields(
    incident: &Incident,
    summary: &Summary,
    context: &Context,
    kind: PostKind,
    now: Timestamp,
) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut add = |label: &str, value: String| fields.push((label.to_owned(), value));
    add("team", incident.team.to_string());
    match &incident.incident {
        Root::Run(run) => {
            if let Some(workflow) = &incident.workflow {
                add("workflow", format!("{}/{workflow}", incident.team));
            }
            add("run", run.to_string());
        }
        Root::Cluster(cluster) => add("cluster", cluster.to_string()),
        Root::Inbox(inbox) => add("function", inbox.to_string()),
    }
    let instant = |at: Timestamp| shown(&context.zone, at);
    if let Some(run) = &context.run {
        add("slot", run.slot.to_string());
        let date = context.zone.to_datetime(run.logical_date).date();
        add("logical date", date.to_string());
        add("state", state(run));
    }
    if let Root::Cluster(_) = incident.incident
        && !summary.runs.is_empty()
    {
        add("runs it harms", summary.runs.len().to_string());
    }
    if let Some(blocks) = blocks(context) {
        add("blocks", blocks);
    }
    if let Some(deadline) = context.deadline_at {
        add("deadline", deadline_field(deadline, now, &instant));
    }
    if let Some(count) = context.in_a_row.filter(|count| *count > 1) {
        add("failed in a row", count.to_string());
    }
    add("since", instant(incident.opened_at));
    if kind == PostKind::Resolved {
        let resolved = incident.resolved_at.unwrap_or(now);
        let lasted = Seconds::between(incident.opened_at, resolved);
        add("resolved", format!("{}, after {lasted}", instant(resolved)));
    }
    fields
}

fn state(run: &Run) -> String {
    let state = match run.state {
        RunState::Waiting => "waiting",
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Skipped => "skipped",
    };
    match run.generation {
        1 => state.to_owned(),
        generation => format!("{state}, generation {generation}"),
    }
}

fn blocks(context: &Context) -> Option<String> {
    let mut parts = Vec::new();
    let blocked = &context.blocked_tasks;
    let mut names: Vec<&str> = blocked.iter().map(TaskName::as_str).collect();
    if names.len() > BLOCKED_MAX {
        names.truncate(BLOCKED_MAX);
        names.push("…");
    }
    let names = names.join(", ");
    match blocked.len() {
        0 => {}
        1 => parts.push(format!("1 task ({names})")),
        count => parts.push(format!("{count} tasks ({names})")),
    }
    let workflows = context.blocked_workflows.iter().map(ToString::to_string);
    parts.extend(workflows);
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn deadline_field(at: Timestamp, now: Timestamp, instant: &impl Fn(Timestamp) -> String) -> String {
    if at <= now {
        return format!("{}, missed", instant(at));
    }
    format!("{}, in {}", instant(at), Seconds::between(now, at))
}

fn shown(zone: &TimeZone, at: Timestamp) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

fn commands(incident: &Incident, summary: &Summary, kind: PostKind) -> Vec<String> {
    if kind == PostKind::Resolved {
        return Vec::new();
    }
    match &incident.incident {
        Root::Run(run) => {
            let mut commands = vec![format!("murmur why {run}")];
            let failed = summary.shown.iter().find_map(|one| match &one.symptom {
                SymptomRef::Task(run, task) => Some(format!("murmur logs {run} {task}")),
                SymptomRef::Run(_)
                | SymptomRef::Deadline(_)
                | SymptomRef::AtRisk(_)
                | SymptomRef::Slow(_)
                | SymptomRef::Tick(_)
                | SymptomRef::Instance(_)
                | SymptomRef::Idle(_)
                | SymptomRef::Leaked(_)
                | SymptomRef::Late(_)
                | SymptomRef::Letters(_) => None,
            });
            commands.extend(failed);
            if summary.severity > Severity::Warning {
                commands.push(format!("murmur rerun {run}"));
            }
            commands
        }
        Root::Cluster(cluster) => {
            let mut commands = vec![format!("murmur clusters {cluster}")];
            let reruns = summary.runs.iter().take(3);
            commands.extend(reruns.map(|run| format!("murmur rerun {run}")));
            commands
        }
        // To put them back is always safe, and leads nowhere before the cause is mended.
        Root::Inbox(_) => vec![
            "murmur dead-letters".to_owned(),
            "murmur dead-letters redrive --all".to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::alert::IncidentState;
    use model::alert::Symptom;
    use model::task::FailureClass;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn incident(root: &str) -> Incident {
        Incident {
            incident: root.parse().unwrap(),
            team: "weather".parse().unwrap(),
            workflow: Some("report".parse().unwrap()),
            state: IncidentState::Open,
            opening: 1,
            opened_at: at("2026-03-02T08:15:30Z"),
            resolved_at: None,
            look_at: at("2026-03-02T08:15:30Z"),
        }
    }

    fn symptom(root: &str, name: &str, reason: &str) -> Symptom {
        Symptom {
            incident: root.parse().unwrap(),
            symptom: name.parse().unwrap(),
            team: "weather".parse().unwrap(),
            workflow: Some("report".parse().unwrap()),
            generation: 1,
            attempt: 2,
            failure: Some(FailureClass::Application),
            reason: Some(reason.to_owned()),
            at: at("2026-03-02T08:15:30Z"),
            cleared_at: None,
        }
    }

    fn context() -> Context {
        Context {
            run: None,
            blocked_tasks: ["b", "c", "d"].map(|name| name.parse().unwrap()).into(),
            blocked_workflows: vec!["energy/demand".parse().unwrap()],
            deadline_at: Some(at("2026-03-02T11:00:00Z")),
            in_a_row: Some(2),
            printed: None,
            links: Vec::new(),
            told: None,
            zone: TimeZone::get("America/New_York").unwrap(),
        }
    }

    const RUN: &str = "run/weather--report--20260302t081500z";

    #[test]
    fn a_failed_task_is_told_with_what_it_blocks_and_what_to_do() {
        let mut summary = Summary::default();
        let task = "task/weather--report--20260302t081500z/clean";
        summary.add(symptom(RUN, task, "exit code 1\nsecond line"), None);
        let now = at("2026-03-02T08:15:32Z");
        let post = compose(&incident(RUN), &summary, &context(), PostKind::Opened, now);
        assert_eq!(
            post.title,
            "weather/report 20260302t081500z: clean failed: exit code 1"
        );
        assert_eq!(
            post.lines,
            ["clean failed in attempt 2 (the work itself): exit code 1"]
        );
        let fields: Vec<String> = post
            .fields
            .iter()
            .map(|(label, value)| format!("{label}: {value}"))
            .collect();
        assert_eq!(
            fields,
            [
                "team: weather",
                "workflow: weather/report",
                "run: weather--report--20260302t081500z",
                "blocks: 3 tasks (b, c, d), energy/demand",
                "deadline: 2026-03-02 06:00:00 EST, in 2h44m28s",
                "failed in a row: 2",
                "since: 2026-03-02 03:15:30 EST",
            ]
        );
        assert_eq!(
            post.commands,
            [
                "murmur why weather--report--20260302t081500z",
                "murmur logs weather--report--20260302t081500z clean",
                "murmur rerun weather--report--20260302t081500z",
            ]
        );
        assert_eq!(post.dedup_key, format!("murmur/{RUN}/1"));
    }

    #[test]
    fn a_run_is_told_with_its_slot_its_date_and_how_far_it_is() {
        let store = testkit::MemoryStore::default();
        let workflow = testkit::flow::workflow(&[("clean", &[], "")]);
        let run = testkit::flow::seed_run(&store, &workflow, at("2026-03-02T04:00:00Z"));
        for (state, generation, expected) in [
            (RunState::Running, 1, "state: running"),
            (RunState::Failed, 3, "state: failed, generation 3"),
        ] {
            let run = Run {
                state,
                generation,
                ..run.clone()
            };
            let context = Context {
                run: Some(run),
                ..context()
            };
            let now = at("2026-03-02T08:15:32Z");
            let known = Summary::default();
            let post = compose(&incident(RUN), &known, &context, PostKind::Opened, now);
            let fields = post.fields.iter();
            let fields: Vec<String> = fields
                .map(|(label, text)| format!("{label}: {text}"))
                .collect();
            let of_run = ["slot: 2026-03-01", "logical date: 2026-03-01", expected];
            assert_eq!(fields[3..6], of_run);
        }
    }

    #[test]
    fn what_it_printed_and_where_to_look_is_told_until_it_is_well() {
        let mut summary = Summary::default();
        let task = "task/weather--report--20260302t081500z/clean";
        summary.add(symptom(RUN, task, "exit code 1"), None);
        let context = Context {
            blocked_tasks: (0..9).map(|n| format!("t{n}").parse().unwrap()).collect(),
            printed: super::super::printed::printed("clean".into(), "no such table", None),
            links: vec![Link {
                label: "log".into(),
                url: "https://example.com".into(),
            }],
            told: Some(Severity::Warning),
            ..context()
        };
        let now = at("2026-03-02T08:15:32Z");
        let post = |kind| compose(&incident(RUN), &summary, &context, kind, now);
        let opened = post(PostKind::Opened);
        assert_eq!(opened.printed.unwrap().lines, ["no such table"]);
        assert_eq!((opened.links.len(), opened.worse), (1, false));
        let names = "9 tasks (t0, t1, t2, t3, t4, …), energy/demand".to_owned();
        assert!(opened.fields.contains(&("blocks".to_owned(), names)));
        assert!(post(PostKind::Changed).worse);
        let resolved = post(PostKind::Resolved);
        assert!(resolved.printed.is_none() && resolved.links.is_empty() && !resolved.worse);
    }

    #[test]
    fn letters_that_were_set_aside_are_told_with_how_to_put_them_back() {
        let root = "inbox/submit-task";
        let mut summary = Summary::default();
        let letters = Symptom {
            failure: None,
            ..symptom(root, "letters/submit-task", "3, one of them: broken")
        };
        summary.add(letters, None);
        let now = at("2026-03-02T08:15:32Z");
        let post = compose(&incident(root), &summary, &context(), PostKind::Opened, now);
        assert_eq!(
            post.title,
            "messages of submit-task were set aside: 3, one of them: broken"
        );
        assert_eq!(
            post.commands,
            ["murmur dead-letters", "murmur dead-letters redrive --all"]
        );
    }

    #[test]
    fn a_dead_cluster_is_one_message_however_much_it_harms() {
        let root = "cluster/weather/red";
        let mut summary = Summary::default();
        for at in 0..200 {
            let task = format!("task/weather--report--{at}/clean");
            summary.add(symptom(root, &task, "the cluster is gone"), None);
        }
        let instance = "instance/weather--red--20260302t080000z--1";
        summary.add(symptom(root, instance, "BOOTSTRAP_FAILURE"), None);
        let now = at("2026-03-02T08:15:32Z");
        let post = compose(&incident(root), &summary, &context(), PostKind::Opened, now);
        assert_eq!(
            post.title,
            "cluster weather/red failed: BOOTSTRAP_FAILURE (and 200 more)"
        );
        assert_eq!((post.lines.len(), post.omitted), (10, 191));
        let harms = ("runs it harms".to_owned(), "200".to_owned());
        assert!(post.fields.contains(&harms), "{:?}", post.fields);
    }

    #[test]
    fn what_is_well_again_says_what_it_was_and_how_long() {
        let mut summary = Summary::default();
        let deadline = "deadline/weather--report--20260302t081500z";
        let cleared = Symptom {
            reason: None,
            cleared_at: Some(at("2026-03-02T09:00:00Z")),
            ..symptom(RUN, deadline, "")
        };
        summary.add(cleared, None);
        let resolved = Incident {
            state: IncidentState::Resolved,
            resolved_at: Some(at("2026-03-02T09:00:00Z")),
            ..incident(RUN)
        };
        let now = at("2026-03-02T09:00:01Z");
        let post = compose(&resolved, &summary, &context(), PostKind::Resolved, now);
        assert_eq!(
            post.title,
            "resolved: weather/report 20260302t081500z missed its deadline"
        );
        let last = (
            "resolved".to_owned(),
            "2026-03-02 04:00:00 EST, after 44m30s".to_owned(),
        );
        assert_eq!(post.fields.last(), Some(&last));
        assert!(post.commands.is_empty() && post.lines.is_empty());
    }

    #[test]
    fn a_digest_lists_incidents_by_their_titles() {
        let mut summary = Summary::default();
        let task = "task/weather--report--20260302t081500z/clean";
        summary.add(symptom(RUN, task, "exit code 1"), None);
        let now = at("2026-03-02T08:15:32Z");
        let post = |kind| compose(&incident(RUN), &summary, &context(), kind, now);
        let mut posts = vec![post(PostKind::Opened); 60];
        posts.push(post(PostKind::Resolved));
        let digest = compose_digest(&"weather".parse().unwrap(), &posts, now);
        assert_eq!(digest.title, "61 incidents at once: 60 new, 1 resolved");
        assert_eq!((digest.lines.len(), digest.omitted), (50, 11));
    }

    #[test]
    fn keys_stay_short_enough_for_pagerduty() {
        let long = Root::Run("r".repeat(400).into());
        let key = dedup_key(&long, 3);
        assert!(key.len() <= KEY_MAX, "{key}");
        assert_ne!(key, dedup_key(&long, 4));
    }
}
