//! Successive shortest augmenting paths along the edges there are (Edmonds and Karp 1972, with prices by Tomizawa 1971 and
//! Dijkstra's search on a heap): for large components, whose full matrix nobody could hold.

use super::{Solved, graph::Graph};
use std::{cmp::Reverse, collections::BinaryHeap};

/// How a search ends.
#[derive(Clone, Copy)]
enum End {
    /// At a right node that is free.
    Free(usize),
    /// By leaving a left node alone.
    Alone(usize),
}

/// None when it would look at more than `work` edges.
pub(super) fn solve(graph: &Graph, work: &mut u64) -> Option<Solved> {
    let (lefts, rights) = (graph.lefts(), graph.rights());
    let heaviest = |left: usize| graph.of_left(left).map(|(_, arc)| arc.weight).max().unwrap_or(0);
    let mut left_prices: Vec<i64> = (0..lefts).map(heaviest).collect();
    let mut right_prices = vec![0_i64; rights];
    let mut used: Vec<Option<usize>> = vec![None; lefts];
    let mut user: Vec<Option<usize>> = vec![None; rights];
    let mut left_distance: Vec<Option<i64>> = vec![None; lefts];
    let mut right_distance: Vec<Option<i64>> = vec![None; rights];
    let mut came_by: Vec<usize> = vec![0; rights];
    for start in 0..lefts {
        let mut reached_lefts = vec![start];
        let mut reached_rights: Vec<usize> = Vec::new();
        let mut settled_rights: Vec<usize> = Vec::new();
        let mut heap: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
        left_distance[start] = Some(0);
        let mut best = (left_prices[start], End::Alone(start));
        let mut expand = Some((start, 0));
        loop {
            if let Some((left, distance)) = expand.take() {
                for (at, arc) in graph.of_left(left) {
                    *work = work.checked_sub(1)?;
                    let there = distance + left_prices[left] + right_prices[arc.right] - arc.weight;
                    if there < best.0 && right_distance[arc.right].is_none_or(|known| there < known) {
                        if right_distance[arc.right].is_none() {
                            reached_rights.push(arc.right);
                        }
                        right_distance[arc.right] = Some(there);
                        came_by[arc.right] = at;
                        heap.push(Reverse((there, arc.right)));
                    }
                }
            }
            let Some(Reverse((distance, right))) = heap.pop() else { break };
            if distance >= best.0 {
                break;
            }
            if right_distance[right] != Some(distance) {
                continue;
            }
            settled_rights.push(right);
            match user[right] {
                None => {
                    best = (distance, End::Free(right));
                    break;
                }
                Some(at) => {
                    let left = graph.arcs[at].left;
                    if left_distance[left].is_none() {
                        left_distance[left] = Some(distance);
                        reached_lefts.push(left);
                        if distance + left_prices[left] < best.0 {
                            best = (distance + left_prices[left], End::Alone(left));
                        }
                        expand = Some((left, distance));
                    }
                }
            }
        }
        let whole = best.0;
        for left in reached_lefts {
            if let Some(distance) = left_distance[left].take() {
                left_prices[left] -= (whole - distance).max(0);
            }
        }
        for right in settled_rights {
            if let Some(distance) = right_distance[right] {
                right_prices[right] += (whole - distance).max(0);
            }
        }
        for right in reached_rights {
            right_distance[right] = None;
        }
        turn(graph, best.1, start, &came_by, &mut used, &mut user);
    }
    Some(Solved { used, left_prices, right_prices })
}

/// Uses the edges of the path that were not used, and the other way round.
fn turn(
    graph: &Graph,
    end: End,
    start: usize,
    came_by: &[usize],
    used: &mut [Option<usize>],
    user: &mut [Option<usize>],
) {
    let mut right = match end {
        End::Free(right) => right,
        End::Alone(left) if left == start => return,
        End::Alone(left) => {
            let Some(at) = used[left].take() else { return };
            graph.arcs[at].right
        }
    };
    loop {
        let at = came_by[right];
        let left = graph.arcs[at].left;
        let before = used[left].replace(at);
        user[right] = Some(at);
        match before {
            Some(before) if left != start => right = graph.arcs[before].right,
            _ => return,
        }
    }
}
