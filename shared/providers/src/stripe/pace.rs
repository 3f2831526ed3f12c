//! Keeps to Stripe's limit of requests per second and endpoint, instead of finding it by being refused.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Stripe takes 25 requests per second at each endpoint (<https://docs.stripe.com/rate-limits>).
const APART: Duration = Duration::from_millis(1_000 / 25);

/// When each endpoint may be asked again.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// The moment for the next request to an endpoint, which is taken by asking for it.
    fn next(&self, endpoint: &str, now: Instant) -> Instant {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free.get(endpoint).map_or(now, |free| (*free).max(now));
        free.insert(endpoint.to_owned(), at + APART);
        at
    }

    pub(super) async fn wait(&self, endpoint: &str) {
        tokio::time::sleep_until(self.next(endpoint, Instant::now())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_asked_25_times_a_second_and_others_do_not_wait_for_it() {
        let (pace, begun) = (Pace::default(), Instant::now());
        let moments: Vec<Duration> = (0..26).map(|_| pace.next("charges", begun) - begun).collect();
        assert_eq!((moments[0], moments[25]), (Duration::ZERO, Duration::from_secs(1)));
        assert_eq!(pace.next("refunds", begun), begun);
        let later = begun + Duration::from_secs(9);
        assert_eq!(pace.next("charges", later), later, "what was not used is not saved up");
    }
}
