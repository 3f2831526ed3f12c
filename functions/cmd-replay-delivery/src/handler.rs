//! Translate, call, translate.

use application::{Caller, ReplayService};
use http_api::{Problem, Request, Response, audit::Audit, caller, close, commands, items, open, routes};
use serde_json::Value;
use std::convert::Infallible;

#[derive(Debug)]
pub struct Handler {
    pub service: ReplayService,
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
        if request.route_key != routes::REPLAY_DELIVERY {
            return Err(Problem::not_found("there is no such route"));
        }
        let access = caller(request)?;
        if access.by_platform {
            self.audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        self.replay(request, &access.caller).await
    }

    async fn replay(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let endpoint = request.known_id("endpoint_id")?;
        let delivery = request.path("delivery_id").parse();
        let delivery = delivery.map_err(|_| Problem::not_found("this endpoint has no such delivery"))?;
        let idempotency = commands::without_fields(request, caller)?;
        let replayed = self.service.replay(caller, &endpoint, delivery, idempotency.as_ref()).await?;
        Ok(Response::json(202, &items::delivery(&replayed.delivery)?).replayed(replayed.repeated))
    }
}
