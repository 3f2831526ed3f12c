//! Who called what: tests count requests to see that nothing is fetched twice.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

const MOST_KEPT: usize = 1_000;

#[derive(Debug, Clone, Serialize)]
pub struct Logged {
    pub at_ms: i64,
    pub provider: &'static str,
    pub path: String,
    /// 0 where the connection was closed without an answer.
    pub status: u16,
}

#[derive(Debug, Default, Serialize)]
pub struct RequestLog {
    total: u64,
    by_provider: BTreeMap<&'static str, u64>,
    last: VecDeque<Logged>,
}

impl RequestLog {
    pub fn add(&mut self, request: Logged) {
        self.total += 1;
        *self.by_provider.entry(request.provider).or_default() += 1;
        if self.last.len() == MOST_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(request);
    }
}
