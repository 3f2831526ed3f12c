//! Translate, read, translate. Every call about one tenant leaves a trace with that tenant before it reads anything.

use crate::{audits, circuits, events, letters, read_models, sagas};
use application::AdminService;
use domain::Clock;
use event_store::EventStore;
use http_api::{
    Problem, Request, Response,
    access::operator,
    audit::Audit,
    close, open, routes,
    steering::{Steer, Steering},
};
use projections::{ReadModels, rebuild::RebuildStore};
use resilience::{
    breaker::{Force, Mode},
    dead_letter::Redrive,
};
use serde_json::Value;
use std::{convert::Infallible, sync::Arc};

pub struct Handler {
    pub store: Arc<dyn EventStore>,
    pub models: Arc<dyn ReadModels>,
    pub registry: Arc<dyn RebuildStore>,
    pub work: Arc<dyn read_models::WorkQueue>,
    pub clock: Arc<dyn Clock>,
    pub audit: Audit,
    pub redrive: Redrive,
    pub force: Force,
    /// Providers that a circuit may belong to.
    pub providers: &'static [&'static str],
    pub admin: AdminService,
    pub steering: Steering,
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
            routes::VERIFY_EVENTS => audits::verify(self, request, &key_id).await,
            routes::REBUILD_HEADS => audits::rebuild_heads(self, request, &key_id).await,
            routes::LIST_SAGAS => sagas::list(self, request, &key_id).await,
            routes::LIST_PROJECTIONS => read_models::list(self).await,
            routes::COMPARE_PROJECTIONS => read_models::compare(self, request).await,
            routes::REBUILD_PROJECTIONS => read_models::rebuild(self, request, &key_id).await,
            routes::UNPARK_PROJECTION => read_models::unpark(self, request, &key_id).await,
            routes::GET_SAGA => sagas::one(self, request, &key_id).await,
            routes::LIST_DEAD_LETTERS => letters::list(self, request, &key_id).await,
            routes::GET_DEAD_LETTER => letters::one(self, request, &key_id).await,
            routes::RESOLVE_DEAD_LETTER => letters::resolve_one(self, request, &key_id).await,
            routes::REDRIVE_DEAD_LETTER => letters::redrive_one(self, request, &key_id).await,
            routes::REDRIVE_DEAD_LETTERS => letters::redrive_many(self, request, &key_id).await,
            routes::LIST_CIRCUITS => circuits::list(self, request, &key_id).await,
            routes::OPEN_CIRCUIT => circuits::force(self, request, &key_id, Mode::ForcedOpen).await,
            routes::CLOSE_CIRCUIT => circuits::force(self, request, &key_id, Mode::ForcedClosed).await,
            routes::FREE_CIRCUIT => circuits::force(self, request, &key_id, Mode::Automatic).await,
            routes::RESUME_SAGA => sagas::steer(self, request, key_id, Steer::Resume).await,
            routes::RETRY_SAGA => sagas::steer(self, request, key_id, Steer::Retry).await,
            routes::CANCEL_SAGA => sagas::steer(self, request, key_id, Steer::Cancel).await,
            routes::KILL_SAGA => sagas::kill(self, request, key_id).await,
            routes::SKIP_UNDO_OF_SAGA => sagas::skip_undo(self, request, key_id).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }
}
