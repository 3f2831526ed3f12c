//! Tier 0: what is no movement of money, or not this job's. Decided per record, before anything is compared.

use crate::{
    reason::Reason,
    rules::RuleSet,
    table::{Class, NONE, Table, trimmed},
};
use domain::{
    record::{Kind, Status},
    records::RecordRef,
};

/// The reason for which a record is out of scope by itself.
pub(crate) fn screen(record: RecordRef<'_>, gateway: Option<&str>, rules: &RuleSet) -> Option<Reason> {
    let covered = |gateway: &str| {
        rules.gateways.is_empty()
            || rules.gateways.iter().any(|known| trimmed(known).eq_ignore_ascii_case(trimmed(gateway)))
    };
    let foreign = gateway.is_some_and(|name| !covered(name));
    match (record.kind(), record.status()) {
        _ if record.test() => Some(Reason::Test),
        _ if foreign => Some(Reason::GatewayOutOfScope),
        (_, Status::Failed) => Some(Reason::Failed),
        (Kind::Void, _) => Some(Reason::Voided),
        (Kind::Authorization, _) => Some(Reason::AuthorizationOnly),
        (Kind::Change, _) => Some(Reason::NoMovement),
        (_, Status::Uncaptured) => Some(Reason::Uncaptured),
        (_, Status::Succeeded) if record.amount_minor() == 0 => Some(Reason::ZeroAmount),
        _ => None,
    }
}

/// What a successful void undoes moved no money either.
pub(crate) fn exclude_voided(table: &mut Table<'_>) {
    for at in table.positions() {
        let (kind, parent) = (table.row(at).kind, table.signs.parent(at));
        if kind != Kind::Void || parent == NONE || table.record(at).status() != Status::Succeeded {
            continue;
        }
        let row = &mut table.rows[parent as usize];
        let undone = matches!(row.kind, Kind::Authorization | Kind::Sale);
        let counted_before = matches!(row.excluded, Some(Reason::Test | Reason::GatewayOutOfScope | Reason::Failed));
        if undone && !counted_before {
            row.excluded = Some(Reason::Voided);
            row.class = Class::Nothing;
        }
    }
}
