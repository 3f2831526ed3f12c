//! Translate, read, translate. Every call about one tenant leaves a trace with that tenant before it reads anything.

use crate::{events, sagas};
use event_store::EventStore;
use http_api::{Problem, Request, Response, access::operator, audit::Audit, close, open, routes};
use projections::ReadModels;
use serde_json::Value;
use std::{convert::Infallible, sync::Arc};

pub struct Handler {
    pub store: Arc<dyn EventStore>,
    pub models: Arc<dyn ReadModels>,
    pub audit: Audit,
}

impl Handler {
    pub async fn handle(&self, event: Value) -> Result<Value, Infallible> {
        let request = match open(event) {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        Ok(close(&request, self.answer(&request).await))
    }

    async fn answer(&self, request: &Request) -> Result<Response, Problem> {
        let key_id = operator(request)?;
        match request.route_key.as_str() {
            routes::EVENTS_OF_AGGREGATE => events::of_aggregate(self, request, &key_id).await,
            routes::EVENTS_OF_CORRELATION => events::of_correlation(self, request, &key_id).await,
            routes::LIST_SAGAS => sagas::list(self, request, &key_id).await,
            routes::GET_SAGA => sagas::one(self, request, &key_id).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }
}
