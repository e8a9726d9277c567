//! Workflows, but for their tasks.

use std::collections::BTreeMap;

use model::definition::{
    ActiveRuns, AlertRules, Deadline as LoweredDeadline, EventTrigger as LoweredTrigger, ParamSpec,
    QuietHours, ScheduleSpec, Workflow as Lowered,
};
use model::name::{TaskName, WorkflowRef};

use super::{reference, task, text};
use crate::check::DEFAULT_ZONE;
use crate::read::{ClockTime, ShortOr};
use crate::written::{Alerts, Deadline, EventTrigger, Param, Schedule, Workflow};

/// Converts a workflow.
pub(super) fn lower(name: &WorkflowRef, workflow: &Workflow) -> Option<Lowered> {
    let schedule = match &workflow.schedule {
        None => None,
        Some(written) => Some(schedule(written)?),
    };
    let written_zone = text(workflow.timezone.as_ref().map(|zone| &zone.value));
    let zone = schedule
        .as_ref()
        .map(|schedule| schedule.timezone.clone())
        .or(written_zone);
    let mut after = Vec::new();
    for upstream in workflow.after.iter().flat_map(|after| &after.0) {
        let (team, name) = reference(&upstream.value, &name.team)?;
        after.push(WorkflowRef::new(team, name));
    }
    let mut tasks = Vec::new();
    for (task_name, written) in &workflow.tasks.get()?.entries {
        let task_name = TaskName::new(&task_name.value).ok()?;
        tasks.push(task::lower(task_name, written.as_ref()?, &name.team)?);
    }
    Some(Lowered {
        team: name.team.clone(),
        name: name.name.clone(),
        description: text(workflow.description.as_ref()),
        timezone: zone.unwrap_or_else(|| DEFAULT_ZONE.into()),
        schedule,
        after,
        align: workflow
            .align
            .map_or_else(Default::default, |align| align.0),
        events: workflow
            .events
            .iter()
            .flatten()
            .map(trigger)
            .collect::<Option<_>>()?,
        deadline: workflow.deadline.as_ref().map(deadline),
        max_active_runs: active_runs(workflow)?,
        params: params(workflow),
        alerts: workflow
            .alerts
            .as_ref()
            .map_or(Some(AlertRules::default()), alerts)?,
        priority: workflow
            .priority
            .map_or(Some(0), |priority| priority.fit())?,
        tasks,
    })
}

fn schedule(schedule: &Schedule) -> Option<ScheduleSpec> {
    let zone = text(schedule.timezone.as_ref().map(|zone| &zone.value));
    Some(ScheduleSpec {
        expression: schedule.expression.get()?.value.0.clone(),
        timezone: zone.unwrap_or_else(|| DEFAULT_ZONE.into()),
        catch_up: schedule
            .catch_up
            .map_or_else(Default::default, |catch_up| catch_up.0),
    })
}

fn trigger(trigger: &EventTrigger) -> Option<LoweredTrigger> {
    Some(LoweredTrigger {
        pattern: trigger.pattern.get()?.value.value.clone(),
        slot: text(trigger.slot.as_ref().map(|slot| &slot.value)),
    })
}

fn deadline(deadline: &Deadline) -> LoweredDeadline {
    match deadline {
        ShortOr::Short(time) => LoweredDeadline::WallClock {
            hour: time.hour,
            minute: time.minute,
        },
        ShortOr::Long(long) => LoweredDeadline::After(long.after.0),
    }
}

fn alerts(written: &Alerts) -> Option<AlertRules> {
    let minutes = |time: ClockTime| u16::from(time.hour) * 60 + u16::from(time.minute);
    let in_a_row = match &written.in_a_row {
        None => None,
        Some(count) => Some(count.fit()?),
    };
    Some(AlertRules {
        in_a_row,
        quiet: written.quiet.as_ref().map(|quiet| QuietHours {
            from: minutes(quiet.from),
            to: minutes(quiet.to),
        }),
        severity: written.severity.map(|severity| severity.0),
    })
}

fn active_runs(workflow: &Workflow) -> Option<Option<ActiveRuns>> {
    Some(match &workflow.max_active_runs {
        None => None,
        Some(ShortOr::Short(max)) => Some(ActiveRuns {
            max: max.fit()?,
            when_full: Default::default(),
        }),
        Some(ShortOr::Long(long)) => Some(ActiveRuns {
            max: long.max.fit()?,
            when_full: long
                .when_full
                .map_or_else(Default::default, |when_full| when_full.0),
        }),
    })
}

fn params(workflow: &Workflow) -> BTreeMap<String, ParamSpec> {
    let written = workflow.params.iter().flat_map(|params| params.values());
    written
        .map(|(name, param)| (name.value.clone(), spec(param)))
        .collect()
}

fn spec(param: &Param) -> ParamSpec {
    match param {
        ShortOr::Short(default) => ParamSpec {
            default: Some(default.0.clone()),
            description: None,
        },
        ShortOr::Long(long) => ParamSpec {
            default: long.default.as_ref().map(|default| default.0.clone()),
            description: long
                .description
                .as_ref()
                .map(|description| description.0.clone()),
        },
    }
}
