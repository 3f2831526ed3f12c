//! Which pairs are weighed at all. Every block is complete: a pair is left out only where its weight could not be
//! positive, and a block that is too much work is left as a whole, with a reason.
//!
//! | block | pairs |
//! |---|---|
//! | beginning | texts begin alike, amounts within the tolerance |
//! | word | a rare word in both texts, amounts within the tolerance |
//! | person | the same rare e-mail, card or name, amounts within the tolerance |
//! | amount | equal amounts, or any within the tolerance where there are few |

use crate::{
    rules::RuleSet,
    scoring::{COMMON_START, Node, Pool, Scorer},
    table::{Ix, NONE},
};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs within the tolerance up to which all are weighed, whatever their texts say. With more, chance alone explains
/// any pair that has neither words nor amount in common.
const FEW_PAIRS: u64 = 400_000;

#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// Positions in the pool, in order, each once.
    pub pairs: Vec<(usize, usize)>,
    /// Positions in the table of the records of blocks that were too much work.
    pub crowded: BTreeSet<Ix>,
}

struct Builder<'p> {
    pool: &'p Pool<'p>,
    scorer: &'p Scorer<'p>,
    max_pairs: u64,
    found: Blocks,
}

/// Positions of sources and of targets, the latter by absolute amount.
#[derive(Default)]
struct Block {
    sources: Vec<usize>,
    targets: Vec<usize>,
}

pub(crate) fn blocks_of<'p>(pool: &'p Pool<'p>, scorer: &'p Scorer<'p>, rules: &RuleSet) -> Blocks {
    let mut builder = Builder { pool, scorer, max_pairs: rules.tolerance.max_block_pairs, found: Blocks::default() };
    for block in builder.by(|node, keys| keys.extend(beginning(pool, node))).into_values() {
        builder.add(block);
    }
    for block in builder.by(|node, keys| words(pool, scorer, node, keys)).into_values() {
        builder.add(block);
    }
    for value in [|node: &Node| node.email, |node: &Node| node.last4, |node: &Node| node.name] {
        let of_person =
            |node: &Node, keys: &mut Vec<u32>| keys.extend(Some(value(node)).filter(|value| *value != NONE));
        let common = (scorer.census().records() / 100).max(20);
        for block in builder.by(of_person).into_values() {
            if (block.sources.len() + block.targets.len()) as u64 <= common {
                builder.add(block);
            }
        }
    }
    builder.amounts();
    let mut found = builder.found;
    found.pairs.sort_unstable();
    found.pairs.dedup();
    found
}

/// The first letters of a text, by which texts that begin alike meet.
fn beginning<'p>(pool: &'p Pool<'p>, node: &Node) -> Option<&'p str> {
    let words = pool.text(node)?.words.as_str();
    let end = words.char_indices().nth(COMMON_START).map_or(words.len(), |(at, _)| at);
    words.get(..end)
}

fn words<'p>(pool: &'p Pool<'p>, scorer: &Scorer<'_>, node: &Node, keys: &mut Vec<&'p str>) {
    if let Some(text) = pool.text(node) {
        keys.extend(text.words.split(' ').filter(|word| scorer.is_telling(word)));
        keys.sort_unstable();
        keys.dedup();
    }
}

impl<'p> Builder<'p> {
    fn by<K: Ord>(&self, keys_of: impl Fn(&Node, &mut Vec<K>)) -> BTreeMap<K, Block> {
        let mut blocks: BTreeMap<K, Block> = BTreeMap::new();
        let mut keys = Vec::new();
        for (at, node) in self.pool.sources.iter().enumerate() {
            keys_of(node, &mut keys);
            for key in keys.drain(..) {
                blocks.entry(key).or_default().sources.push(at);
            }
        }
        for (at, node) in self.pool.targets.iter().enumerate() {
            keys_of(node, &mut keys);
            for key in keys.drain(..) {
                if let Some(block) = blocks.get_mut(&key) {
                    block.targets.push(at);
                }
            }
        }
        blocks.retain(|_, block| !block.targets.is_empty());
        blocks
    }

    fn amount(&self, target: usize) -> i64 {
        let node = self.pool.targets.get(target);
        node.map_or(0, |node| i64::try_from(node.amount.unsigned_abs()).unwrap_or(i64::MAX))
    }

    /// Targets of a block (by amount) within a source's tolerance.
    fn reach<'b>(&self, source: usize, targets: &'b [usize]) -> &'b [usize] {
        let Some(node) = self.pool.sources.get(source) else { return &[] };
        let (low, high) = self.scorer.amount_reach(node.amount);
        let first = targets.partition_point(|target| self.amount(*target) < low);
        let end = targets.partition_point(|target| self.amount(*target) <= high);
        targets.get(first..end).unwrap_or_default()
    }

    /// All pairs of a block whose amounts and times are within the tolerance.
    fn add(&mut self, mut block: Block) {
        block.targets.sort_by_key(|target| self.amount(*target));
        let count: u64 = block.sources.iter().map(|source| self.reach(*source, &block.targets).len() as u64).sum();
        if count > self.max_pairs {
            let sources = block.sources.iter().filter_map(|at| self.pool.sources.get(*at));
            let targets = block.targets.iter().filter_map(|at| self.pool.targets.get(*at));
            self.found.crowded.extend(sources.chain(targets).map(|node| node.at));
            return;
        }
        for source in &block.sources {
            let Some(node) = self.pool.sources.get(*source) else { continue };
            let near = self.reach(*source, &block.targets).iter().filter(|target| {
                let target = self.pool.targets.get(**target);
                target.is_some_and(|target| self.scorer.time_level(node, target).is_some())
            });
            let pairs: Vec<(usize, usize)> = near.map(|target| (*source, *target)).collect();
            self.found.pairs.extend(pairs);
        }
    }

    /// Equal amounts; everything within the tolerance where that is little.
    fn amounts(&mut self) {
        let whole =
            Block { sources: (0..self.pool.sources.len()).collect(), targets: (0..self.pool.targets.len()).collect() };
        let mut by_amount = whole.targets.clone();
        by_amount.sort_by_key(|target| self.amount(*target));
        let count: u64 = whole.sources.iter().map(|source| self.reach(*source, &by_amount).len() as u64).sum();
        if count <= FEW_PAIRS.min(self.max_pairs) {
            self.add(whole);
            return;
        }
        for block in self.by(|node, keys| keys.push(node.amount)).into_values() {
            self.add(block);
        }
    }
}
