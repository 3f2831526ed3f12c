//! Translate, call, translate. Credentials go in and never come out: not in answers, not in problems, not in logs.

use application::ConnectionService;
use http_api::{Problem, Request, Response, audit::Audit, caller, close, commands, open, routes};
use serde_json::{Value, json};
use std::convert::Infallible;

#[derive(Debug)]
pub struct Handler {
    pub service: ConnectionService,
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
        if request.route_key != routes::PUT_CONNECTION_ROUTE {
            return Err(Problem::not_found("there is no such route"));
        }
        let access = caller(request)?;
        if access.by_platform {
            self.audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        let (id, adapter, credentials) = commands::put_connection(request, &access.caller)?;
        let answer = self.service.put(&access.caller, id, adapter, credentials).await?;
        let body =
            json!({ "connection_id": answer.connection_id, "adapter": answer.adapter, "version": answer.version });
        Ok(Response::json(if answer.created { 201 } else { 200 }, &body).etag(answer.version))
    }
}
