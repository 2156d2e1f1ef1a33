//! A plan for machines: the JSON document, the rows, the ids.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Map, Value, json};

use super::{Missing, Plan, PlannedCommand, PlannedRow, RunPlan, screen};
use crate::answer::{Answer, Records, SCHEMA_VERSION};
use crate::session::SessionError;

/// The plan as an answer.
///
/// # Errors
/// When its rows cannot be brought into columns.
pub fn answer(plan: &Plan, here: &Path) -> Result<Answer, SessionError> {
    let batch = rows(plan)?;
    let mut seen: HashSet<&str> = HashSet::new();
    let ids: Vec<String> =
        plan.rows().map(|row| &*row.case_id).filter(|id| seen.insert(id)).map(str::to_owned).collect();
    Ok(Answer {
        blocks: screen::blocks(plan, here),
        document: Some(document(plan)),
        rows_member: Some("rows"),
        records: Records { schema: batch.schema(), batches: vec![batch] },
        ids: Some(ids),
        script: plan.script(),
        ..Answer::default()
    })
}

impl Plan {
    /// The rows of all runs.
    pub fn rows(&self) -> impl Iterator<Item = &PlannedRow> {
        self.runs.iter().flat_map(|run| &run.rows)
    }

    /// What a shell is to be given: every command, each in a line of its own or more. `None` when a run has rows and no
    /// command.
    pub fn script(&self) -> Option<String> {
        let mut script = String::new();
        for run in &self.runs {
            for command in run.commands.as_ref().ok()? {
                script.push_str(&command.shell);
                script.push('\n');
            }
        }
        Some(script)
    }
}

fn document(plan: &Plan) -> Value {
    let one = match plan.runs.as_slice() {
        [run] => Some(&run.run.run_id),
        _ => None,
    };
    let runs: Vec<Value> = plan.runs.iter().map(run).collect();
    let mut notes = plan.notes.clone();
    for note in plan.runs.iter().flat_map(|run| &run.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    json!({
        "schema_version": SCHEMA_VERSION,
        "run_id": one,
        "mode": plan.mode.as_str(),
        "runs": runs,
        "rows": Value::Null,
        "left": plan.runs.iter().flat_map(left).collect::<Vec<_>>(),
        "totals": totals(plan),
        "expected": plan.expected,
        "commands": plan.runs.iter().flat_map(commands).collect::<Vec<_>>(),
        "notes": notes,
    })
}

fn run(plan: &RunPlan) -> Value {
    json!({
        "run_id": plan.run.run_id,
        "tool": plan.run.tool,
        "tool_version": plan.run.tool_version,
        "task": plan.run.task,
        "models": plan.models,
        "missing": missing(plan),
        "expected": plan.expected,
        "unasked": plan.unasked,
        "no_command": plan.commands.as_ref().err().map(|error| json!({
            "reason": error.to_string(),
            "hint": error.hint(),
        })),
    })
}

/// Which planned keys have no row: a number and whether they are named; null where nothing says what was planned.
fn missing(plan: &RunPlan) -> Value {
    match plan.missing {
        Missing::Known(count) => json!({"keys": count, "named": true}),
        Missing::Counted(count) => json!({"keys": count, "named": false}),
        Missing::Unknown => Value::Null,
    }
}

fn left(plan: &RunPlan) -> Vec<Value> {
    let entry = |left: &super::Left| json!({"run_id": plan.run.run_id, "status": left.status, "why": left.why, "keys": left.keys});
    plan.left.iter().map(entry).collect()
}

fn totals(plan: &Plan) -> Value {
    let mut by_status: Map<String, Value> = Map::new();
    for row in plan.rows() {
        let count = by_status.get(&*row.status).and_then(Value::as_i64).unwrap_or(0);
        by_status.insert(row.status.to_string(), Value::from(count + 1));
    }
    let to_run = plan.rows().count() as i64;
    let left: i64 = plan.runs.iter().flat_map(|run| &run.left).map(|left| left.keys).sum();
    json!({"keys": to_run + left, "to_run": to_run, "left": left, "by_status": by_status})
}

fn commands(plan: &RunPlan) -> Vec<Value> {
    let entry = |planned: &PlannedCommand| {
        json!({
            "tool": planned.tool,
            "run_id": plan.run.run_id,
            "argv": planned.command.argv,
            "folder": planned.command.folder,
            "output": planned.command.output,
            "shell": planned.shell,
            "runs_also": planned.runs_also,
            "does_not_run": planned.does_not_run,
        })
    };
    plan.commands.iter().flatten().map(entry).collect()
}

/// The rows in columns, named as in the document.
fn rows(plan: &Plan) -> Result<RecordBatch, SessionError> {
    let all: Vec<&PlannedRow> = plan.rows().collect();
    let texts = |of: fn(&PlannedRow) -> Option<&str>| -> ArrayRef {
        Arc::new(all.iter().map(|row| of(row)).collect::<StringArray>())
    };
    let integers = |of: fn(&PlannedRow) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all.iter().map(|row| of(row))))
    };
    let scores: ArrayRef = Arc::new(all.iter().map(|row| row.score).collect::<Float64Array>());
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("run_id", texts(|row| Some(&row.run_id)), false),
        ("task", texts(|row| Some(&row.task)), false),
        ("case_id", texts(|row| Some(&row.case_id)), false),
        ("model", texts(|row| row.model.as_deref()), true),
        ("prompt", texts(|row| row.prompt.as_deref()), true),
        ("variant", texts(|row| row.variant.as_deref()), true),
        ("epoch", integers(|row| row.epoch), false),
        ("status", texts(|row| Some(&row.status)), false),
        ("reason", texts(|row| Some(&row.reason)), false),
        ("error_kind", texts(|row| row.error_kind.as_deref()), true),
        ("error_stage", texts(|row| row.error_stage.as_deref()), true),
        ("error_reason", texts(|row| row.error_reason.as_deref()), true),
        ("score", scores, true),
        ("attempts", integers(|row| row.attempts), false),
        ("last_error", texts(|row| row.last_error.as_deref()), true),
    ])?)
}
