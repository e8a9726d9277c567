use super::*;
use testkit::flow::workflow;

#[test]
fn tasks_that_wait_for_the_same_upstreams_share_a_join() {
    let plan = Plan::of(workflow(&[
        ("a", &[], "n=50"),
        ("b", &["a"], "n=50"),
        ("c", &["b"], "n=50 all_done"),
    ]))
    .unwrap();
    assert_eq!(plan.tasks.len(), 150);
    let widths: Vec<u32> = plan.joins.iter().map(PlanJoin::width).collect();
    assert_eq!(widths, [50, 50, 50]);
    assert_eq!(plan.roots().count(), 50);
}

#[test]
fn the_end_waits_for_leaves_and_for_upstreams_of_early_starters() {
    let plan = Plan::of(workflow(&[
        ("a", &[], ""),
        ("b", &[], ""),
        ("first", &["a", "b"], "any_succeeded"),
    ]))
    .unwrap();
    let end = plan.joins.last().unwrap();
    assert_eq!(end.upstreams, [0, 1, 2]);
    let counts: Vec<Counts> = plan
        .tasks
        .iter()
        .map(|task| task.feeds.last().unwrap().counts)
        .collect();
    assert_eq!(counts, [Counts::Ending, Counts::Ending, Counts::Outcome]);
}

#[test]
fn a_cycle_is_named_from_upstream_to_downstream() {
    let error = Plan::of(workflow(&[
        ("a", &["c"], ""),
        ("b", &["a"], ""),
        ("c", &["b"], ""),
        ("d", &["c"], ""),
    ]))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "tasks wait for each other: a → b → c → a"
    );
}

#[test]
fn a_task_knows_who_is_above_and_who_is_below() {
    let plan = Plan::of(workflow(&[
        ("a", &[], ""),
        ("b", &["a"], ""),
        ("c", &["b"], ""),
        ("x", &[], ""),
        ("y", &["a", "x"], "all_done"),
        ("z", &["b"], "any_failed"),
    ]))
    .unwrap();
    // by position: directly above, directly below, and all that its outcome can reach
    let table: [(&[u32], &[u32], &[u32]); 6] = [
        (&[], &[1, 4], &[0, 1, 2, 4, 5]),
        (&[0], &[2, 5], &[1, 2, 5]),
        (&[1], &[], &[2]),
        (&[], &[4], &[3, 4]),
        (&[0, 3], &[], &[4]),
        (&[1], &[], &[5]),
    ];
    for (position, (above, below, reached)) in (0..).zip(table) {
        assert_eq!(plan.upstreams_of(position), above, "{position}");
        let consumers: Vec<u32> = plan.consumers_of(position).collect();
        assert_eq!(consumers, below, "{position}");
        let all: Vec<u32> = plan.with_below([position]).into_iter().collect();
        assert_eq!(all, reached, "{position}");
        let name = &plan.task(position).name;
        assert_eq!(plan.position(name), Some(position));
        assert_eq!(plan.written(position).name, *name);
    }
    assert_eq!(plan.position(&"nobody".parse().unwrap()), None);
    assert_eq!(plan.roots().collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn a_definition_that_has_no_plan_is_refused() {
    let table = [
        (
            workflow(&[("a", &[], ""), ("a", &[], "")]),
            "two tasks are named `a`",
        ),
        (
            workflow(&[("a", &[], "n=2"), ("a-1", &[], "")]),
            "two tasks are named `a-1`",
        ),
        (
            workflow(&[("a", &["b"], "")]),
            "task `a` waits for `b`, which does not exist",
        ),
    ];
    for (workflow, expected) in table {
        assert_eq!(Plan::of(workflow).unwrap_err().to_string(), expected);
    }
}
