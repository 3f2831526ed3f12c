//! A run, top to bottom.

use crate::{
    Outcome, RunInput,
    board::Board,
    both::both,
    conservation::{self, ConservationError},
    digest, orders, report,
    rules::RuleSet,
    summary,
    table::{Class, Table},
    tiers::{
        amount_window, classify, decided, parent, payout, reserved, same_key_group, strong_id, suggest, tolerance,
        weak_reference,
    },
};

/// Decides about every record of the input.
///
/// # Errors
/// [`ConservationError`] when the amounts are too large to be summed or the result would not add up; nothing of it may be
/// used then.
pub fn reconcile(input: &RunInput, rules: &RuleSet) -> Result<Outcome, ConservationError> {
    conservation::summable(input)?;
    // Tier 0 screens the records while the table is built.
    let table = Table::build(input, rules);
    let mut board = Board::new(&table, rules);
    let board = &mut board;

    decided::apply(board, &input.memory);
    reserved::apply(board, &input.memory.reserved);
    strong_id::apply(board);
    weak_reference::apply(board);
    parent::apply(board);
    same_key_group::apply(board);
    parent::apply(board);
    if rules.exact_amounts {
        amount_window::apply(board, Class::Payment);
        parent::apply(board);
        amount_window::apply(board, Class::Refund);
    }
    tolerance::apply(board);
    parent::apply(board);
    payout::apply(board);
    let suggested = suggest::choose(board);
    let open = classify::apply(board, &suggested, input);

    let board = &*board;
    let records = table.rows.len();
    let (mut report, (orders, digest)) = both(
        records,
        || report::report(board, &suggested, open),
        || (orders::roll_up(board, input), digest::of(&table, input, rules)),
    );
    report.outcome.summary = summary::count(board, &report.outcome, &suggested, input, digest);
    report.outcome.orders = orders;
    report.outcome.memory = input.memory.in_order();
    conservation::check(&table, &report, input)?;
    Ok(report.outcome)
}
