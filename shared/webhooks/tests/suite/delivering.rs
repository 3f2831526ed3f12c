//! What the deliverer makes of a message.

use crate::given::{World, acme, definition, endpoint, refused};
use domain::{
    EndpointId, ErrorName,
    job::{Job, JobEvent},
    ports::Secrets,
    webhook::Disabled,
};
use event_store::load;
use webhooks::{
    Deliveries, DeliveryState, EndpointSecret, Failed, Message, Outcome, Verdict, delivery::BUSY_MS, endpoint_secret,
    signature::sign,
};

#[tokio::test]
async fn a_delivery_is_signed_sent_once_and_logged() {
    let world = World::new().await;
    let message = world.pending().await;
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done);
    // SQS may bring a message twice.
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done);
    let requests = world.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.webhook_id, message.delivery_id.to_string());
    assert_eq!(request.timestamp_s, 1_772_366_400);
    let expected = sign(&[vec![1; 32]], &request.webhook_id, request.timestamp_s, request.body.as_bytes());
    assert_eq!(request.signature, expected);
    let delivery = world.stored(&message).await.delivery;
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::Delivered, 1));
    assert_eq!(delivery.attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(204)]);
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_tried_ten_times_and_then_given_up() {
    let world = World::new().await;
    let message = world.pending().await;
    world.endpoint.answers.lock().unwrap().extend((0..10).map(|_| refused(503)));
    let mut waited_ms = 0;
    while let Verdict::Later { wait_ms } = world.deliverer.handle(&message).await.unwrap() {
        assert!(wait_ms > 0);
        assert_eq!(
            world.deliverer.handle(&message).await.unwrap(),
            Verdict::Later { wait_ms },
            "a message that comes too early is put back untried"
        );
        world.clock.advance_ms(wait_ms);
        waited_ms += wait_ms;
    }
    assert_eq!(world.requests().len(), 10);
    let ids: std::collections::BTreeSet<_> = world.requests().into_iter().map(|request| request.webhook_id).collect();
    assert_eq!(ids.len(), 1, "the id stays, only time and signature change");
    assert!((75..=91).contains(&(waited_ms / 3_600_000)), "{waited_ms} ms");
    let delivery = world.stored(&message).await.delivery;
    assert_eq!((delivery.state, delivery.failed), (DeliveryState::Failed, Some(Failed::RetriesExhausted)));
}

#[tokio::test]
async fn an_endpoint_that_comes_back_gets_it_once() {
    let world = World::new().await;
    let message = world.pending().await;
    world.endpoint.answers.lock().unwrap().extend([refused(500), refused(302), refused(429)]);
    while let Verdict::Later { wait_ms } = world.deliverer.handle(&message).await.unwrap() {
        world.clock.advance_ms(wait_ms);
    }
    let delivery = world.stored(&message).await.delivery;
    assert_eq!((delivery.state, delivery.tries, world.requests().len()), (DeliveryState::Delivered, 4, 4));
}

#[tokio::test]
async fn gone_is_gone_for_this_and_every_other_delivery() {
    let world = World::new().await;
    let message = world.pending().await;
    world.endpoint.answers.lock().unwrap().push_back(Outcome::Gone);
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done);
    assert_eq!(world.stored(&message).await.delivery.failed, Some(Failed::EndpointGone));
    let job = load::<Job>(&world.store, &acme(), "job").await.unwrap();
    let (version, current) = job.state.current().unwrap();
    assert_eq!(version, 2);
    assert!(current.webhooks[0].disabled.is_some());
    // A replay finds the endpoint disabled, and sends nothing.
    let stored = world.stored(&message).await;
    let again = stored.delivery.replayed(domain::Clock::now(world.clock.as_ref())).unwrap();
    assert!(world.deliveries.replace(&again, stored.revision).await.unwrap());
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done, "the first round's message is stale");
    assert_eq!(world.deliverer.handle(&Message::of(&again)).await.unwrap(), Verdict::Done);
    assert_eq!(world.stored(&message).await.delivery.failed, Some(Failed::EndpointDisabled));
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn nothing_goes_to_an_endpoint_that_is_disabled_or_removed() {
    let disabled = Disabled { at: domain::Timestamp::from_millis(0), reason: "test".into() };
    for (event, why) in [
        (JobEvent::WebhookDisabled { endpoint_id: endpoint(), disabled }, Failed::EndpointDisabled),
        (JobEvent::JobUpdated { definition: definition(Vec::new()) }, Failed::EndpointRemoved),
        (JobEvent::JobDeleted {}, Failed::EndpointRemoved),
    ] {
        let world = World::new().await;
        let message = world.pending().await;
        world.job_event(&event).await;
        assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done);
        assert_eq!(world.stored(&message).await.delivery.failed, Some(why));
        assert_eq!(world.requests().len(), 0);
    }
    let world = World::new().await;
    let message = world.pending().await;
    world.secrets.delete(&endpoint_secret(&acme(), &endpoint())).await.unwrap();
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done);
    assert_eq!(world.stored(&message).await.delivery.failed, Some(Failed::EndpointRemoved));
}

#[tokio::test]
async fn both_secrets_sign_while_both_are_valid() {
    let world = World::new().await;
    let now = domain::Clock::now(world.clock.as_ref());
    world.set_secret(&EndpointSecret::new(&[1; 32]).rotated(&[2; 32], now)).await;
    let message = world.pending().await;
    world.endpoint.answers.lock().unwrap().push_back(refused(500));
    world.deliverer.handle(&message).await.unwrap();
    world.clock.advance_ms(webhooks::secret::OVERLAP_MS);
    world.deliverer.handle(&message).await.unwrap();
    let signatures: Vec<usize> = world.requests().iter().map(|request| request.signature.split(' ').count()).collect();
    assert_eq!(signatures, [2, 1]);
}

#[tokio::test]
async fn a_try_whose_process_died_is_made_again_when_it_cannot_be_under_way_any_more() {
    let world = World::new().await;
    let message = world.pending().await;
    let stored = world.stored(&message).await;
    let begun = stored.delivery.begun(domain::Clock::now(world.clock.as_ref()));
    assert!(world.deliveries.replace(&begun, stored.revision).await.unwrap());
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Later { wait_ms: BUSY_MS });
    assert_eq!(world.requests().len(), 0);
    world.clock.advance_ms(BUSY_MS);
    assert_eq!(world.deliverer.handle(&message).await.unwrap(), Verdict::Done);
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn a_message_without_its_delivery_is_an_error_and_so_is_a_secret_that_is_none() {
    let world = World::new().await;
    let message = world.pending().await;
    let stranger = Message { endpoint_id: EndpointId::parse("we_b").unwrap(), ..message.clone() };
    assert_eq!(world.deliverer.handle(&stranger).await.unwrap_err().name, ErrorName::NotFound);
    world.secrets.put(&endpoint_secret(&acme(), &endpoint()), "whsec_plain").await.unwrap();
    let error = world.deliverer.handle(&message).await.unwrap_err();
    assert_eq!(error.name, ErrorName::CredentialsMissing);
    assert!(!error.message.contains("whsec"), "{error}");
}
