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

/// Parses JSON as Python writes it: the bare tokens NaN, Infinity and -Infinity are read as null.
///
/// # Errors
/// When the text is no JSON in any other way.
pub fn parse_lenient(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| {
        let repaired = without_bare_numbers(bytes).ok_or(error)?;
        serde_json::from_slice(&repaired)
    })
}

/// The text with null for every bare number token outside of strings; `None` when it has none.
fn without_bare_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    const TOKENS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut repaired = Vec::with_capacity(bytes.len());
    let (mut in_string, mut escaped, mut found, mut at) = (false, false, false, 0);
    while let Some(byte) = bytes.get(at) {
        let token = TOKENS.iter().find(|token| !in_string && bytes[at..].starts_with(token));
        if let Some(token) = token {
            repaired.extend_from_slice(b"null");
            found = true;
            at += token.len();
            continue;
        }
        in_string ^= *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
        repaired.push(*byte);
        at += 1;
    }
    found.then_some(repaired)
}

/// Hash of a whole source row.
pub fn content_hash(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    let mut wide = [0_u8; 16];
    wide.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(wide)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bare_number_tokens_are_null_but_not_inside_of_texts() {
        let text = br#"{"a": NaN, "b": [Infinity, -Infinity, -1], "c": "NaN \" NaN \\", "d": NaN}"#;
        let expected = json!({"a": null, "b": [null, null, -1], "c": "NaN \" NaN \\", "d": null});
        assert_eq!(parse_lenient(text).unwrap(), expected);
        assert!(parse_lenient(br#"{"a": NaN"#).unwrap_err().is_eof());
        assert!(parse_lenient(br#"{"a": nan}"#).is_err());
    }
}
