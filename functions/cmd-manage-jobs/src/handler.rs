//! Translate, call, translate.

use application::{Caller, JobAnswer, JobService};
use http_api::{
    Problem, Request, Response, audit::Audit, caller, close, commands, conditional::if_match, items, open, routes,
};
use serde_json::Value;
use std::convert::Infallible;

#[derive(Debug)]
pub struct Handler {
    pub service: JobService,
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
        match request.route_key.as_str() {
            routes::CREATE_JOB_ROUTE => self.create(request, &access.caller).await,
            routes::REPLACE_JOB_ROUTE => self.replace(request, &access.caller).await,
            routes::DELETE_JOB => self.delete(request, &access.caller).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }

    async fn create(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let (id, definition, idempotency) = commands::create_job(request, caller)?;
        let answer = self.service.create(caller, id, definition, idempotency).await?;
        let location = format!("/v1/jobs/{}", answer.job_id);
        Ok(show(201, &answer)?.with("location", location).replayed(answer.replayed))
    }

    async fn replace(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let id = request.known_id("id")?;
        let (definition, expected) = commands::replace_job(request, caller)?;
        show(200, &self.service.update(caller, id, definition, expected).await?)
    }

    async fn delete(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        self.service.delete(caller, request.known_id("id")?, if_match(request)?).await?;
        Ok(Response::empty(204))
    }
}

fn show(status: u16, answer: &JobAnswer) -> Result<Response, Problem> {
    let body = items::job(&answer.job_id, &answer.definition, answer.version)?;
    Ok(Response::json(status, &body).etag(answer.version))
}
