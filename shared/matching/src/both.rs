//! Two things at once, where there are enough records for a second core to be worth its while.

use std::thread;

/// Fewer records than this are read before a thread has begun.
const ENOUGH: usize = 8_192;

/// Both results; what they are does not depend on whether the two ran at once.
pub(crate) fn both<A, B: Send>(records: usize, one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    if records < ENOUGH {
        return (one(), other());
    }
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        match other.join() {
            Ok(other) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
