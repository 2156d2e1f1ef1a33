//! The first pass: what the rows of each run add up to, so that an unchanged run is known before it is read.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::RESULTS;
use super::database::Database;
use super::row::Rows;
use crate::import::ImportError;

/// What is known of the rows of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RunRows {
    /// How many there are.
    pub(super) count: u64,
    /// Hash of all of them, in the order of their ids.
    pub(super) digest: [u8; 32],
    /// The run that one of them says to vary.
    pub(super) varies: Option<i64>,
}

/// The rows of every run; without a number those that name no run.
pub(super) struct Survey {
    runs: BTreeMap<Option<i64>, RunRows>,
}

impl Survey {
    /// Goes through all rows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn of(database: &Database) -> Result<Self, ImportError> {
        let mut statement = database.prepare(RESULTS)?;
        let mut rows = Rows::of(&mut statement, database.path())?;
        let mut runs: BTreeMap<Option<i64>, RunRows> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let known = runs.entry(row.integer("run_id")).or_default();
            known.count += 1;
            known.digest = Sha256::new_with_prefix(known.digest).chain_update(row.digest()).finalize().into();
            known.varies = known.varies.or_else(|| row.integer("parent_run_id"));
        }
        Ok(Self { runs })
    }

    /// The rows of a run; none when it saved none.
    pub(super) fn of_run(&self, id: i64) -> RunRows {
        self.runs.get(&Some(id)).copied().unwrap_or_default()
    }

    /// Every run that has rows.
    pub(super) fn runs(&self) -> impl Iterator<Item = (Option<i64>, RunRows)> {
        self.runs.iter().map(|(run, rows)| (*run, *rows))
    }
}

/// So many rows, in words.
pub(super) fn counted(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}
