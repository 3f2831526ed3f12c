//! One component with its nodes renumbered from 0 and its edges listed by node.

use super::Edge;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    pub left: usize,
    pub right: usize,
    pub weight: i64,
}

#[derive(Debug)]
pub(crate) struct Graph {
    pub arcs: Vec<Arc>,
    by_left: Vec<Vec<usize>>,
    rights: usize,
}

impl Graph {
    /// Arcs keep the order of `component`.
    pub fn of(edges: &[Edge], component: &[usize]) -> Self {
        let chosen = || component.iter().filter_map(|at| edges.get(*at));
        let numbers = |node: fn(&Edge) -> u32| {
            let mut all: Vec<u32> = chosen().map(node).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (lefts, rights) = (numbers(|edge| edge.left), numbers(|edge| edge.right));
        let place = |all: &[u32], node: u32| all.partition_point(|other| *other < node);
        let arcs: Vec<Arc> = chosen()
            .map(|edge| Arc { left: place(&lefts, edge.left), right: place(&rights, edge.right), weight: edge.weight })
            .collect();
        let mut by_left = vec![Vec::new(); lefts.len()];
        for (at, arc) in arcs.iter().enumerate() {
            if let Some(own) = by_left.get_mut(arc.left) {
                own.push(at);
            }
        }
        Self { arcs, by_left, rights: rights.len() }
    }

    pub fn lefts(&self) -> usize {
        self.by_left.len()
    }

    pub fn rights(&self) -> usize {
        self.rights
    }

    /// Arcs of a left node with their positions.
    pub fn of_left(&self, left: usize) -> impl Iterator<Item = (usize, Arc)> {
        self.by_left.get(left).into_iter().flatten().filter_map(|at| self.arcs.get(*at).map(|arc| (*at, *arc)))
    }
}
