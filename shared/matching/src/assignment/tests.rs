//! Held against trying everything, and the two solvers against each other.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const OPEN: Limits = Limits { commit_margin: i64::MAX, margin_cap: i64::MAX / 8, max_work: u64::MAX };

/// Weight of the best assignment by trying every choice for every left node; `without` may not be used.
fn by_force(edges: &[Edge], without: Option<usize>) -> i64 {
    fn best(lefts: &[Vec<(u32, i64)>], taken: u64) -> i64 {
        let Some((first, rest)) = lefts.split_first() else { return 0 };
        let alone = best(rest, taken);
        let choices = first.iter().filter(|(right, _)| taken & (1 << right) == 0);
        choices.map(|(right, weight)| weight + best(rest, taken | (1 << right))).chain([alone]).max().unwrap_or(alone)
    }
    let mut lefts: BTreeMap<u32, Vec<(u32, i64)>> = BTreeMap::new();
    for (_, edge) in edges.iter().enumerate().filter(|(at, _)| Some(*at) != without) {
        lefts.entry(edge.left).or_default().push((edge.right, edge.weight));
    }
    best(&lefts.into_values().collect::<Vec<_>>(), 0)
}

fn weight(edges: &[Edge], found: &Assignment) -> i64 {
    found.pairs.iter().map(|pair| edges[pair.edge].weight).sum()
}

/// Random small graphs with few distinct weights, so that ties are frequent.
fn graphs(nodes: u32, weights: i64) -> impl Strategy<Value = Vec<Edge>> {
    prop::collection::btree_map((0..nodes, 0..nodes), 1..=weights, 0..=(nodes * nodes) as usize)
        .prop_map(|edges| edges.into_iter().map(|((left, right), weight)| Edge { left, right, weight }).collect())
}

fn exclusive(edges: &[Edge], found: &Assignment) -> bool {
    let once = |node: fn(&Edge) -> u32| {
        let mut all: Vec<u32> = found.pairs.iter().map(|pair| node(&edges[pair.edge])).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        all.len() == count
    };
    once(|edge| edge.left) && once(|edge| edge.right)
}

fn sparse_only(edges: &[Edge]) -> (i64, BTreeMap<usize, i64>) {
    let all: Vec<usize> = (0..edges.len()).collect();
    let mut weight = 0;
    let mut margins = BTreeMap::new();
    for component in components::of(edges, &all) {
        let graph = Graph::of(edges, &component);
        let mut work = u64::MAX;
        let solved = sparse::solve(&graph, &mut work).expect("no budget");
        proves_itself(&graph, &solved);
        for (at, margin) in margin::all(&graph, &solved, OPEN.margin_cap, &mut work).expect("no budget") {
            weight += graph.arcs[at].weight;
            margins.insert(component[at], margin);
        }
    }
    (weight, margins)
}

/// Prices cover every edge, exactly where used, and nodes that stay alone have none.
fn proves_itself(graph: &Graph, solved: &Solved) {
    let mut right_used = vec![false; graph.rights()];
    for (left, used) in solved.used.iter().enumerate() {
        match used {
            Some(at) => {
                let arc = graph.arcs[*at];
                assert_eq!(arc.left, left);
                assert_eq!(solved.left_prices[left] + solved.right_prices[arc.right], arc.weight);
                right_used[arc.right] = true;
            }
            None => assert_eq!(solved.left_prices[left], 0),
        }
    }
    for (right, used) in right_used.iter().enumerate().filter(|(_, used)| !**used) {
        assert_eq!((solved.right_prices[right], used), (0, &false));
    }
    assert!(solved.left_prices.iter().chain(&solved.right_prices).all(|price| *price >= 0));
    assert!(graph.arcs.iter().all(|arc| solved.left_prices[arc.left] + solved.right_prices[arc.right] >= arc.weight));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_heavier(edges in graphs(5, 12)) {
        let found = assign(&edges, OPEN);
        prop_assert!(exclusive(&edges, &found));
        prop_assert_eq!(weight(&edges, &found), by_force(&edges, None));
    }

    #[test]
    fn a_margin_is_what_forbidding_the_pair_costs(edges in graphs(5, 9)) {
        let whole = by_force(&edges, None);
        for pair in assign(&edges, OPEN).pairs {
            prop_assert_eq!(pair.margin, whole - by_force(&edges, Some(pair.edge)), "{:?}", edges[pair.edge]);
        }
    }

    #[test]
    fn sparse_equals_dense(edges in graphs(7, 30)) {
        let (weight_found, margins) = sparse_only(&edges);
        let dense = assign(&edges, OPEN);
        prop_assert_eq!(weight_found, weight(&edges, &dense));
        // Pairs beyond a tie are the same with the same margins; tied ones may differ.
        let clear = |pairs: &mut dyn Iterator<Item = (usize, i64)>| pairs.filter(|(_, margin)| *margin > 0).collect::<Vec<_>>();
        let left = clear(&mut margins.into_iter());
        let right = clear(&mut dense.pairs.iter().map(|pair| (pair.edge, pair.margin)));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn committing_early_changes_no_result(edges in graphs(6, 40), margin in 1..20_i64) {
        let early = assign(&edges, Limits { commit_margin: margin, ..OPEN });
        let late = assign(&edges, OPEN);
        prop_assert_eq!(weight(&edges, &early), weight(&edges, &late));
        let exact: BTreeMap<usize, i64> = late.pairs.iter().map(|pair| (pair.edge, pair.margin)).collect();
        for pair in &early.pairs {
            let known = exact.get(&pair.edge).copied();
            if pair.margin < margin {
                if pair.margin > 0 {
                    prop_assert_eq!(Some(pair.margin), known, "what is not committed has its exact margin");
                }
            } else {
                prop_assert!(known.is_some_and(|known| known >= margin), "what is committed is at least so far ahead");
            }
        }
    }

    #[test]
    fn sides_and_order_do_not_matter(edges in graphs(6, 8), seed in any::<u64>()) {
        let key = |at: usize| (at as u64 + 1).wrapping_mul(seed | 1) % 1_000_003;
        let mut order: Vec<usize> = (0..edges.len()).collect();
        order.sort_by_key(|at| key(*at));
        let turned: Vec<Edge> = order.iter().map(|at| Edge { left: edges[*at].right, right: edges[*at].left, weight: edges[*at].weight }).collect();
        let clear = |edges: &[Edge], turn: bool, found: Assignment| {
            let mut pairs: Vec<(u32, u32, i64)> = found.pairs.iter().filter(|pair| pair.margin > 0).map(|pair| {
                let edge = edges[pair.edge];
                if turn { (edge.right, edge.left, pair.margin) } else { (edge.left, edge.right, pair.margin) }
            }).collect();
            pairs.sort_unstable();
            pairs
        };
        prop_assert_eq!(clear(&edges, false, assign(&edges, OPEN)), clear(&turned, true, assign(&turned, OPEN)));
    }
}

#[test]
fn a_component_too_large_is_left_as_a_whole() {
    // A ring of 25,000 on each side: every node has two edges, nothing is beyond doubt.
    let count = 25_000;
    let ring =
        |at: u32| [Edge { left: at, right: at, weight: 10 }, Edge { left: at, right: (at + 1) % count, weight: 9 }];
    let edges: Vec<Edge> = (0..count).flat_map(ring).collect();
    let limits = Limits { commit_margin: 50, margin_cap: 100, max_work: 20_000 };
    let found = assign(&edges, limits);
    assert!(found.pairs.is_empty());
    assert_eq!(found.unsolved.iter().map(Vec::len).collect::<Vec<_>>(), [edges.len()]);
    // With enough work allowed the same component is solved.
    let found = assign(&edges, Limits { max_work: 50_000_000, ..limits });
    assert_eq!(found.pairs.len(), count as usize);
    assert!(found.pairs.iter().all(|pair| edges[pair.edge].weight == 10));
}
