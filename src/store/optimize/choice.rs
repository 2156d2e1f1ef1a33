//! Which files of a table are merged: the small ones of which every row belongs to a published run.

use std::collections::BTreeSet;

use deltalake_core::DeltaTable;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::model::{MetricRow, Row as _, RunRow};
use crate::store::clean::ingests_within;
use crate::store::error::StoreError;
use crate::store::files::{StoredFile, files_of};
use crate::store::location::Location;

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
    pub(super) small: Vec<StoredFile>,
    /// How many small ones hold rows that no run names.
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
        let small: Vec<StoredFile> =
            all.iter().filter(|file| is_small(file.size, file_bytes)).cloned().collect();
        let mut choice = Self { name, table, all, small, unpublished: 0 };
        // Of the small tables every row is published, whoever made it so.
        if choice.small.len() > 1 && ![RunRow::TABLE, MetricRow::TABLE].contains(&name) {
            choice.leave_unpublished(location, named).await?;
        }
        if choice.small.len() < 2 {
            choice.small.clear();
        }
        choice.small.sort_by_cached_key(|file| (file.runs.low().to_owned(), file.path.clone()));
        Ok(choice)
    }

    /// How many bytes are read to merge them.
    pub(super) fn bytes(&self) -> u64 {
        self.small.iter().map(|file| file.size).sum()
    }

    async fn leave_unpublished(
        &mut self,
        location: &Location,
        named: &BTreeSet<String>,
    ) -> Result<(), StoreError> {
        let before = self.small.len();
        let of_table = (self.name, &self.table);
        let looked: Vec<Option<StoredFile>> = stream::iter(std::mem::take(&mut self.small))
            .map(|file| async move {
                let one = std::slice::from_ref(&file);
                let held = ingests_within(location, of_table, one, None).await?;
                let is_published = held.iter().all(|(_, ingest)| named.contains(ingest));
                Ok::<_, StoreError>(is_published.then_some(file))
            })
            .buffered(READERS)
            .try_collect()
            .await?;
        self.small = looked.into_iter().flatten().collect();
        self.unpublished = before - self.small.len();
        Ok(())
    }
}

/// Whether a file is worth to be merged. What a merge writes is larger, but for the last file of a table.
pub(super) const fn is_small(bytes: u64, file_bytes: u64) -> bool {
    bytes < file_bytes / 8 * 3
}
