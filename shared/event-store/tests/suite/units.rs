//! Every call says what it consumed.

use crate::{
    backend::Dynamo,
    given::{NOW_MS, command, metadata, one, stream, tenant},
};
use domain::{Timestamp, time::Window};
use event_store::{EventStore, MemoryStore, Units};

#[tokio::test]
async fn every_call_says_what_it_consumed() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    let mut first = one("r", 0, 2);
    first.command = Some(command("key", "body"));
    let written = store.append(first).await.unwrap().units;
    assert!(written.write_milli > 0);

    let key = command("key", "body").key;
    let now = metadata().timestamp;
    let window = Window { from: Timestamp::from_millis(NOW_MS - 1), to: Timestamp::from_millis(NOW_MS + 1) };
    let stream = stream("r");
    let reads: [(&str, Units); 9] = [
        ("load", store.load_metered(&stream, 0).await.unwrap().units),
        ("page", store.page_metered(&stream, 1, 1).await.unwrap().units),
        ("head", store.head_metered(&stream).await.unwrap().units),
        ("command", store.command_metered(&key, now).await.unwrap().units),
        ("correlation", store.by_correlation_metered(&tenant(), "cor_1", 5, None).await.unwrap().units),
        ("feed", store.feed_metered(window, 5, None).await.unwrap().units),
        ("heads", store.heads_metered(5, None).await.unwrap().units),
        ("streams", store.streams_metered(None, 5, None).await.unwrap().units),
        ("verify", store.verify_metered(&stream).await.unwrap().units),
    ];
    for (call, units) in reads {
        println!("{call}: {} milli-units read", units.read_milli);
        assert!(units.read_milli > 0 && units.write_milli == 0, "{call}: {units:?}");
    }
    let rebuilt = store.rebuild_head(&stream).await.unwrap().units;
    assert!(rebuilt.read_milli > 0 && rebuilt.write_milli == 0, "an intact head is not written: {rebuilt:?}");

    let memory = MemoryStore::new();
    memory.append(one("r", 0, 1)).await.unwrap();
    assert_eq!(memory.load_metered(&stream, 0).await.unwrap().units, Units::default(), "memory costs nothing");
}
