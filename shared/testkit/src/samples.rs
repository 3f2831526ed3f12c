//! The sample events under `events/`: what the functions' tests read, each file of them.

use serde_json::Value;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// `events/<function>/*.json` by name, without the ending.
///
/// # Panics
/// When there is none, or a file is not JSON.
#[must_use]
#[expect(clippy::expect_used, reason = "a test without its samples must stop")]
pub fn sample_events(function: &str) -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events").join(function);
    let files = fs::read_dir(&folder).expect("a folder of sample events").map(|entry| entry.expect("a file").path());
    let samples: BTreeMap<String, Value> = files
        .map(|path| {
            let name = path.file_stem().expect("a file's name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("a readable file");
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    assert!(!samples.is_empty(), "{} is empty", folder.display());
    samples
}
