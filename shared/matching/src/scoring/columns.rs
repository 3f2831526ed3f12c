//! What weighing needs of each open record, as a few integers, cut out of the table once. Nothing else in this folder
//! looks at the table or at records.

use super::text::{Fillers, Text, cut_widths, normalise};
use crate::{
    board::Board,
    rules::FxBand,
    table::{Class, Ix, NONE},
};
use domain::Currency;
use std::collections::HashMap;

const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Position in the table.
    pub at: Ix,
    /// In the pool's currency.
    pub amount: i64,
    /// Since the epoch; of the day's beginning where only the day is known.
    pub minute: i64,
    /// When the money moved on the balance, where that is known.
    pub settled_minute: i64,
    pub whole_day: bool,
    /// Position in the pool's texts, `NONE` when there is none.
    pub text: u32,
    /// Interned values, `NONE` when absent.
    pub email: u32,
    pub last4: u32,
    pub name: u32,
    /// Fee that the record itself states, in minor units.
    pub fee: Option<i64>,
}

/// Open records that could be partners of each other by class, direction and currency, each side in the table's order.
#[derive(Debug)]
pub(crate) struct Pool<'r> {
    pub sources: Vec<Node>,
    pub targets: Vec<Node>,
    /// Distinct, sorted.
    pub texts: Vec<Text>,
    pub fillers: Fillers,
    /// Of the amounts.
    pub currency: Option<Currency>,
    /// Set where the sources' amounts were converted.
    pub band: Option<&'r FxBand>,
}

impl Pool<'_> {
    pub fn text(&self, node: &Node) -> Option<&Text> {
        self.texts.get(node.text as usize)
    }
}

type Key = (Class, u16, bool);

/// A pool per class, direction and currency, and one per FX band whose two currencies are there.
pub(crate) fn pools<'r>(board: &Board<'r>) -> Vec<Pool<'r>> {
    let table = board.table;
    let mut sides: HashMap<Key, (Vec<Node>, Vec<Node>)> = HashMap::new();
    for at in board.open().filter(|at| !table.row(*at).evidence()) {
        let row = table.row(at);
        let place = sides.entry((row.class, row.currency, row.amount < 0)).or_default();
        let side = if row.target { &mut place.1 } else { &mut place.0 };
        side.push(node(board, at));
    }
    let mut keys: Vec<Key> = sides.keys().copied().collect();
    keys.sort_unstable();
    let mut pools: Vec<Pool<'r>> = Vec::new();
    for key in &keys {
        if let Some((sources, targets)) = sides.get(key)
            && !sources.is_empty()
            && !targets.is_empty()
        {
            pools.push(pool(board, sources.clone(), targets.clone(), None));
        }
    }
    for band in &board.rules.tolerance.fx_bands {
        for (class, currency, negative) in &keys {
            if table.currencies.get(usize::from(*currency)) != Some(&band.source) {
                continue;
            }
            let other = table.currencies.iter().position(|known| *known == band.target);
            let Some(other) = other.and_then(|place| u16::try_from(place).ok()) else { continue };
            let sources = sides.get(&(*class, *currency, *negative)).map(|(sources, _)| sources.as_slice());
            let targets = sides.get(&(*class, other, *negative)).map(|(_, targets)| targets.as_slice());
            let (Some(sources), Some(targets)) = (sources, targets) else { continue };
            let converted: Vec<Node> = sources
                .iter()
                .filter_map(|node| band.convert(node.amount).map(|amount| Node { amount, fee: None, ..*node }))
                .collect();
            if !converted.is_empty() && !targets.is_empty() {
                pools.push(pool(board, converted, targets.to_vec(), Some(band)));
            }
        }
    }
    pools
}

fn node(board: &Board<'_>, at: Ix) -> Node {
    let (row, signs) = (board.table.row(at), &board.table.signs);
    Node {
        at,
        amount: row.amount,
        minute: row.at.div_euclid(MINUTE_MS),
        settled_minute: board.table.settled_at(at).div_euclid(MINUTE_MS),
        whole_day: row.whole_day(),
        text: NONE,
        email: signs.email(at),
        last4: signs.last4(at),
        name: signs.name(at),
        fee: board.table.record(at).fee_minor(),
    }
}

/// The memo, or the name where there is none.
fn raw_text<'r>(board: &Board<'r>, at: Ix) -> Option<&'r str> {
    let texts = board.table.record(at).texts();
    let filled = |text: &&str| !text.trim().is_empty();
    texts.memo.filter(filled).or(texts.name.filter(filled))
}

fn pool<'r>(board: &Board<'r>, mut sources: Vec<Node>, mut targets: Vec<Node>, band: Option<&'r FxBand>) -> Pool<'r> {
    let mut texts: Vec<Text> = Vec::new();
    let mut of_node: Vec<Option<Text>> = Vec::with_capacity(sources.len() + targets.len());
    for side in [&sources, &targets] {
        let raw: Vec<Option<&str>> = side.iter().map(|node| raw_text(board, node.at)).collect();
        let widths = cut_widths(raw.iter().flatten().copied());
        of_node.extend(raw.into_iter().map(|raw| {
            let raw = raw?;
            let words = normalise(raw);
            (!words.is_empty()).then(|| Text { words, cut: widths.contains(&raw.chars().count()) })
        }));
    }
    let fillers =
        Fillers::count(of_node.iter().flatten().map(|text| text.words.as_str()), &board.rules.tolerance.filler_words);
    texts.extend(of_node.iter().flatten().cloned());
    texts.sort_unstable_by(|a, b| (&a.words, a.cut).cmp(&(&b.words, b.cut)));
    texts.dedup();
    for (node, text) in sources.iter_mut().chain(&mut targets).zip(&of_node) {
        let place = text.as_ref().and_then(|text| {
            texts.binary_search_by(|known| (&known.words, known.cut).cmp(&(&text.words, text.cut))).ok()
        });
        node.text = place.and_then(|place| u32::try_from(place).ok()).unwrap_or(NONE);
    }
    let currency = targets.first().map(|target| board.table.currency(target.at));
    Pool { sources, targets, texts, fillers, currency, band }
}
