//! A short memory that travels in a cursor.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// 150 ids of at most 20 characters stay, with the rest of a cursor, under 4 KB.
const KEPT: usize = 150;
const MAX_LENGTH: usize = 20;

/// The last ids met, to leave out what comes again shortly afterwards.
///
/// What was forgotten is read a second time: a record twice is recognised by its id later on, a record that is left
/// out is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Recent(VecDeque<String>);

impl Recent {
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.0.contains(&kept(id))
    }

    pub(crate) fn remember(&mut self, id: &str) {
        if self.knows(id) {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(kept(id));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The end of a long id: that is where ids differ.
fn kept(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(MAX_LENGTH);
    id.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_the_last_ids_and_stays_small() {
        let mut recent = Recent::default();
        for number in 0..1000 {
            let id = format!("gid://shopify/Order/9{number:013}");
            assert!(!recent.knows(&id));
            recent.remember(&id);
        }
        assert!(recent.knows("gid://shopify/Order/90000000000999"));
        assert!(serde_json::to_string(&recent).unwrap().len() < 3600);
    }
}
