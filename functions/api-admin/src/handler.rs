//! Translate, read, translate. Every call about one tenant leaves a trace with that tenant before it reads anything.

use crate::{audits, circuits, dry_run, events, health, keys, letters, read_models, sagas};
use application::{AdminService, KeyService};
use domain::Clock;
use event_store::EventStore;
use http_api::{
    Problem, Request, Response,
    access::operator,
    audit::Audit,
    close, open,
    remembered::Remembered,
    routes,
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
    pub remembered: Remembered,
    pub redrive: Redrive,
    pub force: Force,
    /// Providers that a circuit may belong to.
    pub providers: &'static [&'static str],
    pub admin: AdminService,
    pub keys: KeyService,
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
        // Commands on runs remember in one transaction with their events.
        if let Some(command) = steered(&request.route_key) {
            return match command {
                Steered::By(command) => sagas::steer(self, request, key_id, command).await,
                Steered::Kill => sagas::kill(self, request, key_id).await,
                Steered::SkipUndo => sagas::skip_undo(self, request, key_id).await,
            };
        }
        // The answer holds the key, which is written down nowhere.
        if request.route_key == routes::CREATE_KEY {
            return keys::create(self, request, &key_id).await;
        }
        // Writes nothing that a second call could double, and its answer is too large to be remembered.
        if request.route_key == routes::DRY_RUN_ROUTE {
            return dry_run::run(self, request, &key_id).await;
        }
        if request.route_key.starts_with("POST ") {
            return self.remembered.once(request, &key_id, self.act(request, &key_id)).await;
        }
        match request.route_key.as_str() {
            routes::EVENTS_OF_AGGREGATE => events::of_aggregate(self, request, &key_id).await,
            routes::EVENTS_OF_CORRELATION => events::of_correlation(self, request, &key_id).await,
            routes::LIST_SAGAS => sagas::list(self, request, &key_id).await,
            routes::GET_SAGA => sagas::one(self, request, &key_id).await,
            routes::LIST_PROJECTIONS => read_models::list(self).await,
            routes::COMPARE_PROJECTIONS => read_models::compare(self, request).await,
            routes::LIST_DEAD_LETTERS => letters::list(self, request, &key_id).await,
            routes::GET_DEAD_LETTER => letters::one(self, request, &key_id).await,
            routes::LIST_CIRCUITS => circuits::list(self, request, &key_id).await,
            routes::LIST_KEYS => keys::list(self, request, &key_id).await,
            routes::REVOKE_KEY => keys::revoke(self, request, &key_id).await,
            routes::ADMIN_HEALTH => health::look(self).await,
            _ => Err(no_route()),
        }
    }

    /// What operators do beside runs.
    async fn act(&self, request: &Request, key_id: &str) -> Result<Response, Problem> {
        match request.route_key.as_str() {
            routes::VERIFY_EVENTS => audits::verify(self, request, key_id).await,
            routes::REBUILD_HEADS => audits::rebuild_heads(self, request, key_id).await,
            routes::REBUILD_PROJECTIONS => read_models::rebuild(self, request, key_id).await,
            routes::UNPARK_PROJECTION => read_models::unpark(self, request, key_id).await,
            routes::RESOLVE_DEAD_LETTER => letters::resolve_one(self, request, key_id).await,
            routes::REDRIVE_DEAD_LETTER => letters::redrive_one(self, request, key_id).await,
            routes::REDRIVE_DEAD_LETTERS => letters::redrive_many(self, request, key_id).await,
            routes::OPEN_CIRCUIT => circuits::force(self, request, key_id, Mode::ForcedOpen).await,
            routes::CLOSE_CIRCUIT => circuits::force(self, request, key_id, Mode::ForcedClosed).await,
            routes::FREE_CIRCUIT => circuits::force(self, request, key_id, Mode::Automatic).await,
            _ => Err(no_route()),
        }
    }
}

/// What is done to a run.
enum Steered {
    By(Steer),
    Kill,
    SkipUndo,
}

fn steered(route: &str) -> Option<Steered> {
    Some(match route {
        routes::RESUME_SAGA => Steered::By(Steer::Resume),
        routes::RETRY_SAGA => Steered::By(Steer::Retry),
        routes::CANCEL_SAGA => Steered::By(Steer::Cancel),
        routes::KILL_SAGA => Steered::Kill,
        routes::SKIP_UNDO_OF_SAGA => Steered::SkipUndo,
        _ => return None,
    })
}

fn no_route() -> Problem {
    Problem::not_found("there is no such route")
}
