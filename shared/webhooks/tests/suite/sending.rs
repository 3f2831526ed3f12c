//! One try over real HTTP: what is sent, where it may go, and what counts as success.

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use domain::Timestamp;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use webhooks::{
    AllowedOrigins, HttpSender, Outcome, Sender,
    sender::{Request, Resolver},
};

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver with an answer per path.
async fn receiver() -> (SocketAddr, Received) {
    let received = Received::default();
    let take = |State(received): State<Received>, headers: HeaderMap, body: Bytes| async move {
        received.lock().unwrap().push((headers, body));
        StatusCode::NO_CONTENT
    };
    let endless = || async { (StatusCode::INTERNAL_SERVER_ERROR, Body::new(Endless)) };
    let redirect = || async { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/ok")]) };
    let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")], "slow\u{7} down") };
    let router = Router::new()
        .route("/ok", post(take))
        .route("/endless", post(endless))
        .route("/redirect", post(redirect))
        .route("/busy", post(busy))
        .route("/gone", post(|| async { StatusCode::GONE }))
        .route("/wrong", post(|| async { StatusCode::BAD_REQUEST }))
        .with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, received)
}

/// A body that never ends.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from(vec![b'x'; 8_192])))))
    }
}

fn request(url: String) -> Request {
    Request { url, webhook_id: "id-1".into(), timestamp_s: 7, signature: "v1,abc".into(), body: "{\"a\":1}".into() }
}

#[tokio::test]
async fn a_request_carries_the_standards_headers_and_only_2xx_is_success() {
    let (address, received) = receiver().await;
    let sender = HttpSender::new(AllowedOrigins::read(&format!("http://{address}")));
    let send = async |path: &str| sender.send(&request(format!("http://{address}{path}")), NOW).await;
    assert_eq!(send("/ok").await, Outcome::Accepted { status: 204 });
    {
        let received = received.lock().unwrap();
        let (headers, body) = &received[0];
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(
            (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature")),
            ("id-1", "7", "v1,abc")
        );
        assert_eq!((header("content-type"), body.as_ref()), ("application/json", b"{\"a\":1}".as_slice()));
    }
    assert_eq!(send("/gone").await, Outcome::Gone);
    let refused = |outcome: Outcome| match outcome {
        Outcome::NotAccepted { status, problem, retry_after_s } => (status, problem, retry_after_s),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(send("/wrong").await), (Some(400), "answered 400 Bad Request".into(), None));
    let (status, problem, retry_after_s) = refused(send("/busy").await);
    assert_eq!((status, retry_after_s), (Some(429), Some(7)));
    assert!(problem.ends_with("slow down"), "{problem:?}");
    let (status, problem, _) = refused(send("/redirect").await);
    assert!(status == Some(307) && problem.contains("redirect"), "{problem}");
    assert_eq!(received.lock().unwrap().len(), 1, "a redirect is not followed");
}

#[tokio::test]
async fn of_an_answer_without_end_only_the_beginning_is_read() {
    let (address, _) = receiver().await;
    let sender = HttpSender::new(AllowedOrigins::read(&format!("http://{address}")));
    let Outcome::NotAccepted { status: Some(500), problem, .. } =
        sender.send(&request(format!("http://{address}/endless")), NOW).await
    else {
        panic!("not refused")
    };
    assert!(problem.len() < 300, "{problem}");
}

/// Names that lead where a test wants them.
#[derive(Debug, Clone)]
struct Names(Vec<(&'static str, Vec<SocketAddr>)>, Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        self.1.lock().unwrap().push(format!("{host}:{port}"));
        let found = self.0.iter().find(|(name, _)| *name == host);
        found.map(|(_, addresses)| addresses.clone()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

fn names(address: SocketAddr) -> Names {
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), address.port());
    let names = vec![
        ("pinned.test", vec![address]),
        ("inside.test", vec![at("10.1.2.3")]),
        ("metadata.test", vec![at("169.254.169.254")]),
        ("mixed.test", vec![at("8.8.8.8"), at("127.0.0.1")]),
        ("six.test", vec![at("fd00::1")]),
        ("mapped.test", vec![at("::ffff:127.0.0.1")]),
        ("nowhere.test", Vec::new()),
    ];
    Names(names, Arc::default())
}

#[tokio::test]
async fn a_connection_goes_to_the_address_that_was_checked() {
    let (address, received) = receiver().await;
    let names = names(address);
    let origin = format!("http://pinned.test:{}", address.port());
    let sender = HttpSender::with_resolver(AllowedOrigins::read(&origin), names.clone());
    // No resolver but ours knows this name: that it arrives shows whose answer was used.
    for _ in 0..2 {
        assert_eq!(sender.send(&request(format!("{origin}/ok")), NOW).await, Outcome::Accepted { status: 204 });
    }
    assert_eq!(received.lock().unwrap().len(), 2);
    assert_eq!(names.1.lock().unwrap().len(), 2, "resolved anew for each try");
}

#[tokio::test]
async fn an_address_that_is_not_public_gets_nothing() {
    let (address, received) = receiver().await;
    let sender = HttpSender::with_resolver(AllowedOrigins::default(), names(address));
    let port = address.port();
    for (url, why) in [
        (format!("http://{address}/ok"), "https://"),
        (format!("https://127.0.0.1:{port}/ok"), "not a public address"),
        (format!("https://[::ffff:127.0.0.1]:{port}/ok"), "not a public address"),
        (format!("https://inside.test:{port}/ok"), "public address"),
        (format!("https://metadata.test:{port}/ok"), "public address"),
        (format!("https://mixed.test:{port}/ok"), "public address"),
        (format!("https://six.test:{port}/ok"), "public address"),
        (format!("https://mapped.test:{port}/ok"), "public address"),
        (format!("https://pinned.test:{port}/ok"), "public address"),
        ("https://nowhere.test/".into(), "no address"),
        ("https://unknown.test/".into(), "could not be resolved"),
    ] {
        let Outcome::NotAccepted { status: None, problem, .. } = sender.send(&request(url.clone()), NOW).await else {
            panic!("{url} was answered")
        };
        assert!(problem.contains(why), "{url}: {problem}");
    }
    assert!(received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_no_error_of_ours() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let sender = HttpSender::new(AllowedOrigins::read(&format!("http://{address}")));
    let Outcome::NotAccepted { status: None, problem, retry_after_s: None } =
        sender.send(&request(format!("http://{address}/ok")), NOW).await
    else {
        panic!("answered")
    };
    assert!(problem.contains("no connection"), "{problem}");
}
