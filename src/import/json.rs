//! Small readers of JSON values as tools write them, shared by importers.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The first of several names that a JSON object has with a value other than null.
pub fn field<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().filter_map(|name| object.get(*name)).find(|value| !value.is_null())
}

/// A text field; a number or boolean is written out, anything else is no text.
pub fn text(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    match field(object, names)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A number field; booleans and texts are no numbers.
pub fn number(object: &Map<String, Value>, names: &[&str]) -> Option<f64> {
    field(object, names)?.as_f64().filter(|value| value.is_finite())
}

/// A whole number; a fraction is rounded, since tools print counts as floats.
pub fn integer(object: &Map<String, Value>, names: &[&str]) -> Option<i64> {
    let value = field(object, names)?;
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(|value| value.is_finite()).map(|value| value.round() as i64))
}

/// A value as the text that is stored: a JSON text as it is, anything else as compact JSON; null is missing.
pub fn stored_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An object as stored JSON; an empty one is missing.
pub fn stored_object(object: Map<String, Value>) -> Option<String> {
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

/// Hash of a whole source row.
pub fn content_hash(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    let mut wide = [0_u8; 16];
    wide.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(wide)
}
