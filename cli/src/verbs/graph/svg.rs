//! A picture, laid out by `layout-rs`.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::drawing::{Drawing, Node, NodeKind};
use crate::exit::Failure;

/// The layout takes time with the square of the nodes.
const MOST_NODES: usize = 1_000;
/// The same as of arrows: with one size of type the picture is the same each time.
const FONT: usize = 15;

/// Draws the picture.
pub fn text(drawing: &Drawing) -> Result<String, Failure> {
    if drawing.nodes.len() > MOST_NODES {
        let count = drawing.nodes.len();
        return Err(
            Failure::usage(format!("{count} nodes are too many for one picture"))
                .help("leave --expand away, or draw it with Graphviz: --as dot"),
        );
    }
    let mut graph = VisualGraph::new(Orientation::LeftToRight);
    let handles: Vec<_> = drawing
        .nodes
        .iter()
        .map(|node| graph.add_node(element(node)))
        .collect();
    for edge in &drawing.edges {
        graph.add_edge(Arrow::simple(""), handles[edge.from], handles[edge.to]);
    }
    let mut writer = SVGWriter::new();
    graph.do_it(false, false, false, &mut writer);
    Ok(writer
        .finalize()
        .replace("Times, serif", "system-ui, sans-serif")
        + "\n")
}

fn element(node: &Node) -> Element {
    let (fill, line) = match node.kind {
        NodeKind::Step => ("#e8f1fbff", "#3b6ea5ff"),
        NodeKind::Job => ("#fdf3e3ff", "#b07a1cff"),
        NodeKind::Workflow => ("#eaf6ecff", "#3c8547ff"),
        NodeKind::Start => ("#f4f4f4ff", "#777777ff"),
        NodeKind::Join => ("#777777ff", "#777777ff"),
    };
    let color = |text: &str| Color::from_name(text).unwrap_or_else(|| Color::fast("black"));
    let rounded = if node.kind == NodeKind::Job { 0 } else { 8 };
    let look = StyleAttr::new(color(line), 1, Some(color(fill)), rounded, FONT);
    let lines: Vec<&str> = node.label().collect();
    let widest = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let (width, height) = (
        widest as f64 * FONT as f64 * 0.58 + 24.0,
        lines.len() as f64 * 18.0 + 16.0,
    );
    let (shape, size) = match node.kind {
        NodeKind::Join => (ShapeKind::new_circle(""), Point::new(10.0, 10.0)),
        NodeKind::Step | NodeKind::Job | NodeKind::Workflow | NodeKind::Start => (
            ShapeKind::new_box(&lines.join("\n")),
            Point::new(width, height),
        ),
    };
    Element::create(shape, look, Orientation::LeftToRight, size)
}
