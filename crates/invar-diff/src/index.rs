//! What two indexes say about the images that they name.
use serde_json::Value;

use crate::inside::{ValueChange, value_changes};

/// What two indexes differ in, without the digests of what they name.
pub fn index_changes(old: &Value, new: &Value) -> Vec<ValueChange> {
    let strip = |index: &Value| {
        let mut index = index.clone();
        let manifests = index.get_mut("manifests").and_then(Value::as_array_mut);
        for descriptor in manifests.into_iter().flatten().filter_map(Value::as_object_mut) {
            // A digest is what its image is, and that was compared; what is attached is only known by it.
            if descriptor.get("annotations").is_none_or(|all| all.get("vnd.docker.reference.type").is_none())
            {
                descriptor.remove("digest");
                descriptor.remove("size");
            }
        }
        index
    };
    value_changes(&strip(old), &strip(new))
}
