//! One try over HTTP: resolve, check, connect to what was checked, send, read no more than needed.
//!
//! A name that resolves to any address that is not public is refused as a whole, and the connection goes to the
//! addresses that were checked: a name that changes between check and connection (DNS rebinding) gains nothing.
//! Redirects are not followed, proxies are not asked, and no client outlives its try.

use crate::{
    address::{AllowedOrigins, is_public},
    retry::retry_after_s,
};
use async_trait::async_trait;
use domain::Timestamp;
use reqwest::{Client, Response, StatusCode, Url, header::RETRY_AFTER, redirect};
use std::{net::SocketAddr, time::Duration};

/// From the first byte sent to the last one read. The specification advises 15 to 30 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of an answer that refuses, as much is read as helps its owner to find out why.
const MOST_READ_BYTES: usize = 4_096;
const MOST_SHOWN_CHARACTERS: usize = 200;
const AGENT: &str = concat!("Settler-Webhooks/", env!("CARGO_PKG_VERSION"));

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Accepted { status: u16 },
    /// 410: the endpoint wants nothing more.
    Gone,
    /// Anything else, no answer and a refused address included.
    NotAccepted { status: Option<u16>, problem: String, retry_after_s: Option<u32> },
}

impl Outcome {
    fn unanswered(problem: impl Into<String>) -> Self {
        Self::NotAccepted { status: None, problem: problem.into(), retry_after_s: None }
    }
}

/// One signed message.
#[derive(Debug, Clone)]
pub struct Request {
    pub url: String,
    pub webhook_id: String,
    pub timestamp_s: i64,
    pub signature: String,
    pub body: String,
}

#[async_trait]
pub trait Sender: Send + Sync {
    /// Never an error: what went wrong is an outcome like any other.
    async fn send(&self, request: &Request, now: Timestamp) -> Outcome;
}

/// Names to addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

#[derive(Debug, Clone)]
pub struct HttpSender<R = SystemResolver> {
    allowed: AllowedOrigins,
    resolver: R,
}

impl HttpSender {
    #[must_use]
    pub fn new(allowed: AllowedOrigins) -> Self {
        Self { allowed, resolver: SystemResolver }
    }
}

impl<R: Resolver> HttpSender<R> {
    #[must_use]
    pub fn with_resolver(allowed: AllowedOrigins, resolver: R) -> Self {
        Self { allowed, resolver }
    }

    /// The address, and where a connection may go.
    async fn checked(&self, url: &str) -> Result<(Url, Vec<SocketAddr>), String> {
        let url = self.allowed.check(url).map_err(|error| format!("the address {error}"))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let found = tokio::time::timeout(CONNECT_TIMEOUT, self.resolver.resolve(&host, port)).await;
        let addresses = found.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        let addresses = addresses.map_err(|_| format!("the name `{host}` could not be resolved"))?;
        if addresses.is_empty() {
            return Err(format!("the name `{host}` has no address"));
        }
        if !self.allowed.allow(&url) && !addresses.iter().all(|address| is_public(address.ip())) {
            return Err(format!("`{host}` does not lead to a public address; nothing was sent"));
        }
        Ok((url, addresses))
    }

    async fn post(&self, request: &Request) -> Result<Response, String> {
        let (url, addresses) = self.checked(&request.url).await?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(AGENT)
            .resolve_to_addrs(&host, &addresses)
            .build()
            .map_err(|_| "no connection could be prepared".to_owned())?;
        let call = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &request.webhook_id)
            .header("webhook-timestamp", request.timestamp_s)
            .header("webhook-signature", &request.signature)
            .body(request.body.clone());
        call.send().await.map_err(|error| unanswered(&error).to_owned())
    }
}

fn unanswered(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection: refused, unreachable, or a certificate that does not hold"
    } else {
        "the connection ended before there was an answer"
    }
}

#[async_trait]
impl<R: Resolver> Sender for HttpSender<R> {
    async fn send(&self, request: &Request, now: Timestamp) -> Outcome {
        match self.post(request).await {
            Err(problem) => Outcome::unanswered(problem),
            Ok(response) => read(response, now).await,
        }
    }
}

async fn read(response: Response, now: Timestamp) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return Outcome::Accepted { status: status.as_u16() };
    }
    if status == StatusCode::GONE {
        return Outcome::Gone;
    }
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after_s = header.and_then(|header| retry_after_s(header, now));
    let problem = if status.is_redirection() {
        "answered with a redirect, which is not followed: register the address it leads to".to_owned()
    } else {
        match beginning(response).await {
            said if said.is_empty() => format!("answered {status}"),
            said => format!("answered {status}: {said}"),
        }
    };
    Outcome::NotAccepted { status: Some(status.as_u16()), problem, retry_after_s }
}

/// The first characters of an answer that can be printed.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    // What breaks off in its middle is shown as far as it came.
    while bytes.len() < MOST_READ_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(chunk.get(..MOST_READ_BYTES - bytes.len()).unwrap_or(&chunk));
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().filter(|character| !character.is_control()).take(MOST_SHOWN_CHARACTERS).collect()
}
