//! Removing data files that nobody needs any more: removed from their table long enough ago, or never committed.
//!
//! A file is kept when any version needs it that was the newest at some moment since a cut-off: those versions are told
//! by the log itself, not by its tombstones, which a checkpoint forgets after a week. What no such version names goes
//! when it was also written before the cut-off: younger files may belong to a commit that is still to come. All times
//! are those of the place that holds the store. The log stays.

use std::collections::BTreeSet;

use deltalake_core::kernel::Action;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::Store;
use super::error::StoreError;
use super::files::{files_of, key_of};
use super::location::{CHILDREN, Location};
use super::log::{self, Commit, Folder};
use crate::model::{MetricRow, Row as _, RunRow, Timestamp};

/// How many commits are read at the same time.
const READERS: usize = 16;

/// A data file that nobody needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unneeded {
    /// Path below the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written.
    pub written: Timestamp,
}

/// What was found of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VacuumedTable {
    /// The table.
    pub table: &'static str,
    /// Its files that nobody needs, by path.
    pub files: Vec<Unneeded>,
    /// How many of them were removed.
    pub removed: usize,
}

/// What a vacuum found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// All tables.
    pub tables: Vec<VacuumedTable>,
}

impl Vacuumed {
    /// How many files nobody needs.
    pub fn files(&self) -> usize {
        self.tables.iter().map(|table| table.files.len()).sum()
    }

    /// How many bytes they hold.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().flat_map(|table| &table.files).map(|file| file.bytes).sum()
    }

    /// How many files were removed.
    pub fn removed(&self) -> usize {
        self.tables.iter().map(|table| table.removed).sum()
    }
}

impl Store {
    /// Finds the data files that no version needs which was the newest since `cutoff`. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], what the disk or the service says, or that the log is damaged.
    pub async fn unneeded(&self, cutoff: Timestamp) -> Result<Vacuumed, StoreError> {
        log::of_store(&self.location).await?;
        let mut found = Vacuumed::default();
        for name in [RunRow::TABLE, MetricRow::TABLE].into_iter().chain(CHILDREN) {
            let files = unneeded(&self.location, name, cutoff).await?;
            found.tables.push(VacuumedTable { table: name, files, removed: 0 });
        }
        Ok(found)
    }

    /// Removes them. `cutoff` must be longer ago than any question, and any ingest that is at work, takes.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and as [`Store::unneeded`]. What was removed until then stays removed; every version
    /// since the cut-off is whole even then.
    pub async fn vacuum(&self, cutoff: Timestamp) -> Result<Vacuumed, StoreError> {
        self.writable_store().await?;
        let mut found = self.unneeded(cutoff).await?;
        for table in &mut found.tables {
            table.removed = remove(&self.location, table).await?;
        }
        Ok(found)
    }

    /// What time it is where the store is: a small file is written there and removed again.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], or what the disk or the service says.
    pub async fn clock(&self, id: &str) -> Result<Timestamp, StoreError> {
        self.writable_store().await?;
        let error = |cause: object_store::Error| self.location.error(RunRow::TABLE, cause);
        let objects = self.location.table(RunRow::TABLE)?.object_store();
        let key = Key::from(format!("_clock-{id}"));
        objects.put(&key, PutPayload::from_static(b"runq")).await.map_err(error)?;
        let meta = objects.head(&key).await;
        objects.delete(&key).await.map_err(error)?;
        Ok(Timestamp(meta.map_err(error)?.last_modified.timestamp_micros()))
    }
}

async fn unneeded(
    location: &Location,
    name: &'static str,
    cutoff: Timestamp,
) -> Result<Vec<Unneeded>, StoreError> {
    // Listed first: what is written and committed meanwhile is not in the list.
    let Folder { commits, files } = log::list(location, name).await?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let needed = needed(location, name, oldest_needed(&commits, cutoff)).await?;
    let nobodys = files.into_iter().filter(|(key, meta)| {
        !needed.contains(key) && Timestamp(meta.last_modified.timestamp_micros()) < cutoff
    });
    let found = nobodys.map(|(key, meta)| Unneeded {
        path: key.to_string(),
        bytes: meta.size,
        written: Timestamp(meta.last_modified.timestamp_micros()),
    });
    Ok(found.collect())
}

/// The oldest version that was the newest at some moment since the cut-off: the one before the first commit behind it.
fn oldest_needed(commits: &[Commit], cutoff: Timestamp) -> u64 {
    let oldest = commits.first().map_or(0, |commit| commit.version);
    let newest = commits.last().map_or(0, |commit| commit.version);
    let behind = commits.iter().find(|commit| commit.at >= cutoff);
    behind.map_or(newest, |commit| commit.version.saturating_sub(1)).max(oldest)
}

/// The files of a version and of every later one.
async fn needed(location: &Location, name: &'static str, oldest: u64) -> Result<BTreeSet<Key>, StoreError> {
    let error = |cause| location.error(name, cause);
    let then = location.load_version(name, oldest).await?;
    let now = location.load(name).await?;
    let mut needed = BTreeSet::new();
    for table in [&then, &now] {
        needed.extend(files_of(table).map_err(error)?.iter().map(super::files::StoredFile::key));
    }
    let newest = now.version().unwrap_or_default();
    let between: Vec<Vec<Action>> = stream::iter(oldest + 1..=newest)
        .map(|version| log::actions(location, (name, &now), version))
        .buffer_unordered(READERS)
        .try_collect()
        .await?;
    needed.extend(between.into_iter().flatten().filter_map(|action| match action {
        Action::Add(add) => Some(key_of(&add.path)),
        _ => None,
    }));
    Ok(needed)
}

async fn remove(location: &Location, found: &VacuumedTable) -> Result<usize, StoreError> {
    let name = found.table;
    if found.files.is_empty() {
        return Ok(0);
    }
    // Somebody may have brought an old version back meanwhile.
    let now = location.load(name).await?;
    let needed: BTreeSet<Key> = files_of(&now)
        .map_err(|cause| location.error(name, cause))?
        .iter()
        .map(super::files::StoredFile::key)
        .collect();
    let doomed: Vec<Result<Key, object_store::Error>> = found
        .files
        .iter()
        .filter_map(|file| Key::parse(&file.path).ok())
        .filter(|key| !needed.contains(key))
        .map(Ok)
        .collect();
    let objects = now.object_store();
    let mut gone = objects.delete_stream(stream::iter(doomed).boxed());
    let mut removed = 0;
    while let Some(deleted) = gone.next().await {
        match deleted {
            // Gone already: another vacuum is at work.
            Ok(_) | Err(object_store::Error::NotFound { .. }) => removed += 1,
            Err(cause) => return Err(location.error(name, cause)),
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(times: &[i64]) -> Vec<Commit> {
        let times = times.iter().enumerate();
        times.map(|(version, at)| Commit { version: version as u64, at: Timestamp(*at) }).collect()
    }

    #[test]
    fn the_version_that_was_the_newest_at_the_cutoff_is_needed() {
        let log = commits(&[10, 20, 30, 40]);
        assert_eq!(oldest_needed(&log, Timestamp(35)), 2);
        assert_eq!(oldest_needed(&log, Timestamp(30)), 1, "version 1 was the newest until the cut-off");
        assert_eq!(oldest_needed(&log, Timestamp(41)), 3, "the newest version always");
        assert_eq!(oldest_needed(&log, Timestamp(5)), 0);
    }

    #[test]
    fn clocks_that_go_back_keep_more() {
        assert_eq!(oldest_needed(&commits(&[10, 50, 20, 60]), Timestamp(40)), 0);
    }

    #[test]
    fn a_log_whose_beginning_is_gone_begins_where_it_is() {
        let mut log = commits(&[0, 0, 0, 10, 20]);
        log.drain(..3);
        assert_eq!(oldest_needed(&log, Timestamp(5)), 3);
    }
}
