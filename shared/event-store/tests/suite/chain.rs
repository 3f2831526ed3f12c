//! The hash chain.

use crate::{
    backend::Backend,
    for_both,
    given::{large, one, stream},
};
use event_store::StoreError;

for_both!(an_untouched_stream_is_intact, an_altered_commit_is_found, a_stream_cut_short_is_found);

async fn three(backend: &Backend) {
    for expected in [0, 2, 4] {
        backend.elsewhere().append(one("r", expected, 2)).await.unwrap();
    }
}

async fn an_untouched_stream_is_intact(backend: Backend) {
    three(&backend).await;
    let mut pack = one("r", 6, 1);
    pack.appends[0].events = vec![large(5000, 1), large(5000, 2)];
    backend.store.append(pack).await.unwrap();
    let verified = backend.store.verify(&stream("r")).await.unwrap();
    let head = backend.store.head(&stream("r")).await.unwrap().unwrap();
    assert_eq!((verified.commits, verified.version, verified.hash), (4, 8, head.hash));
    let nothing = backend.store.verify(&stream("other")).await.unwrap();
    assert_eq!((nothing.commits, nothing.version), (0, 0));
}

async fn an_altered_commit_is_found(backend: Backend) {
    three(&backend).await;
    let forged = br#"[["Counted",1,{"number":3}],["Counted",1,{"number":400}]]"#;
    backend.overwrite(&stream("r"), 3, 1, forged).await;
    assert_eq!(backend.store.load(&stream("r"), 0).await.unwrap().len(), 3, "it reads like any other commit");
    let Err(StoreError::Corrupt { sequence, detail, .. }) = backend.store.verify(&stream("r")).await else {
        panic!("not noticed")
    };
    assert_eq!(sequence, 3);
    assert!(detail.contains("altered"), "{detail}");
}

async fn a_stream_cut_short_is_found(backend: Backend) {
    three(&backend).await;
    backend.lose(&stream("r"), 5).await;
    assert_eq!(backend.store.load(&stream("r"), 0).await.unwrap().len(), 2);
    assert!(matches!(backend.store.verify(&stream("r")).await, Err(StoreError::Corrupt { sequence: 5, .. })));
}
