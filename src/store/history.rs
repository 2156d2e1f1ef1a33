//! The store as it was: which versions there are, and a view of one of them.
//!
//! A version of the store is a version of `runs`. Which versions of the other tables belong to it is written into the
//! log of `runs` by each publication: those that hold its rows. Of the versions that the last publications named, the
//! highest belongs to a version of `runs`: all rows that it names are there, and what replaced them was removed later,
//! since rows are removed only after the commit on `runs` that replaces them. Whether it is so is counted. Where the log
//! says nothing (a store of an older runq, a commit of another tool) the times of commits are the first guess.

use std::collections::BTreeMap;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::{Action, CommitInfo};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path as Key;
use serde_json::Value;

use super::Store;
use super::check::{promised, rows_by_ingest};
use super::error::StoreError;
use super::files::{StoredFile, files_of};
use super::location::{CHILDREN, Location};
use super::log::{self, Commit};
use super::snapshot::{StoreSnapshot, newest_generations};
use crate::model::{MetricRow, Row as _, RunRow, Timestamp};

/// Where a commit on `runs` says which versions of the other tables hold its rows.
pub(super) const CHILDREN_KEY: &str = "runq.children";

/// How many commits on `runs` are looked at for that.
const COMMITS_ASKED: usize = 32;

/// How many versions of a table around the first guess are tried.
const VERSIONS_TRIED: u64 = 32;

/// How many commits are read at the same time.
const READERS: usize = 16;

/// A version of the store that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// A version of `runs`.
    Version(u64),
    /// The newest version at a time.
    Time(Timestamp),
}

/// A version of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreVersion {
    /// Version of `runs`.
    pub version: u64,
    /// When it was made, by the clock of the place that holds the store.
    pub at: Timestamp,
    /// What the log calls it: `CREATE TABLE`, `WRITE`, `DELETE`, `OPTIMIZE`; null where it says nothing.
    pub operation: Option<String>,
    /// Runs that it brought.
    pub added: Vec<String>,
    /// Runs that it replaced, or whose labels it changed.
    pub replaced: Vec<String>,
}

impl Store {
    /// The newest versions of the store, the newest first, at most so many; and how many there are.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], what the disk or the service says, or that the log is damaged.
    pub async fn versions(&self, most: usize) -> Result<(Vec<StoreVersion>, usize), StoreError> {
        let location = &self.location;
        let commits = log::of_store(location).await?;
        let table = location.table(RunRow::TABLE)?;
        let newest: Vec<Commit> = commits.iter().rev().take(most).copied().collect();
        let versions = stream::iter(newest)
            .map(|commit| {
                let table = &table;
                async move {
                    let actions = log::actions(location, (RunRow::TABLE, table), commit.version).await?;
                    Ok::<_, StoreError>(version(commit, &actions))
                }
            })
            .buffered(READERS)
            .try_collect()
            .await?;
        Ok((versions, commits.len()))
    }

    /// The store as it was; later commits do not change what is seen.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], [`StoreError::NoSuchVersion`] when it did not exist then, [`StoreError::HistoryGone`] when its files or its log
    /// are no longer there, else what the disk or the service says.
    pub async fn snapshot_as_of(&self, wanted: AsOf) -> Result<StoreSnapshot, StoreError> {
        let location = &self.location;
        let commits = log::of_store(location).await?;
        let commit = resolve(location, &commits, wanted)?;
        let runs = load(location, RunRow::TABLE, commit.version).await?;
        files_are_there(location, (RunRow::TABLE, &runs), commit.version).await?;
        let rows = newest_generations(location.rows::<RunRow>(&runs, None).await?);
        let named = children_named(location, &runs, commit.version).await?;
        let mut children = Vec::new();
        for name in CHILDREN {
            let guess = match named.get(name) {
                Some(version) => *version,
                None => at_time(&log::commits(location, name).await?, commit.at),
            };
            children.push((name, child(location, (name, guess), &rows, commit.version).await?));
        }
        let metrics = at_time(&log::commits(location, MetricRow::TABLE).await?, commit.at);
        let metrics = load(location, MetricRow::TABLE, metrics).await?;
        files_are_there(location, (MetricRow::TABLE, &metrics), commit.version).await?;
        StoreSnapshot::of(location, (runs, metrics), children, commit.at).await
    }
}

fn version(commit: Commit, actions: &[Action]) -> StoreVersion {
    let mut version = StoreVersion { version: commit.version, at: commit.at, ..StoreVersion::default() };
    for action in actions {
        match action {
            Action::CommitInfo(info) => version.operation.clone_from(&info.operation),
            Action::Txn(transaction) => {
                if let Some(run) = transaction.app_id.strip_prefix("run:") {
                    let runs =
                        if transaction.version > 1 { &mut version.replaced } else { &mut version.added };
                    runs.push(run.to_owned());
                }
            }
            _ => {}
        }
    }
    version
}

/// The commit that is meant.
fn resolve(location: &Location, commits: &[Commit], wanted: AsOf) -> Result<Commit, StoreError> {
    let found = match wanted {
        AsOf::Version(version) => commits.iter().find(|commit| commit.version == version),
        AsOf::Time(time) => commits.iter().rfind(|commit| commit.at <= time),
    };
    found.copied().ok_or_else(|| {
        let asked = match wanted {
            AsOf::Version(version) => format!("version {version}"),
            AsOf::Time(time) => format!("version at {}", time.to_rfc3339()),
        };
        let said = |commit: &Commit| format!("{} of {}", commit.version, commit.at.to_rfc3339());
        let there = match (commits.first(), commits.last()) {
            (Some(first), Some(last)) => format!("{} to {}", said(first), said(last)),
            _ => "none".to_owned(),
        };
        StoreError::NoSuchVersion { path: location.label(), asked, there }
    })
}

/// The newest version at a time; the oldest when it began later.
fn at_time(commits: &[Commit], time: Timestamp) -> u64 {
    let then = commits.iter().rfind(|commit| commit.at <= time).or(commits.first());
    then.map_or(0, |commit| commit.version)
}

/// The highest versions of the other tables that the commits up to a version of `runs` name.
async fn children_named(
    location: &Location,
    runs: &DeltaTable,
    version: u64,
) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    let asked = (0..=version).rev().take(COMMITS_ASKED);
    let said: Vec<Vec<Action>> = stream::iter(asked)
        .map(|version| log::actions(location, (RunRow::TABLE, runs), version))
        .buffered(READERS)
        .try_collect()
        .await?;
    let mut highest = BTreeMap::new();
    for action in said.iter().flatten() {
        let Action::CommitInfo(CommitInfo { info, .. }) = action else { continue };
        for name in CHILDREN {
            let version = info.get(CHILDREN_KEY).and_then(|said| said.get(name)).and_then(Value::as_u64);
            let known = highest.entry(name).or_insert(version);
            *known = (*known).max(version);
        }
    }
    Ok(highest.into_iter().filter_map(|(name, version)| Some((name, version?))).collect())
}

/// A table in the version that has exactly the rows that some runs promise, tried from a guess.
async fn child(
    location: &Location,
    (name, guess): (&'static str, u64),
    runs: &[RunRow],
    version: u64,
) -> Result<DeltaTable, StoreError> {
    let newest = location.load(name).await?.version().unwrap_or_default();
    let mut gone = None;
    for tried in nearest(guess.min(newest), newest) {
        let table = match load(location, name, tried).await {
            Ok(table) => table,
            Err(error) => {
                gone.get_or_insert(error);
                continue;
            }
        };
        match files_are_there(location, (name, &table), version).await {
            Ok(()) => {}
            Err(error @ StoreError::HistoryGone { .. }) if tried == guess => {
                gone = Some(error);
                continue;
            }
            Err(StoreError::HistoryGone { .. }) => continue,
            Err(error) => return Err(error),
        }
        if holds(location, (name, &table), runs).await? {
            return Ok(table);
        }
    }
    let lost = || gone_history(location, name, version, "no version of it has the rows of the runs of then");
    Err(gone.unwrap_or_else(lost))
}

/// Versions by how near they are: removals follow the commit that is guessed, so the older ones come first.
fn nearest(guess: u64, newest: u64) -> impl Iterator<Item = u64> {
    let around =
        (1..=VERSIONS_TRIED).flat_map(move |away| [guess.checked_sub(away), guess.checked_add(away)]);
    std::iter::once(Some(guess)).chain(around).flatten().filter(move |version| *version <= newest)
}

/// Whether a table has the rows that runs promise.
async fn holds(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    runs: &[RunRow],
) -> Result<bool, StoreError> {
    let files = files_of(table).map_err(|cause| location.error(name, cause))?;
    let rows = rows_by_ingest(location, (name, table), &files).await?;
    Ok(runs.iter().all(|run| {
        let promised =
            promised(run).into_iter().find(|(table, _)| *table == name).map_or(0, |(_, rows)| rows);
        rows.get(&run.ingest_id).map_or(0, |rows| rows.count) == promised
    }))
}

/// A table in a version that may be gone.
async fn load(location: &Location, name: &'static str, version: u64) -> Result<DeltaTable, StoreError> {
    location.load_version(name, version).await.map_err(|error| match error {
        StoreError::Damaged { .. } | StoreError::NotAStore { .. } => {
            gone_history(location, name, version, "its log no longer reaches back")
        }
        other => other,
    })
}

/// Fails when a vacuum took files of an old version.
async fn files_are_there(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    version: u64,
) -> Result<(), StoreError> {
    let named = files_of(table).map_err(|cause| location.error(name, cause))?;
    let current = location.load(name).await?;
    // What the newest version has is there.
    let safe = super::files::paths_of(&current).map_err(|cause| location.error(name, cause))?;
    let old: Vec<Key> = named.iter().filter(|file| !safe.contains(&file.path)).map(StoredFile::key).collect();
    if old.is_empty() {
        return Ok(());
    }
    let there = log::list(location, name).await?.files;
    let missing = old.iter().filter(|key| !there.contains_key(key)).count();
    if missing == 0 {
        return Ok(());
    }
    let said = format!("{missing} of its {} files are gone, as after a vacuum", named.len());
    Err(gone_history(location, name, version, &said))
}

fn gone_history(location: &Location, table: &'static str, version: u64, said: &str) -> StoreError {
    StoreError::HistoryGone { path: location.label(), version, table, said: said.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_tried_from_the_guess_outwards_within_what_there_is() {
        assert_eq!(nearest(2, 3).collect::<Vec<_>>(), [2, 1, 3, 0]);
        assert_eq!(nearest(0, 0).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_time_is_of_the_last_commit_until_then() {
        let commits = [10, 20, 20, 30].iter().enumerate();
        let commits: Vec<Commit> =
            commits.map(|(version, at)| Commit { version: version as u64, at: Timestamp(*at) }).collect();
        assert_eq!(at_time(&commits, Timestamp(20)), 2);
        assert_eq!(at_time(&commits, Timestamp(29)), 2);
        assert_eq!(at_time(&commits, Timestamp(1)), 0);
    }
}
