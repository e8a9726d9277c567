//! All workflows, and what starts them.

use std::collections::BTreeMap;

use model::definition::Definitions;
use model::expansion::expansion_count;

use super::drawing::{Drawing, NodeKind};

/// One node for each workflow, and for each schedule or set of events that starts some.
pub fn drawing(definitions: &Definitions) -> Drawing {
    let mut drawing = Drawing::new("workflows".to_owned());
    let mut ids = BTreeMap::new();
    for (reference, workflow) in &definitions.workflows {
        let tasks: usize = workflow
            .tasks
            .iter()
            .map(|task| expansion_count(&task.for_each))
            .sum();
        let lines = vec![if tasks == 1 {
            "1 task".to_owned()
        } else {
            format!("{tasks} tasks")
        }];
        ids.insert(
            reference,
            drawing.node(reference.to_string(), lines, NodeKind::Workflow),
        );
    }
    let mut starts: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (reference, workflow) in &definitions.workflows {
        let own = ids[reference];
        if let Some(schedule) = &workflow.schedule {
            let label = vec![schedule.expression.clone(), schedule.timezone.clone()];
            starts.entry(label).or_default().push(own);
        }
        if !workflow.events.is_empty() {
            let count = workflow.events.len();
            let s = if count == 1 { "" } else { "s" };
            starts
                .entry(vec![format!("{count} event pattern{s}")])
                .or_default()
                .push(own);
        }
        let above: Vec<usize> = workflow
            .after
            .iter()
            .filter_map(|upstream| ids.get(upstream).copied())
            .collect();
        drawing.connect(&above, &[own]);
    }
    for (mut label, started) in starts {
        let lines = label.split_off(1);
        let start = drawing.node(label.remove(0), lines, NodeKind::Start);
        drawing.connect(&[start], &started);
    }
    drawing
}
