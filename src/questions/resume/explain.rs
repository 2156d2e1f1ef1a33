//! What does a mode select, from which relation, and what do its columns mean?

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::predicate_file;
use crate::answer::{Answer, Block, Cell, Column, Records, SCHEMA_VERSION, Table};
use crate::import::rerun::RerunMode;
use crate::model::{ResultRow, Row};
use crate::session::SessionError;

/// The columns of `failed_rows` with their meaning, in its order.
const FAILED_ROWS: [(&str, &str); 19] = [
    ("run_id", "Run."),
    ("task", "Task."),
    ("case_id", "Case."),
    (
        "model",
        "Model. Null where the source names none, and for a missing case that was planned for every model.",
    ),
    ("prompt", "Prompt. Null where there is one alone."),
    ("variant", "Variant. Null where there is one alone."),
    ("epoch", "Planned repeat of the case, from 1."),
    (
        "status",
        "How the latest attempt ended: quality_failure, execution_error, scorer_error, limit, cancelled, or ok with a score \
         below the pass threshold; missing for a planned case without a row.",
    ),
    ("error_kind", "Class of the error, in the tool's words. Null without."),
    ("error_stage", "Where it failed: setup, agent, evaluator, or the tool's own word. Null without."),
    ("error_reason", "Code of the reason, such as provider_error or budget_exceeded. Null without."),
    ("error_message", "The error's message. Null without."),
    (
        "score",
        "Headline score of the latest attempt as the source has it: AgentV's errors have 0. Null without, and for a missing \
         case.",
    ),
    ("attempts", "Attempts so far; 0 for a missing case."),
    (
        "failed_since",
        "Time of the first attempt since which none was ok and passed. Null when rows have no times.",
    ),
    ("failed_at", "Time of the latest attempt."),
    ("minutes_since", "Minutes from failed_at to now."),
    ("source_row", "Where the latest attempt stands in its file, from 1. Null when it is no longer there."),
    ("ingest_id", "Ingest that published the run."),
];

/// The columns that `latest_results` has beside the stored ones of a result.
const OF_LATEST_RESULTS: [(&str, &str); 3] = [
    ("arm", "Side of a comparison that the row is on (--by)."),
    ("is_version", "Whether the run re-ran or varied another one in scope."),
    (
        "passed",
        "The tool's verdict; where it gave none, whether the score reaches the pass threshold; false for an error. Null \
         when there is neither.",
    ),
];

/// The relation that a mode selects from.
const fn relation_of(mode: RerunMode) -> &'static str {
    match mode {
        RerunMode::Select => "latest_results",
        RerunMode::Resume | RerunMode::RerunFailed | RerunMode::RetryErrors | RerunMode::Where => {
            "failed_rows"
        }
    }
}

/// Shows the predicate of a mode, or the one that was given, and the columns it may name.
///
/// # Errors
/// Never for our own texts; Arrow's check is passed on.
pub fn explain(mode: RerunMode, given: Option<&str>) -> Result<Answer, SessionError> {
    let (file, predicate) = match predicate_file(mode) {
        Some((file, text)) => (Some(file), text),
        None => (None, given.unwrap_or_default()),
    };
    let relation = relation_of(mode);
    let columns = columns_of(relation);
    let mut blocks = vec![
        Block::Headline {
            left: format!("--{} runs again the rows of {relation} for which this holds", mode.as_str()),
            right: file.unwrap_or_default().to_owned(),
        },
        Block::Gap,
    ];
    blocks.extend(predicate.trim_end().lines().map(|line| Block::Line(format!("  {line}"))));
    blocks.push(Block::Gap);
    blocks.push(Block::Table(table(&columns)));
    blocks.push(Block::Gap);
    blocks.push(Block::Line(format!(
        "what it holds now: runq sql \"SELECT * FROM {relation}\" · how it is made: runq views {relation}"
    )));
    let listed: Vec<Value> =
        columns.iter().map(|(name, meaning)| json!({"name": name, "meaning": meaning})).collect();
    Ok(Answer {
        blocks,
        document: Some(json!({
            "schema_version": SCHEMA_VERSION,
            "mode": mode.as_str(),
            "relation": relation,
            "predicate": predicate.trim_end(),
            "file": file,
            "columns": listed,
        })),
        records: records(&columns)?,
        ids: Some(columns.into_iter().map(|(name, _)| name.to_owned()).collect()),
        ..Answer::default()
    })
}

fn columns_of(relation: &str) -> Vec<(&'static str, &'static str)> {
    if relation == "failed_rows" {
        return FAILED_ROWS.to_vec();
    }
    let stored = ResultRow::columns().into_iter().map(|column| (column.name, column.doc.trim()));
    stored.chain(OF_LATEST_RESULTS).collect()
}

fn table(columns: &[(&'static str, &'static str)]) -> Table {
    let rows = columns.iter().map(|(name, meaning)| {
        vec![
            Cell::plain(format!("  {name}")),
            Cell::plain(meaning.split_whitespace().collect::<Vec<_>>().join(" ")),
        ]
    });
    Table { columns: vec![Column::whole("  column"), Column::wrapping("meaning")], rows: rows.collect() }
}

fn records(columns: &[(&'static str, &'static str)]) -> Result<Records, SessionError> {
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(columns.iter().map(|(name, _)| *name)));
    let meanings: ArrayRef =
        Arc::new(StringArray::from_iter_values(columns.iter().map(|(_, meaning)| *meaning)));
    let batch = RecordBatch::try_from_iter([("name", names), ("meaning", meanings)])?;
    Ok(Records { schema: batch.schema(), batches: vec![batch] })
}
