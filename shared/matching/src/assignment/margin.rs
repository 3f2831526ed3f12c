//! How much the best result loses when one of its pairs is forbidden.
//!
//! Under the prices of the best result every edge costs what using it would lose. Forbidding a pair means finding the
//! cheapest way from its left node to its right one around it: over other edges and the nodes these free, or through
//! staying alone, which is one more node that every left node can go to and every right one can come from.

use super::{Solved, graph::Graph};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Margins of all used edges, exact up to `cap`; none when it would look at more than `work` edges.
pub(super) fn all(graph: &Graph, solved: &Solved, cap: i64, work: &mut u64) -> Option<Vec<(usize, i64)>> {
    let mut user: Vec<Option<usize>> = vec![None; graph.rights()];
    for (left, at) in solved.used.iter().enumerate() {
        if let Some(at) = at {
            user[graph.arcs[*at].right] = Some(left);
        }
    }
    // A left node steps in for nothing where it stays alone, else for the price of the right node it leaves alone.
    let step_in = |left: usize| {
        let price = solved.used[left].map_or(0, |at| solved.right_prices[graph.arcs[at].right]);
        (price, left)
    };
    let mut steps: Vec<(i64, usize)> = (0..graph.lefts()).map(step_in).collect();
    steps.sort_unstable();
    let mut search = Search {
        graph,
        solved,
        user,
        steps,
        distances: vec![None; graph.lefts()],
        reached: Vec::new(),
        heap: BinaryHeap::new(),
    };
    let pairs = solved.used.iter().flatten();
    pairs.map(|at| search.around(*at, cap, work).map(|margin| (*at, margin))).collect()
}

struct Search<'g> {
    graph: &'g Graph,
    solved: &'g Solved,
    /// Left node that uses each right one.
    user: Vec<Option<usize>>,
    /// What it costs each left node to take part when another one leaves, cheapest first.
    steps: Vec<(i64, usize)>,
    distances: Vec<Option<i64>>,
    reached: Vec<usize>,
    heap: BinaryHeap<Reverse<(i64, usize)>>,
}

impl Search<'_> {
    fn around(&mut self, pair: usize, cap: i64, work: &mut u64) -> Option<i64> {
        let (start, goal) = (self.graph.arcs[pair].left, self.graph.arcs[pair].right);
        let mut best = cap;
        // Cheapest way to staying alone; once settled, other left nodes may step in.
        let mut to_alone: Option<i64> = None;
        let mut stepped_in = false;
        self.reach(start, 0);
        loop {
            let next = self.heap.peek().map(|Reverse((distance, _))| *distance);
            if let Some(distance) = to_alone.filter(|distance| !stepped_in && next.is_none_or(|next| *distance <= next))
            {
                stepped_in = true;
                best = best.min(distance + self.solved.right_prices[goal]);
                if distance < best {
                    for place in 0..self.steps.len() {
                        let (price, left) = self.steps[place];
                        if distance + price >= best {
                            break;
                        }
                        *work = work.checked_sub(1)?;
                        if left != start {
                            self.reach(left, distance + price);
                        }
                    }
                }
                continue;
            }
            let Some(Reverse((distance, left))) = self.heap.pop() else { break };
            if distance >= best {
                break;
            }
            if self.distances[left] != Some(distance) {
                continue;
            }
            let leave = distance + self.solved.left_prices[left];
            to_alone = Some(to_alone.map_or(leave, |known| known.min(leave)));
            for (at, arc) in self.graph.of_left(left) {
                *work = work.checked_sub(1)?;
                if at == pair || self.solved.used[left] == Some(at) {
                    continue;
                }
                let there = distance + self.solved.left_prices[left] + self.solved.right_prices[arc.right] - arc.weight;
                if there >= best {
                    continue;
                }
                if arc.right == goal {
                    best = there;
                } else if let Some(other) = self.user[arc.right] {
                    self.reach(other, there);
                } else {
                    to_alone = Some(to_alone.map_or(there, |known| known.min(there)));
                }
            }
        }
        for left in self.reached.drain(..) {
            self.distances[left] = None;
        }
        self.heap.clear();
        Some(best)
    }

    fn reach(&mut self, left: usize, distance: i64) {
        let known = &mut self.distances[left];
        if known.is_none_or(|known| distance < known) {
            if known.is_none() {
                self.reached.push(left);
            }
            *known = Some(distance);
            self.heap.push(Reverse((distance, left)));
        }
    }
}
