//! API keys as operators see them, and what they may ask for.

use crate::{
    body,
    conditional::idempotency,
    problem::{Problem, both},
    request::Request,
    shape::{
        Field,
        Kind::{Id, Instant, List, OneOf, Text},
        Shape, optional, required, wrong,
    },
};
use application::{Idempotency, KeyView, NewKey};
use domain::{
    TenantId, Timestamp,
    api_key::{Grant, Scope},
};
use serde::Deserialize;
use serde_json::{Value, json};

const SCOPES: Field = required(
    "scopes",
    List(&OneOf(&["read", "write", "admin"])),
    "read and write for a tenant's key; admin alone for a platform key.",
);
const EXPIRES_AT: Field = optional("expires_at", Instant, "From then on it opens nothing. Never when absent.");
const TENANT: Field = optional("tenant_id", Id, "Absent for a platform key.");
const KEY_ID: Field = required("key_id", Id, "What events and audit trails call it.");
const CREATED_AT: Field = required("created_at", Instant, "");
const STATUS: Field = required("status", OneOf(&["active", "expired", "revoked"]), "");

pub const CREATE_KEY: Shape = Shape { name: "CreateApiKey", about: "", fields: &[TENANT, SCOPES, EXPIRES_AT] };
pub const KEY: Shape = Shape {
    name: "ApiKey",
    about: "A key without the key, which nobody here knows.",
    fields: &[KEY_ID, TENANT, SCOPES, CREATED_AT, EXPIRES_AT, STATUS],
};
pub const NEW_KEY: Shape = Shape {
    name: "NewApiKey",
    about: "",
    fields: &[
        KEY_ID,
        TENANT,
        SCOPES,
        CREATED_AT,
        EXPIRES_AT,
        STATUS,
        optional("key", Text(128), "Shown once: an answer that is repeated under its Idempotency-Key has null here."),
    ],
};

#[derive(Deserialize)]
struct CreateBody {
    tenant_id: Option<TenantId>,
    scopes: Vec<Scope>,
    expires_at: Option<Timestamp>,
}

/// # Errors
/// As [`body::operators_object`]; every wrong field and header at once.
pub fn create(request: &Request) -> Result<(Grant, Option<Idempotency>), Problem> {
    let body = body::operators_object(request)?;
    let errors = CREATE_KEY.check(&body);
    let read = if errors.is_empty() {
        serde_json::from_value(body.clone())
            .map_err(|_| Problem::fields(vec![wrong("", "invalid", "the body cannot be read")]))
    } else {
        Err(Problem::fields(errors))
    };
    let (CreateBody { tenant_id, scopes, expires_at }, idempotency) = both(read, idempotency(request, &body))?;
    Ok((Grant { tenant_id, scopes, expires_at }, idempotency))
}

#[must_use]
pub fn key(view: &KeyView) -> Value {
    json!({
        "key_id": view.key_id,
        "tenant_id": view.grant.tenant_id,
        "scopes": view.grant.scopes,
        "created_at": view.created_at,
        "expires_at": view.grant.expires_at,
        "status": view.status,
    })
}

#[must_use]
pub fn new_key(new: &NewKey) -> Value {
    let mut shown = key(&new.view);
    shown["key"] = json!(new.key);
    shown
}
