//! Reads what tools leave behind and gives model rows; writes nothing.
//!
//! One tool, one file. An importer knows its tool's files and nothing of stores or screens: it reads through
//! [`Source`] and hands runs and results to a [`RunSink`]. Numbering attempts, folding equal rows and filling the
//! key columns of scores and steps is the sink's work, so that every tool follows the same rules.

pub mod agentv;
pub mod amx;
mod growing;
pub mod honeyhive;
pub mod json;
pub mod rerun;
pub mod table;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::{MetricRow, ResultRow, RunRow, ScoreRow, StepRow};
use crate::source::{Source, SourceError};

/// Every importer, in the order they are asked.
pub const IMPORTERS: &[&dyn Importer] = &[&agentv::AgentV, &amx::Amx, &honeyhive::HoneyHive, &table::Table];

/// How many bytes of a file an importer sees when it is asked whether the file is its own.
pub const HEAD_BYTES: u64 = 64 * 1024;

/// One tool's files.
pub trait Importer: Sync {
    /// Name for `--from`, lower case.
    fn name(&self) -> &'static str;

    /// What it reads, in half a line.
    fn about(&self) -> &'static str;

    /// Whether a file of this name, found in a folder, is worth looking into.
    fn considers(&self, _file_name: &str) -> bool {
        true
    }

    /// Whether the file holds the rows of a run of this tool, judged by its name and first bytes.
    fn sniff(&self, file: &Candidate<'_>) -> Fit;

    /// Whether a run's id holds only within its file (it was made from the file's name, or the file numbers its runs),
    /// so that another file may give another run the same one.
    fn named_by_path(&self, _run: &RunRow) -> bool {
        false
    }

    /// Whether the tool changes rows after it has saved them (a review), so that rows of equal keys and times may differ:
    /// a copy of a run is then only what equals it to the byte.
    fn rows_change(&self) -> bool {
        false
    }

    /// How many bytes of a file that may still be written hold whole rows; what stands behind them is half a row, and may
    /// not be read before its end is there. `None` when the file can only be read whole.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn whole_rows(&self, _source: &dyn Source, _path: &Path) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }

    /// The commands by which the tool runs cases of one of its runs again, and what each of them will really execute.
    ///
    /// # Errors
    /// When the tool has no such command, or something that it needs is not there.
    fn rerun(&self, order: &rerun::RerunOrder<'_>) -> Result<Vec<rerun::RerunCommand>, rerun::RerunError> {
        Err(rerun::RerunError::NoCommand { tool: order.run.tool.clone() })
    }

    /// Reads every run that the file holds.
    ///
    /// A row that cannot be read goes to [`RunSink::fault`] and the reading goes on.
    ///
    /// # Errors
    /// When the file as a whole is not readable, or the sink refuses.
    fn read(&self, input: &Input<'_>, sink: &mut dyn RunSink) -> Result<(), ImportError>;
}

impl fmt::Debug for dyn Importer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A file that may hold a run.
pub struct Candidate<'a> {
    /// Where the file is.
    pub source: &'a dyn Source,
    /// Its full path.
    pub path: &'a Path,
    /// Its first bytes, at most [`HEAD_BYTES`].
    pub head: &'a [u8],
    /// Whether a person named this very file, rather than a folder that holds it.
    pub named: bool,
}

impl Candidate<'_> {
    /// The file's name, empty when it is not UTF-8.
    pub fn file_name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or("")
    }
}

/// How well a file fits an importer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Not this tool's.
    No,
    /// Could be read, but nothing in it names this tool.
    Readable,
    /// This tool's.
    Own,
    /// This tool's, but a copy or a cache of what is read from another file: nobody is to read it.
    Elsewhere,
}

/// What an importer reads.
pub struct Input<'a> {
    /// Where the file is.
    pub source: &'a dyn Source,
    /// The file that holds the rows.
    pub path: &'a Path,
    /// What the person said about the reading.
    pub options: &'a ImportOptions,
}

/// What a person says about the reading of files.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Name for the runs (`--name`).
    pub name: Option<String>,
    /// Task for sources that name none (`--task-name`).
    pub task: Option<String>,
    /// How columns of a plain table are to be understood.
    pub mapping: table::Mapping,
    /// What rows that share a key are, where the source does not tell.
    pub duplicates: Option<Duplicates>,
}

/// What rows that share a key are (`--duplicates`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// Planned repeats of the case.
    Epoch,
    /// Further attempts of the case.
    Attempt,
    /// Not to be: the second one is a fault.
    Error,
}

/// How the sink is to take rows of one run that share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeats {
    /// Every further row is a further attempt, unless it is the same attempt once more.
    #[default]
    Attempts,
    /// A row that follows an error of its key is a further attempt; any other is the next epoch.
    EpochsUnlessAfterError,
    /// Every further row is the next epoch.
    Epochs,
    /// A further row is a fault.
    Refuse,
}

/// A run that is being read, as the sink numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunHandle(pub usize);

/// One row of a source with what belongs to it.
///
/// The importer leaves to the sink: `run_id`, `ingest_id`, `latest`, `copies`, `in_source`, `execution`, and in
/// scores and steps every column they share with the result. `result.attempt` is 0 unless the source names the
/// attempt; then it gives the order.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The result.
    pub result: ResultRow,
    /// Its scores.
    pub scores: Vec<ScoreRow>,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// Hash of the whole source row; tells equal rows where they have no time of their own.
    pub content: u128,
}

/// Takes what an importer reads.
pub trait RunSink {
    /// Begins a run. Its `run_id` must be known by now; the rest of the header may be given again at the end.
    ///
    /// # Errors
    /// When the run cannot be taken.
    fn begin(&mut self, run: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError>;

    /// Whether the rows of a run are wanted; they are not when nothing has changed since it was taken in.
    fn wants(&self, _run: RunHandle) -> bool {
        true
    }

    /// Takes one row of a run.
    ///
    /// # Errors
    /// When the row cannot be kept (out of disk, out of memory).
    fn record(&mut self, run: RunHandle, record: Record) -> Result<(), SinkError>;

    /// Ends a run with its final header.
    ///
    /// # Errors
    /// When the run cannot be kept.
    fn end(&mut self, run: RunHandle, header: RunRow) -> Result<(), SinkError>;

    /// Reports something in the source that could not be read and was left out.
    fn fault(&mut self, fault: Fault);

    /// Says something about the reading that a person should know, such as which column was taken for what.
    fn note(&mut self, note: String);

    /// Describes a metric, where the source does.
    fn metric(&mut self, metric: MetricRow);

    /// Says that so many more bytes of the source have been read.
    fn progress(&mut self, bytes: u64);
}

/// Why the sink could not keep what it was given.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Something in a source that could not be read and was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// File it stands in.
    pub path: PathBuf,
    /// Line of a text file or row of a table, from 1.
    pub line: Option<u64>,
    /// What was expected, what was found, and what was done.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Why a file as a whole could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Its bytes could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rows could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// It is not what it should be.
    #[error("{fault}")]
    Unreadable {
        /// Where and what.
        fault: Fault,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl ImportError {
    /// A file that is not what it should be.
    pub fn unreadable(
        path: &Path,
        line: Option<u64>,
        message: impl Into<String>,
        hint: Option<&str>,
    ) -> Self {
        Self::Unreadable {
            fault: Fault { path: path.to_owned(), line, message: message.into() },
            hint: hint.map(str::to_owned),
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreadable { hint, .. } => hint.as_deref(),
            Self::Source(error) => error.hint.as_deref(),
            Self::Sink(_) => None,
        }
    }
}
