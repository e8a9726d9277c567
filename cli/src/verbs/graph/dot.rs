//! Graphviz' DOT.

use std::fmt::Write as _;

use super::drawing::{Drawing, NodeKind};

/// Writes the picture as DOT.
pub fn text(drawing: &Drawing) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&drawing.title));
    text.push_str("  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    for node in &drawing.nodes {
        let label = quoted(&node.label().collect::<Vec<_>>().join("\n"));
        let shape = match node.kind {
            NodeKind::Step | NodeKind::Workflow => "",
            NodeKind::Job => ", style=solid",
            NodeKind::Start => ", shape=ellipse, style=dashed",
            NodeKind::Join => ", shape=point",
        };
        let _ = writeln!(text, "  n{} [label={label}{shape}];", node.id);
    }
    for edge in &drawing.edges {
        let _ = writeln!(text, "  n{} -> n{};", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{text}\"")
}
