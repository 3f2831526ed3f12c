//! Matches of the published attempt, straight from their stream: what was committed is what is shown.

use crate::{
    handler::{Handler, Results},
    lists::page_of,
};
use application::Caller;
use domain::{
    aggregate,
    matches::{MATCHES, MatchesEvent},
};
use event_store::StreamKey;
use http_api::{Cursor, Problem, Request, Response, items, page::limit};
use serde_json::Value;

/// Packs per read; each is up to 64 KB.
const PACKS_PER_READ: u32 = 4;

/// Sequence after which the visible run begins: a run that was withdrawn stays in the stream and is not shown.
async fn visible_after(handler: &Handler, stream: &StreamKey) -> Result<u64, Problem> {
    let (mut last, mut begin) = (0, 0);
    loop {
        let commits = handler.store.page(stream, last, PACKS_PER_READ).await?;
        let Some(end) = commits.last().map(|commit| commit.to) else { return Ok(begin) };
        last = end;
        let withdrawn =
            commits.iter().flat_map(|commit| &commit.events).filter(|event| event.event_type == "MatchesWithdrawn");
        begin = withdrawn.map(|event| event.sequence).max().unwrap_or(begin);
    }
}

pub async fn page(handler: &Handler, request: &Request, caller: &Caller, run: Results) -> Result<Response, Problem> {
    let limit = usize::try_from(limit(request)?).unwrap_or(1);
    let Some(published) = run.published else { return Ok(page_of(run.version, run.as_of, &[], None)) };
    let attempt = published.attempt;
    let cursor = Cursor::of(request, &format!("{}\n{attempt}", caller.tenant), &[]);
    let stream = StreamKey::new(&caller.tenant, MATCHES, format!("{}-a{attempt}", run.id));
    let mut after = match cursor.read(request)? {
        Some(position) => position.parse().map_err(|_| Problem::internal("a sealed cursor holds no sequence"))?,
        None => visible_after(handler, &stream).await?,
    };
    let mut found: Vec<(u64, Value)> = Vec::with_capacity(limit + 1);
    while found.len() <= limit {
        let commits = handler.store.page(&stream, after, PACKS_PER_READ).await?;
        let Some(end) = commits.last().map(|commit| commit.to) else { break };
        for commit in commits {
            let fresh =
                commit.events.into_iter().filter(|event| event.sequence > after && event.event_type == "RecordMatched");
            for event in fresh.take((limit + 1).saturating_sub(found.len())) {
                let decoded = aggregate::from_parts(&event.event_type, event.data);
                let MatchesEvent::RecordMatched(one) =
                    decoded.map_err(|error| Problem::internal(format!("RecordMatched does not decode: {error}")))?
                else {
                    return Err(Problem::internal("an event is not what its type says"));
                };
                found.push((event.sequence, items::matched(&one, "auto", commit.metadata.timestamp)?));
            }
        }
        after = end;
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(sequence, _)| cursor.encode(&sequence.to_string()));
    let items: Vec<Value> = found.into_iter().map(|(_, item)| item).collect();
    Ok(page_of(run.version, run.as_of, &items, next.as_deref()))
}
