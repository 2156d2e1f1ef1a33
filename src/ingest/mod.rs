//! Takes runs in: finds their files, reads them with the importer that fits, settles attempts, hands them on.
//!
//! Stands between [`crate::import`] (one tool's files) and the store. Rules that hold for every tool live here:
//! what is one attempt, which copy of a run counts, what happens to a bad file.

mod attempts;
mod discover;
mod draft;
mod memory;
mod order;
mod publish;
mod read;
mod spool;
pub mod watch;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use arrow::array::RecordBatch;

use crate::import::{Fault, ImportError};
use crate::model::{MetricRow, RunRow, Timestamp};
use crate::source::SourceError;

pub use discover::{Discovery, Found, discover};
pub use memory::read_into_memory;
pub use publish::{Order, Summary, ingest, relabel};

/// Rows of one run in stored shape.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Rows of `results`.
    pub results: RecordBatch,
    /// Rows of `scores`.
    pub scores: RecordBatch,
    /// Rows of `steps`.
    pub steps: RecordBatch,
}

/// Where ids and times come from, so that tests are exact.
pub trait Surroundings: Send + Sync {
    /// A new id of an ingest: 12 characters, never given twice.
    fn ingest_id(&self) -> String;

    /// The time now.
    fn now(&self) -> Timestamp;

    /// Hears that so many more bytes of sources have been read.
    fn progress(&self, _bytes: u64) {}
}

/// What a person says about the runs that are taken in, beyond how to read them.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Name for the runs.
    pub name: Option<String>,
    /// Labels to add, key and value.
    pub tags: Vec<(String, String)>,
    /// Settings to add, key and value.
    pub params: Vec<(String, String)>,
}

/// What was read of one file.
#[derive(Debug, Default)]
pub struct Reading {
    /// What the importer said about it.
    pub notes: Vec<String>,
    /// Lines and rows that were left out.
    pub faults: Vec<Fault>,
    /// Metrics that the source described.
    pub metrics: Vec<MetricRow>,
}

/// A path or file that gave no runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path as it was asked for, or the file below it.
    pub path: PathBuf,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether nothing was found by that path, rather than something unreadable.
    pub missing: bool,
    /// Whether the place could not be reached, or did not let us in: another time it may be read.
    pub unreachable: bool,
}

impl Problem {
    /// What is wrong with a path that gave no bytes.
    pub(crate) fn of_source(error: SourceError) -> Self {
        let SourceError { path, problem, hint, missing, unreachable, .. } = error;
        Self { path, message: problem, hint, missing, unreachable }
    }

    /// A file that cannot be read since one that belongs to it could not be reached.
    pub(crate) fn beside(path: &std::path::Path, error: SourceError) -> Self {
        let problem = match error.path == path {
            true => error.problem,
            false => format!("{error}; without it the run would be another one"),
        };
        Self::of_source(SourceError { path: path.to_owned(), problem, ..error })
    }

    fn of_import(path: &std::path::Path, error: &ImportError) -> Self {
        let missing = matches!(error, ImportError::Source(source) if source.missing);
        let unreachable = matches!(error, ImportError::Source(source) if source.unreachable);
        let message = match error {
            ImportError::Unreadable { fault, .. } if fault.path == path => match fault.line {
                Some(line) => format!("line {line}: {}", fault.message),
                None => fault.message.clone(),
            },
            ImportError::Source(source) if source.path == path => source.problem.clone(),
            other => other.to_string(),
        };
        Self { path: path.to_owned(), message, hint: error.hint().map(str::to_owned), missing, unreachable }
    }
}

/// Runs that were read without a store.
#[derive(Debug, Default)]
pub struct InMemory {
    /// The runs in the order in which they were named, with the argument that named them.
    pub runs: Vec<MemoryRun>,
    /// What was said about the files.
    pub reading: Reading,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// One run that was read without a store.
#[derive(Debug)]
pub struct MemoryRun {
    /// Its header.
    pub header: RunRow,
    /// Its rows.
    pub rows: Vec<Stored>,
    /// Which of the paths named by hand it was found under, from 0.
    pub argument: usize,
}

/// Why runs could not be taken in at all.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Rows could not be brought into columns.
    #[error("rows could not be brought into columns")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Rows could not be kept while they were read.
    #[error("rows could not be kept in a temporary file")]
    Spill(#[from] std::io::Error),
    /// Stored rows are not what they should be.
    #[error(transparent)]
    Stored(#[from] crate::model::ReadRowError),
    /// The store refuses or cannot be reached.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// Rows of the store could not be read.
    #[error("rows of the store could not be read")]
    Query(#[from] datafusion::error::DataFusionError),
    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}
