//! Signatures: `v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`, one for each secret that is valid.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Signs for every key; none where a key cannot be used, which a key of any length can.
#[must_use]
pub fn sign(keys: &[Vec<u8>], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let signatures = keys.iter().filter_map(|key| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::key_of;

    /// The vector of the specification's reference libraries.
    #[test]
    fn the_published_vector_is_met() {
        let key = key_of("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            sign(&[key], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn two_keys_give_two_signatures() {
        let both = sign(&[vec![1; 32], vec![2; 32]], "id", 1, b"{}");
        let alone = |byte| sign(&[vec![byte; 32]], "id", 1, b"{}");
        assert_eq!(both, format!("{} {}", alone(1), alone(2)));
        assert_ne!(alone(1), sign(&[vec![1; 32]], "id", 2, b"{}"));
    }
}
