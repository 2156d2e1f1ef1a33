//! Taking rows out of a table: whole files leave the log; of files that also hold others, what stays is written anew.
//!
//! Rows are told apart here and not by a condition of the engine: Delta turns a list of values into a chain of
//! comparisons as deep as the list is long, and some thousands of them overflow a thread's stack.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake_core::kernel::Action;
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableError};
use futures::TryStreamExt as _;

use super::commit::{Change, added, commit, is_one_of_text};
use super::files::{StoredFile, files_of};
use super::location::{Location, frame_of};
use super::writer::{FileWriter, in_columns};
use crate::model::RunRow;

/// Rows that are to go.
#[derive(Debug)]
pub(super) enum Doomed {
    /// Those of some ingests.
    Ingests(BTreeSet<String>),
    /// Of some runs those below a generation.
    Older {
        /// Runs with the generation that stays.
        newest: BTreeMap<String, i64>,
        /// Where the others are, as long as nobody rewrites files: files that hold none of those generations. Else they
        /// may be anywhere.
        before: Option<BTreeSet<String>>,
    },
}

impl Doomed {
    /// Of these runs what is below their own generation. Where files are given, all of that is in them, and nothing of
    /// their own generation.
    pub(super) fn older_than<'a>(
        newest: impl Iterator<Item = &'a RunRow>,
        before: Option<&[StoredFile]>,
    ) -> Self {
        Self::Older {
            newest: newest.map(|run| (run.run_id.clone(), run.generation)).collect(),
            before: before.map(|files| files.iter().map(|file| file.path.clone()).collect()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Ingests(ingests) => ingests.is_empty(),
            Self::Older { newest, .. } => newest.is_empty(),
        }
    }

    fn names(&self) -> BTreeSet<&str> {
        match self {
            Self::Ingests(ingests) => ingests.iter().map(String::as_str).collect(),
            Self::Older { newest, .. } => newest.keys().map(String::as_str).collect(),
        }
    }

    /// Whether every row of a file goes, as far as the log tells.
    fn is_all_of(&self, file: &StoredFile) -> bool {
        match self {
            Self::Ingests(ingests) => file.ingests.only().is_some_and(|ingest| ingests.contains(ingest)),
            Self::Older { newest, before } => {
                before.as_ref().is_some_and(|before| before.contains(&file.path))
                    && file.runs.only().is_some_and(|run| newest.contains_key(run))
            }
        }
    }

    fn may_be_in(&self, file: &StoredFile, names: &BTreeSet<&str>) -> bool {
        match self {
            Self::Ingests(_) => file.ingests.may_hold(names),
            Self::Older { .. } => file.runs.may_hold(names),
        }
    }

    /// What decides over a row.
    const fn columns(&self) -> &'static [&'static str] {
        match self {
            Self::Ingests(_) => &["ingest_id"],
            Self::Older { .. } => &["run_id", "generation"],
        }
    }

    /// Which rows stay.
    fn stay(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        Ok(match self {
            Self::Ingests(doomed) => {
                let ingests = column(batch, "ingest_id", &DataType::Utf8)?;
                let stays =
                    |ingest: Option<&str>| Some(!ingest.is_some_and(|ingest| doomed.contains(ingest)));
                ingests.as_string::<i32>().iter().map(stays).collect()
            }
            Self::Older { newest, .. } => {
                let runs = column(batch, "run_id", &DataType::Utf8)?;
                let generations = column(batch, "generation", &DataType::Int64)?;
                let goes = |run: Option<&str>, generation: Option<i64>| {
                    newest.get(run?).map(|newest| generation < Some(*newest))
                };
                let rows = runs.as_string::<i32>().iter().zip(generations.as_primitive::<Int64Type>());
                rows.map(|(run, generation)| Some(!goes(run, generation).unwrap_or(false))).collect()
            }
        })
    }

    /// The same for the log.
    fn condition(&self) -> String {
        let column = match self {
            Self::Ingests(_) => "ingest_id",
            Self::Older { .. } => "run_id",
        };
        is_one_of_text(column, self.names())
    }
}

fn column(batch: &RecordBatch, name: &str, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    let found = batch.column_by_name(name);
    cast(found.ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))?, kind)
}

/// Takes rows out of a loaded table, in one commit; none where there are none.
///
/// With `everywhere` any file may hold some, else only those that the log names and, of older generations, those that
/// were there before.
pub(super) async fn take_out(
    location: &Location,
    (name, table): (&'static str, &mut DeltaTable),
    doomed: &Doomed,
    everywhere: bool,
) -> DeltaResult<()> {
    if doomed.is_empty() {
        return Ok(());
    }
    let names = doomed.names();
    let mut files = files_of(table)?;
    files.retain(|file| doomed.may_be_in(file, &names));
    if let (Doomed::Older { before: Some(before), .. }, false) = (doomed, everywhere) {
        files.retain(|file| before.contains(&file.path));
    }
    let mut rest = Rest { location, table, doomed, engine: engine(), stays: None };
    let mut actions: Vec<Action> = Vec::new();
    for file in files {
        if doomed.is_all_of(&file) || rest.is_parted(&file).await? {
            actions.push(file.removal());
        }
    }
    if let Some(stays) = rest.stays {
        actions.extend(added(stays.finish().await?));
    }
    if !actions.is_empty() {
        commit(table, Change::delete(actions, doomed.condition())).await?;
        location.remember(name, table);
    }
    Ok(())
}

/// An engine that gives the rows of a file in their order.
fn engine() -> SessionContext {
    let config = SessionConfig::new().with_information_schema(false).with_target_partitions(1);
    SessionContext::new_with_config(config)
}

/// What stays of files of which some rows go.
struct Rest<'a> {
    location: &'a Location,
    table: &'a DeltaTable,
    doomed: &'a Doomed,
    engine: SessionContext,
    stays: Option<FileWriter>,
}

impl Rest<'_> {
    /// Writes what stays of a file, unless all of it does. Whether the file is to go.
    async fn is_parted(&mut self, file: &StoredFile) -> DeltaResult<bool> {
        let (mut rows, mut staying) = (0, 0);
        let frame = frame_of(&self.engine, self.table, Some(vec![file.path.clone()])).await?;
        let mut looked = frame.clone().select_columns(self.doomed.columns())?.execute_stream().await?;
        while let Some(batch) = looked.try_next().await? {
            rows += batch.num_rows();
            staying += self.doomed.stay(&batch)?.true_count();
        }
        if staying == rows {
            return Ok(false);
        }
        if staying > 0 {
            let written = self.write(frame.execute_stream().await?).await?;
            if written != staying || file.rows.is_some_and(|counted| counted != rows as u64) {
                let said =
                    format!("{}: {rows} rows, of which {written} instead of {staying} stay", file.path);
                return Err(DeltaTableError::Generic(said));
            }
        }
        Ok(true)
    }

    async fn write(
        &mut self,
        mut rows: datafusion::execution::SendableRecordBatchStream,
    ) -> DeltaResult<usize> {
        let mut written = 0;
        while let Some(batch) = rows.try_next().await? {
            let batch = filter_record_batch(&batch, &self.doomed.stay(&batch)?)?;
            let writer = match &mut self.stays {
                Some(writer) => writer,
                none => none.insert(FileWriter::new(self.location, self.table)?),
            };
            written += batch.num_rows();
            let batch = in_columns(&batch, &writer.schema())?;
            writer.write(batch).await?;
        }
        Ok(written)
    }
}
