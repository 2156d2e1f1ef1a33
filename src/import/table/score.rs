//! Scores of a row: a number, a grade, an object with a value and a reason, or one metric per field.

use serde_json::{Map, Value};

use super::value::{self, Scored};
use crate::import::json;
use crate::model::{BUILT_IN_METRICS, ScoreRow};

/// Fields of a score that is an object: its value, and what stands beside it.
const VALUES: [&str; 2] = ["score", "value"];
const NAMES: [&str; 4] = ["name", "metric", "metric_name", "key"];
const REASONS: [&str; 4] = ["reason", "explanation", "rationale", "comment"];
const VERDICTS: [&str; 3] = ["passed", "pass", "success"];

/// Whether a value is a number, or a text that spells one.
pub(super) fn is_numeric(value: &Value) -> bool {
    let value = match value {
        Value::Object(fields) => match json::field(fields, &VALUES) {
            Some(value) => value,
            None => return false,
        },
        other => other,
    };
    matches!(value::scored(value), Ok(Scored::Value(_)))
}

/// Whether a value holds one metric per field, or a list of named scores.
pub(super) fn is_group(value: &Value) -> bool {
    match value {
        Value::Object(fields) => json::field(fields, &VALUES).is_none_or(|value| !is_numeric(value)),
        Value::Array(_) => members(value).next().is_some(),
        _ => false,
    }
}

/// The metrics inside of a group, with their names.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields = value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member));
    let listed = value.as_array().into_iter().flatten().filter_map(|member| {
        let fields = member.as_object()?;
        json::field(fields, &VALUES)?;
        Some((json::field(fields, &NAMES)?.as_str()?, member))
    });
    fields.chain(listed)
}

/// Scores of one result, each metric once.
#[derive(Debug, Default)]
pub(super) struct Scores {
    rows: Vec<ScoreRow>,
}

impl Scores {
    /// Adds what a cell says of a metric; an object without a value is one metric per field.
    pub(super) fn add(&mut self, name: &str, cell: &Value) {
        match cell {
            Value::Object(fields) if json::field(fields, &VALUES).is_some() => {
                self.add_detailed(name, fields)
            }
            Value::Object(fields) if fields.values().any(|value| !value.is_object() && !value.is_array()) => {
                for (field, value) in fields {
                    self.push(&format!("{name}.{field}"), value, ScoreRow::default());
                }
            }
            other => self.push(name, other, ScoreRow::default()),
        }
    }

    /// Adds the members of a group, but for those that are used otherwise.
    pub(super) fn add_group(&mut self, group: &Value, used: impl Fn(&str) -> bool) {
        for (name, member) in members(group) {
            if !used(name) {
                self.add(name, member);
            }
        }
    }

    /// The number that a metric has.
    pub(super) fn value(&self, metric: &str) -> Option<f64> {
        let metric = stored_name(metric);
        self.rows.iter().find(|row| row.metric == metric).and_then(|row| row.value)
    }

    /// The rows.
    pub(super) fn into_rows(self) -> Vec<ScoreRow> {
        self.rows
    }

    fn add_detailed(&mut self, name: &str, fields: &Map<String, Value>) {
        let mut rest = fields.clone();
        let cell = take(&mut rest, &VALUES).unwrap_or_default();
        if let Some(Value::String(own)) = take(&mut rest, &NAMES)
            && own != name
        {
            rest.insert("name".to_owned(), Value::String(own));
        }
        let row = ScoreRow {
            reason: take(&mut rest, &REASONS).as_ref().and_then(value::text),
            passed: take(&mut rest, &VERDICTS).as_ref().and_then(|word| value::verdict(word).ok().flatten()),
            weight: take(&mut rest, &["weight"]).as_ref().and_then(Value::as_f64),
            scorer: take(&mut rest, &["scorer", "type"]).as_ref().and_then(value::text),
            extra: json::stored_object(rest),
            ..ScoreRow::default()
        };
        self.push(name, &cell, row);
    }

    /// A list or an object is no value: it is kept beside the metric, which stays unscored.
    fn push(&mut self, name: &str, cell: &Value, mut row: ScoreRow) {
        match value::scored(cell) {
            Ok(Scored::Missing) => {}
            Ok(Scored::Value(number)) => row.value = Some(number),
            Ok(Scored::Label(text)) => row.label = Some(text),
            Err(_) => {
                let kept = Map::from_iter([("value".to_owned(), cell.clone())]);
                row.extra = json::stored_object(kept);
            }
        }
        row.metric = self.free_name(stored_name(name));
        self.rows.push(row);
    }

    fn free_name(&self, name: String) -> String {
        let taken = |name: &String| self.rows.iter().any(|row| row.metric == *name);
        if !taken(&name) {
            return name;
        }
        let numbered = (2_usize..).map(|copy| format!("{name}_{copy}"));
        numbered.into_iter().find(|name| !taken(name)).unwrap_or(name)
    }
}

/// Takes the first of several fields that is not null.
fn take(fields: &mut Map<String, Value>, names: &[&str]) -> Option<Value> {
    let found = *names.iter().find(|name| fields.get(**name).is_some_and(|value| !value.is_null()))?;
    fields.shift_remove(found)
}

/// The name under which a metric is stored: one that a built-in metric has is told apart by a prefix.
pub(super) fn stored_name(name: &str) -> String {
    if BUILT_IN_METRICS.iter().any(|metric| metric.name == name) {
        format!("metric:{name}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(cells: &[(&str, Value)]) -> Vec<ScoreRow> {
        let mut scores = Scores::default();
        for (name, cell) in cells {
            scores.add(name, cell);
        }
        scores.into_rows()
    }

    #[test]
    fn an_object_with_a_value_keeps_its_reason_and_verdict() {
        let cell = json!({"score": 0.8, "reason": "fine", "success": true, "weight": 2, "threshold": 0.5});
        let rows = rows(&[("faithfulness", cell)]);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].value, rows[0].passed, rows[0].weight), (Some(0.8), Some(true), Some(2.0)));
        assert_eq!(rows[0].reason.as_deref(), Some("fine"));
        assert_eq!(rows[0].extra.as_deref(), Some(r#"{"threshold":0.5}"#));
    }

    #[test]
    fn a_dict_is_one_metric_per_field_and_a_list_is_kept() {
        let rows = rows(&[("rubric", json!({"style": 1, "tone": "B"})), ("f1", json!(["DATE", [""]]))]);
        let names: Vec<_> = rows.iter().map(|row| row.metric.as_str()).collect();
        assert_eq!(names, ["rubric.style", "rubric.tone", "f1"]);
        assert_eq!(rows[1].label.as_deref(), Some("B"));
        assert_eq!((rows[2].value, rows[2].label.as_deref()), (None, None));
        assert_eq!(rows[2].extra.as_deref(), Some(r#"{"value":["DATE",[""]]}"#));
    }

    #[test]
    fn names_are_unique_and_never_those_of_built_in_metrics() {
        let rows = rows(&[("passed", json!(true)), ("f1", json!(0.5)), ("f1", json!(null))]);
        let names: Vec<_> = rows.iter().map(|row| row.metric.as_str()).collect();
        assert_eq!(names, ["metric:passed", "f1", "f1_2"]);
        assert_eq!(rows[2].value, None);
    }

    #[test]
    fn named_scores_in_a_list_are_a_group() {
        let list = json!([{"name": "f1", "score": 0.5}, {"name": "em", "value": true}, {"x": 1}]);
        assert!(is_group(&list));
        let mut scores = Scores::default();
        scores.add_group(&list, |_| false);
        assert_eq!((scores.value("f1"), scores.value("em")), (Some(0.5), Some(1.0)));
        assert_eq!(scores.into_rows().len(), 2);
        assert!(!is_group(&json!(["exact_match"])) && !is_group(&json!({"score": 1})));
    }
}
