//! A run, top to bottom.

use crate::{
    Outcome, Reconciled, RunInput,
    board::Board,
    conservation::{self, ConservationError},
    digest, report,
    rules::RuleSet,
    summary,
    table::{Class, Table},
    tiers::{
        amount_window,
        classify::{self, Open},
        decided, parent, payout, reserved, same_key_group, strong_id,
        suggest::{self, Suggested},
        tolerance, weak_reference,
    },
};

/// Decides about every record of the input, and writes the result out.
///
/// # Errors
/// As [`decide`].
pub fn reconcile(input: &RunInput, rules: &RuleSet) -> Result<Outcome, ConservationError> {
    decide(input, rules).map(Reconciled::into_outcome)
}

/// Decides about every record of the input.
///
/// # Errors
/// [`ConservationError`] when the amounts are too large to be summed or the result would not add up; nothing of it may be
/// used then.
pub fn decide<'a>(input: &'a RunInput, rules: &RuleSet) -> Result<Reconciled<'a>, ConservationError> {
    conservation::summable(input)?;
    // Tier 0 screens the records while the table is built.
    let mut table = Table::build(input, rules);
    let mut board = Board::new(&table, rules);
    let (suggested, open) = tiers(&mut board, input);

    let exceptions = report::exceptions(&board, open);
    let exclusions = report::exclusions(&table);
    let digest = digest::of(&table, input, rules);
    let summary = summary::count(&board, &suggested, &exceptions, &exclusions, input, digest);
    let matched = board.matched;
    let matches = report::in_order(&table, &matched.all);
    let suggested = suggested.chosen;
    let suggestions = report::in_order(&table, &suggested);
    table.forget_keys();
    let reconciled =
        Reconciled { input, table, matched, matches, suggested, suggestions, exceptions, exclusions, summary };
    conservation::check(&reconciled)?;
    Ok(reconciled)
}

/// Each sees what those before it left.
fn tiers(board: &mut Board<'_>, input: &RunInput) -> (Suggested, Vec<Open>) {
    if !input.memory.is_empty() {
        let by_id = board.table.by_id();
        decided::apply(board, &input.memory, &by_id);
        reserved::apply(board, &input.memory.reserved, &by_id);
    }
    strong_id::apply(board);
    // Most is taken by now, and each of these two leaves few to the next.
    board.forget_taken();
    weak_reference::apply(board);
    board.forget_taken();
    parent::apply(board);
    same_key_group::apply(board);
    parent::apply(board);
    if board.rules.exact_amounts {
        amount_window::apply(board, Class::Payment);
        parent::apply(board);
        amount_window::apply(board, Class::Refund);
    }
    tolerance::apply(board);
    parent::apply(board);
    payout::apply(board);
    let suggested = suggest::choose(board);
    let open = classify::apply(board, &suggested, input);
    (suggested, open)
}
