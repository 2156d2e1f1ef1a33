//! Removing rows that nobody can see: of replaced generations, of lost races, of crashed ingests.
//!
//! An ingest that commits its rows and has not yet committed its header looks exactly like a crashed one, so
//! nothing is removed that could still become visible:
//! * a publication removes, of its own runs only, what was there before its header was committed: another writer
//!   of the same run that had rows there then has lost the race;
//! * [`Store::clean`] removes what was committed before a time that the caller names, which must be longer ago
//!   than any ingest takes between its first commit and its last.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{col, lit};
use deltalake_core::{DeltaResult, DeltaTable};

use super::Store;
use super::commit::{Change, commit, delete_rows, is_one_of, is_one_of_text, retry_or};
use super::error::StoreError;
use super::files::{StoredFile, files_of, paths_of};
use super::location::{CHILDREN, Location, Selection};
use super::race::Race;
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
        let mut ingests = ingests_within(location, (name, &table), &files, Some(filter)).await?;
        ingests.retain(|(_, ingest)| !keep.contains(ingest.as_str()));
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
    for Litter { name, table, ingests } in litter {
        let doomed = invisible(race, ingests);
        if let Err(error) = remove_ingests(location, name, table, &doomed).await {
            race.complaints.push(error.to_string());
        }
    }
    if let Err(error) = remove_replaced(location, race).await {
        race.complaints.push(error.to_string());
    }
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

/// Takes the rows of some ingests out of a table.
async fn remove_ingests(
    location: &Location,
    name: &'static str,
    mut table: DeltaTable,
    doomed: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let doomed: BTreeSet<&str> = doomed.iter().map(String::as_str).collect();
    for attempt in 0..TRIES {
        if attempt > 0 {
            table = location.load(name).await?;
        }
        let files = files_of(&table).map_err(|cause| location.error(name, cause))?;
        let (whole, mixed): (Vec<_>, Vec<_>) = files
            .iter()
            .filter(|file| file.ingests.may_hold(&doomed))
            .partition(|file| file.ingests.only().is_some());
        let removal = Removal {
            whole,
            rewrite: (!mixed.is_empty()).then(|| is_one_of("ingest_id", doomed.iter().copied())),
            condition: is_one_of_text("ingest_id", doomed.iter().copied()),
        };
        match removal.run(&mut table).await {
            Ok(()) => return Ok(()),
            Err(cause) => retry_or(cause).map_err(|cause| location.error(name, cause))?,
        }
    }
    Err(StoreError::Busy { path: location.label(), table: name, tries: TRIES })
}

/// Takes the older generations of the landed runs out of `runs`.
async fn remove_replaced(location: &Location, race: &mut Race<'_>) -> Result<(), StoreError> {
    let replaced: BTreeSet<&str> = race
        .landed
        .iter()
        .filter(|run| {
            race.stored.iter().any(|row| row.run_id == run.run_id && row.generation < run.generation)
        })
        .map(|run| run.run_id.as_str())
        .collect();
    let (whole, mixed): (Vec<_>, Vec<_>) = race
        .before
        .iter()
        .filter(|file| file.runs.may_hold(&replaced))
        .partition(|file| file.runs.only().is_some());
    let older = older_than(race.landed.iter().filter(|run| replaced.contains(run.run_id.as_str())));
    let mut removal = Removal {
        whole,
        rewrite: if mixed.is_empty() { None } else { older.clone() },
        condition: is_one_of_text("run_id", replaced.iter().copied()),
    };
    for attempt in 0..TRIES {
        if attempt > 0 {
            race.table = location.load(RunRow::TABLE).await?;
            // Whoever was faster may have put the rows into other files.
            removal.rewrite.clone_from(&older);
        }
        match removal.run(&mut race.table).await {
            Ok(()) => return Ok(()),
            Err(cause) => retry_or(cause).map_err(|cause| location.error(RunRow::TABLE, cause))?,
        }
    }
    Err(StoreError::Busy { path: location.label(), table: RunRow::TABLE, tries: TRIES })
}

/// Condition for the rows of these runs that have a smaller generation.
fn older_than<'a>(newest: impl Iterator<Item = &'a RunRow>) -> Option<Expr> {
    let mut by_generation: std::collections::BTreeMap<i64, Vec<&str>> = std::collections::BTreeMap::new();
    for run in newest {
        by_generation.entry(run.generation).or_default().push(&run.run_id);
    }
    by_generation
        .into_iter()
        .map(|(generation, runs)| is_one_of("run_id", runs).and(col("generation").lt(lit(generation))))
        .reduce(Expr::or)
}

/// Rows to take out of a table.
struct Removal<'a> {
    /// Files of which every row goes: the log alone changes.
    whole: Vec<&'a StoredFile>,
    /// Condition on rows, when other files hold some of them among others.
    rewrite: Option<Expr>,
    /// What goes, for the log.
    condition: String,
}

impl Removal<'_> {
    async fn run(&self, table: &mut DeltaTable) -> DeltaResult<()> {
        let still: BTreeSet<String> = files_of(table)?.into_iter().map(|file| file.path).collect();
        let whole: Vec<_> =
            self.whole.iter().filter(|file| still.contains(&file.path)).map(|file| file.removal()).collect();
        if !whole.is_empty() {
            commit(table, Change::delete(whole, self.condition.clone())).await?;
        }
        match &self.rewrite {
            Some(condition) => delete_rows(table, condition.clone()).await,
            None => Ok(()),
        }
    }
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
        let mut found = Vec::new();
        for name in CHILDREN {
            found.push((name, ingests_since(location, name, before).await?));
        }
        // Read after the litter: an ingest that is published meanwhile counts as published.
        let table = location.load(RunRow::TABLE).await?;
        let rows = location.rows::<RunRow>(&table, None).await?;
        let stored = rows.len();
        let published = newest_generations(rows);
        let mut cleaned = Cleaned { replaced_runs: stored - published.len(), ..Cleaned::default() };
        let named: BTreeSet<&str> = published.iter().map(|run| run.ingest_id.as_str()).collect();
        for (name, pairs) in found {
            let doomed: BTreeSet<String> = pairs
                .into_iter()
                .map(|(_, ingest)| ingest)
                .filter(|ingest| !named.contains(ingest.as_str()))
                .collect();
            let now = location.load(name).await?;
            remove_ingests(location, name, now, &doomed).await?;
            cleaned.ingests.extend(doomed);
        }
        if cleaned.replaced_runs > 0 {
            remove_all_replaced(location, table, &published).await?;
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

async fn remove_all_replaced(
    location: &Location,
    mut table: DeltaTable,
    published: &[RunRow],
) -> Result<(), StoreError> {
    let Some(condition) = older_than(published.iter().filter(|run| run.generation > 1)) else {
        return Ok(());
    };
    for _ in 0..TRIES {
        match delete_rows(&mut table, condition.clone()).await {
            Ok(()) => return Ok(()),
            Err(cause) => retry_or(cause).map_err(|cause| location.error(RunRow::TABLE, cause))?,
        }
        table = location.load(RunRow::TABLE).await?;
    }
    Err(StoreError::Busy { path: location.label(), table: RunRow::TABLE, tries: TRIES })
}
