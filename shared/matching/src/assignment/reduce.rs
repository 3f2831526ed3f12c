//! Commits what is beyond doubt before anything is solved.
//!
//! An edge that outweighs the best alternatives of its two ends together by the margin is in every best result: whoever
//! leaves it out can exchange at most these two for it and gains the margin. Without its two nodes the other margins
//! stay what they were, because leaving it out never pays. What becomes beyond doubt then follows in the next round.

use super::{Edge, Pairing};
use std::collections::BTreeSet;

#[derive(Default)]
struct Node {
    /// Positions of its edges, heaviest first.
    edges: Vec<usize>,
    gone: bool,
}

/// The committed pairs, and the positions of the edges that remain.
pub(super) fn commit(edges: &[Edge], margin: i64) -> (Vec<Pairing>, Vec<usize>) {
    let lefts = edges.iter().map(|edge| edge.left as usize + 1).max().unwrap_or(0);
    let rights = edges.iter().map(|edge| edge.right as usize + 1).max().unwrap_or(0);
    let mut nodes: Vec<Node> = std::iter::repeat_with(Node::default).take(lefts + rights).collect();
    let ends = |edge: &Edge| [edge.left as usize, lefts + edge.right as usize];
    for (at, edge) in edges.iter().enumerate() {
        for end in ends(edge) {
            nodes[end].edges.push(at);
        }
    }
    for node in &mut nodes {
        node.edges.sort_by_key(|at| std::cmp::Reverse(edges[*at].weight));
    }
    let alive = |nodes: &[Node], at: usize| ends(&edges[at]).into_iter().all(|end| !nodes[end].gone);
    let mut pairs: Vec<Pairing> = Vec::new();
    // Nodes whose best edges may have changed.
    let mut changed: BTreeSet<usize> = (0..nodes.len()).filter(|at| !nodes[*at].edges.is_empty()).collect();
    while !changed.is_empty() {
        let mut round: BTreeSet<usize> = BTreeSet::new();
        for node in changed.iter().filter(|node| !nodes[**node].gone) {
            round.extend(nodes[*node].edges.iter().copied().find(|at| alive(&nodes, *at)));
        }
        // Everything that this round commits is judged by the state at its beginning, so no order can matter.
        let sure: Vec<Pairing> = round
            .into_iter()
            .filter_map(|at| {
                let edge = edges.get(at)?;
                let alternative = |end: usize| {
                    let others = nodes[end].edges.iter().filter(|other| **other != at && alive(&nodes, **other));
                    others.map(|other| edges[*other].weight).next().unwrap_or(0)
                };
                let lead = edge.weight - ends(edge).into_iter().map(alternative).sum::<i64>();
                (lead >= margin).then_some(Pairing { edge: at, margin: lead })
            })
            .collect();
        changed.clear();
        for pair in &sure {
            for end in ends(&edges[pair.edge]) {
                nodes[end].gone = true;
            }
        }
        for pair in &sure {
            for end in ends(&edges[pair.edge]) {
                changed.extend(
                    nodes[end].edges.iter().flat_map(|at| ends(&edges[*at])).filter(|other| !nodes[*other].gone),
                );
            }
        }
        pairs.extend(sure);
    }
    let rest = (0..edges.len()).filter(|at| alive(&nodes, *at)).collect();
    (pairs, rest)
}
