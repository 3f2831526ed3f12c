//! Matches of the published attempt, straight from their stream, without those that were broken; then those that
//! people confirmed or made, in the order in which they decided.

use crate::{
    handler::{Handler, Results},
    lists::page_of,
};
use application::Caller;
use domain::{
    aggregate,
    decision::Decisions,
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
    let position = cursor.read(request)?;
    if let Some(from) = position.as_deref().and_then(|position| position.strip_prefix(DECIDED)) {
        let from = from.parse().map_err(|_| Problem::internal("a sealed cursor holds no place"))?;
        let (items, next) = decided(&run.decisions, from, limit)?;
        return Ok(page_of(run.version, run.as_of, &items, next.map(|next| cursor.encode(&next)).as_deref()));
    }
    let mut after = match position {
        Some(position) => position.parse().map_err(|_| Problem::internal("a sealed cursor holds no sequence"))?,
        None => visible_after(handler, &stream).await?,
    };
    let holds = run.decisions.over_the_result();
    let mut found: Vec<(u64, Value)> = Vec::with_capacity(limit + 1);
    while found.len() <= limit {
        let commits = handler.store.page(&stream, after, PACKS_PER_READ).await?;
        let Some(end) = commits.last().map(|commit| commit.to) else { break };
        for commit in commits {
            let fresh =
                commit.events.into_iter().filter(|event| event.sequence > after && event.event_type == "RecordMatched");
            for event in fresh {
                if found.len() > limit {
                    break;
                }
                let decoded = aggregate::from_parts(&event.event_type, event.data);
                let MatchesEvent::RecordMatched(one) =
                    decoded.map_err(|error| Problem::internal(format!("RecordMatched does not decode: {error}")))?
                else {
                    return Err(Problem::internal("an event is not what its type says"));
                };
                if !holds.is_match(&one) {
                    continue;
                }
                found.push((event.sequence, items::matched(&one, items::standing(&one), commit.metadata.timestamp)?));
            }
        }
        after = end;
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(sequence, _)| cursor.encode(&sequence.to_string()));
    let mut items: Vec<Value> = found.into_iter().map(|(_, item)| item).collect();
    if next.is_none() {
        let (rest, next) = decided(&run.decisions, 0, limit - items.len())?;
        items.extend(rest);
        return Ok(page_of(run.version, run.as_of, &items, next.map(|next| cursor.encode(&next)).as_deref()));
    }
    Ok(page_of(run.version, run.as_of, &items, next.as_deref()))
}

/// Begins the position of a page that goes on among the decided matches.
const DECIDED: char = 'd';

/// At most `limit` decided matches from place `from`, and the position after them.
fn decided(decisions: &Decisions, from: usize, limit: usize) -> Result<(Vec<Value>, Option<String>), Problem> {
    let shown = decisions.standing.iter().skip(from).take(limit);
    let items = shown
        .map(|(_, one)| items::matched(&one.found, one.standing.as_str(), one.decided_at))
        .collect::<Result<Vec<_>, _>>()?;
    let end = from.saturating_add(items.len());
    Ok((items, (end < decisions.standing.len()).then(|| format!("{DECIDED}{end}"))))
}
