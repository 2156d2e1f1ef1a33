//! One row of a table as a result with its scores, after the plan.

use serde_json::{Map, Value};

use super::path;
use super::plan::Plan;
use super::rows::SourceRow;
use super::score::{Scores, stored_name};
use super::target::{Slot, Target};
use super::value::{self, Scored};
use crate::import::{Record, json};
use crate::model::{ResultRow, Status, UNKNOWN_TASK, text_id};

/// A longer prompt is kept as its hash, since the prompt is part of what identifies a result.
const LONGEST_PROMPT: usize = 200;

/// A row that was read.
#[derive(Debug)]
pub(super) struct ReadRow {
    /// Run that the row names, when runs are split by a column.
    pub run: Option<String>,
    /// The result and its scores.
    pub record: Record,
    /// Names of the columns that were kept as extras.
    pub extras: Vec<String>,
}

/// What is known of a row before its result is complete.
#[derive(Default)]
struct Draft {
    result: ResultRow,
    scores: Scores,
    run: Option<String>,
    status: Option<Status>,
    implied_verdict: Option<bool>,
    keeps: Vec<String>,
}

/// Reads a row.
///
/// # Errors
/// When a value cannot be read as what its column is; the message names the column and the value.
pub(super) fn read(plan: &mut Plan, row: SourceRow) -> Result<ReadRow, String> {
    let content = json::content_hash(&serde_json::to_vec(&row.fields).unwrap_or_default());
    let mut draft = Draft::default();
    draft.result.source_row = i64::try_from(row.number).ok();
    draft.result.epoch = 1;
    fill_targets(plan, &row.fields, &mut draft)?;
    fill_scores(plan, &row.fields, &mut draft);
    if let Some(column) = &plan.hashed {
        let cell = path::find(&row.fields, column);
        draft.result.case_id = cell.and_then(|cell| value::content_id(&cell)).ok_or_else(|| {
            format!("column {column}: expected something to make a case id from, found nothing")
        })?;
    }
    settle_status(&mut draft);
    settle_primary(plan, &mut draft);
    let extra = extras(plan, row.fields, &draft.keeps);
    let extras = extra.keys().cloned().collect();
    draft.result.extra = json::stored_object(extra);
    let Draft { result, scores, run, .. } = draft;
    let record = Record { result, scores: scores.into_rows(), steps: Vec::new(), content };
    Ok(ReadRow { run, record, extras })
}

fn fill_targets(plan: &mut Plan, fields: &Map<String, Value>, draft: &mut Draft) -> Result<(), String> {
    let Plan { bindings, epochs_from_zero, attempts_from_zero, status_words, .. } = plan;
    for binding in bindings {
        let Some(cell) = path::find(fields, &binding.path) else {
            match binding.target.slot {
                Slot::CaseId | Slot::Run => {
                    return Err(format!("column {}: expected a value, found no such column", binding.path));
                }
                _ => continue,
            }
        };
        binding.seen = true;
        let filled = match binding.target.slot {
            Slot::Epoch => {
                ordinal(&cell, *epochs_from_zero).map(|epoch| draft.result.epoch = epoch.unwrap_or(1))
            }
            Slot::Attempt => {
                ordinal(&cell, *attempts_from_zero).map(|attempt| draft.result.attempt = attempt.unwrap_or(0))
            }
            Slot::Status => status(&cell, status_words).map(|(status, verdict)| {
                draft.status = status;
                draft.implied_verdict = verdict;
            }),
            Slot::Prompt => {
                fill_prompt(&cell, &binding.path, draft);
                Ok(())
            }
            Slot::Error => {
                fill_error(&cell, &binding.path, draft);
                Ok(())
            }
            _ => fill(binding.target, &cell, draft),
        };
        filled.map_err(|problem| format!("column {}: {problem}", binding.path))?;
    }
    Ok(())
}

fn fill(target: &Target, cell: &Value, draft: &mut Draft) -> Result<(), String> {
    let result = &mut draft.result;
    match target.slot {
        Slot::Run => {
            draft.run = Some(value::label(cell).ok_or_else(|| value::unexpected("the name of a run", cell))?)
        }
        Slot::CaseId => {
            result.case_id = value::id(cell).ok_or_else(|| value::unexpected("a case id", cell))?
        }
        Slot::Task => result.task = value::label(cell).unwrap_or_default(),
        Slot::Verdict => result.verdict = value::verdict(cell)?,
        Slot::Score => fill_score(cell, draft)?,
        Slot::PrimaryMetric => result.primary_metric = value::text(cell).unwrap_or_default(),
        Slot::Time => result.recorded_at = value::moment(cell)?,
        Slot::Label(field) => *field(result) = value::label(cell),
        Slot::Body(field) => *field(result) = value::text(cell),
        Slot::Number(field, scale) => *field(result) = value::number(cell)?.map(|number| number * scale),
        Slot::Count(field) => *field(result) = value::count(cell)?,
        Slot::Epoch | Slot::Attempt | Slot::Status | Slot::Prompt | Slot::Error => {}
    }
    Ok(())
}

/// A grade that is no number has no place in the headline score, only in a score row.
fn fill_score(cell: &Value, draft: &mut Draft) -> Result<(), String> {
    match value::scored(cell)? {
        Scored::Missing => {}
        Scored::Value(number) => draft.result.score = Some(number),
        Scored::Label(_) => draft.scores.add("score", cell),
    }
    Ok(())
}

/// An error is a text, or an object with a message and a type; what is empty, 0 or false is none.
fn fill_error(cell: &Value, column: &str, draft: &mut Draft) {
    let nothing = match cell {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        scalar => value::is_missing(scalar) || value::number(scalar) == Ok(Some(0.0)),
    };
    if nothing {
        return;
    }
    let result = &mut draft.result;
    result.error_message = value::text(cell);
    if let Value::Object(fields) = cell {
        if let Some(message) = json::text(fields, &["message", "error", "detail", "text"]) {
            result.error_message = Some(message);
            // A traceback and the like stand beside the message.
            draft.keeps.push(column.to_owned());
        }
        if result.error_kind.is_none() {
            result.error_kind = json::text(fields, &["type", "kind", "name", "code"]);
        }
    }
}

fn fill_prompt(cell: &Value, column: &str, draft: &mut Draft) {
    draft.result.prompt = value::label(cell).map(|text| {
        if text.len() <= LONGEST_PROMPT && !text.contains('\n') {
            return text;
        }
        draft.keeps.push(column.to_owned());
        text_id(&text)
    });
}

/// A count that begins at 1.
fn ordinal(cell: &Value, from_zero: bool) -> Result<Option<i64>, String> {
    let first = i64::from(!from_zero);
    match value::count(cell)? {
        Some(count) if count < first => Err(value::unexpected(&format!("a count from {first}"), cell)),
        count => Ok(count.map(|count| count + i64::from(from_zero))),
    }
}

fn status(cell: &Value, words: &[(String, Status)]) -> Result<(Option<Status>, Option<bool>), String> {
    if value::is_missing(cell) {
        return Ok((None, None));
    }
    let word = value::text(cell).unwrap_or_default();
    if let Some((_, status)) = words.iter().find(|(known, _)| *known == word) {
        let verdict = (*status == Status::QualityFailure).then_some(false);
        return Ok((Some(*status), verdict));
    }
    let (status, verdict) = value::status(&word).ok_or_else(|| value::unexpected("a status", cell))?;
    Ok((Some(status), verdict))
}

fn fill_scores(plan: &mut Plan, fields: &Map<String, Value>, draft: &mut Draft) {
    let Plan { bindings, metrics, .. } = plan;
    for metric in metrics {
        let Some(cell) = path::find(fields, &metric.path) else { continue };
        metric.seen = true;
        match &metric.name {
            Some(name) => draft.scores.add(name, &cell),
            None => {
                let group = metric.path.as_str();
                let is_it = |path: &str, name: &str| {
                    path.strip_prefix(group).and_then(|rest| rest.strip_prefix('.')) == Some(name)
                };
                draft
                    .scores
                    .add_group(&cell, |name| bindings.iter().any(|binding| is_it(&binding.path, name)));
            }
        }
    }
}

/// The status that the row names, else an error is an execution error, else the verdict decides.
fn settle_status(draft: &mut Draft) {
    let result = &mut draft.result;
    result.verdict = result.verdict.or(draft.implied_verdict);
    let failed = result.verdict == Some(false);
    let status = match draft.status {
        Some(Status::Ok) | None if draft.status.is_some() || result.error_message.is_none() => {
            if failed {
                Status::QualityFailure
            } else {
                Status::Ok
            }
        }
        Some(status) => status,
        None => Status::ExecutionError,
    };
    result.status = status.as_str().to_owned();
    if result.task.is_empty() {
        result.task = UNKNOWN_TASK.to_owned();
    }
}

fn settle_primary(plan: &Plan, draft: &mut Draft) {
    let named = !draft.result.primary_metric.is_empty();
    match &plan.primary {
        Some(metric) => {
            draft.result.score = draft.scores.value(metric);
            if !named {
                draft.result.primary_metric = stored_name(metric);
            }
        }
        None if !named => draft.result.primary_metric = "score".to_owned(),
        None => {}
    }
}

/// What no column holds.
fn extras(plan: &Plan, mut fields: Map<String, Value>, keeps: &[String]) -> Map<String, Value> {
    let bindings = plan.bindings.iter().map(|binding| &binding.path);
    let metrics = plan.metrics.iter().map(|metric| &metric.path);
    for used in bindings.chain(metrics).filter(|used| !keeps.contains(used)) {
        path::remove(&mut fields, used);
    }
    fields.retain(|_, value| !value.is_null());
    fields
}
