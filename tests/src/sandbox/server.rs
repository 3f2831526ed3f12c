//! The server: routes, the log of requests, and faults, which come before everything else.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;

use super::faults::{CloseConnection, Provider, Replacement};
use super::requests::Logged;
use super::state::{Sandbox, Shared, lock};
use super::{control, hooks, shopify, stripe, times};

const LARGEST_BODY_BYTES: usize = 4 * 1024 * 1024;

/// All routes over one state.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/healthz", get(|| async { axum::Json(json!({ "status": "ok" })) }))
        .route("/_control/datasets", post(control::create_dataset).get(control::list_datasets))
        .route("/_control/datasets/{shop}", get(control::show_dataset))
        .route("/_control/datasets/{shop}/truth", get(control::show_truth))
        .route("/_control/faults", post(control::add_fault).delete(control::clear_faults).get(control::list_faults))
        .route("/_control/requests", get(control::show_requests))
        .route("/_control/hooks/{name}", put(control::put_hook).get(control::show_hook))
        .route("/hooks/{name}", post(hooks::receive))
        .route("/shopify/{shop}/admin/api/{version}/graphql.json", post(shopify::graphql))
        .route("/stripe/v1/{list}", get(stripe::list))
        .route("/stripe/v1/{list}/{id}", get(stripe::retrieve))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), watch))
        .with_state(shared)
}

/// Each side says in its own way that there is nothing here.
async fn not_found(request: Request) -> Response {
    match Provider::of_path(request.uri().path()) {
        Some(Provider::Shopify) => shopify::not_found(),
        Some(Provider::Stripe) => stripe::not_found(&request),
        _ => (
            StatusCode::NOT_FOUND,
            axum::Json(json!({ "error": { "field": "path", "message": "there is nothing here" } })),
        )
            .into_response(),
    }
}

/// Logs requests to providers, and lets faults happen to them.
async fn watch(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let Some(provider) = Provider::of_path(&path) else {
        return next.run(request).await;
    };
    let at_ms = times::now_ms();
    let hits = lock(&shared.faults).hit(provider, &path);
    let mut answer = None;
    for fault in &hits {
        if fault.delay_ms > 0 {
            tokio::time::sleep(fault.delay()).await;
        }
        answer = fault.answer();
    }
    let response = match answer {
        Some(response) => response,
        None if provider == Provider::Stripe && !within_pace(&shared, &request) => too_many(),
        None => next.run(request).await,
    };
    let response = replace_in(response, hits.iter().filter_map(|fault| fault.replacement.as_ref()).collect()).await;
    let status = if response.extensions().get::<CloseConnection>().is_some() { 0 } else { response.status().as_u16() };
    lock(&shared.requests).add(Logged { at_ms, provider: provider.name(), path, status });
    response
}

/// The same answer with what faults replace in it. An answer that is no JSON stays as it is.
async fn replace_in(response: Response, replacements: Vec<&Replacement>) -> Response {
    if replacements.is_empty() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Ok(mut value) = serde_json::from_slice(&bytes) else {
        return Response::from_parts(parts, bytes.into());
    };
    for replacement in replacements {
        replacement.apply(&mut value);
    }
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, value.to_string().into())
}

fn within_pace(shared: &Shared, request: &Request) -> bool {
    let key = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    key.is_none_or(|key| stripe::within_pace(shared, key))
}

fn too_many() -> Response {
    let body = json!({ "error": { "type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded." } });
    (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response()
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on request")
    }
}

impl std::error::Error for Closed {}

/// A listening sandbox.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Server {
    /// # Errors
    /// If the port is taken.
    pub async fn bind(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Serves until the task is dropped. The loop is our own because only a failing service makes the HTTP library close a
    /// connection without an answer.
    pub async fn serve(self) {
        let router = router(Arc::new(Sandbox::default()));
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let inner = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let call = inner.call(request);
                    async move {
                        let response: Result<Response, Infallible> = call.await;
                        let Ok(response) = response;
                        if response.extensions().get::<CloseConnection>().is_some() {
                            Err(Closed)
                        } else {
                            Ok(response)
                        }
                    }
                });
                // A client that goes away is none of our concern.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}
