//! Decides which slice emits which movement of an order that may be found in several.

use super::normalise::ReadOrder;
use domain::{
    Timestamp,
    record::{Kind, Record, Status},
    time::Window,
};

/// What is to be emitted of one order.
#[derive(Debug)]
pub(super) struct Emitted {
    pub(super) records: Vec<Record>,
    pub(super) order: Option<domain::record::Order>,
    /// Whether the order lists any movement of money within the slice.
    pub(super) money_in_slice: bool,
}

/// Everything of an order: what lies in `span`, and parents from outside it as evidence.
pub(super) fn whole(read: ReadOrder, span: Window) -> Emitted {
    at_home(read, span, span)
}

/// What is at home in `slice`, a part of `span`.
///
/// Money that moved is at home at its own time: a tender transaction leads to the order there. What moved no money
/// (failed, pending, authorised) leads nowhere by itself and goes with the order's earliest movement of money in the
/// span; so does the order. A parent from outside the span goes with its earliest child.
pub(super) fn at_home(read: ReadOrder, span: Window, slice: Window) -> Emitted {
    let ReadOrder { order, movements } = read;
    let inside: Vec<&Record> = movements.iter().filter(|record| span.contains(record.occurred_at)).collect();
    let leading = |record: &&&Record| moved_money(record) && !is_gift_card(record);
    let anchor = inside.iter().filter(leading).map(|record| record.occurred_at).min();
    let home_inside = |record: &Record| match anchor {
        Some(anchor) if !moved_money(record) || is_gift_card(record) => anchor,
        _ => record.occurred_at,
    };
    let home = |record: &Record| -> Option<Timestamp> {
        if span.contains(record.occurred_at) {
            return Some(home_inside(record));
        }
        let children = inside.iter().filter(|child| child.parent.as_deref() == Some(record.id.as_str()));
        children.map(|child| home_inside(child)).min()
    };
    let order_home = inside.iter().map(|record| home_inside(record)).min();
    let money_in_slice = inside.iter().any(|record| moved_money(record) && slice.contains(record.occurred_at));
    let records = movements.iter().filter(|record| home(record).is_some_and(|at| slice.contains(at)));
    let records =
        records.map(|record| Record { evidence_only: !span.contains(record.occurred_at), ..record.clone() }).collect();
    let emits_order = order_home.is_some_and(|at| slice.contains(at)) || span == slice;
    Emitted { records, order: emits_order.then_some(order), money_in_slice }
}

fn moved_money(record: &Record) -> bool {
    record.status == Status::Succeeded && matches!(record.kind, Kind::Sale | Kind::Capture | Kind::Refund)
}

/// A gift card is the shop's own money: it is not certain to be listed among tender transactions.
fn is_gift_card(record: &Record) -> bool {
    record.gateway.as_deref() == Some("gift_card")
}
