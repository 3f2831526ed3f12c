//! Translate, call, translate.

use application::UploadService;
use http_api::{Problem, Request, Response, audit::Audit, caller, close, commands, open, routes};
use serde_json::{Value, json};
use std::convert::Infallible;

#[derive(Debug)]
pub struct Handler {
    pub service: UploadService,
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
        if request.route_key != routes::CREATE_UPLOAD_ROUTE {
            return Err(Problem::not_found("there is no such route"));
        }
        let access = caller(request)?;
        if access.by_platform {
            self.audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        let idempotency = commands::create_upload(request, &access.caller)?;
        let answer = self.service.create(&access.caller, idempotency.as_ref()).await?;
        Ok(Response::json(201, &json!(answer)))
    }
}
