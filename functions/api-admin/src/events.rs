//! Events as they were written: of one aggregate, or of everything that one request led to.

use crate::{handler::Handler, owner};
use domain::{EventEnvelope, Timestamp, catalogue::Family, ids::MAX_ID_LENGTH};
use event_store::StreamKey;
use http_api::{Cursor, Problem, Request, Response, page::limit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Commits per read; a pack of matches is up to 64 KB.
const COMMITS_PER_READ: u32 = 8;
/// A page ends early when it grows beyond this: a function's answer may have 6 MB.
const MAX_PAGE_BYTES: usize = 4_000_000;
/// The attempt's number that ids of `matches` streams end in.
const SUFFIX_LENGTH: usize = 12;

/// Envelopes up to the limit of a page.
struct Sheet {
    items: Vec<Value>,
    bytes: usize,
    limit: usize,
}

impl Sheet {
    fn new(request: &Request) -> Result<Self, Problem> {
        Ok(Self { items: Vec::new(), bytes: 0, limit: usize::try_from(limit(request)?).unwrap_or(1) })
    }

    fn full(&self) -> bool {
        self.items.len() >= self.limit || self.bytes >= MAX_PAGE_BYTES
    }

    fn add(&mut self, event: &EventEnvelope) -> Result<(), Problem> {
        let item = serde_json::to_value(event).map_err(|error| Problem::internal(error.to_string()))?;
        self.bytes += item.to_string().len();
        self.items.push(item);
        Ok(())
    }

    fn body(self, next_cursor: Option<&str>, as_of: Option<Timestamp>) -> Value {
        json!({ "items": self.items, "next_cursor": next_cursor, "as_of": as_of })
    }
}

pub async fn of_aggregate(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let (aggregate_type, id) = (request.path("aggregate_type"), request.path("aggregate_id"));
    let allowed = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !allowed(aggregate_type) || !allowed(id) || id.len() > MAX_ID_LENGTH + SUFFIX_LENGTH {
        return Err(Problem::not_found("there is nothing with this id"));
    }
    let until = request.parsed("as_of", "an RFC 3339 time", |text| Timestamp::parse(text).ok())?;
    let mut sheet = Sheet::new(request)?;
    let cursor = Cursor::of(request, "", &["tenant_id", "as_of"]);
    let begin: Option<u64> = cursor
        .read(request)?
        .map(|position| position.parse())
        .transpose()
        .map_err(|_| Problem::internal("a sealed cursor holds no sequence"))?;
    let tenant = owner::of(handler, request, key_id, aggregate_type, id).await?;
    let stream = StreamKey::new(&tenant, aggregate_type, id);

    let then = match until.filter(|_| begin.is_none()) {
        Some(until) => state_at(handler, &stream, until).await?,
        None => None,
    };
    let (mut after, mut as_of, mut next) = (begin.unwrap_or(0), None, None);
    'read: loop {
        let commits = handler.store.page(&stream, after, COMMITS_PER_READ).await?;
        if commits.is_empty() {
            break;
        }
        for commit in commits {
            if until.is_some_and(|until| commit.metadata.timestamp > until) {
                break 'read;
            }
            for event in commit.events.iter().filter(|event| event.sequence > after) {
                if sheet.full() {
                    next = Some(event.sequence - 1);
                    break 'read;
                }
                sheet.add(event)?;
            }
            as_of = Some(commit.metadata.timestamp);
            after = commit.to;
        }
    }
    if begin.is_none() && sheet.items.is_empty() && handler.store.head(&stream).await?.is_none() {
        return Err(Problem::not_found("there are no events with this id"));
    }
    let next = next.map(|sequence: u64| cursor.encode(&sequence.to_string()));
    let mut body = sheet.body(next.as_deref(), as_of);
    if let Some((version, state)) = then {
        body["version"] = json!(version);
        body["state"] = state;
    }
    Ok(Response::json(200, &body))
}

/// What the events up to a point in time fold into, with the version; none for what is never folded.
async fn state_at(handler: &Handler, stream: &StreamKey, until: Timestamp) -> Result<Option<(u64, Value)>, Problem> {
    let Some(family) = Family::of(&stream.aggregate_type).filter(|family| family.is_folded()) else { return Ok(None) };
    let commits = handler.store.load(stream, 0).await?;
    let then = commits.into_iter().take_while(|commit| commit.metadata.timestamp <= until);
    let mut version = 0;
    let mut events = Vec::new();
    for commit in then {
        version = commit.to;
        events.extend(commit.events.into_iter().map(|event| (event.event_type, event.data)));
    }
    let state = family.fold(events).transpose().map_err(|error| {
        Problem::internal(format!("{}: an event does not decode: {error}; verify the stream", stream.partition()))
    })?;
    Ok(state.map(|state| (version, state)))
}

/// Where a page over commits ended.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    /// The store's own position, after which this batch of commits begins.
    after: Option<String>,
    /// Commits of the batch that were shown in full.
    commits: usize,
    /// Events of the next commit that were shown.
    events: usize,
}

pub async fn of_correlation(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let id: domain::CorrelationId = request.known_id("correlation_id")?;
    let mut sheet = Sheet::new(request)?;
    let tenant = owner::named(request)?;
    let tenant = tenant
        .ok_or_else(|| Problem::parameter("query:tenant_id", "is required: correlation ids belong to a tenant"))?;
    let cursor = Cursor::of(request, tenant.as_str(), &[]);
    let position = cursor.read(request)?.map(|position| serde_json::from_str(&position)).transpose();
    let mut place: Place =
        position.map_err(|_| Problem::internal("a sealed cursor holds no place"))?.unwrap_or_default();
    handler.audit.accessed(&tenant, &request.route_key, key_id).await?;

    let mut as_of = None;
    loop {
        let (references, next) =
            handler.store.by_correlation(&tenant, id.as_str(), COMMITS_PER_READ, place.after.clone()).await?;
        for reference in references.iter().skip(place.commits) {
            let commits = handler.store.page(&reference.stream, reference.from.saturating_sub(1), 1).await?;
            let events = commits.iter().flat_map(|commit| &commit.events);
            for event in events.skip(place.events) {
                if sheet.full() {
                    let position =
                        serde_json::to_string(&place).map_err(|error| Problem::internal(error.to_string()))?;
                    return Ok(Response::json(200, &sheet.body(Some(&cursor.encode(&position)), as_of)));
                }
                sheet.add(event)?;
                place.events += 1;
            }
            as_of = Some(reference.at);
            place.commits += 1;
            place.events = 0;
        }
        match next {
            Some(next) => place = Place { after: Some(next), ..Place::default() },
            None => return Ok(Response::json(200, &sheet.body(None, as_of))),
        }
    }
}
