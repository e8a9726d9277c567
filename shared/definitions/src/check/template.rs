//! Templates in the fields that take them.

use std::collections::BTreeSet;

use choreography::template::{self, Known};

use super::upstream::{Names, item_keys};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::{Argument, ShortOr, Tried};
use crate::source::{At, Span};
use crate::written::{Task, Workflow};

/// What the templates of all tasks of a workflow know.
pub(super) struct WorkflowKnown {
    params: BTreeSet<String>,
    event: bool,
}

impl WorkflowKnown {
    pub(super) fn of(workflow: &Workflow) -> Self {
        let params = workflow.params.iter().flat_map(|params| &params.entries);
        Self {
            params: params.map(|(name, _)| name.value.clone()).collect(),
            event: workflow
                .events
                .as_ref()
                .is_some_and(|events| !events.is_empty()),
        }
    }
}

/// Checks every template of a task.
pub(super) fn check(
    position: usize,
    task: &Task,
    names: &Names,
    workflow: &WorkflowKnown,
    findings: &mut Findings<'_>,
) {
    let templates: Vec<(&str, Span)> = templates(task)
        .into_iter()
        .filter(|(text, _)| text.contains("{{"))
        .collect();
    if templates.is_empty() {
        return;
    }
    let mentioned: BTreeSet<String> = templates
        .iter()
        .filter(|(text, _)| text.contains("upstream"))
        .filter_map(|(text, _)| template::variables(text).ok())
        .flatten()
        .filter_map(|variable| {
            let rest = variable.strip_prefix("upstream.")?;
            Some(rest.strip_suffix(".storage").unwrap_or(rest).to_owned())
        })
        .collect();
    let known = Known {
        params: workflow.params.clone(),
        items: item_keys(task).into_keys().map(str::to_owned).collect(),
        upstreams: match mentioned.is_empty() {
            true => BTreeSet::new(),
            false => names.upstreams_of(position, &mentioned),
        },
        event: workflow.event,
    };
    for (text, at) in templates {
        for error in template::check(text, &known) {
            let at = findings.inside(at, text, error.range);
            findings
                .error(Code::BadTemplate, at, error.what)
                .help(error.hint);
        }
    }
}

/// The texts of a task that are templates.
fn templates(task: &Task) -> Vec<(&str, Span)> {
    let mut texts: Vec<(&str, Span)> = Vec::new();
    if let Some(spark) = task.spark.as_ref().and_then(Tried::get) {
        texts.extend(
            spark
                .script
                .get()
                .map(|script| (script.value.0.as_str(), script.at)),
        );
        texts.extend(spark.args.iter().flatten().map(argument));
        texts.extend(
            spark
                .conf
                .iter()
                .flat_map(|conf| conf.values())
                .map(|(_, value)| argument(value)),
        );
    }
    if let Some(presto) = task.presto.as_ref().and_then(Tried::get) {
        let statement = presto.statement.get();
        texts.extend(statement.map(|statement| (statement.value.0.as_str(), statement.at)));
    }
    if let Some(command) = task.command.as_ref().and_then(Tried::get) {
        texts.extend(command.command.get().into_iter().flatten().map(argument));
    }
    if let Some(batch) = task.batch.as_ref().and_then(Tried::get) {
        texts.extend(batch.command.iter().flatten().map(argument));
        let named = [&batch.environment, &batch.parameters];
        let named = named.into_iter().flatten().flat_map(|all| all.values());
        texts.extend(named.map(|(_, value)| argument(value)));
    }
    for dataset in [&task.inputs, &task.outputs]
        .into_iter()
        .flatten()
        .flatten()
    {
        let parts = match dataset {
            ShortOr::Short(uri) => [Some(uri), None],
            ShortOr::Long(long) => [long.value.namespace.get(), long.value.name.get()],
        };
        let parts = parts.into_iter().flatten();
        texts.extend(parts.map(|text| (text.value.0.as_str(), text.at)));
    }
    texts
}

fn argument(argument: &At<Argument>) -> (&str, Span) {
    (argument.value.0.as_str(), argument.at)
}
