//! The importer as a whole: files in every format, what the sink gets, and what is said.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::import::{Duplicates, Fault, ImportOptions, Record, Repeats, RunHandle, SinkError};
use crate::model::{MetricRow, ResultRow, RunRow, ScoreRow, Timestamp, text_id};
use crate::source::LocalDisk;

/// Keeps whatever it is given.
#[derive(Default)]
struct Recorder {
    begun: Vec<(RunRow, Repeats)>,
    records: Vec<(usize, Record)>,
    ended: Vec<(usize, RunRow)>,
    faults: Vec<Fault>,
    notes: Vec<String>,
    bytes: u64,
}

impl RunSink for Recorder {
    fn begin(&mut self, run: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError> {
        self.begun.push((run.clone(), repeats));
        Ok(RunHandle(self.begun.len() - 1))
    }

    fn record(&mut self, run: RunHandle, record: Record) -> Result<(), SinkError> {
        self.records.push((run.0, record));
        Ok(())
    }

    fn end(&mut self, run: RunHandle, header: RunRow) -> Result<(), SinkError> {
        self.ended.push((run.0, header));
        Ok(())
    }

    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn metric(&mut self, _metric: MetricRow) {}

    fn progress(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

impl Recorder {
    fn results(&self) -> Vec<&ResultRow> {
        self.records.iter().map(|(_, record)| &record.result).collect()
    }

    fn ids(&self) -> Vec<&str> {
        self.results().iter().map(|result| result.case_id.as_str()).collect()
    }

    fn statuses(&self) -> Vec<&str> {
        self.results().iter().map(|result| result.status.as_str()).collect()
    }

    fn note(&self) -> &str {
        assert_eq!(self.notes.len(), 1, "one line about the reading: {:?}", self.notes);
        &self.notes[0]
    }

    fn score(&self, place: usize, metric: &str) -> &ScoreRow {
        let scores = &self.records[place].1.scores;
        scores
            .iter()
            .find(|score| score.metric == metric)
            .unwrap_or_else(|| panic!("no {metric}: {scores:?}"))
    }

    /// How many results have a value in a metric, and the mean of them; errors have none.
    fn mean(&self, metric: &str) -> (usize, f64) {
        let values: Vec<f64> = self
            .records
            .iter()
            .filter(|(_, record)| record.result.status != "execution_error")
            .filter_map(|(_, record)| match metric {
                "score" => record.result.score,
                _ => record.scores.iter().find(|score| score.metric == metric).and_then(|score| score.value),
            })
            .collect();
        (values.len(), values.iter().sum::<f64>() / values.len() as f64)
    }
}

fn read_path(path: &Path, options: &ImportOptions) -> Result<Recorder, ImportError> {
    let mut sink = Recorder::default();
    Table.read(&Input { source: &LocalDisk, path, options }, &mut sink)?;
    Ok(sink)
}

fn try_read(name: &str, bytes: impl AsRef<[u8]>, options: &ImportOptions) -> Result<Recorder, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read_path(&path, options)
}

fn read(name: &str, bytes: impl AsRef<[u8]>) -> Recorder {
    try_read(name, bytes, &ImportOptions::default()).unwrap()
}

fn failure(name: &str, bytes: impl AsRef<[u8]>, options: &ImportOptions) -> (String, Option<String>) {
    let Err(error) = try_read(name, bytes, options) else { panic!("{name} should not be readable") };
    (error.to_string(), error.hint().map(str::to_owned))
}

fn mapped(map: &str) -> ImportOptions {
    let mapping = Mapping::parse_flags(&[map.to_owned()]).unwrap();
    ImportOptions { mapping, ..ImportOptions::default() }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/import/table")).join(name)
}

/// A file of the shared data, if that is here.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/evals")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} is not here");
    None
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-8
}

mod guessing;
mod problems;
mod repeats;
mod tools;
