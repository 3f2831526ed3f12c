//! Tier 0: what is no movement of money, or not this job's. Decided per record, before anything is compared.

use crate::{
    reason::Reason,
    rules::RuleSet,
    table::{NONE, Table},
};
use domain::record::{Kind, Status};

/// The reason for which each record is out of scope, by position.
pub(crate) fn screen(table: &Table<'_>, rules: &RuleSet) -> Vec<Option<Reason>> {
    let mut voided = vec![false; table.rows.len()];
    for at in table.positions() {
        let record = table.record(at);
        let parent = table.row(at).parent;
        if record.kind == Kind::Void && record.status == Status::Succeeded && parent != NONE {
            let undone = matches!(table.record(parent).kind, Kind::Authorization | Kind::Sale);
            if let (true, Some(flag)) = (undone, voided.get_mut(parent as usize)) {
                *flag = true;
            }
        }
    }
    let covered = |gateway: &str| {
        rules.gateways.is_empty()
            || rules.gateways.iter().any(|known| known.trim().eq_ignore_ascii_case(gateway.trim()))
    };
    table
        .records
        .iter()
        .zip(voided)
        .map(|(record, voided)| {
            let foreign = record.gateway.as_deref().is_some_and(|name| !covered(name));
            match (record.kind, record.status) {
                _ if record.test => Some(Reason::Test),
                _ if foreign => Some(Reason::GatewayOutOfScope),
                (_, Status::Failed) => Some(Reason::Failed),
                (Kind::Void, _) => Some(Reason::Voided),
                _ if voided => Some(Reason::Voided),
                (Kind::Authorization, _) => Some(Reason::AuthorizationOnly),
                (Kind::Change, _) => Some(Reason::NoMovement),
                (_, Status::Uncaptured) => Some(Reason::Uncaptured),
                (_, Status::Succeeded) if record.amount_minor == 0 => Some(Reason::ZeroAmount),
                _ => None,
            }
        })
        .collect()
}
