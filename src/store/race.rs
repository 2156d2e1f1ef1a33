//! The commit on `runs` that makes runs visible, and what happens when another writer was faster.
//!
//! Every run carries a Delta application transaction, so of two writers of one run the second meets a conflict
//! even though both only add rows. Writers of different runs do not meet.

use std::collections::BTreeMap;

use deltalake_core::kernel::Transaction;
use deltalake_core::{DeltaTable, DeltaTableError};
use serde_json::json;

use super::commit::{Change, TRIES, added, commit, is_one_of, is_one_of_text};
use super::error::{StoreError, is_conflict};
use super::files::{StoredFile, files_of};
use super::history::CHILDREN_KEY;
use super::location::Location;
use super::publish::LostRun;
use super::schema::load_for_writing;
use super::writer::write_files;
use crate::model::{Row, RunRow};

/// Runs on their way into the table.
pub(super) struct Race<'a> {
    location: &'a Location,
    /// `runs` as it was last seen, or as our commit left it.
    pub(super) table: DeltaTable,
    /// Still to be published.
    pub(super) pending: Vec<RunRow>,
    /// All stored generations of our runs, as last seen before our commit.
    pub(super) stored: Vec<RunRow>,
    /// Published by us.
    pub(super) landed: Vec<RunRow>,
    /// Published by somebody else meanwhile.
    pub(super) lost: Vec<LostRun>,
    /// Files of `runs` just before our commit: none of them holds a row of ours.
    pub(super) before: Vec<StoredFile>,
    /// Versions of the other tables that hold the rows of our runs.
    pub(super) children: BTreeMap<&'static str, u64>,
    /// What failed without undoing anything.
    pub(super) complaints: Vec<String>,
}

impl<'a> Race<'a> {
    /// Looks at the stored runs once.
    pub(super) async fn enter(location: &'a Location, runs: Vec<RunRow>) -> Result<Self, StoreError> {
        let table = match runs.is_empty() {
            true => location.load(RunRow::TABLE).await?,
            false => load_for_writing(location, RunRow::TABLE).await?,
        };
        let mut race = Self {
            location,
            table,
            pending: runs,
            stored: Vec::new(),
            landed: Vec::new(),
            lost: Vec::new(),
            before: Vec::new(),
            children: BTreeMap::new(),
            complaints: Vec::new(),
        };
        race.judge().await?;
        Ok(race)
    }

    /// Publishes what is pending, or finds out who was faster.
    pub(super) async fn finish(&mut self) -> Result<(), StoreError> {
        let mut failure: Option<StoreError> = None;
        for _ in 0..TRIES {
            if self.pending.is_empty() {
                return Ok(());
            }
            if let Some(error) = failure {
                return Err(error);
            }
            match self.try_commit().await {
                Ok(()) => return Ok(()),
                Err(error) if is_conflict(&error) => self.look_again().await?,
                Err(error) => {
                    // The answer may be lost and the commit not: only the table knows.
                    let error = self.location.error(RunRow::TABLE, error);
                    if self.look_again().await.is_err() {
                        return Err(error);
                    }
                    failure = Some(error);
                }
            }
        }
        Err(StoreError::Busy { path: self.location.label(), table: RunRow::TABLE, tries: TRIES })
    }

    async fn try_commit(&mut self) -> Result<(), DeltaTableError> {
        let batch = RunRow::batch(&self.pending)?;
        let adds = write_files(self.location, (RunRow::TABLE, &self.table), batch).await?;
        let read = is_one_of_text("run_id", self.pending.iter().map(|run| run.run_id.as_str()));
        let transactions = self
            .pending
            .iter()
            .map(|run| Transaction::new(format!("run:{}", run.run_id), run.generation))
            .collect();
        let change = Change::append(added(adds), read)
            .with_transactions(transactions)
            .saying(CHILDREN_KEY, json!(self.children));
        self.before = files_of(&self.table)?;
        self.complaints.extend(commit(&mut self.table, change).await?);
        self.location.remember(RunRow::TABLE, &self.table);
        self.landed.append(&mut self.pending);
        Ok(())
    }

    async fn look_again(&mut self) -> Result<(), StoreError> {
        self.table = self.location.load(RunRow::TABLE).await?;
        self.judge().await
    }

    /// Sorts the pending runs by what is stored of them.
    async fn judge(&mut self) -> Result<(), StoreError> {
        let filter = is_one_of("run_id", self.pending.iter().map(|run| run.run_id.as_str()));
        if !self.pending.is_empty() {
            self.stored = self.location.rows::<RunRow>(&self.table, filter).await?;
        }
        let mut stored: BTreeMap<&str, Vec<&RunRow>> = BTreeMap::new();
        for row in &self.stored {
            stored.entry(&row.run_id).or_default().push(row);
        }
        for run in std::mem::take(&mut self.pending) {
            let others = stored.get(run.run_id.as_str()).map_or(&[][..], Vec::as_slice);
            let newest = others.iter().max_by_key(|row| row.generation);
            if others.contains(&&run) {
                self.landed.push(run);
            } else if let Some(winner) = newest.filter(|row| row.generation >= run.generation) {
                self.lost.push(LostRun { winner: (*winner).clone(), ingest_id: run.ingest_id });
            } else {
                self.pending.push(run);
            }
        }
        Ok(())
    }
}
