//! Who waits for whom: cycles, found and written out.

use std::collections::{HashMap, VecDeque};

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::Span;

/// Names with arrows from what comes before to what comes after, each arrow with where it is
/// written.
#[derive(Default)]
pub(super) struct Graph {
    names: DiGraph<String, Span>,
}

impl Graph {
    pub(super) fn node(&mut self, name: impl Into<String>) -> NodeIndex {
        self.names.add_node(name.into())
    }

    pub(super) fn edge(&mut self, before: NodeIndex, after: NodeIndex, at: Span) {
        self.names.add_edge(before, after, at);
    }

    /// Reports one cycle for each knot of names that wait for each other; says whether there is one.
    pub(super) fn check_cycles(&self, what: &str, findings: &mut Findings<'_>) -> bool {
        let mut any = false;
        // Kosaraju's algorithm keeps its own stack: a chain of any length ends.
        for knot in kosaraju_scc(&self.names) {
            let Some((cycle, at)) = self.cycle_in(&knot) else {
                continue;
            };
            any = true;
            let message = format!("these {what} wait for each other: {}", shortened(&cycle));
            findings
                .error(Code::Cycle, at, message)
                .help("take one `after` out of this circle");
        }
        any
    }

    /// Finds the shortest cycle through the first name of a knot, with where its last arrow is
    /// written; `None` when the knot is a single name that does not wait for itself.
    fn cycle_in(&self, knot: &[NodeIndex]) -> Option<(Vec<&str>, Span)> {
        let start = knot.iter().copied().min()?;
        let mut came_from: HashMap<NodeIndex, NodeIndex> = HashMap::new();
        let mut pending = VecDeque::from([start]);
        while let Some(node) = pending.pop_front() {
            for edge in self.names.edges(node) {
                let next = edge.target();
                if next == start {
                    let back =
                        std::iter::successors(Some(node), |node| came_from.get(node).copied());
                    let mut cycle: Vec<&str> = back.map(|node| self.names[node].as_str()).collect();
                    cycle.reverse();
                    cycle.push(&self.names[start]);
                    return Some((cycle, *edge.weight()));
                }
                // What leaves the knot never comes back, but searching it is only wasted time.
                if knot.len() > 1 && !came_from.contains_key(&next) {
                    came_from.insert(next, node);
                    pending.push_back(next);
                }
            }
        }
        None
    }

    /// Finds a name above which more than so many others lie in a row, with its last arrow; the
    /// graph must have no cycle.
    pub(super) fn deeper_than(&self, most: usize) -> Option<(&str, Span)> {
        let order = toposort(&self.names, None).ok()?;
        let mut depths = vec![0_usize; self.names.node_count()];
        for node in order {
            for edge in self.names.edges(node) {
                let depth = depths[node.index()] + 1;
                if depth > most {
                    return Some((&self.names[edge.target()], *edge.weight()));
                }
                let known = &mut depths[edge.target().index()];
                *known = depth.max(*known);
            }
        }
        None
    }
}

/// Writes a cycle out; of a long one the beginning and the end.
fn shortened(cycle: &[&str]) -> String {
    const HEAD: usize = 6;
    const TAIL: usize = 4;
    if cycle.len() <= HEAD + TAIL + 1 {
        return cycle.join(" → ");
    }
    let (head, tail) = (&cycle[..HEAD], &cycle[cycle.len() - TAIL..]);
    let left_out = cycle.len() - HEAD - TAIL;
    format!(
        "{} → … {left_out} more … → {}",
        head.join(" → "),
        tail.join(" → ")
    )
}
