use super::*;
use crate::{
    money::Money,
    record::{EmailHash, Order, OrderRef, RawPointer, Scheme, Settled},
};
use proptest::{prelude::*, sample::select};

fn text() -> impl Strategy<Value = String> {
    // Lengths around where one more digit is needed, and texts that are not ASCII.
    prop_oneof!["[a-z0-9@./]{0,8}", "[äß€𝄞]{0,4}", Just("x".repeat(63)), Just("x".repeat(64)), Just("é".repeat(3_000))]
}

fn money() -> impl Strategy<Value = Money> {
    (any::<i64>(), select(vec!["USD", "JPY", "KWD"]))
        .prop_map(|(amount_minor, code)| Money { amount_minor, currency: Currency::parse(code).unwrap() })
}

fn reference() -> impl Strategy<Value = Reference> {
    let scheme = prop_oneof![
        Just(Scheme::MovementId),
        Just(Scheme::PaymentId),
        Just(Scheme::ChargeId),
        Just(Scheme::PaymentIntentId),
        Just(Scheme::OrderId),
        Just(Scheme::OrderName),
        Just(Scheme::Text),
        text().prop_map(Scheme::Metadata),
    ];
    (scheme, text()).prop_map(|(scheme, value)| Reference { scheme, value })
}

fn record() -> impl Strategy<Value = Record> {
    use prop::option::of;
    let kinds = vec![Kind::Sale, Kind::Capture, Kind::Charge, Kind::Refund, Kind::Authorization, Kind::Void];
    let states = vec![Status::Succeeded, Status::Pending, Status::Failed, Status::Uncaptured];
    let kind = (select(vec![Side::Source, Side::Target]), select(kinds), select(states), any::<bool>());
    let moneys = (money(), of(money()), of((money(), of(text()))));
    let numbers = (of(any::<i64>()), of(any::<i64>()), of(any::<i64>()), any::<i64>(), of(any::<i64>()));
    let texts = (text(), of(text()), of(text()), of(text()), of(text()), of(text()), of(text()));
    let refs = prop::collection::vec(reference(), 0..4);
    let rest = (of((text(), text())), refs, of((text(), any::<u32>())), of(any::<[u8; 32]>()), any::<bool>());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (kind, moneys, numbers, texts, rest, flags).prop_map(|(kind, moneys, numbers, texts, rest, flags)| {
        let id = if flags.3 { texts.0.to_ascii_uppercase() } else { texts.0 };
        let mut refs = rest.1;
        if rest.4 {
            let value = id.to_ascii_lowercase();
            refs.extend(
                [Scheme::MovementId, Scheme::Metadata(value.clone())]
                    .map(|scheme| Reference { scheme, value: value.clone() }),
            );
        }
        refs.sort_unstable();
        Record {
            id,
            side: kind.0,
            kind: kind.1,
            status: kind.2,
            amount_minor: moneys.0.amount_minor,
            currency: moneys.0.currency,
            shop_money: moneys.1,
            authorized_minor: numbers.0,
            fee_minor: numbers.1,
            net_minor: numbers.2,
            settled: moneys.2.map(|(money, rate)| Settled { money, rate }),
            occurred_at: Timestamp::from_millis(numbers.3),
            precision: if kind.3 { Precision::Day } else { Precision::Instant },
            settled_at: numbers.4.map(Timestamp::from_millis),
            refs,
            counterparty: Counterparty { email_hash: rest.3.map(EmailHash::from_bytes), name: texts.1, last4: texts.2 },
            memo: texts.3,
            parent: texts.4,
            group: texts.5,
            gateway: texts.6,
            order: rest.0.map(|(id, name)| OrderRef { id, name }),
            test: flags.0,
            disputed: flags.1,
            evidence_only: flags.2,
            raw: rest.2.map(|(page, index)| RawPointer { page, index }),
        }
    })
}

proptest! {
    #[test]
    fn what_is_packed_is_what_was_given(records in prop::collection::vec(record(), 0..8)) {
        let packed: Records = records.iter().collect();
        prop_assert_eq!(packed.len(), records.len());
        let again: Vec<Record> = packed.iter().map(RecordRef::to_record).collect();
        prop_assert_eq!(&again, &records);
        for (at, record) in records.iter().enumerate() {
            let seen = packed.at(at);
            prop_assert_eq!(seen.id(), &record.id);
            let order = seen.order().map(|order| (order.id, order.name));
            prop_assert_eq!(order, record.order.as_ref().map(|order| (order.id.as_str(), order.name.as_str())));
        }
    }

    #[test]
    fn contents_are_equal_where_records_are(one in record(), other in record(), index in any::<u32>()) {
        let content = |record: &Record| {
            let mut bytes = Vec::new();
            Records::from_iter([record]).at(0).write_content(&mut bytes);
            bytes
        };
        let elsewhere = Record { raw: Some(RawPointer { page: "elsewhere".into(), index }), ..one.clone() };
        prop_assert_eq!(content(&elsewhere), content(&one));
        let alike = Record { raw: None, ..one.clone() } == Record { raw: None, ..other.clone() };
        prop_assert_eq!(content(&one) == content(&other), alike);
    }
}

#[test]
fn many_pieces_are_one_list() {
    let made = |number: usize| {
        let texts = if number.is_multiple_of(3) { number * 7 % 500 } else { 3 };
        Record {
            id: number.to_string(),
            memo: Some("m".repeat(texts)),
            fee_minor: number.is_multiple_of(5).then_some(7),
            ..blank()
        }
    };
    let count = 3 * PIECE + 5;
    let records: Records = (0..count).map(made).collect();
    assert_eq!(records.len(), count);
    assert!(records.iter().enumerate().all(|(at, record)| record.to_record() == made(at)));
    assert!((0..count).all(|at| records.at(at).id() == at.to_string()));
    assert_ne!(records, (1..=count).map(made).collect());
    assert!(Records::default().is_empty() && !records.is_empty());
}

#[test]
fn the_id_of_a_record_is_kept_once() {
    let length = |record: &Record| Records::from_iter([record]).at(0).packed.texts().len();
    let id = "gid://shopify/OrderTransaction/1".to_owned();
    let of = |scheme| Reference { scheme, value: id.to_ascii_lowercase() };
    let alone = Record { id: id.clone(), ..blank() };
    let named = Record { refs: vec![of(Scheme::MovementId), of(Scheme::Text)], ..alone.clone() };
    assert_eq!(length(&named), length(&alone) + 2);
    let longer = Record { id: format!("{id}0"), ..named };
    assert_eq!(length(&longer), length(&alone) + 1 + 2 * (2 + id.len()));
}

proptest! {
    #[test]
    fn packed_orders_are_what_was_given(
        made in prop::collection::vec((text(), text(), money(), any::<[i64; 2]>(), any::<[bool; 2]>(), prop::option::of(text())), 0..8),
    ) {
        let orders: Vec<Order> = made
            .into_iter()
            .map(|(id, name, total, times, flags, financial_status)| {
                let [occurred_at, cancelled_at] = times.map(Timestamp::from_millis);
                let cancelled_at = flags[0].then_some(cancelled_at);
                Order { id, name, total, occurred_at, cancelled_at, test: flags[1], financial_status }
            })
            .collect();
        let packed: Orders = orders.iter().cloned().collect();
        prop_assert_eq!((packed.len(), packed.is_empty()), (orders.len(), orders.is_empty()));
        prop_assert!(packed.totals().eq(orders.iter().map(|order| order.total)));
        prop_assert!((0..orders.len()).all(|at| packed.at(at).owned() == orders[at]));
        prop_assert!((0..orders.len()).all(|at| (packed.id(at), packed.occurred_at(at)) == (&orders[at].id, orders[at].occurred_at)));
        prop_assert_eq!(packed.iter().map(Order::owned).collect::<Vec<_>>(), orders);
    }
}

/// What many say, one behind the other, is what each says.
fn assert_told_apart(contents: &[Vec<u8>]) -> Result<(), TestCaseError> {
    for (one, other) in contents.iter().flat_map(|one| contents.iter().map(move |other| (one, other))) {
        prop_assert!(one == other || !one.starts_with(other));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_content_begins_with_another_one(records in prop::collection::vec(record(), 0..6)) {
        let packed: Records = records.iter().collect();
        let content = |record: RecordRef<'_>| {
            let mut bytes = Vec::new();
            record.write_content(&mut bytes);
            bytes
        };
        assert_told_apart(&packed.iter().map(content).collect::<Vec<_>>())?;
    }

    #[test]
    fn contents_are_equal_where_orders_are(
        id in prop::sample::select(vec!["", "1", "12"]),
        name in prop::sample::select(vec!["", "1", "21"]),
        numbers in any::<[bool; 4]>(),
        status in prop::sample::select(vec![None, Some(""), Some("1")]),
        other in 0..7_usize,
    ) {
        let [total, time, cancelled, test] = numbers;
        let order = Order {
            id: id.to_owned(),
            name: name.to_owned(),
            total: Money { amount_minor: total.into(), currency: Currency::parse("EUR").unwrap() },
            occurred_at: Timestamp::from_millis(time.into()),
            cancelled_at: cancelled.then_some(Timestamp::from_millis(1)),
            test,
            financial_status: status.map(str::to_owned),
        };
        let mut changed = order.clone();
        match other {
            0 => changed.id.push('1'),
            1 => changed.name.push('1'),
            2 => changed.total.currency = Currency::parse("USD").unwrap(),
            3 => changed.total.amount_minor += 1,
            4 => changed.cancelled_at = if cancelled { None } else { Some(Timestamp::from_millis(0)) },
            5 => changed.test = !test,
            _ => changed.financial_status = if status.is_some() { None } else { Some("1".to_owned()) },
        }
        // The text that goes from one field to the next is there all the same.
        let moved = Order { id: format!("{id}{name}"), name: String::new(), ..order.clone() };
        let all = [order.clone(), order.clone(), changed, moved];
        let packed: Orders = all.iter().cloned().collect();
        let contents: Vec<Vec<u8>> = (0..all.len())
            .map(|at| {
                let mut bytes = Vec::new();
                packed.write_content(at, &mut bytes);
                bytes
            })
            .collect();
        for (at, content) in contents.iter().enumerate() {
            prop_assert_eq!(*content == contents[0], all[at] == order, "{}", at);
        }
        assert_told_apart(&contents)?;
    }
}

fn blank() -> Record {
    Record::plain(
        Side::Source,
        Kind::Sale,
        String::new(),
        Money { amount_minor: 0, currency: Currency::parse("EUR").unwrap() },
        Timestamp::from_millis(0),
    )
}
