//! Publishing runs: their rows first, their headers last and in one commit.
//!
//! Rows become visible only through a header in `runs` that names their ingest, so a crash at any point shows
//! the old state or the new one. An ingest id belongs to one run and is never used for other rows.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::{Action, Add};
use futures::FutureExt as _;
use futures::future::join_all;

use super::clean::{Litter, ingests_within, sweep};
use super::commit::{Change, TRIES, added, commit, is_one_of, is_one_of_text, retry_or};
use super::error::StoreError;
use super::files::{StoredFile, files_of};
use super::location::{CHILDREN, Location};
use super::race::Race;
use super::registry::{Described, describe};
use super::removal::{Doomed, take_out};
use super::schema::{conformed, load_for_writing};
use super::writer::FileWriter;
use crate::model::{MetricRow, RunRow};

/// A run that another writer published while it was being written here.
#[derive(Debug, Clone, PartialEq)]
pub struct LostRun {
    /// What is published now.
    pub winner: RunRow,
    /// Our ingest, whose rows are not visible.
    pub ingest_id: String,
}

/// What became of a publication.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published {
    /// Ids of the runs that are visible now.
    pub runs: Vec<String>,
    /// Runs that another writer published first; nothing of ours is visible of them.
    pub lost: Vec<LostRun>,
    /// Why replaced rows could not be removed. They are not visible; a later ingest or clean-up takes them.
    pub litter: Option<String>,
}

/// Runs that are being published.
#[derive(Debug)]
pub struct Publication<'a> {
    location: &'a Location,
    pub(super) writers: Writers,
    runs: Vec<RunRow>,
    metrics: Vec<Described>,
    broken: bool,
}

/// One writer per table that has rows.
pub(super) type Writers = BTreeMap<&'static str, Writer>;

#[derive(Debug)]
pub(super) struct Writer {
    table: DeltaTable,
    files: FileWriter,
}

impl<'a> Publication<'a> {
    pub(super) const fn new(location: &'a Location) -> Self {
        Self { location, writers: BTreeMap::new(), runs: Vec::new(), metrics: Vec::new(), broken: false }
    }

    /// Writes rows of `results`, `scores` or `steps` to files that nobody sees yet.
    ///
    /// Batches should come sorted by (run, metric, case). Holds about one file (64 MiB) per table in memory.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for another table or other columns, else what the disk says. After an error the
    /// publication cannot be committed.
    pub async fn write(&mut self, table: &str, batch: RecordBatch) -> Result<(), StoreError> {
        let name = CHILDREN.into_iter().find(|name| *name == table).ok_or_else(|| {
            StoreError::refused(format!("rows for table {table}, expected one of {CHILDREN:?}"))
        })?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let written = self.write_rows(name, batch).await;
        self.broken |= written.is_err();
        written
    }

    async fn write_rows(&mut self, name: &'static str, batch: RecordBatch) -> Result<(), StoreError> {
        let location = self.location;
        let error = |cause| location.error(name, cause);
        let writer = match self.writers.entry(name) {
            std::collections::btree_map::Entry::Occupied(writer) => writer.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let table = load_for_writing(location, name).await?;
                let files = FileWriter::new(location, &table).map_err(error)?;
                place.insert(Writer { table, files })
            }
        };
        let batch = conformed(location, name, batch, &writer.files.schema())?;
        writer.files.write(batch).await.map_err(error)
    }

    /// Adds a run: its rows were written under `run.ingest_id`, or are published under it already (a changed
    /// name or tag). `run.generation` is one more than the generation that is published now, else 1.
    pub fn run(&mut self, run: RunRow) {
        self.runs.push(run);
    }

    /// Describes a metric. What a source says takes the place of what a source said before; what a person says
    /// ([`MetricRow::USER`]) stands beside it and keeps the fields that it does not name.
    pub fn metric(&mut self, metric: MetricRow) {
        self.metrics.push(Described::As(metric));
    }

    /// Takes back what a person said of a metric.
    pub fn forget_metric(&mut self, metric: String) {
        self.metrics.push(Described::Forgotten(metric));
    }

    /// Makes the runs visible, all in one commit, and removes what they replaced.
    ///
    /// A run that another writer published meanwhile is left out and reported; the others are published.
    ///
    /// # Errors
    /// None of the runs is visible after an error, unless the answer of the last step was lost: then all are,
    /// and publishing them again says so.
    pub async fn commit(mut self) -> Result<Published, StoreError> {
        self.check()?;
        let runs = std::mem::take(&mut self.runs);
        let mut race = Race::enter(self.location, runs).await?;
        let (litter, described) = futures::join!(
            commit_children(self.location, &mut self.writers, &mut race),
            describe(self.location, &self.metrics)
        );
        let litter = litter?;
        race.complaints.extend(described?);
        race.finish().await?;
        sweep(self.location, &mut race, litter).await;
        Ok(Published {
            runs: race.landed.into_iter().map(|run| run.run_id).collect(),
            lost: race.lost,
            litter: (!race.complaints.is_empty()).then(|| race.complaints.join("; ")),
        })
    }

    /// What the caller promised.
    fn check(&self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::refused("a commit after a failed write"));
        }
        let mut runs = BTreeSet::new();
        let mut ingests = BTreeSet::new();
        for run in &self.runs {
            if run.generation < 1 {
                return Err(StoreError::refused(format!(
                    "generation {} of run {}",
                    run.generation, run.run_id
                )));
            }
            if !runs.insert(&run.run_id) || !ingests.insert(&run.ingest_id) {
                let what = format!("run {} or its ingest {} twice", run.run_id, run.ingest_id);
                return Err(StoreError::refused(what));
            }
        }
        Ok(())
    }
}

/// Commits the rows of the pending runs, and notes what else is there of these runs.
pub(super) async fn commit_children(
    location: &Location,
    writers: &mut Writers,
    race: &mut Race<'_>,
) -> Result<Vec<Litter>, StoreError> {
    let mut litter = Vec::new();
    if race.pending.is_empty() {
        return Ok(litter);
    }
    // All to their end also where one fails: nothing is left half-sent.
    let committed = join_all(CHILDREN.map(|name| {
        let writer = writers.remove(name);
        commit_child(location, name, writer, race).boxed()
    }));
    let committed: Result<Vec<_>, _> = committed.await.into_iter().collect();
    for (name, Child { version, found, complaint }) in CHILDREN.into_iter().zip(committed?) {
        race.children.insert(name, version);
        race.complaints.extend(complaint);
        match found {
            Ok(found) => litter.push(found),
            Err(error) => race.complaints.push(error.to_string()),
        }
    }
    Ok(litter)
}

/// A table whose rows belong to runs, with ours committed.
struct Child {
    version: u64,
    found: Result<Litter, StoreError>,
    complaint: Option<String>,
}

async fn commit_child(
    location: &Location,
    name: &'static str,
    writer: Option<Writer>,
    race: &Race<'_>,
) -> Result<Child, StoreError> {
    let (table, complaint) = match writer {
        Some(writer) => commit_rows(location, name, writer, race).await?,
        None => (location.load(name).await?, None),
    };
    let version = table.version().unwrap_or_default();
    Ok(Child { version, found: Litter::find(location, name, table, race).await, complaint })
}

async fn commit_rows(
    location: &Location,
    name: &'static str,
    writer: Writer,
    race: &Race<'_>,
) -> Result<(DeltaTable, Option<String>), StoreError> {
    let error = |cause| location.error(name, cause);
    let Writer { mut table, files } = writer;
    let adds = files.finish().await.map_err(error)?;
    let fresh = fresh_ingests(race);
    let read = is_one_of_text("ingest_id", fresh.iter().map(String::as_str));
    for _ in 0..TRIES {
        if is_left_over_among_others(location, (name, &table), &fresh, &adds).await? {
            let doomed = Doomed::Ingests(fresh.clone());
            if let Err(cause) = take_out(location, (name, &mut table), &doomed, true).await {
                retry_or(cause).map_err(error)?;
                table = location.load(name).await?;
                continue;
            }
        }
        let mut actions = left_over(&table, &fresh, &adds).map_err(error)?;
        actions.extend(added(adds.clone()));
        match commit(&mut table, Change::append(actions, read.clone())).await {
            Ok(complaint) => {
                location.remember(name, &table);
                return Ok((table, complaint));
            }
            Err(cause) => retry_or(cause).map_err(error)?,
        }
        table = location.load(name).await?;
    }
    Err(StoreError::Busy { path: location.label(), table: name, tries: TRIES })
}

/// Ingests of the pending runs that are not published: the rows under them are all ours.
fn fresh_ingests(race: &Race<'_>) -> BTreeSet<String> {
    let stored: BTreeSet<&str> = race.stored.iter().map(|row| row.ingest_id.as_str()).collect();
    let ours = race.pending.iter().map(|run| run.ingest_id.as_str());
    ours.filter(|ingest| !stored.contains(ingest)).map(str::to_owned).collect()
}

/// Files that an earlier, failed attempt to publish the same ingests has left: they would be counted twice.
fn left_over(
    table: &DeltaTable,
    fresh: &BTreeSet<String>,
    adds: &[Add],
) -> Result<Vec<Action>, deltalake_core::DeltaTableError> {
    let ours: BTreeSet<&str> = adds.iter().map(|add| add.path.as_str()).collect();
    Ok(files_of(table)?
        .iter()
        .filter(|file| !ours.contains(file.path.as_str()))
        .filter(|file| file.ingests.only().is_some_and(|ingest| fresh.contains(ingest)))
        .map(StoredFile::removal)
        .collect())
}

/// Whether there are such rows in files that another tool has merged with others.
async fn is_left_over_among_others(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    fresh: &BTreeSet<String>,
    adds: &[Add],
) -> Result<bool, StoreError> {
    let wanted: BTreeSet<&str> = fresh.iter().map(String::as_str).collect();
    let files = files_of(table).map_err(|cause| location.error(name, cause))?;
    // Our own commit may have landed although its answer said otherwise.
    if files.iter().any(|file| adds.iter().any(|add| add.path == file.path)) {
        return Ok(false);
    }
    let mixed: Vec<StoredFile> = files
        .into_iter()
        .filter(|file| file.ingests.only().is_none() && file.ingests.may_hold(&wanted))
        .collect();
    let filter = is_one_of("ingest_id", wanted.iter().copied());
    let found = ingests_within(location, (name, table), &mixed, filter).await?;
    Ok(found.iter().any(|(_, ingest)| fresh.contains(ingest)))
}
