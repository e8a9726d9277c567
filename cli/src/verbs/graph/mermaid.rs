//! Mermaid's flowcharts.

use std::fmt::Write as _;

use super::drawing::{Drawing, NodeKind};

/// Writes the picture as a Mermaid flowchart.
pub fn text(drawing: &Drawing) -> String {
    let mut text = String::from("flowchart LR\n");
    for node in &drawing.nodes {
        // Names may be words of Mermaid's own, such as `end`, so nodes are numbered.
        let label = node.label().map(escaped).collect::<Vec<_>>().join("<br>");
        let (open, close) = match node.kind {
            NodeKind::Step | NodeKind::Workflow => ("(\"", "\")"),
            NodeKind::Job => ("[\"", "\"]"),
            NodeKind::Start => ("([\"", "\"])"),
            NodeKind::Join => ("((\"", "\"))"),
        };
        let label = if node.kind == NodeKind::Join {
            " ".to_owned()
        } else {
            label
        };
        let _ = writeln!(text, "  n{}{open}{label}{close}", node.id);
    }
    for edge in &drawing.edges {
        let _ = writeln!(text, "  n{} --> n{}", edge.from, edge.to);
    }
    text
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
