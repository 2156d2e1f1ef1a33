//! Writing the rows of many files, sorted, into few.
//!
//! Files are taken in the order of their runs, a bin of them at a time, so that what is sorted at once stays small; what
//! does not fit into memory even so waits on the disk. A file that is half full at the end of a bin goes on with the
//! next one, and what was merged is committed as soon as no file is open: only the last file of all may stay small.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use deltalake_core::kernel::{Action, Add};
use deltalake_core::{DeltaResult, DeltaTable};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::choice::Choice;
use super::overlap::{Part, parts};
use super::{OptimizedTable, Pace};
use crate::model::{MetricRow, ResultRow, Row as _, RunRow, ScoreRow, StepRow};
use crate::store::commit::{Change, TRIES, commit};
use crate::store::error::{StoreError, is_conflict, unwrapped};
use crate::store::files::{StoredFile, files_of, key_of};
use crate::store::location::{Location, frame_of};
use crate::store::writer::{FileWriter, in_columns};

/// What the engine may hold in memory while it sorts; more goes to temporary files.
const SORT_BYTES: usize = 256 * 1024 * 1024;

/// How many files are read and sorted side by side.
const PARTITIONS: usize = 4;

/// Rows that are written at once: a file becomes larger than wanted by these at most.
const ROWS_AT_ONCE: usize = 1024;

/// Merges what was chosen of a table.
pub(super) async fn merge(
    location: &Location,
    choice: Choice,
    (file_bytes, pace): (u64, &(dyn Fn(Pace) + Send + Sync)),
    done: &mut OptimizedTable,
) -> Result<(), StoreError> {
    if choice.chosen.is_empty() {
        return Ok(());
    }
    let bins = match choice.overlaps {
        true => of_overlapping(choice.chosen, file_bytes * 2),
        false => one_by_one(choice.chosen, file_bytes * 2),
    };
    let mut merging = Merging {
        location,
        name: choice.name,
        as_chosen: choice.table.clone(),
        newest: choice.table,
        engine: engine().map_err(|cause| location.error(choice.name, cause))?,
        file_bytes,
        open: None,
        old: Vec::new(),
        new: Vec::new(),
    };
    merging.run(bins, pace, done).await
}

/// What is sorted at once.
struct Bin {
    part: Part,
    /// Files of which nothing is left afterwards.
    used: Vec<StoredFile>,
    /// Whether rows of these files are in bins behind this one too.
    goes_on: bool,
}

/// Files in their order, so many bytes of them together.
fn one_by_one(files: Vec<StoredFile>, bytes: u64) -> Vec<Bin> {
    let mut bins: Vec<(u64, Vec<StoredFile>)> = Vec::new();
    for file in files {
        match bins.last_mut().filter(|(size, _)| *size < bytes) {
            Some((size, bin)) => {
                *size += file.size;
                bin.push(file);
            }
            None => bins.push((file.size, vec![file])),
        }
    }
    let bin = |used: Vec<StoredFile>| {
        let part = Part { files: used.clone(), from: None, until: None };
        Bin { part, used, goes_on: false }
    };
    bins.into_iter().map(|(_, files)| bin(files)).collect()
}

/// Files that overlap, a span of runs at a time. All of them are used up at the end, at once.
fn of_overlapping(files: Vec<StoredFile>, bytes: u64) -> Vec<Bin> {
    let parts = parts(&files, bytes);
    let mut bins: Vec<Bin> =
        parts.into_iter().map(|part| Bin { part, used: Vec::new(), goes_on: true }).collect();
    if let Some(last) = bins.last_mut() {
        (last.used, last.goes_on) = (files, false);
    }
    bins
}

/// An engine that sorts within bounded memory.
fn engine() -> DeltaResult<SessionContext> {
    let runtime =
        RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(SORT_BYTES))).build_arc()?;
    let config = SessionConfig::new().with_information_schema(false).with_target_partitions(PARTITIONS);
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// The order of a table's rows.
fn order_of(name: &str) -> &'static [&'static str] {
    match name {
        RunRow::TABLE => &["started_at", "run_id", "generation"],
        ResultRow::TABLE => &["run_id", "case_id", "epoch", "attempt"],
        ScoreRow::TABLE => &["run_id", "metric", "case_id", "epoch", "attempt"],
        StepRow::TABLE => &["run_id", "case_id", "epoch", "attempt", "step"],
        MetricRow::TABLE => &["metric", "origin"],
        _ => &[],
    }
}

struct Merging<'a> {
    location: &'a Location,
    name: &'static str,
    /// The table that has the files that were chosen.
    as_chosen: DeltaTable,
    /// The table as it was last seen.
    newest: DeltaTable,
    engine: SessionContext,
    file_bytes: u64,
    open: Option<FileWriter>,
    /// What was read since the last commit.
    old: Vec<StoredFile>,
    /// What was written since then.
    new: Vec<Add>,
}

impl Merging<'_> {
    async fn run(
        &mut self,
        bins: Vec<Bin>,
        pace: &(dyn Fn(Pace) + Send + Sync),
        done: &mut OptimizedTable,
    ) -> Result<(), StoreError> {
        let last = bins.len() - 1;
        for (at, bin) in bins.into_iter().enumerate() {
            let (bytes, goes_on) = (bin.used.iter().map(|file| file.size).sum(), bin.goes_on);
            let ends = self.rewrite(bin).await;
            let ends = ends.map(|()| at == last || (!goes_on && self.is_full_enough()));
            let rows = match ends {
                Ok(true) => self.end().await.map(Some),
                other => other.map(|_| None),
            };
            match rows {
                Ok(Some(rows)) => self.commit(rows, done).await?,
                Ok(None) => {}
                Err(error) => {
                    self.discard().await;
                    return Err(error);
                }
            }
            pace(Pace::Done(bytes));
        }
        Ok(())
    }

    /// Reads a bin and writes its rows.
    async fn rewrite(&mut self, bin: Bin) -> Result<(), StoreError> {
        let mut rows = self.sorted(&bin.part).await?;
        self.old.extend(bin.used);
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|cause| self.location.error(self.name, unwrapped(cause)))?;
            for from in (0..batch.num_rows()).step_by(ROWS_AT_ONCE) {
                let part = batch.slice(from, ROWS_AT_ONCE.min(batch.num_rows() - from));
                self.write(part).await.map_err(|cause| self.location.error(self.name, cause))?;
            }
        }
        Ok(())
    }

    async fn sorted(&mut self, part: &Part) -> Result<SendableRecordBatchStream, StoreError> {
        let (location, name) = (self.location, self.name);
        let error = |cause| location.error(name, unwrapped(cause));
        let files = part.files.iter().map(|file| file.path.clone()).collect();
        let mut frame = frame_of(&self.engine, &self.as_chosen, Some(files)).await.map_err(error)?;
        if let Some(from) = &part.from {
            frame = frame.filter(col("run_id").gt_eq(lit(from.as_str()))).map_err(error)?;
        }
        if let Some(until) = &part.until {
            frame = frame.filter(col("run_id").lt(lit(until.as_str()))).map_err(error)?;
        }
        let order: Vec<SortExpr> =
            order_of(self.name).iter().map(|column| col(*column).sort(true, true)).collect();
        frame.sort(order).map_err(error)?.execute_stream().await.map_err(error)
    }

    async fn write(&mut self, batch: RecordBatch) -> DeltaResult<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => FileWriter::of_one_file(self.location, &self.as_chosen)?,
        };
        open.write(in_columns(&batch, &open.schema())?).await?;
        if open.bytes() < self.file_bytes {
            self.open = Some(open);
        } else {
            self.new.extend(open.finish().await?);
        }
        Ok(())
    }

    /// Whether the open file is large enough that it is never merged again.
    fn is_full_enough(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.bytes() >= self.file_bytes / 4 * 3)
    }

    /// Ends the open file. How many rows were written since the last commit.
    async fn end(&mut self) -> Result<u64, StoreError> {
        if let Some(open) = self.open.take() {
            let added = open.finish().await.map_err(|cause| self.location.error(self.name, cause))?;
            self.new.extend(added);
        }
        self.checked_rows()
    }

    /// After an error of this, nobody knows whether it landed: the files stay, for a vacuum to decide.
    async fn commit(&mut self, rows: u64, done: &mut OptimizedTable) -> Result<(), StoreError> {
        if self.swap().await? {
            done.merged += self.old.len();
            done.rows += rows;
        } else {
            done.overtaken += self.old.len();
            self.discard().await;
        }
        (self.old, self.new) = (Vec::new(), Vec::new());
        Ok(())
    }

    /// How many rows were written: as many as the log says of the files that they were read from, else nothing is
    /// committed.
    fn checked_rows(&self) -> Result<u64, StoreError> {
        let rows_of = |add: &Add| Some(add.get_stats().ok()??.num_records as u64);
        let written: Option<u64> = self.new.iter().map(rows_of).sum();
        let read: Option<u64> = self.old.iter().map(|file| file.rows).sum();
        match (read, written) {
            (Some(read), Some(written)) if read != written => {
                let said = format!("the log names {read} rows in files of which {written} were read");
                Err(self.location.damaged(self.name, said))
            }
            (_, written) => Ok(written.unwrap_or_default()),
        }
    }

    /// Puts the new files in the place of the old ones, unless one of those is gone. Whether it did.
    async fn swap(&mut self) -> Result<bool, StoreError> {
        let (location, name) = (self.location, self.name);
        let mut failure: Option<StoreError> = None;
        for _ in 0..TRIES {
            let there: BTreeSet<String> = files_of(&self.newest)
                .map_err(|cause| location.error(name, cause))?
                .into_iter()
                .map(|file| file.path)
                .collect();
            let still = self.old.iter().filter(|file| there.contains(&file.path)).count();
            if still == 0 && self.new.iter().all(|add| there.contains(&add.path)) {
                return Ok(true);
            }
            if still < self.old.len() {
                return Ok(false);
            }
            if let Some(error) = failure {
                return Err(error);
            }
            let change = Change::rewrite(self.actions(), self.file_bytes);
            match commit(&mut self.newest, change).await {
                Ok(None) => return Ok(true),
                // The checkpoint behind it failed: one is written at the end in any case.
                Ok(Some(_)) => {}
                Err(cause) if is_conflict(&cause) => {}
                // The answer may be lost and the commit not: only the table knows.
                Err(cause) => failure = Some(location.error(name, cause)),
            }
            self.newest = location.load(name).await?;
        }
        Err(StoreError::Busy { path: location.label(), table: name, tries: TRIES })
    }

    /// The new files hold no new rows. The old ones go as if theirs did too: another rewrite that began before (the
    /// `optimize` of Delta's own tools) meets a conflict then, instead of adding the rows once more.
    fn actions(&self) -> Vec<Action> {
        let new = self.new.iter().map(|add| Action::Add(Add { data_change: false, ..add.clone() }));
        new.chain(self.old.iter().map(StoredFile::removal)).collect()
    }

    /// Removes files that were not committed; what stays is a vacuum's.
    async fn discard(&mut self) {
        let Ok(now) = self.location.load(self.name).await else { return };
        // The answer of a commit may have been lost.
        let Ok(files) = files_of(&now) else { return };
        let committed: BTreeSet<String> = files.into_iter().map(|file| file.path).collect();
        let doomed: Vec<_> = std::mem::take(&mut self.new)
            .into_iter()
            .filter(|add| !committed.contains(&add.path))
            .map(|add| Ok(key_of(&add.path)))
            .collect();
        let _ = now.object_store().delete_stream(stream::iter(doomed).boxed()).try_collect::<Vec<_>>().await;
    }
}
