//! `grading.json` in the shape of a row's `scores`, whichever version wrote it.
//!
//! Up to AgentV 4 it has `graders` (before 4.13 `evaluators`), entry for entry like a row's scores. AgentV 5 has
//! promptfoo's shape: `component_results`, recursive, each with an `assertion` that names the grader.

use serde_json::{Map, Value, json};

use super::super::json as fields;
use super::row::Row;
use super::scores;

/// Fields of `grading.json` that are stored as scores, or that only sum them up.
const SCORED_FIELDS: [&str; 9] = [
    "graders",
    "evaluators",
    "component_results",
    "named_scores",
    "summary",
    "pass",
    "score",
    "reason",
    "metadata",
];

/// The graders, each like an entry of a row's `scores`.
pub(super) fn graders_of(grading: &Map<String, Value>) -> Vec<Map<String, Value>> {
    if let Some(graders) = fields::field(grading, &["graders", "evaluators"]).and_then(Value::as_array) {
        return graders.iter().filter_map(Value::as_object).cloned().collect();
    }
    let components = grading.get("component_results").and_then(Value::as_array);
    components.into_iter().flatten().filter_map(Value::as_object).filter_map(grader_of).collect()
}

/// A component as a grader. One without a name is a message about the execution, not a grader.
fn grader_of(component: &Map<String, Value>) -> Option<Map<String, Value>> {
    let assertion = component.get("assertion")?.as_object()?;
    let name = fields::text(assertion, &["name", "type"])?;
    let mut grader = Map::new();
    grader.insert("name".to_owned(), json!(name));
    for (key, value) in assertion.iter().filter(|(key, _)| *key != "name") {
        grader.insert(key.clone(), value.clone());
    }
    for key in ["score", "pass", "reason"] {
        if let Some(value) = component.get(key) {
            grader.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(metadata) = component.get("metadata").and_then(Value::as_object) {
        grader.extend(metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    add_inner(&mut grader, component, &name);
    Some(grader)
}

/// What stands inside a component: graders of their own where they have another name, else the assertions that the
/// grader checked.
fn add_inner(grader: &mut Map<String, Value>, component: &Map<String, Value>, name: &str) {
    let inner = component.get("component_results").and_then(Value::as_array);
    let mut assertions = Vec::new();
    let mut graders = Vec::new();
    for part in inner.into_iter().flatten().filter_map(Value::as_object) {
        match grader_of(part) {
            Some(child) if fields::text(&child, &["name"]).as_deref() != Some(name) => {
                graders.push(Value::Object(child));
            }
            child => {
                let text = child.as_ref().and_then(|child| fields::text(child, &["value"]));
                assertions.push(json!({
                    "text": text, "passed": part.get("pass"), "score": part.get("score"), "reason": part.get("reason"),
                }));
            }
        }
    }
    for (key, list) in [("scores", graders), ("assertions", assertions)] {
        if !list.is_empty() {
            grader.insert(key.to_owned(), Value::Array(list));
        }
    }
}

/// What else the file says: workspace changes, conversation, tool counts, and the assertions where no score of the
/// row holds them.
pub(super) fn rest_of(grading: &Map<String, Value>, row: &Row) -> Option<Map<String, Value>> {
    let scored = !scores::entries_of(row).is_empty();
    let mut rest = grading.clone();
    rest.retain(|name, _| {
        !(SCORED_FIELDS.contains(&name.as_str()) || scored && name.starts_with("assertion"))
    });
    (!rest.is_empty()).then_some(rest)
}
