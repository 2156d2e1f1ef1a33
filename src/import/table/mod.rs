//! Plain tables: JSONL, JSON, CSV and Parquet of any shape.
//!
//! A person may say which column is what ([`Mapping`]); else well-known names are taken (see `names`), and what was
//! taken for what is said in a note. What nobody takes is kept in `extra`. A value that cannot be read as its
//! type is a fault that names file, row, column and value; it is never dropped silently, and never read as 0.
//! Rows are never identified by their position.

mod columns;
mod format;
mod guess;
mod mapping;
mod names;
mod path;
mod plan;
mod reading;
mod record;
mod rows;
mod score;
mod target;
#[cfg(test)]
mod tests;
mod value;

use std::path::Path;

use super::{Candidate, Fit, ImportError, Importer, Input, RunSink};
use crate::model::RunRow;
use crate::source::{Source, SourceError};
use format::{Detected, Format, data_extension, detect};
use plan::Plan;
use reading::{Reading, fields};
use rows::{NoRow, Rows, SourceRow};

pub use mapping::{Mapping, MappingError};

/// How many rows decide which column is what.
const SAMPLED_ROWS: usize = 100;

/// How many rows of a file that nobody named decide whether it holds results.
const SNIFFED_ROWS: usize = 5;

/// How many bytes are read between two reports of progress.
const PROGRESS_STEP: u64 = 1 << 20;

/// Reads one row per result from a plain table.
pub struct Table;

impl Importer for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "JSONL, JSON arrays, CSV and Parquet of any shape"
    }

    fn considers(&self, file_name: &str) -> bool {
        data_extension(Path::new(file_name)).is_some()
    }

    fn named_by_path(&self, run: &RunRow) -> bool {
        run.run_id == reading::run_name(Path::new(&run.source_file))
    }

    fn sniff(&self, file: &Candidate<'_>) -> Fit {
        let readable = match detect(file.path, file.head) {
            Detected::Unknown => false,
            // The reading says what it is and what to do about it.
            Detected::Refused { .. } => data_extension(file.path).is_some(),
            Detected::Table(_) if file.named => true,
            // A JSON object may be anything; only a person knows that rows are in it.
            Detected::Table(Format::Object) => false,
            Detected::Table(_) => data_extension(file.path).is_some() && holds_results(file),
        };
        if readable { Fit::Readable } else { Fit::No }
    }

    fn whole_rows(&self, source: &dyn Source, path: &Path) -> Result<Option<u64>, SourceError> {
        rows::whole_rows(source, path)
    }

    fn read(&self, input: &Input<'_>, sink: &mut dyn RunSink) -> Result<(), ImportError> {
        let mut rows = rows::open(input.source, input.path)?;
        let sample = sample(rows.as_mut(), SAMPLED_ROWS);
        let known = fields(&sample);
        if known.is_empty() {
            return Err(no_rows(input, sample));
        }
        let plan = Plan::new(&input.options.mapping, &known, (input.path, rows.fixed_columns()))?;
        let mut reading = Reading::new(plan, input, sink);
        for row in sample {
            reading.take(row)?;
        }
        let mut told = 0;
        while let Some(row) = rows.next_row() {
            reading.take(row)?;
            let read = rows.bytes_read();
            if read - told >= PROGRESS_STEP {
                reading.progress(read - told);
                told = read;
            }
        }
        reading.progress(rows.bytes_read() - told);
        reading.finish(rows)
    }
}

fn sample(rows: &mut dyn Rows, most: usize) -> Vec<Result<SourceRow, NoRow>> {
    std::iter::from_fn(|| rows.next_row()).take(most).collect()
}

/// Why a file has no rows: its first problem, or that there is nothing in it.
fn no_rows(input: &Input<'_>, sample: Vec<Result<SourceRow, NoRow>>) -> ImportError {
    match sample.into_iter().find_map(Result::err) {
        Some(NoRow::File(error)) => error,
        Some(NoRow::Bad { number, message }) => {
            ImportError::unreadable(input.path, Some(number), message, Some("none of its rows can be read"))
        }
        None => ImportError::unreadable(input.path, None, "the table has no rows", None),
    }
}

/// Whether a file that nobody named shows an id beside a score, a status or an answer.
fn holds_results(file: &Candidate<'_>) -> bool {
    let Ok(mut rows) = rows::open(file.source, file.path) else { return false };
    let sample = sample(rows.as_mut(), SNIFFED_ROWS);
    let known = fields(&sample);
    let plan = Plan::new(&Mapping::default(), &known, (file.path, false));
    plan.is_ok_and(|plan| {
        let judged =
            ["score", "status", "verdict", "output"].iter().any(|column| plan.binding(column).is_some());
        plan.binding("case_id").is_some() && (judged || !plan.metrics.is_empty())
    })
}
