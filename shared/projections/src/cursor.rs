//! Cursors: opaque to clients, URL-safe, bound to the list that they continue.
//!
//! A cursor is a position and a digest over the list, its tenant, its filter and the position. It guards against
//! mistakes, not against forgers: keys are built from the caller's own tenant, never from a cursor, so a forged one
//! shows nothing that the caller may not see.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// Longest cursor that is looked at; ours stay far below.
const MAX_CURSOR_LENGTH: usize = 1_024;

#[derive(Serialize, Deserialize)]
struct Sealed<P> {
    p: P,
    d: String,
}

/// Hex of the first eight bytes: enough to notice a mistake.
fn digest(scope: &str, position: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(scope.as_bytes());
    hash.update([0]);
    hash.update(position.as_bytes());
    base16ct::lower::encode_string(&hash.finalize()[..8])
}

/// `scope` names everything that the cursor is bound to. None when the position cannot be written, which no position
/// of ours is.
pub fn seal<P: Serialize>(scope: &str, position: &P) -> Option<String> {
    let text = serde_json::to_string(position).ok()?;
    let sealed = serde_json::to_vec(&Sealed { d: digest(scope, &text), p: position }).ok()?;
    Some(URL_SAFE_NO_PAD.encode(sealed))
}

/// The position, or none when the cursor was altered or belongs to another scope.
pub fn open<P: Serialize + DeserializeOwned>(scope: &str, cursor: &str) -> Option<P> {
    if cursor.len() > MAX_CURSOR_LENGTH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let sealed: Sealed<P> = serde_json::from_slice(&bytes).ok()?;
    let text = serde_json::to_string(&sealed.p).ok()?;
    (sealed.d == digest(scope, &text)).then_some(sealed.p)
}
