//! The answers that AMX keeps beside the one it shows, in the one shape that its own export gives them.
//!
//! Over time AMX wrote a list of texts, then `{text, scores, ensemble, band}`, now `{text, signal, score, band}`. Its
//! export makes `{text, signal, score, band}` of all three; what a shape has besides is kept in `extra`.

use serde_json::{Value, json};

use super::row::{Row, shortened};
use crate::import::json::stored_text;

/// Column of the list.
const COLUMN: &str = "alternatives_json";
/// Fields of an alternative.
const FIELDS: [&str; 4] = ["text", "signal", "score", "band"];

/// The alternatives of a row.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    /// The list as JSON. Null when the column holds no list.
    pub(super) stored: Option<String>,
    /// Text of the first one. Null when there is none, or an empty one.
    pub(super) first: Option<String>,
}

/// Takes the alternatives out of a row; a list with fields that have no place here stays in it as it was.
pub(super) fn alternatives_of(row: &mut Row) -> Alternatives {
    let Some(document) = row.take_json(COLUMN) else { return Alternatives::default() };
    let Value::Array(items) = &document else {
        row.problem(COLUMN, "a list", &shortened(&document.to_string()));
        row.keep(COLUMN, document);
        return Alternatives::default();
    };
    let mut whole = true;
    let mut normal = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        match normalised(item) {
            Some((alternative, complete)) => {
                whole &= complete;
                normal.push(alternative);
            }
            None => {
                whole = false;
                let found = shortened(&item.to_string());
                row.problem(&format!("{COLUMN}[{place}]"), "a text or an object with a text", &found);
            }
        }
    }
    let first = normal.first().and_then(|first| stored_text(&first["text"])).filter(|text| !text.is_empty());
    let stored = Some(Value::Array(normal).to_string());
    if !whole {
        row.keep(COLUMN, document);
    }
    Alternatives { stored, first }
}

/// An alternative in today's shape, and whether that says all of it.
fn normalised(item: &Value) -> Option<(Value, bool)> {
    match item {
        Value::String(text) => {
            Some((json!({"text": text, "signal": null, "score": null, "band": null}), true))
        }
        Value::Object(fields) => {
            let text = fields.get("text").filter(|text| text.is_string())?;
            let of = |name: &str| fields.get(name).cloned().unwrap_or(Value::Null);
            let alternative =
                json!({"text": text, "signal": of("signal"), "score": of("score"), "band": of("band")});
            Some((alternative, fields.keys().all(|name| FIELDS.contains(&name.as_str()))))
        }
        _ => None,
    }
}
