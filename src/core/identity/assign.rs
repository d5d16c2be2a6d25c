//! The best assignment: which rows before become which rows after, so that the whole fits best.

/// A pair that could be, and how well it fits (above 0).
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) score: f64,
}

/// Above so many rows on one side of a block the best pairs are taken first instead of the best whole: O(n³) would be felt.
const EXACT_UP_TO: usize = 150;

/// Chooses edges so that no row has two and the sum of their scores is greatest. A row may stay alone, which scores 0.
///
/// Gives positions in `edges`, ascending.
pub(super) fn assign(edges: &[Edge]) -> Vec<usize> {
    let mut chosen: Vec<usize> = blocks(edges)
        .into_iter()
        .flat_map(|block| assign_block(edges, &block))
        .collect();
    chosen.sort_unstable();
    chosen
}

/// The edges apart by which rows they connect, directly or through others.
pub(super) fn blocks(edges: &[Edge]) -> Vec<Vec<usize>> {
    let befores = edges.iter().map(|edge| edge.before + 1).max().unwrap_or(0);
    let afters = edges.iter().map(|edge| edge.after + 1).max().unwrap_or(0);
    let mut sets = Sets::new(befores + afters);
    for edge in edges {
        sets.join(edge.before, befores + edge.after);
    }
    let mut block_of: Vec<Option<usize>> = vec![None; befores + afters];
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (at, edge) in edges.iter().enumerate() {
        let root = sets.root(edge.before);
        let block = *block_of[root].get_or_insert_with(|| {
            found.push(Vec::new());
            found.len() - 1
        });
        found[block].push(at);
    }
    found
}

/// Sets that grow together.
pub(super) struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    pub(super) fn new(count: usize) -> Self {
        Self {
            parent: (0..count).collect(),
        }
    }

    pub(super) fn root(&mut self, of: usize) -> usize {
        let mut at = of;
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.parent[one.max(other)] = one.min(other);
    }
}

fn assign_block(edges: &[Edge], block: &[usize]) -> Vec<usize> {
    if let [only] = block {
        return vec![*only];
    }
    let side = |of: fn(&Edge) -> usize| -> Vec<usize> {
        let mut rows: Vec<usize> = block.iter().map(|&at| of(&edges[at])).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    };
    let (befores, afters) = (side(|edge| edge.before), side(|edge| edge.after));
    if befores.len() > EXACT_UP_TO || afters.len() > EXACT_UP_TO {
        return greedy(edges, block);
    }
    // One column of no worth for each row stands for staying alone.
    let width = afters.len() + befores.len();
    let mut worth = vec![vec![0.0; width]; befores.len()];
    let mut edge_at = vec![vec![None; afters.len()]; befores.len()];
    let place = |rows: &[usize], row: usize| rows.partition_point(|&other| other < row);
    for &at in block {
        let edge = &edges[at];
        let (b, a) = (place(&befores, edge.before), place(&afters, edge.after));
        if edge.score > worth[b][a] {
            worth[b][a] = edge.score;
            edge_at[b][a] = Some(at);
        }
    }
    hungarian(&worth)
        .into_iter()
        .enumerate()
        .filter_map(|(b, a)| edge_at[b].get(a).copied().flatten())
        .collect()
}

/// The best pair first, then the best of what is left. Equal scores go by position.
fn greedy(edges: &[Edge], block: &[usize]) -> Vec<usize> {
    let mut order = block.to_vec();
    order.sort_by(|&one, &other| {
        let (one, other) = (&edges[one], &edges[other]);
        other
            .score
            .total_cmp(&one.score)
            .then(one.before.cmp(&other.before))
            .then(one.after.cmp(&other.after))
    });
    let mut taken_before = std::collections::HashSet::new();
    let mut taken_after = std::collections::HashSet::new();
    order.retain(|&at| {
        let edge = &edges[at];
        let free = !taken_before.contains(&edge.before) && !taken_after.contains(&edge.after);
        if free {
            taken_before.insert(edge.before);
            taken_after.insert(edge.after);
        }
        free
    });
    order
}

/// For each row the column that makes the sum greatest; there are at least as many columns as rows. O(rows² · columns).
///
/// The Hungarian method with potentials, one row at a time (Kuhn 1955, Munkres 1957).
fn hungarian(worth: &[Vec<f64>]) -> Vec<usize> {
    let rows = worth.len();
    let columns = worth.first().map_or(0, Vec::len);
    let mut row_price = vec![0.0; rows + 1];
    let mut column_price = vec![0.0; columns + 1];
    // Row and column 0 are outside of the table: where an augmenting path begins.
    let mut row_of = vec![0_usize; columns + 1];
    let mut way = vec![0_usize; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut column = 0;
        let mut slack = vec![f64::INFINITY; columns + 1];
        let mut used = vec![false; columns + 1];
        loop {
            used[column] = true;
            let here = row_of[column];
            let mut step = f64::INFINITY;
            let mut next = 0;
            for other in 1..=columns {
                if used[other] {
                    continue;
                }
                let cost = -worth[here - 1][other - 1] - row_price[here] - column_price[other];
                if cost < slack[other] {
                    slack[other] = cost;
                    way[other] = column;
                }
                if slack[other] < step {
                    step = slack[other];
                    next = other;
                }
            }
            for other in 0..=columns {
                if used[other] {
                    row_price[row_of[other]] += step;
                    column_price[other] -= step;
                } else {
                    slack[other] -= step;
                }
            }
            column = next;
            if row_of[column] == 0 {
                break;
            }
        }
        while column != 0 {
            let back = way[column];
            row_of[column] = row_of[back];
            column = back;
        }
    }
    let mut chosen = vec![columns; rows];
    for (column, &row) in row_of.iter().enumerate().skip(1) {
        if row > 0 {
            chosen[row - 1] = column - 1;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(before: usize, after: usize, score: f64) -> Edge {
        Edge {
            before,
            after,
            score,
        }
    }

    #[test]
    fn the_whole_counts_not_the_best_pair() {
        let edges = [
            edge(0, 0, 10.0),
            edge(0, 1, 9.0),
            edge(1, 0, 9.0),
            edge(1, 1, 1.0),
            edge(5, 7, 2.0),
        ];
        assert_eq!(assign(&edges), [1, 2, 4]);
    }

    #[test]
    fn a_row_may_stay_alone() {
        let edges = [edge(0, 0, 3.0), edge(1, 0, 5.0), edge(2, 0, 4.0)];
        assert_eq!(assign(&edges), [1]);
        assert_eq!(assign(&[]), [] as [usize; 0]);
    }

    #[test]
    fn it_is_as_good_as_trying_everything() {
        // Every order of four columns against the method, on tables drawn from a fixed sequence.
        let mut state = 7_u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 24)
        };
        for _ in 0..200 {
            let worth: Vec<Vec<f64>> = (0..3).map(|_| (0..4).map(|_| draw()).collect()).collect();
            let sum = |columns: &[usize]| -> f64 {
                columns
                    .iter()
                    .enumerate()
                    .map(|(row, &column)| worth[row][column])
                    .sum()
            };
            let mut best = f64::NEG_INFINITY;
            for a in 0..4 {
                for b in 0..4 {
                    for c in 0..4 {
                        if a != b && b != c && a != c {
                            best = best.max(sum(&[a, b, c]));
                        }
                    }
                }
            }
            assert_eq!(sum(&hungarian(&worth)), best);
        }
    }

    #[test]
    fn a_great_block_takes_the_best_first() {
        let count = EXACT_UP_TO + 10;
        let edges: Vec<Edge> = (0..count)
            .flat_map(|row| [edge(row, row, 9.0), edge(row, (row + 1) % count, 4.0)])
            .collect();
        let chosen = assign(&edges);
        assert!(chosen.iter().all(|&at| edges[at].before == edges[at].after));
        assert_eq!(chosen.len(), count);
    }
}
