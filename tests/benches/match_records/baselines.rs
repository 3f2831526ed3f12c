//! What the engine is compared with.

use domain::{record::Scheme, records::RecordRef};
use matching::RunInput;
use std::collections::HashMap;

const DAY_MS: u64 = 86_400_000;

type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A hash join on the strong id: what a data-frame library or a database does with `JOIN … ON charge_id`. It decides
/// nothing about the rest, and explains nothing.
pub fn key_join(input: &RunInput) -> Pairs<'_> {
    let charges: HashMap<&str, RecordRef<'_>> = input.target.iter().map(|charge| (charge.id(), charge)).collect();
    let named = |sale: RecordRef<'_>| {
        let id = sale.texts().refs.find(|known| known.scheme == Scheme::PaymentId)?;
        charges.get(id.value).copied()
    };
    input
        .source
        .iter()
        .filter_map(|sale| named(sale).map(|charge| (sale, charge)))
        .filter(|(sale, charge)| sale.amount_minor() == charge.amount_minor() && sale.currency() == charge.currency())
        .map(|(sale, charge)| (sale.id(), charge.id()))
        .collect()
}

/// The loop that is written first everywhere: each order takes the first payment of its amount within a day that is
/// still free.
pub fn first_hit(input: &RunInput) -> Pairs<'_> {
    let mut taken = vec![false; input.target.len()];
    let mut pairs = Vec::new();
    for sale in input.source.iter() {
        let fits = |payment: RecordRef<'_>| {
            payment.amount_minor() == sale.amount_minor()
                && payment.currency() == sale.currency()
                && payment.occurred_at().millis().abs_diff(sale.occurred_at().millis()) <= DAY_MS
        };
        let hit = input.target.iter().zip(&mut taken).find(|(payment, taken)| !**taken && fits(*payment));
        if let Some((payment, taken)) = hit {
            *taken = true;
            pairs.push((sale.id(), payment.id()));
        }
    }
    pairs
}
