//! The stored order of rows: results by task and case, scores by metric, task and case.
//!
//! Rows of one metric and one case then lie together, so that statistics of files and pages prune.

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};

use super::{IngestError, Stored};

/// Joins the chunks of a run and sorts each table.
pub(crate) fn sorted(chunks: Vec<Stored>) -> Result<Stored, IngestError> {
    let mut results = Vec::with_capacity(chunks.len());
    let mut scores = Vec::with_capacity(chunks.len());
    let mut steps = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        results.push(chunk.results);
        scores.push(chunk.scores);
        steps.push(chunk.steps);
    }
    Ok(Stored {
        results: joined(results, &["task", "case_id", "model", "epoch", "attempt"])?,
        scores: joined(scores, &["metric", "task", "case_id", "model", "epoch", "attempt"])?,
        steps: joined(steps, &["name", "task", "case_id", "model", "epoch", "attempt", "step"])?,
    })
}

fn joined(batches: Vec<RecordBatch>, by: &[&str]) -> Result<RecordBatch, IngestError> {
    let Some(first) = batches.first() else {
        return Err(IngestError::Internal("a run without any chunk was sorted".to_owned()));
    };
    let schema = first.schema();
    let whole = concat_batches(&schema, &batches)?;
    drop(batches);
    if whole.num_rows() == 0 {
        return Ok(whole);
    }
    let columns: Vec<SortColumn> = by
        .iter()
        .filter_map(|name| whole.column_by_name(name))
        .map(|values| SortColumn { values: values.clone(), options: None })
        .collect();
    Ok(take_record_batch(&whole, &lexsort_to_indices(&columns, None)?)?)
}
