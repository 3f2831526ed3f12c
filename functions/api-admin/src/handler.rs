//! Translate, read, translate. Every call about one tenant leaves a trace with that tenant before it reads anything.

use crate::{events, read_models, sagas};
use domain::Clock;
use event_store::EventStore;
use http_api::{Problem, Request, Response, access::operator, audit::Audit, close, open, routes};
use projections::{ReadModels, rebuild::RebuildStore};
use serde_json::Value;
use std::{convert::Infallible, sync::Arc};

pub struct Handler {
    pub store: Arc<dyn EventStore>,
    pub models: Arc<dyn ReadModels>,
    pub registry: Arc<dyn RebuildStore>,
    pub work: Arc<dyn read_models::WorkQueue>,
    pub clock: Arc<dyn Clock>,
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
            routes::LIST_PROJECTIONS => read_models::list(self).await,
            routes::COMPARE_PROJECTIONS => read_models::compare(self, request).await,
            routes::REBUILD_PROJECTIONS => read_models::rebuild(self, request, &key_id).await,
            routes::UNPARK_PROJECTION => read_models::unpark(self, request, &key_id).await,
            routes::GET_SAGA => sagas::one(self, request, &key_id).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }
}
