//! `expand[]`: an id in an answer is replaced by the object that it names.

use serde_json::Value;

use super::store::Store;

/// The real limit.
const DEEPEST: usize = 4;

/// # Errors
/// A sentence about the path that cannot be expanded.
pub fn expand(store: &Store, value: &mut Value, path: &str) -> Result<(), String> {
    let steps: Vec<&str> = path.split('.').collect();
    if steps.len() > DEEPEST {
        return Err(format!("You cannot expand more than {DEEPEST} levels of a property. Property: {path}"));
    }
    walk(store, value, &steps, path)
}

fn walk(store: &Store, value: &mut Value, steps: &[&str], path: &str) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(store, item, steps, path)),
        Value::Object(fields) => {
            let Some((step, rest)) = steps.split_first() else {
                return Ok(());
            };
            // Objects of several kinds may share a list (`data.source.charge`), so a field that one lacks is no mistake below the top.
            let Some(inner) = fields.get_mut(*step) else {
                return if path.starts_with(step) || path == format!("data.{step}") {
                    Err(format!("This property cannot be expanded ({path})."))
                } else {
                    Ok(())
                };
            };
            if let Value::String(id) = inner {
                match store.get(id) {
                    Some(object) => *inner = object.clone(),
                    None => return Err(format!("This property cannot be expanded ({path}).")),
                }
            }
            if rest.is_empty() { Ok(()) } else { walk(store, inner, rest, path) }
        }
        _ => Ok(()),
    }
}
