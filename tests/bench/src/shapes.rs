//! The shapes that are measured.

use model::definition::Workflow;
use testkit::flow;

/// A workload.
pub struct Shape {
    pub name: &'static str,
    /// How many workflows run at once; each a copy of the same shape.
    pub workflows: usize,
    pub make: fn() -> Workflow,
}

/// Every shape, as it is named in reports.
pub fn all() -> Vec<Shape> {
    let one = |name, make| Shape {
        name,
        workflows: 1,
        make,
    };
    vec![
        one("chain-100", || chain(100)),
        one("fan-500", || fan(500)),
        one("layers-10x50", || layers(10, 50)),
        one("layers-10x50-random-5", || random_layers(10, 50, 5)),
        one("chain-1000", || chain(1_000)),
        one("fan-5000", || fan(5_000)),
        one("layers-10x500", || layers(10, 500)),
        one("layers-10x500-random-5", || random_layers(10, 500, 5)),
        one("fan-10000", || fan(10_000)),
        Shape {
            name: "workflows-1-chain-10",
            workflows: 1,
            make: || chain(10),
        },
        Shape {
            name: "workflows-1000-chain-10",
            workflows: 1_000,
            make: || chain(10),
        },
    ]
}

/// One task after another.
fn chain(length: usize) -> Workflow {
    let names: Vec<String> = (0..length).map(|at| format!("t{at}")).collect();
    let after: Vec<Vec<&str>> = (0..length)
        .map(|at| {
            at.checked_sub(1)
                .map(|before| names[before].as_str())
                .into_iter()
                .collect()
        })
        .collect();
    rows(&names, &after)
}

/// One, then many side by side, then one.
fn fan(width: usize) -> Workflow {
    let words = format!("n={width}");
    flow::workflow(&[
        ("first", &[], ""),
        ("many", &["first"], &words),
        ("last", &["many"], ""),
    ])
}

/// Layers, each task after the whole layer before it.
fn layers(count: usize, width: usize) -> Workflow {
    let words = format!("n={width}");
    let names: Vec<String> = (0..count).map(|layer| format!("l{layer}")).collect();
    let after: Vec<Vec<&str>> = (0..count)
        .map(|at| {
            at.checked_sub(1)
                .map(|before| names[before].as_str())
                .into_iter()
                .collect()
        })
        .collect();
    let rows: Vec<(&str, &[&str], &str)> = names
        .iter()
        .zip(&after)
        .map(|(name, after)| (name.as_str(), after.as_slice(), words.as_str()))
        .collect();
    flow::workflow(&rows)
}

/// Layers, each task after a few tasks of the layer before it, drawn from a fixed sequence.
fn random_layers(count: usize, width: usize, few: usize) -> Workflow {
    let name = |layer: usize, at: usize| format!("l{layer}-t{at}");
    let names: Vec<String> = (0..count)
        .flat_map(|layer| (0..width).map(move |at| name(layer, at)))
        .collect();
    let mut state: u64 = 42;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let mut after: Vec<Vec<&str>> = Vec::with_capacity(names.len());
    for at in 0..names.len() {
        let above = (at / width).checked_sub(1).map(|layer| layer * width);
        let drawn = above.map_or_else(Vec::new, |first| {
            (0..few)
                .map(|_| names[first + draw(width)].as_str())
                .collect()
        });
        after.push(drawn);
    }
    rows(&names, &after)
}

fn rows(names: &[String], after: &[Vec<&str>]) -> Workflow {
    let rows: Vec<(&str, &[&str], &str)> = names
        .iter()
        .zip(after)
        .map(|(name, after)| (name.as_str(), after.as_slice(), ""))
        .collect();
    flow::workflow(&rows)
}
