//! Removing rows that nobody can see: of replaced generations, of lost races, of crashed ingests.
//!
//! An ingest that commits its rows and has not yet committed its header looks exactly like a crashed one, so
//! nothing is removed that could still become visible:
//! * a publication removes, of its own runs only, what was there before its header was committed: another writer
//!   of the same run that had rows there then has lost the race;
//! * [`Store::clean`] removes what was committed before a time that the caller names, which must be longer ago
//!   than any ingest takes between its first commit and its last.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use deltalake_core::DeltaTable;
use futures::future::{join_all, try_join_all};

use super::Store;
use super::commit::{is_one_of, retry_or};
use super::error::StoreError;
use super::files::{StoredFile, files_of, paths_of};
use super::location::{CHILDREN, Location, Selection};
use super::race::Race;
use super::removal::{Doomed, take_out};
use super::snapshot::newest_generations;
use crate::model::{Row, RunRow, Timestamp};

/// How often a clean-up is tried before it is left to a later one.
const TRIES: usize = 6;

/// What a clean-up removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Ingests whose rows were removed.
    pub ingests: BTreeSet<String>,
    /// Replaced rows of `runs` that were removed.
    pub replaced_runs: usize,
}

/// Ingests of one table that may have to go, found before the header of a run was committed.
#[derive(Debug)]
pub(super) struct Litter {
    name: &'static str,
    table: DeltaTable,
    /// (run, ingest)
    ingests: BTreeSet<(String, String)>,
}

impl Litter {
    /// What a table holds of the pending runs under other ingests than theirs.
    pub(super) async fn find(
        location: &Location,
        name: &'static str,
        table: DeltaTable,
        race: &Race<'_>,
    ) -> Result<Self, StoreError> {
        let runs: BTreeSet<&str> = race.pending.iter().map(|run| run.run_id.as_str()).collect();
        let keep: BTreeSet<&str> = race.pending.iter().map(|run| run.ingest_id.as_str()).collect();
        let filter = is_one_of("run_id", runs.iter().copied());
        let mut files = files_of(&table).map_err(|cause| location.error(name, cause))?;
        files.retain(|file| file.runs.may_hold(&runs));
        let mut ingests = ingests_within(location, (name, &table), &files, filter).await?;
        ingests.retain(|(run, ingest)| runs.contains(run.as_str()) && !keep.contains(ingest.as_str()));
        Ok(Self { name, table, ingests })
    }
}

/// The (run, ingest) pairs in some files, from the log where it says enough, else from the files themselves.
pub(super) async fn ingests_within(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    files: &[StoredFile],
    filter: Option<Expr>,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let mut pairs = BTreeSet::new();
    let mut unsure = Vec::new();
    for file in files {
        match (file.runs.only(), file.ingests.only()) {
            (Some(run), Some(ingest)) => {
                pairs.insert((run.to_owned(), ingest.to_owned()));
            }
            _ => unsure.push(file.path.clone()),
        }
    }
    if unsure.is_empty() {
        return Ok(pairs);
    }
    let selection = Selection { files: Some(unsure), filter, distinct: Some(["run_id", "ingest_id"]) };
    for batch in location.batches(name, table, selection).await? {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| arrow::compute::cast(column, &DataType::Utf8))
            .collect::<Result<_, _>>()
            .map_err(|cause| location.error(name, cause))?;
        let texts: Vec<_> = columns.iter().map(|column| column.as_string::<i32>()).collect();
        if let [runs, ingests] = texts.as_slice() {
            pairs.extend(
                (0..batch.num_rows()).map(|i| (runs.value(i).to_owned(), ingests.value(i).to_owned())),
            );
        }
    }
    Ok(pairs)
}

/// Removes what a publication has replaced; what fails is only noted.
pub(super) async fn sweep(location: &Location, race: &mut Race<'_>, litter: Vec<Litter>) {
    let rows = join_all(litter.into_iter().map(|Litter { name, table, ingests }| {
        let doomed = Doomed::Ingests(invisible(race, ingests));
        async move { remove(location, name, table, &doomed).await }
    }));
    let (rows, headers) = futures::join!(rows, remove_replaced(location, race));
    let failed = rows.into_iter().chain([headers]).filter_map(Result::err);
    race.complaints.extend(failed.map(|error| error.to_string()));
}

/// Of the litter that was found: what no run can name any more.
fn invisible(race: &Race<'_>, found: BTreeSet<(String, String)>) -> BTreeSet<String> {
    let landed: BTreeSet<&str> = race.landed.iter().map(|run| run.run_id.as_str()).collect();
    let mut doomed: BTreeSet<String> = found
        .into_iter()
        .filter(|(run, _)| landed.contains(run.as_str()))
        .map(|(_, ingest)| ingest)
        .collect();
    // Ours of a lost run, unless we only wanted to rename what the winner has renamed.
    for lost in &race.lost {
        if lost.ingest_id != lost.winner.ingest_id {
            doomed.insert(lost.ingest_id.clone());
        }
    }
    doomed
}

/// Takes rows out of a table.
async fn remove(
    location: &Location,
    name: &'static str,
    mut table: DeltaTable,
    doomed: &Doomed,
) -> Result<(), StoreError> {
    for attempt in 0..TRIES {
        if attempt > 0 {
            table = location.load(name).await?;
        }
        // Whoever was faster may have put the rows into other files.
        match take_out(location, (name, &mut table), doomed, attempt > 0).await {
            Ok(()) => return Ok(()),
            Err(cause) => retry_or(cause).map_err(|cause| location.error(name, cause))?,
        }
    }
    Err(StoreError::Busy { path: location.label(), table: name, tries: TRIES })
}

/// Takes the older generations of the landed runs out of `runs`.
async fn remove_replaced(location: &Location, race: &Race<'_>) -> Result<(), StoreError> {
    let mut stored: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &race.stored {
        let oldest = stored.entry(&row.run_id).or_insert(row.generation);
        *oldest = row.generation.min(*oldest);
    }
    let replaced = race
        .landed
        .iter()
        .filter(|run| stored.get(run.run_id.as_str()).is_some_and(|generation| *generation < run.generation));
    let doomed = Doomed::older_than(replaced, Some(&race.before));
    remove(location, RunRow::TABLE, race.table.clone(), &doomed).await
}

impl Store {
    /// Removes what crashed ingests and lost races have left, and replaced generations of runs.
    ///
    /// Looks only at rows that were committed before `before`. That must be longer ago than any ingest that is
    /// still running takes to publish: an hour is ample, now is right only when nobody else writes.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Busy`], or what the disk says. Nothing visible changes even then.
    pub async fn clean(&self, before: Timestamp) -> Result<Cleaned, StoreError> {
        self.writable_store().await?;
        let location = &self.location;
        let found = try_join_all(CHILDREN.map(|name| ingests_since(location, name, before))).await?;
        // Read after the litter: an ingest that is published meanwhile counts as published.
        let table = location.load(RunRow::TABLE).await?;
        let rows = location.rows::<RunRow>(&table, None).await?;
        let stored = rows.len();
        let published = newest_generations(rows);
        let mut cleaned = Cleaned { replaced_runs: stored - published.len(), ..Cleaned::default() };
        let named: BTreeSet<&str> = published.iter().map(|run| run.ingest_id.as_str()).collect();
        for (name, pairs) in CHILDREN.into_iter().zip(found) {
            let doomed: BTreeSet<String> = pairs
                .into_iter()
                .map(|(_, ingest)| ingest)
                .filter(|ingest| !named.contains(ingest.as_str()))
                .collect();
            cleaned.ingests.extend(doomed.iter().cloned());
            let now = location.load(name).await?;
            remove(location, name, now, &Doomed::Ingests(doomed)).await?;
        }
        if cleaned.replaced_runs > 0 {
            let replaced = published.iter().filter(|run| run.generation > 1);
            remove(location, RunRow::TABLE, table, &Doomed::older_than(replaced, None)).await?;
        }
        Ok(cleaned)
    }
}

/// The ingests in those files of a table that were there at a time. Of older files only the names are asked for: a vacuum
/// may have taken them.
async fn ingests_since(
    location: &Location,
    name: &'static str,
    before: Timestamp,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let error = |cause| location.error(name, cause);
    let then = location.load_as_of(name, before).await?;
    let now = location.load(name).await?;
    let there = paths_of(&then).map_err(error)?;
    let mut files = files_of(&now).map_err(error)?;
    files.retain(|file| there.contains(&file.path));
    ingests_within(location, (name, &now), &files, None).await
}
