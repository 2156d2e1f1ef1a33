//! What lies in a table's folder: the commits of its log with their times, and the data files.
//!
//! The times are those of the place that holds the store, whatever the clock of a writer said.

use std::collections::BTreeMap;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::Action;
use deltalake_core::logstore::get_actions;
use futures::TryStreamExt as _;
use object_store::ObjectMeta;
use object_store::path::Path as Key;

use super::error::StoreError;
use super::location::Location;
use crate::model::{Row as _, RunRow, Timestamp};

/// The folder of the log.
const LOG: &str = "_delta_log";

/// A commit that is in the log's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commit {
    /// The version it made.
    pub(super) version: u64,
    /// When it was written.
    pub(super) at: Timestamp,
}

/// A table's folder, listed once.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// The commits, oldest first.
    pub(super) commits: Vec<Commit>,
    /// The data files: those of any version, and those of none.
    pub(super) files: BTreeMap<Key, ObjectMeta>,
}

/// Lists a table's folder. What begins with `_` or `.` is no data, as Delta has it.
pub(super) async fn list(location: &Location, name: &'static str) -> Result<Folder, StoreError> {
    let mut folder = Folder::default();
    let objects = location.table(name)?.object_store();
    let mut listed = objects.list(None);
    while let Some(meta) = listed.try_next().await.map_err(|cause| location.error(name, cause))? {
        let is_hidden = meta.location.parts().any(|part| part.as_ref().starts_with(['_', '.']));
        if let Some(version) = version_of(&meta.location) {
            folder.commits.push(commit(version, &meta));
        } else if !is_hidden && meta.location.extension() == Some("parquet") {
            folder.files.insert(meta.location.clone(), meta);
        }
    }
    folder.commits.sort_by_key(|commit| commit.version);
    Ok(folder)
}

/// The commits of a table, oldest first.
pub(super) async fn commits(location: &Location, name: &'static str) -> Result<Vec<Commit>, StoreError> {
    let objects = location.table(name)?.object_store();
    let log = Key::from(LOG);
    let listed: Vec<ObjectMeta> =
        objects.list(Some(&log)).try_collect().await.map_err(|cause| location.error(name, cause))?;
    let mut commits: Vec<Commit> = listed
        .iter()
        .filter_map(|meta| version_of(&meta.location).map(|version| commit(version, meta)))
        .collect();
    commits.sort_by_key(|commit| commit.version);
    Ok(commits)
}

/// The commits of the store: those of `runs`, oldest first.
///
/// # Errors
/// [`StoreError::NotAStore`] when there are none: a place in S3 is opened without asking.
pub(super) async fn of_store(location: &Location) -> Result<Vec<Commit>, StoreError> {
    let commits = commits(location, RunRow::TABLE).await?;
    if commits.is_empty() {
        return Err(StoreError::NotAStore { path: location.label() });
    }
    Ok(commits)
}

fn commit(version: u64, meta: &ObjectMeta) -> Commit {
    // To the millisecond, as it is shown: a time that is read and typed again means this commit.
    Commit { version, at: Timestamp(meta.last_modified.timestamp_millis() * 1000) }
}

/// The version of a commit by its place: twenty digits in the log's folder.
fn version_of(key: &Key) -> Option<u64> {
    let name = key.as_ref().strip_prefix(LOG)?.strip_prefix('/')?.strip_suffix(".json")?;
    (name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit())).then(|| name.parse().ok())?
}

/// What a commit did; nothing where the log no longer has it.
pub(super) async fn actions(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    version: u64,
) -> Result<Vec<Action>, StoreError> {
    let error = |cause| location.error(name, cause);
    let bytes = table.log_store().read_commit_entry(version).await.map_err(error)?;
    bytes.map_or_else(|| Ok(Vec::new()), |bytes| get_actions(version, &bytes).map_err(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twenty_digits_in_the_log_are_a_commit() {
        let of = |text: &str| version_of(&Key::from(text));
        assert_eq!(of("_delta_log/00000000000000000012.json"), Some(12));
        for other in [
            "_delta_log/00000000000000000012.checkpoint.parquet",
            "_delta_log/_last_checkpoint",
            "_delta_log/_commits/00000000000000000012.json",
            "_delta_log/12.json",
            "00000000000000000012.json",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
