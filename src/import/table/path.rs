//! Paths to values inside a row: `metrics.accuracy`, `choices[0].text`.
//!
//! A column that is literally called `metrics.accuracy` wins over descending into `metrics`, so that flattened
//! tables and nested ones answer to the same path. A cell that holds JSON as text (CSV, Parquet) is descended
//! into as if it were nested.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The value at a path, or `None` when the row has nothing by that path.
pub(super) fn find<'a>(row: &'a Map<String, Value>, path: &str) -> Option<Cow<'a, Value>> {
    if let Some(value) = row.get(path) {
        return Some(Cow::Borrowed(value));
    }
    split_points(path).find_map(|at| descend(row.get(&path[..at])?, &path[at..]))
}

/// Takes the value at a path out of the row, and objects that are empty then. What lies inside a list stays.
pub(super) fn remove(row: &mut Map<String, Value>, path: &str) {
    if row.shift_remove(path).is_some() {
        return;
    }
    for at in split_points(path) {
        let (head, rest) = path.split_at(at);
        let (Some(Value::Object(inner)), Some(rest)) = (row.get_mut(head), rest.strip_prefix('.')) else {
            continue;
        };
        remove(inner, rest);
        if inner.is_empty() {
            row.shift_remove(head);
        }
        return;
    }
}

/// Places where a path may be cut into a name and the rest, the longest name first.
fn split_points(path: &str) -> impl Iterator<Item = usize> + '_ {
    path.rmatch_indices(['.', '[']).map(|(at, _)| at).filter(|at| *at > 0)
}

fn descend<'a>(value: &'a Value, rest: &str) -> Option<Cow<'a, Value>> {
    if rest.is_empty() {
        return Some(Cow::Borrowed(value));
    }
    match value {
        Value::Object(inner) => find(inner, rest.strip_prefix('.')?),
        Value::Array(items) => {
            let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
            descend(items.get(index.parse::<usize>().ok()?)?, rest)
        }
        Value::String(text) if text.starts_with(['{', '[']) => {
            let parsed: Value = serde_json::from_str(text).ok()?;
            descend(&parsed, rest).map(|found| Cow::Owned(found.into_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Map<String, Value> {
        let Value::Object(row) = value else { panic!("a row is an object") };
        row
    }

    #[test]
    fn a_literal_name_wins_over_descending() {
        let row = row(json!({"a": {"b": 1}, "a.b": 2, "c.d": {"e.f": 3}}));
        assert_eq!(*find(&row, "a.b").unwrap(), json!(2));
        assert_eq!(*find(&row, "c.d.e.f").unwrap(), json!(3));
        assert!(find(&row, "a.c").is_none());
    }

    #[test]
    fn lists_and_json_cells_are_descended_into() {
        let row = row(json!({"choices": [{"text": "x"}], "cell": "{\"m\": {\"acc\": 0.5}}", "n": null}));
        assert_eq!(*find(&row, "choices[0].text").unwrap(), json!("x"));
        assert_eq!(*find(&row, "cell.m.acc").unwrap(), json!(0.5));
        assert!(find(&row, "choices[1].text").is_none());
        assert!(find(&row, "n.x").is_none());
    }

    #[test]
    fn removing_leaves_the_siblings_in_their_order() {
        let mut row = row(json!({"z": 1, "usage": {"in": 1, "out": 2}, "only": {"x": 1}, "a": 2}));
        remove(&mut row, "usage.in");
        remove(&mut row, "only.x");
        remove(&mut row, "gone.x");
        assert_eq!(Value::Object(row).to_string(), r#"{"z":1,"usage":{"out":2},"a":2}"#);
    }
}
