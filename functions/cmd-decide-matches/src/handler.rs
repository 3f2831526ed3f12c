//! Translate, call, translate.

use application::{Caller, Choice, DecisionService};
use domain::ReconciliationId;
use http_api::{Problem, Request, Response, audit::Audit, caller, close, commands, open, routes};
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;

#[derive(Debug)]
pub struct Handler {
    pub service: DecisionService,
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
        let access = caller(request)?;
        if access.by_platform {
            self.audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        let caller = &access.caller;
        let match_id = || request.path("match_id").to_owned();
        match request.route_key.as_str() {
            routes::CONFIRM_SUGGESTION => self.decide(request, caller, &Choice::Confirm { match_id: match_id() }).await,
            routes::REJECT_SUGGESTION => self.decide(request, caller, &Choice::Reject { match_id: match_id() }).await,
            routes::BREAK_MATCH => self.decide(request, caller, &Choice::Break { match_id: match_id() }).await,
            routes::MAKE_MATCH_ROUTE => self.make(request, caller).await,
            routes::REVIEW_EXCEPTION => self.review(request, caller).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }

    async fn decide(&self, request: &Request, caller: &Caller, choice: &Choice) -> Result<Response, Problem> {
        let id: ReconciliationId = request.known_id("id")?;
        let (reason, idempotency) = commands::decide(request, caller)?;
        let decided = self.service.decide(caller, &id, choice, &reason, idempotency.as_ref()).await?;
        Ok(show(&decided, decided.version)?.replayed(decided.replayed))
    }

    async fn make(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let id: ReconciliationId = request.known_id("id")?;
        let (choice, reason, idempotency) = commands::make_match(request, caller)?;
        let decided = self.service.decide(caller, &id, &choice, &reason, idempotency.as_ref()).await?;
        Ok(show(&decided, decided.version)?.replayed(decided.replayed))
    }

    async fn review(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let id: ReconciliationId = request.known_id("id")?;
        let (wanted, idempotency) = commands::review(request, caller)?;
        let reviewed = self.service.review(caller, &id, &wanted, idempotency.as_ref()).await?;
        Ok(show(&reviewed, reviewed.version)?.replayed(reviewed.replayed))
    }
}

fn show(answer: &impl Serialize, version: u64) -> Result<Response, Problem> {
    let body = serde_json::to_value(answer).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(Response::json(200, &body).etag(version))
}
