//! Two things at once, where there are enough records for a second core to be worth its while.

use std::thread;

/// A run of fewer records takes milliseconds, threads or not.
const ENOUGH: usize = 8_192;

/// Both results; what they are does not depend on whether the two ran at once.
pub(crate) fn both<A, B: Send>(records: usize, one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    if records < ENOUGH || one_core() {
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

/// Two threads would take turns there, and keep two heaps.
fn one_core() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_done_on_one_thread_or_two_and_a_panic_is_not_lost() {
        let here = thread::current().id();
        for (records, alone) in [(0, true), (ENOUGH - 1, true), (ENOUGH, one_core())] {
            let (one, other) = both(records, || thread::current().id(), || thread::current().id());
            assert_eq!((one == here, other == here), (true, alone));
            let broken = std::panic::catch_unwind(|| both(records, || 1, || -> u8 { panic!("broken") }));
            let told = broken.expect_err("a panic");
            assert_eq!(told.downcast_ref::<&str>(), Some(&"broken"));
        }
    }
}
