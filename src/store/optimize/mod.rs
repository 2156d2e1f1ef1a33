//! Making many small files few large ones that are sorted, and the logs short to read.
//!
//! Rows are not changed, and nobody who reads or writes meanwhile notices: each step is one commit that puts files in
//! the place of others with the same rows. Only files are merged whose rows all belong to published runs. Rows that no
//! run names yet may be those of an ingest at work, which looks for its own left-over files by the statistics of files.

mod checkpoint;
mod choice;
mod merge;
mod overlap;

use std::collections::BTreeSet;

use super::Store;
use super::clean::Cleaned;
use super::error::StoreError;
use super::location::{CHILDREN, Location};
use super::snapshot::newest_generations;
use super::writer::TARGET_FILE_BYTES;
use crate::model::{MetricRow, Row as _, RunRow, Timestamp};
use choice::Choice;

/// What an optimization is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Optimization {
    /// Rows that no run names go when they were committed before this: longer ago than any ingest takes.
    pub litter_before: Timestamp,
    /// How large files are to become, about.
    pub file_bytes: u64,
}

impl Optimization {
    /// Files of the usual size.
    pub const fn new(litter_before: Timestamp) -> Self {
        Self { litter_before, file_bytes: TARGET_FILE_BYTES }
    }
}

/// How far an optimization is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// This many bytes of files will be read.
    Total(u64),
    /// This many more of them are done.
    Done(u64),
}

/// What became of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptimizedTable {
    /// The table.
    pub table: &'static str,
    /// Its files before, after litter went.
    pub files_before: usize,
    /// Its files afterwards.
    pub files_after: usize,
    /// Bytes of its files before.
    pub bytes_before: u64,
    /// Bytes of its files afterwards.
    pub bytes_after: u64,
    /// Files that were merged into others.
    pub merged: usize,
    /// Rows that were written anew.
    pub rows: u64,
    /// Small files that were left alone, since rows in them belong to no published run (yet).
    pub unpublished: usize,
    /// Files that somebody changed meanwhile, left for the next time.
    pub overtaken: usize,
    /// Version of which a checkpoint was written; none when there was one.
    pub checkpoint: Option<u64>,
}

/// What an optimization did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Optimized {
    /// Litter that was removed.
    pub cleaned: Cleaned,
    /// All tables.
    pub tables: Vec<OptimizedTable>,
}

impl Store {
    /// Removes litter, merges small files of published runs into large sorted ones, and writes checkpoints of the logs.
    ///
    /// May be ended anywhere: the tables are whole then, some of them merged. A second one finds nothing to do.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Busy`], or what the disk says. What was done until then is done.
    pub async fn optimize(
        &self,
        wish: &Optimization,
        pace: &(dyn Fn(Pace) + Send + Sync),
    ) -> Result<Optimized, StoreError> {
        let cleaned = self.clean(wish.litter_before).await?;
        let location = &self.location;
        let named = named_ingests(location).await?;
        let mut choices = Vec::new();
        for name in CHILDREN.into_iter().chain([MetricRow::TABLE, RunRow::TABLE]) {
            choices.push(Choice::make(location, name, &named, wish.file_bytes).await?);
        }
        pace(Pace::Total(choices.iter().map(Choice::bytes).sum()));
        let mut tables = Vec::new();
        for choice in choices {
            tables.push(merged(location, choice, &named, (wish.file_bytes, pace)).await?);
        }
        Ok(Optimized { cleaned, tables })
    }
}

/// Merges small files of a table, and then large ones as long as too many of them overlap.
async fn merged(
    location: &Location,
    choice: Choice,
    named: &BTreeSet<String>,
    to: (u64, &(dyn Fn(Pace) + Send + Sync)),
) -> Result<OptimizedTable, StoreError> {
    let name = choice.name;
    let mut done = OptimizedTable {
        table: name,
        files_before: choice.all.len(),
        bytes_before: choice.all.iter().map(|file| file.size).sum(),
        unpublished: choice.unpublished,
        ..OptimizedTable::default()
    };
    merge::merge(location, choice, to, &mut done).await?;
    let files = loop {
        let (choice, before) = (Choice::overlapping(location, name, named, to.0).await?, done.merged);
        let files = choice.all.clone();
        merge::merge(location, choice, to, &mut done).await?;
        // None was chosen, or somebody was faster.
        if done.merged == before {
            break files;
        }
    };
    (done.files_after, done.bytes_after) = (files.len(), files.iter().map(|file| file.size).sum());
    done.checkpoint = checkpoint::write(location, name).await?;
    Ok(done)
}

/// The ingests of published runs.
async fn named_ingests(location: &Location) -> Result<BTreeSet<String>, StoreError> {
    let table = location.load(RunRow::TABLE).await?;
    let runs = newest_generations(location.rows::<RunRow>(&table, None).await?);
    Ok(runs.into_iter().map(|run| run.ingest_id).collect())
}
