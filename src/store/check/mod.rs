//! Is every published run whole, and is there anything that belongs to none?
//!
//! The rows under the ingest of each run are counted in the files that are sound, and compared with what its row in
//! `runs` says: a file that is gone, cut or damaged shows as a run with too few rows.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::prelude::{col, lit};
use deltalake_core::DeltaTable;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::Store;
use super::error::{StoreError, unwrapped};
use super::files::{StoredFile, files_of};
use super::location::{CHILDREN, Location};
use super::log::{self, Folder};
use super::snapshot::{StoreSnapshot, newest_generations};
use crate::model::{ResultRow, Row as _, RunRow, ScoreRow, StepRow};

/// How many files are read at the same time.
const READERS: usize = 8;

/// How much of the files is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The end of each, which says where everything is and how many rows there are.
    Footers,
    /// All of each.
    Whole,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// A published run that does not have its rows.
    Run {
        /// The run; its `source_path` is where it can be taken in again.
        run: Box<RunRow>,
        /// The table.
        table: &'static str,
        /// Rows that it should have.
        expected: i64,
        /// Rows that are there and can be read.
        found: i64,
    },
    /// A file that the newest version of a table names.
    File {
        /// The table.
        table: &'static str,
        /// Path below the table's folder.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Two rows for one generation of a run: nobody can say which one holds.
    Twice {
        /// The run.
        run_id: String,
        /// Its generation.
        generation: i64,
        /// How many rows there are.
        rows: usize,
    },
}

/// What was found of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableChecked {
    /// The table.
    pub table: &'static str,
    /// Its version.
    pub version: u64,
    /// Its files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Rows that can be read of them.
    pub rows: i64,
    /// Data files in its folder that the newest version does not name: of older versions, or never committed; with
    /// their bytes.
    pub others: Vec<(String, u64)>,
}

/// Rows that no run names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Litter {
    /// Their ingest.
    pub ingest_id: String,
    /// How many rows.
    pub rows: i64,
    /// When the first file that may hold them was written, in milliseconds since 1970.
    pub since: i64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// Published runs.
    pub runs: usize,
    /// What is wrong, runs first.
    pub troubles: Vec<Trouble>,
    /// Rows that no run names, by ingest.
    pub litter: Vec<Litter>,
    /// Rows of `runs` that a newer generation has replaced.
    pub replaced: usize,
    /// All tables.
    pub tables: Vec<TableChecked>,
}

impl Checked {
    /// Whether every published run is there with all of its rows.
    pub fn is_whole(&self) -> bool {
        self.troubles.is_empty()
    }
}

/// Rows of one ingest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) count: i64,
    /// When the first file with some of them was written.
    since: Option<i64>,
}

impl AddAssign for Rows {
    fn add_assign(&mut self, more: Self) {
        self.count += more.count;
        self.since = [self.since, more.since].into_iter().flatten().min();
    }
}

impl Store {
    /// Looks at everything that is published now. Changes nothing.
    ///
    /// # Errors
    /// When the tables themselves cannot be read; what is wrong with their files is found and told.
    pub async fn check(&self, depth: Depth) -> Result<Checked, StoreError> {
        let location = &self.location;
        // What is there now counts, not what was read of it before.
        location.forget()?;
        let snapshot = StoreSnapshot::take(location).await?;
        let mut checked = Checked { runs: snapshot.runs.len(), ..Checked::default() };
        let mut ingests: BTreeMap<&'static str, BTreeMap<String, Rows>> = BTreeMap::new();
        for (name, table) in snapshot.tables() {
            let (of_table, troubles, sound) = files(location, (name, table), depth).await?;
            checked.troubles.extend(troubles);
            if CHILDREN.contains(&name) {
                ingests.insert(name, rows_by_ingest(location, (name, table), &sound).await?);
            }
            checked.tables.push(of_table);
        }
        let generations = location.rows::<RunRow>(snapshot.runs_table(), None).await?;
        checked.replaced = generations.len() - newest_generations(generations.clone()).len();
        let runs = missing_rows(&snapshot.runs, &ingests).into_iter().chain(twice(&generations));
        checked.troubles.splice(0..0, runs);
        checked.litter = litter(&generations, &ingests);
        Ok(checked)
    }
}

/// What each run does not have.
fn missing_rows(runs: &[RunRow], stored: &BTreeMap<&'static str, BTreeMap<String, Rows>>) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for run in runs {
        for (table, expected) in promised(run) {
            let rows = stored.get(table).and_then(|ingests| ingests.get(&run.ingest_id));
            let found = rows.map_or(0, |rows| rows.count);
            if found != expected {
                troubles.push(Trouble::Run { run: Box::new(run.clone()), table, expected, found });
            }
        }
    }
    troubles
}

/// How many rows a run has in each table, as its own row says.
pub(super) const fn promised(run: &RunRow) -> [(&'static str, i64); 3] {
    [
        (ResultRow::TABLE, run.result_count),
        (ScoreRow::TABLE, run.score_count),
        (StepRow::TABLE, run.step_count),
    ]
}

fn twice(rows: &[RunRow]) -> Vec<Trouble> {
    let mut seen: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for row in rows {
        *seen.entry((&row.run_id, row.generation)).or_default() += 1;
    }
    let several = seen.into_iter().filter(|(_, rows)| *rows > 1);
    several
        .map(|((run_id, generation), rows)| Trouble::Twice { run_id: run_id.to_owned(), generation, rows })
        .collect()
}

fn litter(generations: &[RunRow], stored: &BTreeMap<&'static str, BTreeMap<String, Rows>>) -> Vec<Litter> {
    let newest = newest_generations(generations.to_vec());
    let named: BTreeSet<&str> = newest.iter().map(|run| run.ingest_id.as_str()).collect();
    let mut nobodys: BTreeMap<&str, Rows> = BTreeMap::new();
    for (ingest, rows) in stored.values().flatten() {
        if !named.contains(ingest.as_str()) {
            *nobodys.entry(ingest).or_default() += *rows;
        }
    }
    let of = |(ingest, rows): (&str, Rows)| Litter {
        ingest_id: ingest.to_owned(),
        rows: rows.count,
        since: rows.since.unwrap_or_default(),
    };
    nobodys.into_iter().map(of).collect()
}

/// The rows of each ingest in some files: from the log where a file holds one ingest, else counted.
pub(super) async fn rows_by_ingest(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    files: &[StoredFile],
) -> Result<BTreeMap<String, Rows>, StoreError> {
    let mut ingests: BTreeMap<String, Rows> = BTreeMap::new();
    let mut mixed = Vec::new();
    for file in files {
        match (file.ingests.only(), file.rows) {
            (Some(ingest), Some(rows)) => {
                let rows = Rows { count: rows.try_into().unwrap_or(i64::MAX), since: Some(file.written) };
                *ingests.entry(ingest.to_owned()).or_default() += rows;
            }
            _ => mixed.push(file),
        }
    }
    if mixed.is_empty() {
        return Ok(ingests);
    }
    let since = mixed.iter().map(|file| file.written).min();
    let error = |cause| location.error(name, unwrapped(cause));
    let paths = mixed.iter().map(|file| file.path.clone()).collect();
    let frame = location.frame(name, table, Some(paths)).await?;
    let counted =
        frame.aggregate(vec![col("ingest_id")], vec![count(lit(1)).alias("rows")]).map_err(error)?;
    for batch in counted.collect().await.map_err(error)? {
        let names = cast(batch.column(0), &DataType::Utf8).map_err(|cause| location.error(name, cause))?;
        let counts = batch.column(1).as_primitive::<Int64Type>();
        for (ingest, count) in names.as_string::<i32>().iter().zip(counts) {
            let rows = Rows { count: count.unwrap_or_default(), since };
            *ingests.entry(ingest.unwrap_or_default().to_owned()).or_default() += rows;
        }
    }
    Ok(ingests)
}

/// The files of a table: what was found, what is wrong with some, and the others.
async fn files(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    depth: Depth,
) -> Result<(TableChecked, Vec<Trouble>, Vec<StoredFile>), StoreError> {
    let named = files_of(table).map_err(|cause| location.error(name, cause))?;
    let Folder { files: mut there, .. } = log::list(location, name).await?;
    let named: Vec<_> = named.into_iter().map(|file| (there.remove(&file.key()), file)).collect();
    let looked: Vec<(StoredFile, Result<i64, String>)> = stream::iter(named)
        .map(|(meta, file)| async move {
            let rows = file::look_into(table, &file, (meta.as_ref(), depth)).await;
            rows.map(|rows| (file, rows)).map_err(|cause| location.error(name, cause))
        })
        .buffered(READERS)
        .try_collect()
        .await?;
    let mut of_table =
        TableChecked { table: name, version: table.version().unwrap_or_default(), ..Default::default() };
    let (mut troubles, mut sound) = (Vec::new(), Vec::new());
    for (file, looked) in looked {
        of_table.files += 1;
        of_table.bytes += file.size;
        match looked {
            Ok(rows) => {
                of_table.rows += rows;
                sound.push(file);
            }
            Err(what) => troubles.push(Trouble::File { table: name, path: file.path, what }),
        }
    }
    of_table.others = there.into_iter().map(|(key, meta)| (key.to_string(), meta.size)).collect();
    Ok((of_table, troubles, sound))
}
