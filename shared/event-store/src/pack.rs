//! Bodies of commits. A small commit is plain JSON; a pack of many events is one compressed block of columns.
//!
//! Columns put like beside like: all amounts, then all charge ids. What is the same in every event is written once,
//! and what DynamoDB bills by the kilobyte shrinks to about a tenth. Decoding is the exact inverse.

mod column;

use crate::store::NewEvent;
use column::{column, uncolumn};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, io::Read};

/// `[[type, version, data], …]`.
pub(crate) const PLAIN: u8 = 1;
/// zstd over [`columns`].
pub(crate) const COLUMNS: u8 = 2;

/// Commits this small fit into one write unit beside their metadata; compressing them saves nothing.
const PLAIN_MAX_BYTES: usize = 512;
/// Measured on 2,000 RecordMatched: 50.1 KB at 19, 52.0 KB at 12, 53.6 KB at 3, and the time goes into the columns.
const LEVEL: i32 = 19;
/// Longest body that is unpacked: far above what a commit may hold, far below what would exhaust a function.
const UNPACKED_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// First guess at how many events fill a pack of 64 KB.
const FIRST_GUESS: usize = 2_000;

/// The shorter encoding of `events`, by its number.
#[must_use]
pub fn encode(events: &[NewEvent]) -> (u8, Vec<u8>) {
    let rows = events.iter().map(|event| json!([event.event_type, event.event_version, event.data])).collect();
    let plain = Value::Array(rows).to_string().into_bytes();
    if plain.len() <= PLAIN_MAX_BYTES {
        return (PLAIN, plain);
    }
    match zstd::bulk::compress(columns(events).to_string().as_bytes(), LEVEL) {
        Ok(packed) if packed.len() < plain.len() => (COLUMNS, packed),
        _ => (PLAIN, plain),
    }
}

/// # Errors
/// What is wrong, when the encoding is unknown or the body does not decode.
pub fn decode(encoding: u8, body: &[u8]) -> Result<Vec<NewEvent>, String> {
    let parse =
        |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|cause| format!("the body is no JSON: {cause}"));
    match encoding {
        PLAIN => rows(parse(body)?).ok_or_else(|| "the body is no list of events".to_owned()),
        COLUMNS => {
            let mut bytes = Vec::new();
            let reader = zstd::stream::read::Decoder::new(body)
                .map_err(|cause| format!("the body is not compressed: {cause}"))?;
            reader
                .take(UNPACKED_MAX_BYTES)
                .read_to_end(&mut bytes)
                .map_err(|cause| format!("the body does not unpack: {cause}"))?;
            uncolumns(parse(&bytes)?).ok_or_else(|| "the body's columns do not fit together".to_owned())
        }
        other => Err(format!("encoding {other} is unknown: read it with the release that wrote it")),
    }
}

/// Cuts a long run into packs whose encoded bodies have at most `max_bytes` each. The same run is always cut at the
/// same places, so a repetition finds what is there already. A single event above the limit stands alone.
#[must_use]
pub fn packs(events: Vec<NewEvent>, max_bytes: usize) -> Vec<Vec<NewEvent>> {
    let mut packs = Vec::new();
    let mut rest = events;
    let mut guess = FIRST_GUESS;
    while !rest.is_empty() {
        let mut count = guess.min(rest.len());
        let mut bytes = encode(rest.get(..count).unwrap_or_default()).1.len();
        while bytes > max_bytes && count > 1 {
            count = shrunk(count, bytes, max_bytes).min(count - 1);
            bytes = encode(rest.get(..count).unwrap_or_default()).1.len();
        }
        guess = shrunk(count, bytes, max_bytes);
        let tail = rest.split_off(count);
        packs.push(std::mem::replace(&mut rest, tail));
    }
    packs
}

/// How many events would fill 19 twentieths of the limit, at least one.
fn shrunk(count: usize, bytes: usize, max_bytes: usize) -> usize {
    let full = count.saturating_mul(max_bytes).checked_div(bytes).unwrap_or(count);
    (full / 20 * 19).max(1)
}

fn rows(plain: Value) -> Option<Vec<NewEvent>> {
    let Value::Array(rows) = plain else { return None };
    rows.into_iter().map(row).collect()
}

fn row(row: Value) -> Option<NewEvent> {
    let Value::Array(parts) = row else { return None };
    let [event_type, event_version, data] = <[Value; 3]>::try_from(parts).ok()?;
    let event_version = u16::try_from(event_version.as_u64()?).ok()?;
    Some(NewEvent { event_type: event_type.as_str()?.to_owned(), event_version, data })
}

type Path = Vec<String>;

/// Leaves of nested objects with their paths; everything but a non-empty object is a leaf.
fn leaves(value: &Value, path: &mut Path, found: &mut BTreeMap<Path, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                path.push(name.clone());
                leaves(field, path, found);
                path.pop();
            }
        }
        leaf => {
            found.insert(path.clone(), leaf.clone());
        }
    }
}

fn plant(root: &mut Value, path: &[String], leaf: Value) -> Option<()> {
    let Some((name, rest)) = path.split_first() else {
        *root = leaf;
        return Some(());
    };
    if root.is_null() {
        *root = Value::Object(Map::new());
    }
    plant(root.as_object_mut()?.entry(name.clone()).or_insert(Value::Null), rest, leaf)
}

/// Events of one type and version whose data has the same leaves.
type Shape = (String, u16, Vec<Path>);

/// `{"g": [[type, version, count, [[path, column], …]], …], "o": [group, run length, …]}`; `o` only with several
/// groups.
fn columns(events: &[NewEvent]) -> Value {
    let mut shapes: BTreeMap<Shape, usize> = BTreeMap::new();
    let mut groups: Vec<(Shape, Vec<Vec<Value>>)> = Vec::new();
    let mut order: Vec<(usize, u64)> = Vec::new();
    for event in events {
        let mut found = BTreeMap::new();
        leaves(&event.data, &mut Path::new(), &mut found);
        let (paths, values): (Vec<Path>, Vec<Value>) = found.into_iter().unzip();
        let shape = (event.event_type.clone(), event.event_version, paths);
        let group = *shapes.entry(shape).or_insert_with_key(|shape| {
            groups.push((shape.clone(), vec![Vec::new(); shape.2.len()]));
            groups.len() - 1
        });
        if let Some((_, columns)) = groups.get_mut(group) {
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        match order.last_mut() {
            Some((last, run)) if *last == group => *run += 1,
            _ => order.push((group, 1)),
        }
    }
    let counts = order.iter().fold(vec![0_u64; groups.len()], |mut counts, (group, run)| {
        if let Some(count) = counts.get_mut(*group) {
            *count += run;
        }
        counts
    });
    let written: Vec<Value> = groups
        .into_iter()
        .zip(counts)
        .map(|(((event_type, event_version, paths), columns), count)| {
            let fields: Vec<Value> =
                paths.into_iter().zip(columns).map(|(path, values)| json!([path, column(values)])).collect();
            json!([event_type, event_version, count, fields])
        })
        .collect();
    if written.len() == 1 {
        return json!({ "g": written });
    }
    let order: Vec<Value> = order.into_iter().flat_map(|(group, run)| [json!(group), json!(run)]).collect();
    json!({ "g": written, "o": order })
}

fn uncolumns(mut packed: Value) -> Option<Vec<NewEvent>> {
    let Value::Array(groups) = packed.get_mut("g")?.take() else { return None };
    let mut queues = groups.into_iter().map(group).collect::<Option<Vec<_>>>()?;
    let order: Vec<u64> = match packed.get("o") {
        Some(order) => order.as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?,
        None => vec![0, u64::try_from(queues.first()?.len()).ok()?],
    };
    let mut events = Vec::new();
    for pair in order.chunks(2) {
        let [group, run] = *pair else { return None };
        let queue = queues.get_mut(usize::try_from(group).ok()?)?;
        for _ in 0..run {
            events.push(queue.next()?);
        }
    }
    queues.iter().all(|queue| queue.len() == 0).then_some(events)
}

fn group(group: Value) -> Option<std::vec::IntoIter<NewEvent>> {
    let Value::Array(parts) = group else { return None };
    let [event_type, event_version, count, fields] = <[Value; 4]>::try_from(parts).ok()?;
    let event_type = event_type.as_str()?.to_owned();
    let event_version = u16::try_from(event_version.as_u64()?).ok()?;
    let count = usize::try_from(count.as_u64()?).ok()?;
    let Value::Array(fields) = fields else { return None };
    // No shape is without a leaf: even an empty object is one. A count alone must not be able to exhaust memory.
    if fields.is_empty() || count > usize::try_from(UNPACKED_MAX_BYTES).ok()? / 16 {
        return None;
    }
    let mut rows = vec![Value::Null; count];
    for field in fields {
        let Value::Array(parts) = field else { return None };
        let [path, packed] = <[Value; 2]>::try_from(parts).ok()?;
        let path = path.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Path>>()?;
        let values = uncolumn(packed, count)?;
        for (row, value) in rows.iter_mut().zip(values) {
            plant(row, &path, value)?;
        }
    }
    let events: Vec<NewEvent> =
        rows.into_iter().map(|data| NewEvent { event_type: event_type.clone(), event_version, data }).collect();
    Some(events.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// Any JSON but floats, which no event has.
    pub(in crate::pack) fn any_value() -> impl Strategy<Value = Value> {
        let texts = prop_oneof![
            "[a-c]{0,3}",
            "gid://shopify/Order/[0-9]{1,19}",
            "\\PC{0,6}",
            "[0-9\n]{0,4}",
            Just("é".to_owned()),
            Just("è".to_owned())
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0_i64..5).prop_map(Value::from),
            texts.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(Value::Array),
                vec(("[a-d.]{0,2}", inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn any_event() -> impl Strategy<Value = NewEvent> {
        ("[AB]", 1_u16..3, any_value()).prop_map(|(event_type, event_version, data)| NewEvent {
            event_type,
            event_version,
            data,
        })
    }

    fn text_event(text: &str) -> NewEvent {
        NewEvent {
            event_type: "A".into(),
            event_version: 1,
            data: json!({ "text": text, "list": [text], "same": { "a": 1, "b": {} } }),
        }
    }

    proptest! {
        #[test]
        fn columns_are_undone_exactly(events in vec(any_event(), 1..30)) {
            prop_assert_eq!(uncolumns(columns(&events)), Some(events));
        }

        #[test]
        fn texts_are_undone_exactly(texts in prop_oneof![vec("#[0-9]{1,4}", 1..20), vec("[ab]{2}", 1..20), vec("ab[0-9\n]{0,2}", 1..20)]) {
            let events: Vec<NewEvent> = texts.iter().map(|text| text_event(text)).collect();
            prop_assert_eq!(uncolumns(columns(&events)), Some(events));
        }

        #[test]
        fn encoding_is_undone_exactly(events in vec(any_event(), 1..60)) {
            let (encoding, body) = encode(&events);
            prop_assert_eq!(decode(encoding, &body), Ok(events));
        }

        #[test]
        fn no_body_brings_the_reader_down(encoding in 0_u8..4, body in vec(any::<u8>(), 0..200), json in any_value()) {
            let _ = decode(encoding, &body);
            let _ = uncolumns(json);
        }
    }

    #[test]
    fn small_commits_stay_readable_and_large_ones_shrink() {
        let events: Vec<NewEvent> = (0..500).map(|number| text_event(&format!("order {number}"))).collect();
        let (encoding, body) = encode(events.get(..2).unwrap());
        assert_eq!((encoding, body.first()), (PLAIN, Some(&b'[')));
        let (encoding, body) = encode(&events);
        assert_eq!(encoding, COLUMNS);
        assert!(body.len() < 500, "{} bytes", body.len());
    }

    #[test]
    fn runs_are_cut_at_the_same_places_and_within_the_limit() {
        let events: Vec<NewEvent> = (0..3000_u64)
            .map(|number| text_event(&format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
            .collect();
        let cut = packs(events.clone(), 4096);
        assert!(cut.len() > 3, "{} packs", cut.len());
        assert!(cut.iter().all(|pack| encode(pack).1.len() <= 4096));
        assert_eq!(cut, packs(events.clone(), 4096));
        assert_eq!(cut.concat(), events);
        assert_eq!(packs(events.get(..3).unwrap().to_vec(), 1).len(), 3, "an event above the limit stands alone");
        assert_eq!(packs(Vec::new(), 1), Vec::<Vec<NewEvent>>::new());
    }

    #[test]
    fn unknown_encodings_are_refused() {
        assert!(decode(3, b"[]").unwrap_err().contains("encoding 3 is unknown"));
    }
}
