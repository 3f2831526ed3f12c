//! The control API: tests make datasets, cause faults and look at what happened. Bad input is named by its field.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::dataset::{Dataset, Terms};
use super::faults::{Fault, Provider, Replacement};
use super::generate::world::{DAY_S, Window};
use super::generate::{Recipe, presets};
use super::hooks::{self, Hook};
use super::state::{Shared, lock};
use super::times;

const MOST_ORDERS: u64 = 1_000_000;
const LONGEST_RANGE_DAYS: i64 = 366;

/// A refusal that names the field.
#[derive(Debug)]
pub struct BadInput {
    status: StatusCode,
    field: String,
    message: String,
}

impl IntoResponse for BadInput {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "field": self.field, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

fn wrong(field: &str, message: impl Into<String>) -> BadInput {
    BadInput { status: StatusCode::UNPROCESSABLE_ENTITY, field: field.to_owned(), message: message.into() }
}

/// The fields of a body, taken one by one; what is left over is unknown.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(body: &[u8]) -> Result<Self, BadInput> {
        let bad = |message: String| BadInput { status: StatusCode::BAD_REQUEST, field: "body".to_owned(), message };
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(bad("must be a JSON object".to_owned())),
            Err(error) => Err(bad(format!("is not JSON: {error}"))),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, BadInput> {
        self.take(name)
            .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(name, "must be a string")))
            .transpose()
    }

    fn needed_text(&mut self, name: &str) -> Result<String, BadInput> {
        self.text(name)?.ok_or_else(|| wrong(name, "is required"))
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, BadInput> {
        self.take(name)
            .map(|value| value.as_u64().ok_or_else(|| wrong(name, "must be a whole number, 0 or more")))
            .transpose()
    }

    fn flag(&mut self, name: &str) -> Result<bool, BadInput> {
        self.take(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| wrong(name, "must be true or false")))
    }

    fn done(self) -> Result<(), BadInput> {
        self.0.keys().next().map_or(Ok(()), |name| Err(wrong(name, "is not a known field")))
    }
}

fn shop_is_valid(shop: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    shop.len() <= 60 && shop.starts_with(fits) && shop.chars().all(|letter| fits(letter) || letter == '-')
}

fn recipe_of(fields: &mut Fields) -> Result<(String, Recipe, Terms), BadInput> {
    let shop = fields.needed_text("shop")?;
    if !shop_is_valid(&shop) {
        return Err(wrong("shop", "must match ^[a-z0-9][a-z0-9-]{0,59}$"));
    }
    let name = fields.needed_text("preset")?;
    let preset = presets::by_name(&name).ok_or_else(|| {
        let names: Vec<&str> = presets::PRESETS.iter().map(|preset| preset.name).collect();
        wrong("preset", format!("must be one of {}", names.join(", ")))
    })?;
    let orders = fields.number("orders")?.ok_or_else(|| wrong("orders", "is required"))?;
    if orders > MOST_ORDERS {
        return Err(wrong("orders", format!("must be at most {MOST_ORDERS}")));
    }
    let seed = fields.number("seed")?.ok_or_else(|| wrong("seed", "is required"))?;
    let mut day = |name: &str| {
        let text = fields.needed_text(name)?;
        times::day_start_s(&text).ok_or_else(|| wrong(name, "must be a date such as 2026-01-31"))
    };
    let (start_s, last_s) = (day("start")?, day("end")?);
    if last_s < start_s {
        return Err(wrong("end", "must not be before start"));
    }
    if (last_s - start_s) / DAY_S >= LONGEST_RANGE_DAYS {
        return Err(wrong("end", format!("must be within {LONGEST_RANGE_DAYS} days of start")));
    }
    let window = Window { start_s, end_s: last_s + DAY_S };
    let terms = terms_of(fields)?;
    Ok((shop, Recipe { preset, orders: usize::try_from(orders).unwrap_or(0), seed, window }, terms))
}

fn terms_of(fields: &mut Fields) -> Result<Terms, BadInput> {
    let scopes = match fields.take("scopes") {
        None => None,
        Some(Value::Array(items)) => {
            let read = |item: &Value| {
                item.as_str().map(str::to_owned).ok_or_else(|| wrong("scopes", "must be a list of strings"))
            };
            Some(items.iter().map(read).collect::<Result<Vec<String>, BadInput>>()?)
        }
        Some(_) => return Err(wrong("scopes", "must be a list of strings")),
    };
    let mut points = |name: &str| {
        Ok(fields.number(name)?.and_then(|points| i64::try_from(points).ok()).filter(|points| *points > 0))
    };
    Ok(Terms { scopes, maximum_available: points("maximum_available")?, restore_rate: points("restore_rate")? })
}

pub async fn create_dataset(State(shared): State<Shared>, body: Bytes) -> Result<Response, BadInput> {
    let mut fields = Fields::read(&body)?;
    let (shop, recipe, terms) = recipe_of(&mut fields)?;
    fields.done()?;
    let built = tokio::task::spawn_blocking(move || Dataset::build(&shop, &recipe, terms)).await;
    let dataset = built.map(Arc::new).map_err(|error| BadInput {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        field: "preset".to_owned(),
        message: format!("the generator failed: {error}"),
    })?;
    let answer = summary(&dataset);
    shared.put(dataset);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn summary(dataset: &Dataset) -> Value {
    json!({
        "shop": dataset.shop,
        "access_token": dataset.access_token,
        "stripe_api_key": dataset.stripe_api_key,
        "counts": dataset.counts,
    })
}

pub async fn list_datasets(State(shared): State<Shared>) -> Json<Value> {
    let shops: Vec<Value> = shared.shops().iter().map(|dataset| summary(dataset)).collect();
    Json(json!({ "items": shops }))
}

pub async fn show_dataset(State(shared): State<Shared>, Path(shop): Path<String>) -> Result<Json<Value>, BadInput> {
    Ok(Json(summary(find(&shared, &shop)?.as_ref())))
}

pub async fn show_truth(State(shared): State<Shared>, Path(shop): Path<String>) -> Result<Response, BadInput> {
    let dataset = find(&shared, &shop)?;
    Ok(Json(&dataset.truth).into_response())
}

fn find(shared: &Shared, shop: &str) -> Result<Arc<Dataset>, BadInput> {
    shared.dataset(shop).ok_or_else(|| BadInput {
        status: StatusCode::NOT_FOUND,
        field: "shop".to_owned(),
        message: format!("there is no dataset for {shop}"),
    })
}

pub async fn add_fault(State(shared): State<Shared>, body: Bytes) -> Result<Response, BadInput> {
    let mut fields = Fields::read(&body)?;
    let fault = fault_of(&mut fields)?;
    fields.done()?;
    let mut faults = lock(&shared.faults);
    faults.add(fault);
    Ok((StatusCode::CREATED, Json(json!({ "active": faults.active().len() }))).into_response())
}

fn fault_of(fields: &mut Fields) -> Result<Fault, BadInput> {
    let provider = match fields.needed_text("provider")?.as_str() {
        "shopify" => Provider::Shopify,
        "stripe" => Provider::Stripe,
        "hooks" => Provider::Hooks,
        _ => return Err(wrong("provider", "must be shopify, stripe or hooks")),
    };
    let status = match fields.number("status")? {
        None => None,
        Some(status @ 200..=599) => u16::try_from(status).ok(),
        Some(_) => return Err(wrong("status", "must be from 200 to 599")),
    };
    let fault = Fault {
        provider,
        status,
        retry_after_s: fields.number("retry_after_s")?,
        delay_ms: fields.number("delay_ms")?.unwrap_or(0),
        drop_connection: fields.flag("drop_connection")?,
        malformed: fields.flag("malformed")?,
        replacement: replacement_of(fields)?,
        count: fields.number("count")?,
        probability_ppm: probability_of(fields)?,
        path_contains: fields.text("path_contains")?,
    };
    let does_nothing = fault.status.is_none() && fault.delay_ms == 0 && fault.replacement.is_none();
    if does_nothing && !fault.drop_connection && !fault.malformed {
        let message = "one of status, delay_ms, drop_connection, malformed and replace_field is required";
        return Err(wrong("status", message));
    }
    Ok(fault)
}

/// `replace_field` is the name of a field in the provider's answers, `replace_with` its value there; without one the
/// field is missing.
fn replacement_of(fields: &mut Fields) -> Result<Option<Replacement>, BadInput> {
    let with = fields.take("replace_with");
    match (fields.text("replace_field")?, with) {
        (Some(field), with) => Ok(Some(Replacement { field, with })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(wrong("replace_field", "is required beside replace_with")),
    }
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a probability is no money"
)]
fn probability_of(fields: &mut Fields) -> Result<u64, BadInput> {
    let Some(value) = fields.take("probability") else {
        return Ok(1_000_000);
    };
    let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
    share.map(|share| (share * 1_000_000.0) as u64).ok_or_else(|| wrong("probability", "must be from 0 to 1"))
}

pub async fn clear_faults(State(shared): State<Shared>) -> StatusCode {
    lock(&shared.faults).clear();
    StatusCode::NO_CONTENT
}

pub async fn list_faults(State(shared): State<Shared>) -> Json<Value> {
    let faults = lock(&shared.faults);
    let items: Vec<Value> = faults
        .active()
        .iter()
        .map(|fault| {
            json!({
                "provider": fault.provider.name(), "status": fault.status, "retry_after_s": fault.retry_after_s, "delay_ms": fault.delay_ms,
                "drop_connection": fault.drop_connection, "malformed": fault.malformed, "count": fault.count,
                "replace_field": fault.replacement.as_ref().map(|of| &of.field),
                "replace_with": fault.replacement.as_ref().and_then(|of| of.with.as_ref()), "path_contains": fault.path_contains,
            })
        })
        .collect();
    Json(json!({ "items": items }))
}

pub async fn show_requests(State(shared): State<Shared>) -> Response {
    Json(&*lock(&shared.requests)).into_response()
}

pub async fn put_hook(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, BadInput> {
    let mut fields = Fields::read(&body)?;
    let secret = fields.needed_text("secret")?;
    fields.done()?;
    let key = hooks::key_of(&secret).ok_or_else(|| wrong("secret", "must be whsec_ and base64"))?;
    let mut hooks = lock(&shared.hooks);
    hooks.entry(name).or_insert_with(Hook::default).key = key;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn show_hook(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Response, BadInput> {
    let hooks = lock(&shared.hooks);
    let hook = hooks.get(&name).ok_or_else(|| BadInput {
        status: StatusCode::NOT_FOUND,
        field: "name".to_owned(),
        message: format!("there is no hook named {name}"),
    })?;
    Ok(Json(json!({ "name": name, "items": hook.received })).into_response())
}
