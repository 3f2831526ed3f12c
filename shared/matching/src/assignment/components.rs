//! Connected components of a bipartite graph, by union-find with path halving and union by size (Tarjan 1975).

use super::Edge;
use std::collections::BTreeMap;

struct Forest {
    parents: Vec<u32>,
    sizes: Vec<u32>,
}

impl Forest {
    fn root(&mut self, mut node: u32) -> u32 {
        while let Some(parent) = self.parents.get(node as usize).copied().filter(|parent| *parent != node) {
            let grandparent = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(place) = self.parents.get_mut(node as usize) {
                *place = grandparent;
            }
            node = grandparent;
        }
        node
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let size = |forest: &Self, node: u32| forest.sizes.get(node as usize).copied().unwrap_or(0);
        let (small, large) = if size(self, a) < size(self, b) { (a, b) } else { (b, a) };
        if small == large {
            return;
        }
        let sum = size(self, small) + size(self, large);
        if let Some(place) = self.parents.get_mut(small as usize) {
            *place = large;
        }
        if let Some(place) = self.sizes.get_mut(large as usize) {
            *place = sum;
        }
    }
}

/// The components of the edges at `chosen`, each in the order of `chosen`, in order of their first edges.
pub(super) fn of(edges: &[Edge], chosen: &[usize]) -> Vec<Vec<usize>> {
    let all = || chosen.iter().filter_map(|at| edges.get(*at).map(|edge| (*at, *edge)));
    let lefts = all().map(|(_, edge)| edge.left + 1).max().unwrap_or(0);
    let rights = all().map(|(_, edge)| edge.right + 1).max().unwrap_or(0);
    let nodes = lefts.saturating_add(rights);
    let mut forest = Forest { parents: (0..nodes).collect(), sizes: vec![1; nodes as usize] };
    for (_, edge) in all() {
        forest.join(edge.left, lefts + edge.right);
    }
    let mut numbers: BTreeMap<u32, usize> = BTreeMap::new();
    let mut components: Vec<Vec<usize>> = Vec::new();
    for (at, edge) in all() {
        let next = components.len();
        let number = *numbers.entry(forest.root(edge.left)).or_insert(next);
        if number == next {
            components.push(Vec::new());
        }
        if let Some(component) = components.get_mut(number) {
            component.push(at);
        }
    }
    components
}
