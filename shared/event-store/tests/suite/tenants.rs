//! Tenants do not meet.

use crate::{
    backend::{Backend, Dynamo},
    for_both,
    given::{append, command, metadata, one, stream, tenant, transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::TenantId;
use event_store::{AppendError, EventStore, Fence, StoreError, StreamKey};

for_both!(
    equal_ids_of_two_tenants_are_two_streams,
    a_transaction_stays_within_its_tenant,
    a_list_stays_within_its_tenant
);

fn other() -> TenantId {
    TenantId::parse("globex").unwrap()
}

async fn equal_ids_of_two_tenants_are_two_streams(backend: Backend) {
    let store = &backend.store;
    store.append(one("r", 0, 2)).await.unwrap();
    let theirs = StreamKey::new(&other(), "reconciliation", "r");
    assert_eq!(store.load(&theirs, 0).await.unwrap(), []);
    let mut first = one("r", 0, 1);
    first.metadata.tenant_id = other();
    first.appends[0].stream = theirs.clone();
    store.append(first).await.unwrap();
    assert_eq!(store.head(&theirs).await.unwrap().unwrap().version, 1);
    assert_eq!(store.head(&stream("r")).await.unwrap().unwrap().version, 2);
    assert_eq!(store.load(&theirs, 0).await.unwrap()[0].metadata.tenant_id, other());
}

async fn a_transaction_stays_within_its_tenant(backend: Backend) {
    let mut foreign_stream = one("r", 0, 1);
    foreign_stream.appends[0].stream = StreamKey::new(&other(), "reconciliation", "r");
    let mut foreign_command = one("r", 0, 1);
    let mut row = command("key", "body");
    row.key.tenant = other();
    foreign_command.command = Some(row);
    let mut foreign_fence = one("r", 0, 1);
    foreign_fence.fence = Some(Fence { stream: StreamKey::new(&other(), "saga", "r"), value: "a1".into() });
    for transaction in [foreign_stream, foreign_command, foreign_fence] {
        assert!(
            matches!(backend.store.append(transaction).await, Err(AppendError::TooLarge(why)) if why.contains("tenant"))
        );
    }
}

async fn a_list_stays_within_its_tenant(backend: Backend) {
    let store = &backend.store;
    store.append(transaction(vec![append("a", 0, 1), append("b", 0, 1)])).await.unwrap();
    assert_eq!(store.by_correlation(&other(), "cor_1", 10, None).await.unwrap().0, []);
    let (_, position) = store.by_correlation(&tenant(), metadata().correlation_id.as_str(), 1, None).await.unwrap();
    let stolen = store.by_correlation(&other(), "cor_1", 1, position).await;
    assert!(matches!(stolen, Err(StoreError::Refused(_))), "{stolen:?}");
}

/// No function could write it; whoever did is found at once.
#[tokio::test]
async fn a_row_of_another_tenant_is_named() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    store.append(one("r", 0, 2)).await.unwrap();
    store.append(one("r", 2, 1)).await.unwrap();
    let request = dynamo.client.update_item().table_name(&dynamo.tables.event_store);
    let request = request.key("s", AttributeValue::S(stream("r").partition())).key("n", AttributeValue::N("3".into()));
    let foreign = AttributeValue::S("T#globex#C#cor_1".into());
    request.update_expression("SET cp = :cp").expression_attribute_values(":cp", foreign).send().await.unwrap();
    for outcome in [store.load(&stream("r"), 0).await.map(|_| ()), store.verify(&stream("r")).await.map(|_| ())] {
        let Err(StoreError::Corrupt { stream: named, sequence, detail }) = outcome else { panic!("not noticed") };
        assert_eq!((named, sequence), (stream("r").partition(), 3));
        assert!(detail.contains("another tenant") && detail.contains("restore"), "{detail}");
    }
}
