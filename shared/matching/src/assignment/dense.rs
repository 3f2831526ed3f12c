//! The Hungarian method on a full matrix, rows one by one (Kuhn 1955 in the form of Jonker and Volgenant 1987): for small
//! components, where following edges costs more than reading cells.

use super::{Solved, graph::Graph};

const FAR: i64 = i64::MAX / 4;

/// Rows are left nodes; there is always a column more than rows, where a row may stay alone at no cost.
pub(super) fn solve(graph: &Graph) -> Solved {
    let rows = graph.lefts();
    let columns = rows.max(graph.rights()) + 1;
    // Cost of a cell is its negative weight; row and column 0 are the method's own.
    let mut cost = vec![vec![0_i64; columns + 1]; rows + 1];
    let mut edge_of = vec![vec![None; columns + 1]; rows + 1];
    for (at, arc) in graph.arcs.iter().enumerate() {
        cost[arc.left + 1][arc.right + 1] = -arc.weight;
        edge_of[arc.left + 1][arc.right + 1] = Some(at);
    }
    let mut row_price = vec![0_i64; rows + 1];
    let mut column_price = vec![0_i64; columns + 1];
    let mut row_of = vec![0_usize; columns + 1];
    let mut way = vec![0_usize; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![FAR; columns + 1];
        let mut seen = vec![false; columns + 1];
        loop {
            seen[column] = true;
            let from = row_of[column];
            let mut step = FAR;
            let mut next = 0;
            for other in (1..=columns).filter(|other| !seen[*other]) {
                let reduced = cost[from][other] - row_price[from] - column_price[other];
                if reduced < least[other] {
                    least[other] = reduced;
                    way[other] = column;
                }
                if least[other] < step {
                    step = least[other];
                    next = other;
                }
            }
            for (other, seen) in seen.iter().enumerate() {
                if *seen {
                    row_price[row_of[other]] += step;
                    column_price[other] -= step;
                } else {
                    least[other] -= step;
                }
            }
            column = next;
            if row_of[column] == 0 {
                break;
            }
        }
        while column != 0 {
            let before = way[column];
            row_of[column] = row_of[before];
            column = before;
        }
    }
    let mut used = vec![None; rows];
    for (column, row) in row_of.iter().enumerate().skip(1) {
        if let Some(row) = row.checked_sub(1) {
            used[row] = edge_of[row + 1][column];
        }
    }
    Solved {
        used,
        left_prices: row_price.iter().skip(1).map(|price| -price).collect(),
        right_prices: column_price.iter().skip(1).take(graph.rights()).map(|price| -price).collect(),
    }
}
