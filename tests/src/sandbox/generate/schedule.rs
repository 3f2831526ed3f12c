//! When orders happen: in the range, in the days around it, and long before it (for refunds of earlier orders).

use std::collections::HashSet;

use super::presets::{Preset, Shape};
use super::world::{DAY_S, Window};
use crate::sandbox::random::Random;

/// A client reads three days beyond the range; one more day shows that it stops there.
const AROUND_S: i64 = 4 * DAY_S;
/// Orders around the range come at half the rate of those within.
const AROUND_THINNING: i64 = 2;
const REPEATED_WITHIN_S: i64 = 3_000;
const LARGEST_BURST: i64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Range,
    Around,
    LongBefore,
}

#[derive(Debug, Clone, Copy)]
pub struct Slot {
    pub at_s: i64,
    pub zone: Zone,
    /// Orders of one group have the same amount.
    pub group: Option<usize>,
    pub burst: bool,
    /// Added to the group's amount, in minor units.
    pub offset: i64,
}

/// The slots in the order of time, and how many groups there are.
pub fn schedule(preset: &Preset, orders: usize, window: Window, random: &mut Random) -> (Vec<Slot>, usize) {
    let wanted = i64::try_from(orders).unwrap_or(i64::MAX);
    let mut slots = Vec::with_capacity(orders * 2);
    let mut groups = 0;
    let plain = |at_s, zone| Slot { at_s, zone, group: None, burst: false, offset: 0 };
    while slots.len() < orders {
        let at_s = random.within(window.start_s, window.end_s);
        let left = wanted - slots.len() as i64;
        if preset.shape == Shape::Bursts && left >= 2 && random.percent(20) {
            let size = burst_size(wanted, left, random);
            let lasts_s = random.within(60, 480);
            for _ in 0..size {
                let at_s = (at_s + random.within(0, lasts_s)).min(window.end_s - 1);
                slots.push(Slot { at_s, zone: Zone::Range, group: Some(groups), burst: true, offset: 0 });
            }
            groups += 1;
        } else if left >= 2 && random.chance(preset.repeated) {
            let again_s = (at_s + random.within(10, REPEATED_WITHIN_S)).min(window.end_s - 1);
            for at_s in [at_s, again_s] {
                slots.push(Slot { at_s, zone: Zone::Range, group: Some(groups), burst: false, offset: 0 });
            }
            groups += 1;
        } else if left >= 2 && random.chance(preset.near_amounts) {
            let again_s = (at_s + random.within(10, REPEATED_WITHIN_S)).min(window.end_s - 1);
            let offset = random.within(1, 4);
            slots.push(Slot { at_s, zone: Zone::Range, group: Some(groups), burst: false, offset: 0 });
            slots.push(Slot { at_s: again_s, zone: Zone::Range, group: Some(groups), burst: false, offset });
            groups += 1;
        } else {
            slots.push(plain(at_s, Zone::Range));
        }
    }
    let days = ((window.end_s - window.start_s) / DAY_S).max(1);
    let around = wanted * AROUND_S / DAY_S / days / AROUND_THINNING;
    for _ in 0..around {
        slots.push(plain(random.within(window.start_s - AROUND_S, window.start_s), Zone::Around));
        slots.push(plain(random.within(window.end_s, window.end_s + AROUND_S), Zone::Around));
    }
    let refunds = wanted * i64::from(preset.refunds.0);
    let earlier = (refunds * i64::from(preset.earlier.0) + 50_000_000) / 100_000_000;
    for _ in 0..earlier {
        slots.push(plain(random.within(window.start_s - 75 * DAY_S, window.start_s - 6 * DAY_S), Zone::LongBefore));
    }
    slots.sort_by_key(|slot| slot.at_s);
    spread(&mut slots);
    (slots, groups)
}

/// From 2 to 500, small ones more often, and never more than a quarter of the shop.
fn burst_size(wanted: i64, left: i64, random: &mut Random) -> i64 {
    let ceiling = LARGEST_BURST.min((wanted / 4).max(2)).min(left);
    let mut size = 2;
    while size < ceiling && random.percent(65) {
        size += size / 2;
    }
    size.min(ceiling)
}

/// No two orders in the same second, so that their order in time is plain.
fn spread(slots: &mut [Slot]) {
    let mut taken = HashSet::with_capacity(slots.len());
    for slot in slots.iter_mut() {
        let lowest_s = slot.at_s;
        if slot.burst {
            continue;
        }
        while !taken.insert(slot.at_s) {
            slot.at_s -= 1;
        }
        // A step back over the edge would move the order out of its zone.
        if slot.zone == Zone::Range && lowest_s != slot.at_s && lowest_s % DAY_S < lowest_s - slot.at_s {
            slot.at_s = lowest_s;
        }
    }
    slots.sort_by_key(|slot| slot.at_s);
}
