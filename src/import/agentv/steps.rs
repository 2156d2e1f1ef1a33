//! The tool calls of an execution as steps. AgentV counts them per tool and may give the duration of each call, but
//! not their order: steps stand tool by tool.

use serde_json::{Map, Value};

use super::row::Row;
use super::sidecar::Files;
use crate::model::StepRow;

/// How many calls of one execution become steps; the counts themselves stay in `extra`.
const MOST_STEPS: usize = 10_000;

/// One step per tool call: from the row's trace, else from the counts in its grading or metrics file.
pub(super) fn steps_of(row: &Row, files: &Files) -> Vec<StepRow> {
    let none = Map::new();
    let trace = row.object("trace").unwrap_or(&none);
    let counts = ["tool_calls", "tool_calls_by_name"]
        .iter()
        .find_map(|name| trace.get(*name)?.as_object().filter(|counts| !counts.is_empty()))
        .or(files.tool_calls.as_ref());
    let durations = trace.get("tool_durations").and_then(Value::as_object);
    let mut calls: Vec<(&str, Vec<Option<f64>>)> = Vec::new();
    for (name, count) in counts.into_iter().flatten() {
        calls.push((name, calls_of(count.as_u64().unwrap_or(0), durations.and_then(|all| all.get(name)))));
    }
    for (name, list) in durations.into_iter().flatten() {
        if !calls.iter().any(|(known, _)| known == name) {
            calls.push((name, calls_of(0, Some(list))));
        }
    }
    if calls.is_empty() {
        let names = trace.get("tool_names").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        calls.extend(names.map(|name| (name, vec![None])));
    }
    numbered(calls)
}

/// The durations of a tool's calls in milliseconds, `None` where one is not told.
fn calls_of(count: u64, durations: Option<&Value>) -> Vec<Option<f64>> {
    let mut calls: Vec<Option<f64>> =
        durations.and_then(Value::as_array).into_iter().flatten().map(Value::as_f64).collect();
    let count = usize::try_from(count).unwrap_or(MOST_STEPS).min(MOST_STEPS);
    if count > calls.len() {
        calls.resize(count, None);
    }
    calls
}

fn numbered(calls: Vec<(&str, Vec<Option<f64>>)>) -> Vec<StepRow> {
    let each =
        calls.into_iter().flat_map(|(name, calls)| calls.into_iter().map(move |duration| (name, duration)));
    each.take(MOST_STEPS)
        .zip(1_i64..)
        .map(|((name, duration_ms), step)| StepRow {
            step,
            kind: "tool".to_owned(),
            name: name.to_owned(),
            duration_ms,
            ..StepRow::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(trace: &str) -> Vec<(i64, String, Option<f64>)> {
        let row = format!(r#"{{"test_id":"a","trace":{trace}}}"#);
        let steps = steps_of(&Row::parse(row.as_bytes(), true).unwrap(), &Files::default());
        steps.into_iter().map(|step| (step.step, step.name, step.duration_ms)).collect()
    }

    #[test]
    fn every_call_is_a_step_with_its_duration_where_told() {
        assert_eq!(
            steps(r#"{"tool_calls":{"Read":2,"Grep":1},"tool_durations":{"Read":[120],"Web":[7.5]}}"#),
            vec![
                (1, "Read".into(), Some(120.0)),
                (2, "Read".into(), None),
                (3, "Grep".into(), None),
                (4, "Web".into(), Some(7.5)),
            ]
        );
        assert_eq!(steps(r#"{"toolCalls":{"rg":1}}"#), vec![(1, "rg".into(), None)]);
        assert_eq!(steps(r#"{"tool_names":["a","b"]}"#).len(), 2);
    }

    #[test]
    fn an_absurd_count_does_not_fill_the_memory() {
        assert_eq!(steps(r#"{"tool_calls":{"x":18446744073709551615}}"#).len(), MOST_STEPS);
    }
}
