//! The differences as machines read them: the JSON document, and one row per hunk.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Value, json};

use super::{Asked, ChangedCase, OutputChange, Outputs};
use crate::answer::{Records, SCHEMA_VERSION};
use crate::diff::{Diff, Hunk, KeyChange};
use crate::questions::compare::CaseLimit;
use crate::session::SessionError;

/// The document.
pub(super) fn of(outputs: &Outputs, asked: &Asked) -> Value {
    let limit = match asked.cases {
        Some(CaseLimit::Most(count)) => count,
        _ => usize::MAX,
    };
    let counts = outputs.counts;
    json!({
        "schema_version": SCHEMA_VERSION,
        "by": outputs.by,
        "baseline": outputs.baseline,
        "candidate": outputs.candidate,
        "level": asked.level.map_or("auto", |level| level.as_str()),
        "primary_metric": outputs.metric,
        "counts": {
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "not_kept": counts.not_kept,
            "baseline_only": counts.baseline_only,
            "candidate_only": counts.candidate_only,
        },
        "cases": outputs.cases.iter().take(limit).map(case).collect::<Vec<_>>(),
        "notes": outputs.notes,
    })
}

fn case(case: &ChangedCase) -> Value {
    let OutputChange { task, case_id, outcome, missing, baseline_value, candidate_value, delta, .. } =
        &case.row;
    let mut shown = json!({
        "task": task,
        "case_id": case_id,
        "outcome": outcome.as_str(),
        "baseline_status": case.row.baseline_status,
        "candidate_status": case.row.candidate_status,
        "baseline_passed": case.row.baseline_passed,
        "candidate_passed": case.row.candidate_passed,
        "baseline_value": baseline_value,
        "candidate_value": candidate_value,
        "delta": delta,
        "missing": missing,
    });
    if let (Value::Object(shown), Value::Object(change)) = (&mut shown, change(&case.diff)) {
        shown.extend(change);
    }
    shown
}

/// What changed between two texts: level, whether it is coarse, hunks, and changes by key.
pub(in crate::questions) fn change(diff: &Diff) -> Value {
    json!({
        "level": diff.level.as_str(),
        "coarse": diff.is_coarse,
        "hunks": diff.hunks.iter().map(hunk).collect::<Vec<_>>(),
        "keys": diff.keys.iter().map(key).collect::<Vec<_>>(),
    })
}

fn hunk(hunk: &Hunk) -> Value {
    json!({"op": hunk.op.as_str(), "baseline": hunk.baseline, "candidate": hunk.candidate})
}

/// A changed value; a side that has none is left out, for null is a value of JSON.
fn key(change: &KeyChange) -> Value {
    let value = |raw: &str| serde_json::from_str(raw).unwrap_or_else(|_| Value::from(raw));
    let op = match (&change.baseline, &change.candidate) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let mut shown = json!({"path": change.path, "op": op});
    if let Some(raw) = &change.baseline {
        shown["baseline"] = value(raw);
    }
    if let Some(raw) = &change.candidate {
        shown["candidate"] = value(raw);
    }
    if !change.hunks.is_empty() {
        shown["hunks"] = change.hunks.iter().map(hunk).collect();
    }
    shown
}

/// One row per hunk of a changed case, equal ones included.
pub(super) fn records(outputs: &Outputs) -> Result<Records, SessionError> {
    const TEXTS: [&str; 9] = [
        "baseline",
        "candidate",
        "task",
        "case_id",
        "outcome",
        "level",
        "op",
        "baseline_text",
        "candidate_text",
    ];
    let mut texts: [Vec<&str>; TEXTS.len()] = Default::default();
    let mut places = Vec::new();
    for case in &outputs.cases {
        for (at, hunk) in case.diff.hunks.iter().enumerate() {
            let row = [
                outputs.baseline.as_str(),
                &outputs.candidate,
                &case.row.task,
                &case.row.case_id,
                case.row.outcome.as_str(),
                case.diff.level.as_str(),
                hunk.op.as_str(),
                &hunk.baseline,
                &hunk.candidate,
            ];
            texts.iter_mut().zip(row).for_each(|(column, text)| column.push(text));
            places.push(at as i64 + 1);
        }
    }
    let mut fields: Vec<Field> = TEXTS.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    let mut columns: Vec<ArrayRef> =
        texts.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef).collect();
    fields.insert(6, Field::new("hunk", DataType::Int64, false));
    columns.insert(6, Arc::new(Int64Array::from(places)));
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(Records { schema, batches: vec![batch] })
}
