//! A line as the records it stands for: one, or one per repeat when the row holds several.

use serde_json::{Map, Value, json};

use super::super::{Record, json as fields};
use super::messages::trace_without_text;
use super::result::{RunFacts, result_of};
use super::row::{REPEAT_LISTS, Row};
use super::scores::scores_of;
use super::sidecar::Sidecars;
use super::steps::steps_of;
use crate::model::{ResultRow, Status};

/// Fields of a row that sum up its repeats, or belong to the best one of them. They are kept under `row` in each
/// repeat's `extra`, and never taken for the repeat's own.
const SUMMED_FIELDS: [&str; 15] = [
    "score",
    "scores",
    "named_scores",
    "assertions",
    "execution_status",
    "error",
    "execution_error",
    "failure_stage",
    "failure_reason_code",
    "target_error_kind",
    "token_usage",
    "cost_usd",
    "duration_ms",
    "output",
    "trace",
];

/// A row with the line it stands on.
pub(super) struct Read<'a> {
    pub(super) row: &'a Row,
    pub(super) line: u64,
    pub(super) text: &'a [u8],
}

/// The records of a line. A list of one repeat is the row itself.
pub(super) fn records_of(read: &Read<'_>, files: &mut Sidecars<'_>, run: &RunFacts) -> Vec<Record> {
    let repeats = read.row.repeats();
    if repeats.len() < 2 {
        let found = files.of_row(read.row, read.text);
        let result = ResultRow { source_row: row_number(read.line), ..result_of(read.row, &found, run) };
        let content = fields::content_hash(read.text);
        let (scores, steps) = (scores_of(read.row, &found), steps_of(read.row, &found));
        return vec![Record { result, scores, steps, content }];
    }
    repeats.iter().enumerate().map(|(place, entry)| repeat_of(read, (place, entry), files, run)).collect()
}

/// The record of one repeat: what the row says of the test, what the entry says of the execution.
fn repeat_of(
    read: &Read<'_>,
    (place, entry): (usize, &Row),
    files: &mut Sidecars<'_>,
    run: &RunFacts,
) -> Record {
    let entry = &with_status(entry);
    let found = files.of_repeat(read.row, entry, read.text);
    let own = Row::of(merged(read.row, entry));
    let mut result = result_of(&own, &found, run);
    result.epoch = number_of(entry, place);
    result.source_row = row_number(read.line);
    let mut content = read.text.to_vec();
    content.extend_from_slice(format!("#{place}").as_bytes());
    Record {
        result,
        scores: scores_of(&own, &found),
        steps: steps_of(&own, &found),
        content: fields::content_hash(&content),
    }
}

/// An entry whose verdict also stands as its status; old ones have a verdict only.
fn with_status(entry: &Row) -> Row {
    if entry.value("execution_status").is_some() {
        return entry.clone();
    }
    let status = match entry.text(&["verdict", "status"]).as_deref() {
        Some("pass" | "passed") => Status::Ok,
        Some("fail" | "failed") => Status::QualityFailure,
        _ => return entry.clone(),
    };
    let mut fields = entry.fields().clone();
    fields.insert("execution_status".to_owned(), json!(status.as_str()));
    Row::of(fields)
}

/// The entry's fields over those of the row that tell of the test; the row's own summary under `row`.
fn merged(row: &Row, entry: &Row) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut summed = Map::new();
    for (name, value) in row.fields().iter().filter(|(name, _)| !REPEAT_LISTS.contains(&name.as_str())) {
        if SUMMED_FIELDS.contains(&name.as_str()) {
            let value = if name == "trace" { trace_without_text(value) } else { value.clone() };
            summed.insert(name.clone(), value);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in entry.fields() {
        fields.insert(name.clone(), value.clone());
    }
    // The entry's number is its epoch; a sample index left here would count once more.
    fields.shift_remove("sample_index");
    fields.insert("row".to_owned(), Value::Object(summed));
    fields
}

/// The number of a repeat, from 1: `sample` is one already, `sample_index` and `attempt` count from 0.
fn number_of(entry: &Row, place: usize) -> i64 {
    let place = i64::try_from(place).unwrap_or(i64::MAX - 1) + 1;
    let from_one = fields::integer(entry.fields(), &["sample"]);
    let from_zero = fields::integer(entry.fields(), &["sample_index", "attempt"]);
    from_one.or_else(|| from_zero?.checked_add(1)).filter(|number| *number >= 1).unwrap_or(place)
}

fn row_number(line: u64) -> Option<i64> {
    i64::try_from(line).ok()
}
