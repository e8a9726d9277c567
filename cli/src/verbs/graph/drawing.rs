//! What is drawn: nodes and edges, whatever draws them.

use serde::Serialize;

/// A picture to be drawn.
#[derive(Debug, Default, Serialize)]
pub struct Drawing {
    pub title: String,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// A node; its id is its place among the nodes.
#[derive(Debug, Serialize)]
pub struct Node {
    pub id: usize,
    pub name: String,
    /// What is said below the name, line by line.
    pub lines: Vec<String>,
    pub kind: NodeKind,
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Work on a cluster.
    Step,
    /// A Batch job.
    Job,
    Workflow,
    /// What starts a workflow from outside.
    Start,
    /// Where many edges meet, so that fifty after fifty are a hundred edges and not 2,500.
    Join,
}

/// An edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
}

impl Drawing {
    /// Begins a picture.
    pub fn new(title: String) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    /// Adds a node, and says its id.
    pub fn node(&mut self, name: String, lines: Vec<String>, kind: NodeKind) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node {
            id,
            name,
            lines,
            kind,
        });
        id
    }

    /// Adds edges from each to each, through a node where that takes fewer.
    pub fn connect(&mut self, from: &[usize], to: &[usize]) {
        if from.len() * to.len() <= from.len() + to.len() + 4 {
            let edges = from
                .iter()
                .flat_map(|from| to.iter().map(|to| (*from, *to)));
            self.edges.extend(edges.map(|(from, to)| Edge { from, to }));
            return;
        }
        let join = self.node(String::new(), Vec::new(), NodeKind::Join);
        self.edges.extend(from.iter().map(|from| Edge {
            from: *from,
            to: join,
        }));
        self.edges.extend(to.iter().map(|to| Edge {
            from: join,
            to: *to,
        }));
    }
}

impl Node {
    /// Name and lines, as they stand below each other.
    pub fn label(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.lines.iter().map(String::as_str))
    }
}
