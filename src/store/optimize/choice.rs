//! Which files of a table are merged: small ones and those that overlap, if every row belongs to a published run.

use std::collections::BTreeSet;

use deltalake_core::DeltaTable;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::model::{MetricRow, Row as _, RunRow};
use crate::store::clean::ingests_within;
use crate::store::error::StoreError;
use crate::store::files::{StoredFile, files_of};
use crate::store::location::{CHILDREN, Location};

use super::overlap::overlapping;

/// How many files are looked into at the same time.
const READERS: usize = 8;

/// What is to be merged in a table.
pub(super) struct Choice {
    pub(super) name: &'static str,
    /// The table as it was when the files were chosen.
    pub(super) table: DeltaTable,
    /// All its files.
    pub(super) all: Vec<StoredFile>,
    /// Those that are merged, by the runs in them; none, or several.
    pub(super) chosen: Vec<StoredFile>,
    /// Whether these are large ones whose runs overlap.
    pub(super) overlaps: bool,
    /// How many others hold rows that no run names.
    pub(super) unpublished: usize,
}

impl Choice {
    pub(super) async fn make(
        location: &Location,
        name: &'static str,
        named: &BTreeSet<String>,
        file_bytes: u64,
    ) -> Result<Self, StoreError> {
        let table = location.load(name).await?;
        let all = files_of(&table).map_err(|cause| location.error(name, cause))?;
        let chosen = all.iter().filter(|file| is_small(file.size, file_bytes)).cloned().collect();
        let mut choice = Self { name, table, all, chosen, overlaps: false, unpublished: 0 };
        // Of the small tables every row is published, whoever made it so.
        if choice.chosen.len() > 1 && ![RunRow::TABLE, MetricRow::TABLE].contains(&name) {
            choice.leave_unpublished(location, named).await?;
        }
        if choice.chosen.len() < 2 {
            choice.chosen.clear();
        }
        choice.chosen.sort_by_cached_key(|file| (file.runs.low().to_owned(), file.path.clone()));
        Ok(choice)
    }

    /// The large files that hold the same runs, where they are many: of `results`, `scores` or `steps`.
    pub(super) async fn overlapping(
        location: &Location,
        name: &'static str,
        named: &BTreeSet<String>,
        file_bytes: u64,
    ) -> Result<Self, StoreError> {
        let table = location.load(name).await?;
        let all = files_of(&table).map_err(|cause| location.error(name, cause))?;
        let mut choice = Self { name, table, all, chosen: Vec::new(), overlaps: true, unpublished: 0 };
        if CHILDREN.contains(&name) {
            let large = choice.all.iter().filter(|file| !is_small(file.size, file_bytes));
            choice.chosen = overlapping(large.cloned().collect());
            choice.leave_unpublished(location, named).await?;
            choice.chosen = overlapping(choice.chosen);
        }
        Ok(choice)
    }

    /// How many bytes are read to merge them.
    pub(super) fn bytes(&self) -> u64 {
        self.chosen.iter().map(|file| file.size).sum()
    }

    async fn leave_unpublished(
        &mut self,
        location: &Location,
        named: &BTreeSet<String>,
    ) -> Result<(), StoreError> {
        let before = self.chosen.len();
        let of_table = (self.name, &self.table);
        let looked: Vec<Option<StoredFile>> = stream::iter(std::mem::take(&mut self.chosen))
            .map(|file| async move {
                let one = std::slice::from_ref(&file);
                let held = ingests_within(location, of_table, one, None).await?;
                let is_published = held.iter().all(|(_, ingest)| named.contains(ingest));
                Ok::<_, StoreError>(is_published.then_some(file))
            })
            .buffered(READERS)
            .try_collect()
            .await?;
        self.chosen = looked.into_iter().flatten().collect();
        self.unpublished = before - self.chosen.len();
        Ok(())
    }
}

/// Whether a file is worth to be merged. What a merge writes is larger, but for the last file of a table.
pub(super) const fn is_small(bytes: u64, file_bytes: u64) -> bool {
    bytes < file_bytes / 8 * 3
}
