//! A run while it is read: rows become Arrow batches at once, and only a light mark of each stays in hand.
//!
//! When the source has ended the run is settled: equal rows are folded, epochs and attempts numbered, and the
//! batches come out in stored shape and order. Texts are held once; beyond a bound they wait on disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use serde_json::{Map, Value};

use super::attempts::{Fate, Origin, Place, RowMark, Settled, settle};
use super::order::sorted;
use super::spool::{Chunk, Spool};
use super::{IngestError, Stored};
use crate::import::{Fault, Record, Repeats, json};
use crate::model::{
    BUILT_IN_METRICS, Key, ResultRow, Row, RunRow, ScoreRow, Status, StepRow, attempt_identity, set_id,
};

/// How many rows make a chunk.
const CHUNK_ROWS: usize = 4096;

/// How many bytes of text make a chunk, whatever its rows.
const CHUNK_BYTES: usize = 8 << 20;

/// A run that is being read.
pub(crate) struct Draft {
    pub header: RunRow,
    repeats: Repeats,
    marks: Vec<RowMark>,
    all_timed: bool,
    tasks: BTreeSet<String>,
    pending: Vec<Record>,
    pending_bytes: usize,
    spool: Spool,
}

impl Draft {
    /// Begins a draft; `header.ingest_id` names the ingest that its rows will belong to.
    pub fn new(header: RunRow, repeats: Repeats) -> Self {
        Self {
            header,
            repeats,
            marks: Vec::new(),
            all_timed: true,
            tasks: BTreeSet::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            spool: Spool::default(),
        }
    }

    /// Takes a row of the source.
    pub fn push(&mut self, record: Record) -> Result<(), IngestError> {
        let origin = Origin::Source(record.result.source_row.unwrap_or(self.marks.len() as i64 + 1));
        self.take(record, origin)
    }

    /// Takes an attempt that an earlier ingest of the run has stored. Must come before the source's rows.
    pub fn push_earlier(&mut self, record: Record) -> Result<(), IngestError> {
        let origin = Origin::Earlier { copies: record.result.copies, execution: record.result.execution };
        self.take(record, origin)
    }

    fn take(&mut self, mut record: Record, origin: Origin) -> Result<(), IngestError> {
        record.result.run_id.clone_from(&self.header.run_id);
        record.result.ingest_id.clone_from(&self.header.ingest_id);
        complete(&mut record);
        if matches!(origin, Origin::Source(_)) {
            self.all_timed &= record.result.recorded_at.is_some();
        }
        if !self.tasks.contains(&record.result.task) {
            self.tasks.insert(record.result.task.clone());
        }
        self.marks.push(RowMark {
            key: Key::of(&record.result),
            identity: attempt_identity(&record.result, record.content),
            error: Status::parse(&record.result.status).is_some_and(Status::is_error),
            attempt: record.result.attempt,
            richness: richness(&record.result),
            origin,
        });
        self.pending_bytes += text_bytes(&record);
        self.pending.push(record);
        if self.pending.len() >= CHUNK_ROWS || self.pending_bytes >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut scores = Vec::new();
        let mut steps = Vec::new();
        let mut score_owners = Vec::new();
        let mut step_owners = Vec::new();
        let mut results = Vec::with_capacity(self.pending.len());
        for (owner, record) in (0_u32..).zip(self.pending.drain(..)) {
            score_owners.extend(std::iter::repeat_n(owner, record.scores.len()));
            step_owners.extend(std::iter::repeat_n(owner, record.steps.len()));
            scores.extend(record.scores);
            steps.extend(record.steps);
            results.push(record.result);
        }
        self.pending_bytes = 0;
        self.spool.push(Chunk {
            results: ResultRow::batch(&results)?,
            scores: ScoreRow::batch(&scores)?,
            steps: StepRow::batch(&steps)?,
            score_owners,
            step_owners,
        })
    }

    /// Settles the run: folds equal rows, numbers epochs and attempts.
    pub fn settle(mut self) -> Result<SettledDraft, IngestError> {
        self.flush()?;
        let settled = settle(&self.marks, self.repeats);
        let mut header = self.header;
        header.folded_count = settled.folded;
        header.content_id = self.all_timed.then(|| content_id(&settled)).flatten();
        header.extra = with_tasks(header.extra, self.tasks);
        let faults = refusals(&header, &settled);
        header.skipped_count += faults.len() as i64;
        Ok(SettledDraft { header, faults, fates: settled.fates, spool: self.spool })
    }
}

/// What else is said of a run, with the list of its tasks when there are several: `runs.task` names only one.
fn with_tasks(extra: Option<String>, tasks: BTreeSet<String>) -> Option<String> {
    if tasks.len() < 2 {
        return extra;
    }
    let mut fields: Map<String, Value> =
        extra.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    fields.insert("tasks".to_owned(), tasks.into_iter().collect());
    json::stored_object(fields)
}

/// A run whose rows have found their places.
pub(crate) struct SettledDraft {
    /// The header; its counts of rows are known when the rows have been given.
    pub header: RunRow,
    /// Rows that broke a rule and were left out.
    pub faults: Vec<Fault>,
    fates: Vec<Fate>,
    spool: Spool,
}

impl SettledDraft {
    /// How many bytes of memory its rows take.
    pub fn bytes(&self) -> usize {
        self.spool.bytes()
    }

    /// The rows in stored shape and order, part after part; a run that fits into memory comes in one part.
    pub fn rows(self) -> Result<Box<dyn Iterator<Item = Result<Stored, IngestError>> + Send>, IngestError> {
        let whole = self.spool.in_memory();
        let fates = self.fates;
        let mut first = 0;
        let mut placed = self.spool.drain()?.map(move |chunk| {
            let chunk = chunk?;
            let last = first + chunk.results.num_rows();
            let stored = place(&chunk, &fates[first..last])?;
            first = last;
            Ok(stored)
        });
        if !whole {
            return Ok(Box::new(placed.map(|stored| sorted(vec![stored?]))));
        }
        let parts: Vec<Stored> = placed.by_ref().collect::<Result<_, IngestError>>()?;
        Ok(Box::new((!parts.is_empty()).then(|| sorted(parts)).into_iter()))
    }
}

/// Adds the rows of a part to the counts of a header.
pub(crate) fn count(header: &mut RunRow, stored: &Stored) {
    header.result_count += stored.results.num_rows() as i64;
    header.score_count += stored.scores.num_rows() as i64;
    header.step_count += stored.steps.num_rows() as i64;
}

/// Fills what the importer leaves to the sink, and what every result must carry.
fn complete(record: &mut Record) {
    let result = &mut record.result;
    result.epoch = result.epoch.max(1);
    for value in [&mut result.score, &mut result.duration_ms, &mut result.cost_usd, &mut result.logprob] {
        *value = value.filter(|value| value.is_finite());
    }
    if result.primary_metric.is_empty() {
        "score".clone_into(&mut result.primary_metric);
    }
    // Every result carries its primary metric, so that an error counts among its cases instead of vanishing. A built-in
    // one stands on the result itself.
    let named = record.scores.iter().any(|score| score.full_name() == result.primary_metric)
        || BUILT_IN_METRICS.iter().any(|metric| metric.name == result.primary_metric);
    if !named {
        record.scores.push(ScoreRow {
            metric: result.primary_metric.clone(),
            value: result.score,
            ..ScoreRow::default()
        });
    }
    for score in &mut record.scores {
        score.value = score.value.filter(|value| value.is_finite());
        score.run_id.clone_from(&result.run_id);
        score.ingest_id.clone_from(&result.ingest_id);
        score.task.clone_from(&result.task);
        score.case_id.clone_from(&result.case_id);
        score.experiment.clone_from(&result.experiment);
        score.model.clone_from(&result.model);
        score.provider.clone_from(&result.provider);
        score.prompt.clone_from(&result.prompt);
        score.variant.clone_from(&result.variant);
        score.status.clone_from(&result.status);
    }
    for (place, step) in (1..).zip(&mut record.steps) {
        if step.step == 0 {
            step.step = place;
        }
        step.run_id.clone_from(&result.run_id);
        step.ingest_id.clone_from(&result.ingest_id);
        step.task.clone_from(&result.task);
        step.case_id.clone_from(&result.case_id);
        step.model.clone_from(&result.model);
        step.prompt.clone_from(&result.prompt);
        step.variant.clone_from(&result.variant);
    }
}

fn richness(row: &ResultRow) -> u8 {
    [
        row.input.is_some(),
        row.output.is_some(),
        row.duration_ms.is_some(),
        row.cost_usd.is_some(),
        row.total_tokens.is_some(),
    ]
    .into_iter()
    .map(u8::from)
    .sum()
}

fn text_bytes(record: &Record) -> usize {
    let result = &record.result;
    let texts = [&result.input, &result.output, &result.expected, &result.extra, &result.error_message];
    let own: usize = texts.into_iter().flatten().map(String::len).sum();
    let scores: usize = record
        .scores
        .iter()
        .map(|score| {
            score.extra.as_ref().map_or(0, String::len) + score.reason.as_ref().map_or(0, String::len)
        })
        .sum();
    own + scores + 256 * (1 + record.scores.len() + record.steps.len())
}

/// One id for the set of executions that the source holds now.
fn content_id(settled: &Settled) -> Option<String> {
    let executions: Vec<i64> = settled
        .fates
        .iter()
        .filter_map(|fate| match fate {
            Fate::Kept(place) if place.in_source => Some(place.execution),
            _ => None,
        })
        .collect();
    (!executions.is_empty()).then(|| set_id(executions))
}

fn refusals(header: &RunRow, settled: &Settled) -> Vec<Fault> {
    settled
        .refused
        .iter()
        .map(|row| Fault {
            path: header.source_file.clone().into(),
            line: u64::try_from(*row).ok(),
            message: "expected one row per key, found a second one with the same task, case, model, prompt, variant \
                      and epoch (row skipped; --duplicates epoch or --duplicates attempt takes it)"
                .to_owned(),
        })
        .collect()
}

/// Applies the fates of a chunk's rows to its batches.
fn place(chunk: &Chunk, fates: &[Fate]) -> Result<Stored, IngestError> {
    let kept: Vec<Option<Place>> = fates
        .iter()
        .map(|fate| match fate {
            Fate::Kept(place) => Some(*place),
            Fate::Folded => None,
        })
        .collect();
    let owners: Vec<u32> = (0..u32::try_from(kept.len()).unwrap_or(u32::MAX)).collect();
    Ok(Stored {
        results: place_rows(&chunk.results, &owners, &kept)?,
        scores: place_rows(&chunk.scores, &chunk.score_owners, &kept)?,
        steps: place_rows(&chunk.steps, &chunk.step_owners, &kept)?,
    })
}

/// Keeps the rows whose owner is kept and writes the owner's place into the columns that have one.
fn place_rows(
    batch: &RecordBatch,
    owners: &[u32],
    kept: &[Option<Place>],
) -> Result<RecordBatch, IngestError> {
    let places: Vec<Option<Place>> = owners.iter().map(|owner| kept[*owner as usize]).collect();
    let mask = BooleanArray::from_iter(places.iter().map(|place| Some(place.is_some())));
    let kept_batch = filter_record_batch(batch, &mask)?;
    let places: Vec<Place> = places.into_iter().flatten().collect();
    let columns = kept_batch
        .schema()
        .fields()
        .iter()
        .zip(kept_batch.columns())
        .map(|(field, column)| placed_column(field.name(), column, &places))
        .collect();
    Ok(RecordBatch::try_new(kept_batch.schema(), columns)?)
}

fn placed_column(name: &str, column: &ArrayRef, places: &[Place]) -> ArrayRef {
    let numbers =
        |of: fn(&Place) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(places.iter().map(of))) };
    let flags = |of: fn(&Place) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(places.iter().map(|place| Some(of(place)))))
    };
    match name {
        "epoch" => numbers(|place| place.epoch),
        "attempt" => numbers(|place| place.attempt),
        "copies" => numbers(|place| place.copies),
        "execution" => numbers(|place| place.execution),
        "latest" => flags(|place| place.latest),
        "in_source" => flags(|place| place.in_source),
        "source_row" => first_rows(column, places),
        _ => Arc::clone(column),
    }
}

/// Copies of a row stand where the first of them does; a row that the source no longer holds has no place in it.
fn first_rows(column: &ArrayRef, places: &[Place]) -> ArrayRef {
    let Some(rows) = column.as_any().downcast_ref::<Int64Array>() else {
        return Arc::clone(column);
    };
    Arc::new(Int64Array::from_iter(rows.iter().zip(places).map(|(row, place)| row.and(place.source_row))))
}
