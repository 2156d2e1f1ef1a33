//! The scores of a result: one per grader, nested ones with their parent's name before their own.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::json as fields;
use super::row::Row;
use super::sidecar::Files;
use crate::model::ScoreRow;

/// Names that every result has as metrics of its own, so that no grader may have them.
const TAKEN_NAMES: [&str; 8] = [
    "score",
    "passed",
    "duration_ms",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "logprob",
];

/// Fields of a score entry that have a column.
const STORED_FIELDS: [&str; 6] = ["name", "type", "score", "pass", "weight", "scores"];

/// The scores of a row, completed by what its grading file says more.
pub(super) fn scores_of(row: &Row, files: &Files) -> Vec<ScoreRow> {
    let mut entries = entries_of(row);
    if entries.is_empty() {
        entries = files.graders.clone();
    } else {
        complete(&mut entries, &files.graders);
    }
    let mut scores = Vec::new();
    let mut names = HashSet::new();
    for entry in &entries {
        add(&mut scores, &mut names, entry, None);
    }
    scores
}

/// The entries of a row's `scores`: a list of objects, a map from name to value, or else `named_scores`.
pub(super) fn entries_of(row: &Row) -> Vec<Map<String, Value>> {
    if let Some(list) = row.list("scores") {
        return list.iter().filter_map(Value::as_object).cloned().collect();
    }
    let named = row.object("scores").or_else(|| row.object("named_scores"));
    named
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let mut entry = value
                .as_object()
                .cloned()
                .unwrap_or_else(|| Map::from_iter([("score".to_owned(), value.clone())]));
            entry.insert("name".to_owned(), json!(name));
            entry
        })
        .collect()
}

/// The value of an entry; skipped graders and texts have none.
pub(super) fn value_of(entry: &Map<String, Value>) -> Option<f64> {
    if verdict_of(entry).as_deref() == Some("skip") {
        return None;
    }
    match entry.get("score")? {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        value => value.as_f64().filter(|value| value.is_finite()),
    }
}

/// Gives each entry the fields that only the grader of the same name in the file has.
fn complete(entries: &mut [Map<String, Value>], graders: &[Map<String, Value>]) {
    let mut used = HashSet::new();
    for entry in entries {
        let name = fields::text(entry, &["name", "type"]);
        let found = graders
            .iter()
            .enumerate()
            .find(|(place, grader)| !used.contains(place) && fields::text(grader, &["name", "type"]) == name);
        let Some((place, grader)) = found else { continue };
        used.insert(place);
        for (key, value) in grader {
            if fields::field(entry, &[key]).is_none() && value.as_str() != Some("") {
                entry.insert(key.clone(), value.clone());
            }
        }
    }
}

fn add(
    scores: &mut Vec<ScoreRow>,
    names: &mut HashSet<String>,
    entry: &Map<String, Value>,
    parent: Option<&str>,
) {
    let own = fields::text(entry, &["name", "type"]).filter(|name| !name.is_empty());
    let own = own.unwrap_or_else(|| "unnamed".to_owned());
    let metric = free_name(
        names,
        match parent {
            Some(parent) => format!("{parent}.{own}"),
            None if TAKEN_NAMES.contains(&own.as_str()) => format!("grader:{own}"),
            None => own,
        },
    );
    let verdict = verdict_of(entry);
    let value = value_of(entry);
    scores.push(ScoreRow {
        metric: metric.clone(),
        scorer: fields::text(entry, &["type"]),
        value,
        label: entry.get("score").and_then(Value::as_str).map(str::to_owned),
        passed: match verdict.as_deref() {
            Some("pass") => Some(true),
            Some("fail") => Some(false),
            Some(_) => None,
            None => entry.get("pass").and_then(Value::as_bool),
        },
        weight: fields::number(entry, &["weight"]),
        reason: reason_of(entry),
        parent_metric: parent.map(str::to_owned),
        extra: fields::stored_object(extra_of(entry)),
        ..ScoreRow::default()
    });
    let nested = fields::field(entry, &["scores"]).and_then(Value::as_array);
    for child in nested.into_iter().flatten().filter_map(Value::as_object) {
        add(scores, names, child, Some(&metric));
    }
}

/// The name, with a number after it when an earlier score of the result has it.
fn free_name(names: &mut HashSet<String>, name: String) -> String {
    let mut free = name.clone();
    let mut number = 2;
    while !names.insert(free.clone()) {
        free = format!("{name}#{number}");
        number += 1;
    }
    free
}

fn verdict_of(entry: &Map<String, Value>) -> Option<String> {
    fields::text(entry, &["verdict"])
}

/// The grader's words, else the texts of the assertions that failed.
fn reason_of(entry: &Map<String, Value>) -> Option<String> {
    let told = ["reason", "reasoning"].iter().filter_map(|name| fields::text(entry, &[name]));
    told.into_iter().find(|text| !text.is_empty()).or_else(|| {
        let assertions = fields::field(entry, &["assertions", "assertion_results"])?.as_array()?;
        let failed: Vec<String> = assertions
            .iter()
            .filter_map(Value::as_object)
            .filter(|assertion| assertion.get("passed").and_then(Value::as_bool) == Some(false))
            .filter_map(|assertion| fields::text(assertion, &["text"]))
            .collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    })
}

fn extra_of(entry: &Map<String, Value>) -> Map<String, Value> {
    let reason = reason_of(entry);
    let mut extra = entry.clone();
    extra.retain(|name, value| {
        let empty =
            value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("");
        let told = match name.as_str() {
            "reason" | "reasoning" => value.as_str() == reason.as_deref(),
            "verdict" => matches!(value.as_str(), Some("pass" | "fail")),
            name => STORED_FIELDS.contains(&name),
        };
        !empty && !told
    });
    extra
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(row: &str) -> Vec<ScoreRow> {
        scores_of(&Row::parse(row.as_bytes(), true).unwrap(), &Files::default())
    }

    #[test]
    fn names_are_unique_and_nested_ones_carry_their_parent() {
        let scores = scores(
            r#"{"test_id":"a","score":1,"scores":[{"name":"c","type":"composite","score":0.5,
            "scores":[{"name":"x","score":1},{"type":"contains","score":0}]},{"name":"c","score":true},{"name":"score","score":"A"}]}"#,
        );
        let names: Vec<_> = scores.iter().map(|score| (score.metric.as_str(), score.value)).collect();
        assert_eq!(
            names,
            vec![
                ("c", Some(0.5)),
                ("c.x", Some(1.0)),
                ("c.contains", Some(0.0)),
                ("c#2", Some(1.0)),
                ("grader:score", None)
            ]
        );
        assert_eq!(scores[1].parent_metric.as_deref(), Some("c"));
        assert_eq!(scores[4].label.as_deref(), Some("A"));
    }

    #[test]
    fn a_skipped_grader_has_neither_value_nor_verdict() {
        let scores = scores(r#"{"test_id":"a","scores":[{"name":"s","score":0,"verdict":"skip"}]}"#);
        assert_eq!((scores[0].value, scores[0].passed), (None, None));
        assert_eq!(scores[0].extra.as_deref(), Some(r#"{"verdict":"skip"}"#));
    }

    #[test]
    fn the_reason_is_what_failed_where_the_grader_says_nothing() {
        let scores = scores(
            r#"{"test_id":"a","scores":[{"name":"s","score":0.5,"verdict":"fail","reasoning":"",
            "assertions":[{"text":"has a","passed":true},{"text":"has b","passed":false},{"text":"has c","passed":false}]}]}"#,
        );
        assert_eq!(scores[0].reason.as_deref(), Some("has b; has c"));
        assert_eq!(scores[0].passed, Some(false));
        assert!(scores[0].extra.as_deref().unwrap().contains("has a"), "assertions are kept");
    }
}
