//! Which pairs to join so that the sum of their weights is largest, each record at most once, and by how much each pair is
//! ahead of the best result without it.
//!
//! Pure graph work: two sides of numbered nodes, edges with positive integer weights, a node may stay alone at weight 0.
//! First what is beyond doubt is committed ([`reduce`]), then connected components are solved one by one: small ones
//! densely, large ones along sparse shortest paths. Both solvers leave prices that prove the optimum, and margins are
//! shortest ways around a pair under these prices ([`margin`]). Where ties allow several optima the pairs in question
//! have margin 0, so no pick among them can matter.

mod components;
mod dense;
mod graph;
mod margin;
mod reduce;
mod sparse;

use graph::Graph;

/// An edge between node `left` of one side and node `right` of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub left: u32,
    pub right: u32,
    /// Above 0.
    pub weight: i64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Lead beyond which a pair is committed before anything else is looked at.
    pub commit_margin: i64,
    /// Margins are exact up to here; what is larger is given as this.
    pub margin_cap: i64,
    /// Edges looked at per component.
    pub max_work: u64,
}

/// A pair of the best result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pairing {
    /// Position in the edges given.
    pub edge: usize,
    /// Weight of the best result minus that of the best one without this pair; at least so much where it was
    /// committed early.
    pub margin: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Assignment {
    /// In order of their edges.
    pub pairs: Vec<Pairing>,
    /// Edges of each component that was too much work.
    pub unsolved: Vec<Vec<usize>>,
}

/// Components up to so many cells are solved densely: faster than looking for paths.
const DENSE_CELLS: usize = 4_096;

/// Prices that prove a matching to be the best one: they cover every edge, exactly where it is used, and are 0 for nodes
/// that stay alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Solved {
    /// Edge of the graph used by each left node.
    used: Vec<Option<usize>>,
    left_prices: Vec<i64>,
    right_prices: Vec<i64>,
}

/// The best assignment over edges in any order.
pub(crate) fn assign(edges: &[Edge], limits: Limits) -> Assignment {
    let (mut pairs, rest) = reduce::commit(edges, limits.commit_margin);
    let mut unsolved = Vec::new();
    for component in components::of(edges, &rest) {
        match solve(edges, &component, limits) {
            Some(found) => pairs.extend(found),
            None => unsolved.push(component),
        }
    }
    pairs.sort_unstable();
    Assignment { pairs, unsolved }
}

fn solve(edges: &[Edge], component: &[usize], limits: Limits) -> Option<Vec<Pairing>> {
    if let [only] = component {
        let margin = edges.get(*only).map_or(0, |edge| edge.weight).min(limits.margin_cap);
        return Some(vec![Pairing { edge: *only, margin }]);
    }
    let graph = Graph::of(edges, component);
    let mut work = limits.max_work;
    let solved = if graph.lefts().saturating_mul(graph.rights()) <= DENSE_CELLS {
        dense::solve(&graph)
    } else {
        sparse::solve(&graph, &mut work)?
    };
    let margins = margin::all(&graph, &solved, limits.margin_cap, &mut work)?;
    let pair = |(at, margin): (usize, i64)| component.get(at).map(|edge| Pairing { edge: *edge, margin });
    Some(margins.into_iter().filter_map(pair).collect())
}

#[cfg(test)]
mod tests;
