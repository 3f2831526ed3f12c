//! Calls to the HTTP API. Reads are repeated when the network or the service hiccups; commands never are, because only
//! the person knows whether a second one is wanted.
//!
//! **Invariant:** the key travels in the `Authorization` header of calls to the API's own address and nowhere else:
//! redirects are not followed, and downloads use a client that does not know it.

use crate::{
    config::Config,
    exit::{CliError, Result},
    output,
    problem::Problem,
};
use indicatif::ProgressBar;
use reqwest::{Method, Response, StatusCode, Url, header::HeaderMap, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use std::{net::SocketAddr, time::Duration};

/// A reading Lambda answers within its 29 s behind the gateway; more means that nobody will.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// First try included; with the doubling pause this gives up after about two seconds.
const READ_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest `Retry-After` that a person at a terminal is made to wait for.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The API's largest page.
const LARGEST_PAGE: u64 = 200;

pub type Query<'a> = &'a [(&'a str, Option<&'a str>)];

#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    config: Config,
}

#[derive(Debug)]
pub struct Answer {
    pub body: Box<RawValue>,
    pub etag: Option<String>,
    /// The service had seen this idempotency key: the answer is the first one.
    pub replayed: bool,
}

impl Answer {
    /// # Errors
    /// Unexpected when the API's answer has another shape than this version knows.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        read(&self.body)
    }
}

/// # Errors
/// As [`Answer::read`].
pub fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T> {
    serde_json::from_str(raw.get()).map_err(|error| {
        CliError::Unexpected(format!(
            "the API's answer is not as this version of settler expects it ({error}); -o json shows it as it is"
        ))
    })
}

/// A document of our own making, to be shown as the API's are.
///
/// # Errors
/// Unexpected when it cannot be written.
pub fn raw(value: &Value) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|error| CliError::Unexpected(error.to_string()))
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    #[serde(default)]
    next_cursor: Option<String>,
}

impl Client {
    /// # Errors
    /// Usage when the configured address is no address.
    pub fn new(config: Config) -> Result<Self> {
        let invalid = |why: &str| CliError::Usage(format!("`{}` is not the address of an API: {why}", config.api_url));
        let base = Url::parse(&config.api_url).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(invalid("it starts with https:// (or http:// for a local stack)"));
        }
        if base.scheme() == "http" && !is_local(&base) {
            output::note("warning: the address is http://, so your key travels readable by others; use https://");
        }
        let http = builder(&base)
            .timeout(CALL_TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| setup(&error))?;
        Ok(Self { http, base, config })
    }

    /// The tenant that a platform key acts for, if one was named.
    pub fn tenant(&self) -> Option<&str> {
        self.config.tenant.as_deref()
    }

    /// # Errors
    /// The problem that the API answered, or a network error.
    pub async fn get(&self, path: &[&str], query: Query<'_>) -> Result<Answer> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..READ_TRIES {
            let outcome = self.once(Method::GET, path, query, &[], None).await;
            let wait = match &outcome {
                Err(error) if !error.is_timeout() && (error.is_connect() || error.is_request()) => pause,
                Ok(response)
                    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) =>
                {
                    retry_after(response.headers()).unwrap_or(pause)
                }
                _ => return self.answer(&Method::GET, path, query, outcome).await,
            };
            tokio::time::sleep(wait.min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        let outcome = self.once(Method::GET, path, query, &[], None).await;
        self.answer(&Method::GET, path, query, outcome).await
    }

    /// A command: sent once.
    ///
    /// # Errors
    /// The problem that the API answered, or a network error.
    pub async fn send(
        &self,
        method: Method,
        path: &[&str],
        headers: &[(&str, Option<&str>)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let outcome = self.once(method.clone(), path, &[], headers, body).await;
        self.answer(&method, path, &[], outcome).await
    }

    /// A question that needs a body and may have parameters.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn ask(&self, path: &[&str], query: Query<'_>, body: &Value) -> Result<Answer> {
        let outcome = self.once(Method::POST, path, query, &[], Some(body)).await;
        self.answer(&Method::POST, path, query, outcome).await
    }

    /// Items of a list, page after page, at most `most`; true when there are more. `take` sees each page as it comes.
    ///
    /// # Errors
    /// As [`Client::get`], and whatever `take` returns.
    pub async fn pages(
        &self,
        path: &[&str],
        query: Query<'_>,
        most: u64,
        mut take: impl FnMut(Vec<Box<RawValue>>) -> Result<()>,
    ) -> Result<bool> {
        let spinner = if output::interactive() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let (mut cursor, mut left, mut taken) = (None::<String>, most, 0);
        let more = loop {
            let limit = left.min(LARGEST_PAGE).to_string();
            let mut full = query.to_vec();
            full.extend([("limit", Some(limit.as_str())), ("cursor", cursor.as_deref())]);
            let page: Page = self.get(path, &full).await?.read()?;
            let wanted = usize::try_from(left).unwrap_or(usize::MAX);
            let surplus = page.items.len() > wanted;
            let items: Vec<_> = page.items.into_iter().take(wanted).collect();
            left -= items.len() as u64;
            taken += items.len();
            spinner.suspend(|| take(items))?;
            spinner.set_message(format!("{taken} so far"));
            spinner.tick();
            match page.next_cursor {
                None => break surplus,
                Some(_) if left == 0 => break true,
                Some(next) if cursor.as_ref() == Some(&next) => {
                    return Err(CliError::Unexpected(
                        "the API's list does not get any further; please report it".to_owned(),
                    ));
                }
                next => cursor = next,
            }
        };
        spinner.finish_and_clear();
        Ok(more)
    }

    /// Gets a file from a signed address, without the key; `take` sees its parts.
    ///
    /// # Errors
    /// A network error, an answer other than 2xx, or what `take` returns.
    pub async fn download(&self, address: &str, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let url = Url::parse(address)
            .map_err(|_| CliError::Unexpected("the API gave an address for the report that is none".to_owned()))?;
        // The signature in the query opens the file: it must not stand in a message.
        let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
        let failed = |error: reqwest::Error| {
            CliError::Network(format!("downloading {shown} failed: {}", reason(&error.without_url())))
        };
        let http = builder(&url).build().map_err(|error| setup(&error))?;
        let mut response = http.get(url.clone()).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(CliError::Unexpected(format!(
                "downloading {shown} was answered {}; the address may have expired, so run the command again",
                response.status()
            )));
        }
        while let Some(part) = response.chunk().await.map_err(failed)? {
            take(&part)?;
        }
        Ok(())
    }

    /// Puts a file to a signed address, without the key.
    ///
    /// # Errors
    /// A network error, or an answer other than 2xx.
    pub async fn put_file(&self, address: &str, body: Vec<u8>) -> Result<()> {
        let url = Url::parse(address)
            .map_err(|_| CliError::Unexpected("the API gave an address for the file that is none".to_owned()))?;
        // The signature in the query lets anybody write: it must not stand in a message.
        let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
        let http = builder(&url).build().map_err(|error| setup(&error))?;
        let response = http.put(url.clone()).body(body).send().await.map_err(|error| {
            CliError::Network(format!("sending the file to {shown} failed: {}", reason(&error.without_url())))
        })?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(CliError::Unexpected(format!(
            "sending the file to {shown} was answered {}; the address may have expired, so run the command again",
            response.status()
        )))
    }

    fn url(&self, path: &[&str], query: Query<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let tenant = self.config.tenant.as_deref().filter(|_| is_admin(path));
        let set = query.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
        let pairs: Vec<_> = set.chain(tenant.map(|tenant| ("tenant_id", tenant))).collect();
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }

    async fn once(
        &self,
        method: Method,
        path: &[&str],
        query: Query<'_>,
        headers: &[(&str, Option<&str>)],
        body: Option<&Value>,
    ) -> std::result::Result<Response, reqwest::Error> {
        let mut request = self.http.request(method, self.url(path, query)).bearer_auth(self.config.api_key.expose());
        if let Some(tenant) = self.config.tenant.as_deref().filter(|_| !is_admin(path)) {
            request = request.header("Settler-Tenant", tenant);
        }
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(*name, *value);
            }
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await
    }

    async fn answer(
        &self,
        method: &Method,
        path: &[&str],
        query: Query<'_>,
        outcome: std::result::Result<Response, reqwest::Error>,
    ) -> Result<Answer> {
        let response = outcome.map_err(|error| self.unreachable(error))?;
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let (status, etag) = (response.status(), header("etag"));
        let replayed = header("idempotent-replayed").is_some_and(|value| value == "true");
        let request_id = header("x-request-id").or_else(|| header("apigw-requestid"));
        let body = response.text().await.map_err(|error| self.unreachable(error))?;
        if !status.is_success() {
            let call = format!("{method} {}", self.url(path, query).path());
            return Err(CliError::Answered(Box::new(Problem::read(call, status.as_u16(), request_id, &body))));
        }
        let body = if body.trim().is_empty() { "null" } else { &body };
        let body = serde_json::from_str(body).map_err(|_| {
            CliError::Unexpected(format!(
                "{} answered {status}, but not in JSON: is this the address of a Settler API?",
                self.url(path, &[])
            ))
        })?;
        Ok(Answer { body, etag, replayed })
    }

    fn unreachable(&self, error: reqwest::Error) -> CliError {
        let check = if error.is_timeout() {
            "it did not answer in time: try again, and see whether the service is up"
        } else {
            "check --api-url, SETTLER_API_URL or the configuration file, your network, and whether the service is up"
        };
        // Only the configured address: the full one may hold query values, and a user may have put a password into it.
        let address = format!("{}{}", self.base.origin().ascii_serialization(), self.base.path());
        CliError::Network(format!("no answer from {address}: {}\n  hint: {check}", reason(&error.without_url())))
    }
}

fn is_admin(path: &[&str]) -> bool {
    path.first() == Some(&"admin")
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn builder(url: &Url) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("settler/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT);
    if !is_local(url) {
        return builder;
    }
    // Names under localhost mean this machine (RFC 6761), but not every resolver knows; and no proxy leads here.
    let host = url.host_str().unwrap_or_default();
    builder.no_proxy().resolve(host, SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn setup(error: &reqwest::Error) -> CliError {
    CliError::Unexpected(format!("cannot set up connections: {}", reason(error)))
}

/// The innermost cause: `Connection refused (os error 111)` says more than `error sending request`.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
