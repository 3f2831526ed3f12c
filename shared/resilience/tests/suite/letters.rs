//! Dead letters over both stores: kept, found, resolved, sent back, and back again.

use crate::{
    backend::{Backend, tenant},
    both,
};
use domain::ports::PortError;
use resilience::{
    Attributes, DeadLetter, Postmark,
    dead_letter::{Batch, Entry, LetterError, LetterFilter, LetterState, Redrive, Resend, Unsent, resolve},
};
use std::sync::{Arc, Mutex};

both!(
    a_letter_is_kept_as_it_was_written,
    a_large_payload_lies_in_the_bucket,
    what_fails_again_comes_back_under_its_id_with_its_count,
    lists_are_filtered_and_paged,
    it_is_resolved_once_with_notes,
    of_two_who_redrive_it_at_once_one_sends_it,
    what_cannot_be_sent_is_as_it_was,
    what_fails_at_once_is_new_again,
    a_set_is_counted_first_and_limited,
);

fn letter(world: &Backend, id: &str) -> DeadLetter {
    DeadLetter {
        id: id.to_owned(),
        occurrence: format!("{id}-1"),
        source: "saga-control".into(),
        tenant_id: Some(tenant("acme")),
        correlation_id: Some("corr".into()),
        saga_id: Some("recon_1".into()),
        event_id: None,
        error_type: "Settler.NotFound".into(),
        error_message: "no such run".into(),
        payload: format!("{{\"of\":\"{id}\"}}"),
        retry_count: 1,
        max_retries: 5,
        first_seen: world.seconds(-60),
        last_seen: world.now(),
    }
}

async fn get(world: &Backend, id: &str) -> Entry {
    world.letters.get(id).await.unwrap().unwrap()
}

/// Sends what it is given, or not.
#[derive(Default)]
struct Sent {
    all: Mutex<Vec<(String, String, Attributes)>>,
    answer: Option<fn() -> Unsent>,
}

#[async_trait::async_trait]
impl Resend for Sent {
    fn knows(&self, source: &str) -> bool {
        source == "saga-control"
    }

    async fn resend(&self, source: &str, payload: &str, attributes: &Attributes) -> Result<(), Unsent> {
        match self.answer {
            Some(answer) => Err(answer()),
            None => {
                self.all.lock().unwrap().push((source.to_owned(), payload.to_owned(), attributes.clone()));
                Ok(())
            }
        }
    }
}

fn redrive(world: &Backend, sent: &Arc<Sent>) -> Redrive {
    Redrive { store: world.letters.clone(), resend: sent.clone(), clock: world.clock.clone() }
}

async fn a_letter_is_kept_as_it_was_written(world: &Backend) {
    let whole = letter(world, "m1");
    let bare = DeadLetter {
        id: "m2".into(),
        occurrence: "m2".into(),
        tenant_id: None,
        correlation_id: None,
        saga_id: None,
        payload: "\u{fffd}not json".into(),
        ..whole.clone()
    };
    for letter in [&whole, &bare] {
        world.letters.write(letter).await.unwrap();
        world.letters.write(letter).await.unwrap();
        let entry = get(world, &letter.id).await;
        assert_eq!(&entry.letter, letter);
        assert_eq!((entry.state, entry.returns, entry.revision), (LetterState::New, 0, 1), "twice is once");
    }
    assert_eq!(world.letters.get("m3").await.unwrap(), None);
}

async fn a_large_payload_lies_in_the_bucket(world: &Backend) {
    let large = DeadLetter { payload: "x".repeat(200_000), ..letter(world, "m1") };
    world.letters.write(&large).await.unwrap();
    assert_eq!(get(world, "m1").await.letter, large);
    if let Some(key) = get(world, "m1").await.payload_ref {
        assert!(key.starts_with("dead-letters/m1/") && world.blobs.keys() == [key]);
    }
    resolve(world.letters.as_ref(), "m1", "seen", "key", world.now()).await.unwrap();
    assert_eq!(get(world, "m1").await.letter, large, "also after it has changed");
}

async fn what_fails_again_comes_back_under_its_id_with_its_count(world: &Backend) {
    let first = letter(world, "m1");
    world.letters.write(&first).await.unwrap();
    let sent = Arc::default();
    let entry = redrive(world, &sent).one("m1", "key_1").await.unwrap();
    assert_eq!((entry.state, entry.by.as_deref()), (LetterState::Redriven, Some("key_1")));
    let (source, payload, attributes) = sent.all.lock().unwrap().remove(0);
    assert_eq!((source.as_str(), payload), ("saga-control", first.payload.clone()));
    assert_eq!(redrive(world, &sent).one("m1", "key_1").await.unwrap(), entry, "again at once is the same");
    assert!(matches!(redrive(world, &sent).one("m1", "key_2").await, Err(LetterError::Conflict(_))));
    assert!(sent.all.lock().unwrap().is_empty());
    let postmark = Postmark::read(&attributes).unwrap();
    assert_eq!((postmark.dead_letter_id.as_str(), postmark.attempts), ("m1", 1));

    world.pass(10);
    let again = DeadLetter {
        occurrence: "another message".into(),
        retry_count: 6,
        first_seen: world.now(),
        last_seen: world.now(),
        ..first.clone()
    };
    world.letters.write(&again).await.unwrap();
    let entry = get(world, "m1").await;
    assert_eq!((entry.state, entry.returns, entry.letter.retry_count), (LetterState::New, 1, 6));
    assert_eq!((entry.letter.first_seen, entry.letter.last_seen), (first.first_seen, again.last_seen));
    assert_eq!(entry.created_at, first.last_seen);
}

async fn lists_are_filtered_and_paged(world: &Backend) {
    for number in 0..9 {
        world.pass(1);
        let mut letter = letter(world, &format!("m{number}"));
        if number % 3 == 0 {
            letter.source = "relay".into();
            letter.tenant_id = None;
        }
        if number % 2 == 0 {
            letter.error_type = "Settler.Internal".into();
        }
        world.letters.write(&letter).await.unwrap();
    }
    resolve(world.letters.as_ref(), "m8", "done", "key", world.now()).await.unwrap();
    let all = async |filter: LetterFilter, limit: u32| {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = world.letters.list(&filter, limit, after).await.unwrap();
            assert!(
                page.len() <= usize::try_from(limit).unwrap()
                    && page.iter().all(|entry| entry.letter.payload.is_empty())
            );
            seen.extend(page.into_iter().map(|entry| entry.letter.id));
            after = next;
            if after.is_none() {
                return seen;
            }
        }
    };
    let any = LetterFilter::default();
    for limit in [1, 2, 4, 200] {
        let whole = all(any.clone(), limit).await;
        assert_eq!(whole, ["m7", "m6", "m5", "m4", "m3", "m2", "m1", "m0", "m8"], "pages of {limit}: new ones first");
        let relay = LetterFilter { source: Some("relay".into()), ..any.clone() };
        assert_eq!(all(relay, limit).await, ["m6", "m3", "m0"]);
        let internal =
            LetterFilter { error_type: Some("Settler.Internal".into()), tenant: Some(tenant("acme")), ..any.clone() };
        assert_eq!(all(internal, limit).await, ["m4", "m2", "m8"]);
        let resolved = LetterFilter { state: Some(LetterState::Resolved), ..any.clone() };
        assert_eq!(all(resolved, limit).await, ["m8"]);
        let old = LetterFilter { before: Some(world.seconds(-5)), ..any.clone() };
        assert_eq!(all(old, limit).await, ["m2", "m1", "m0"]);
        assert!(all(LetterFilter { tenant: Some(tenant("nobody")), ..any.clone() }, limit).await.is_empty());
    }
}

async fn it_is_resolved_once_with_notes(world: &Backend) {
    world.letters.write(&letter(world, "m1")).await.unwrap();
    let store = world.letters.as_ref();
    let resolved = resolve(store, "m1", "wrong id, told the customer", "key_1", world.now()).await.unwrap();
    assert_eq!((resolved.state, resolved.resolved_at), (LetterState::Resolved, Some(world.now())));
    assert_eq!(resolve(store, "m1", "wrong id, told the customer", "key_2", world.now()).await.unwrap(), resolved);
    assert!(matches!(resolve(store, "m1", "else", "key_1", world.now()).await, Err(LetterError::Conflict(_))));
    assert!(matches!(redrive(world, &Arc::default()).one("m1", "key_1").await, Err(LetterError::Conflict(_))));
    assert!(matches!(resolve(store, "m2", "else", "key_1", world.now()).await, Err(LetterError::NotFound)));
}

async fn of_two_who_redrive_it_at_once_one_sends_it(world: &Backend) {
    world.letters.write(&letter(world, "m1")).await.unwrap();
    let sent = Arc::default();
    let both = redrive(world, &sent);
    let entry = get(world, "m1").await;
    let stale = Entry { state: LetterState::Redriven, revision: entry.revision + 1, ..entry };
    assert!(world.letters.change(&stale).await.unwrap());
    assert!(!world.letters.change(&stale).await.unwrap(), "the second finds another revision");
    both.one("m1", "key_1").await.unwrap();
    assert_eq!(sent.all.lock().unwrap().len(), 1, "and a letter that was marked but never sent can be sent");
}

async fn what_cannot_be_sent_is_as_it_was(world: &Backend) {
    world.letters.write(&letter(world, "m1")).await.unwrap();
    let down = || Unsent::Port(PortError::Transient("down".into()));
    let sent = Arc::new(Sent { answer: Some(down), ..Sent::default() });
    assert!(matches!(redrive(world, &sent).one("m1", "key").await, Err(LetterError::Store(_))));
    assert_eq!(get(world, "m1").await.state, LetterState::New);
    let unknown = DeadLetter { source: "nobody".into(), ..letter(world, "m2") };
    world.letters.write(&unknown).await.unwrap();
    assert!(matches!(redrive(world, &sent).one("m2", "key").await, Err(LetterError::Conflict(_))));
    assert_eq!(get(world, "m2").await.revision, 1);
}

async fn what_fails_at_once_is_new_again(world: &Backend) {
    world.letters.write(&letter(world, "m1")).await.unwrap();
    let failed = || Unsent::FailedAgain { error_type: "Settler.Internal".into(), error_message: "still no".into() };
    let sent = Arc::new(Sent { answer: Some(failed), ..Sent::default() });
    assert!(matches!(redrive(world, &sent).one("m1", "key").await, Err(LetterError::Conflict(_))));
    let entry = get(world, "m1").await;
    assert_eq!((entry.state, entry.returns, entry.letter.retry_count), (LetterState::New, 1, 2));
    assert_eq!(entry.letter.error_message, "still no");
}

async fn a_set_is_counted_first_and_limited(world: &Backend) {
    for number in 0..5 {
        world.letters.write(&letter(world, &format!("m{number}"))).await.unwrap();
    }
    resolve(world.letters.as_ref(), "m4", "done", "key", world.now()).await.unwrap();
    let sent = Arc::default();
    let redrive = redrive(world, &sent);
    let batch = Batch { filter: LetterFilter::default(), limit: 3, rate_per_s: 1_000, dry_run: true };
    let report = redrive.many(&batch, "key", async |_: &Entry| Ok(())).await.unwrap();
    assert_eq!((report.ids.len(), report.redriven, report.more), (3, 0, true));
    assert!(sent.all.lock().unwrap().is_empty());
    let report =
        redrive.many(&Batch { dry_run: false, ..batch.clone() }, "key", async |_: &Entry| Ok(())).await.unwrap();
    assert_eq!((report.redriven, report.failed.len(), report.more), (3, 0, true));
    let report = redrive.many(&Batch { dry_run: false, ..batch }, "key", async |_: &Entry| Ok(())).await.unwrap();
    assert_eq!((report.redriven, report.more), (1, false));
    assert_eq!(sent.all.lock().unwrap().len(), 4);
}
