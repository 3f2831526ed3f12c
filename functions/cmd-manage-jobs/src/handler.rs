//! Translate, call, translate. Secrets leave in the one answer that shows them, and in no log.

use application::{Caller, ManagedJob, ManagedJobs};
use http_api::{
    Problem, Request, Response, audit::Audit, caller, close, commands, conditional::if_match, items, open, routes,
};
use serde_json::{Value, json};
use std::convert::Infallible;

#[derive(Debug)]
pub struct Handler {
    pub service: ManagedJobs,
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
            routes::ROTATE_SECRET => self.rotate(request, &access.caller).await,
            routes::DELETE_JOB => self.delete(request, &access.caller).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }

    async fn create(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let (id, wanted, idempotency) = commands::create_job(request, caller)?;
        let created = self.service.create(caller, id, wanted, idempotency).await?;
        let location = format!("/v1/jobs/{}", created.job.job_id);
        Ok(show(201, &created)?.with("location", location).replayed(created.job.replayed))
    }

    async fn replace(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let id = request.known_id("id")?;
        let (wanted, expected) = commands::replace_job(request, caller)?;
        show(200, &self.service.update(caller, id, wanted, expected).await?)
    }

    async fn rotate(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let (id, endpoint) = (request.known_id("id")?, request.known_id("endpoint_id")?);
        let idempotency = commands::without_fields(request, caller)?;
        let rotated = self.service.rotate(caller, id, endpoint, idempotency).await?;
        let body = json!({
            "endpoint_id": rotated.endpoint.endpoint_id,
            "url": rotated.endpoint.url,
            "secret": rotated.secret,
            "previous_valid_until": rotated.previous_valid_until,
        });
        Ok(Response::json(200, &body).replayed(rotated.replayed))
    }

    async fn delete(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        self.service.delete(caller, request.known_id("id")?, if_match(request)?).await?;
        Ok(Response::empty(204))
    }
}

fn show(status: u16, managed: &ManagedJob) -> Result<Response, Problem> {
    let job = &managed.job;
    let body = items::job_with_secrets(&job.job_id, &job.definition, job.version, &managed.secrets)?;
    Ok(Response::json(status, &body).etag(job.version))
}
