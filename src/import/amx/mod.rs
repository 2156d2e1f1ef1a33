//! AMX's history: the SQLite database `history.db`, every run and every saved result in it.
//!
//! The database is only ever read: AMX itself changes one when it opens it (it marks running runs as failed and adds
//! columns), runq leaves bytes, times and folder as they are. Rows are streamed in two passes: the first learns the
//! fingerprint of each run, so that one new run of AMX is one new run here; the second hands the rows on. A value that
//! cannot be read is a fault that names table, row and column; the row is read without it.
//! Format: AMX `storage/sqlite_store.py` (0.5 to 0.19); columns that a version lacks are missing values.

mod alternatives;
mod database;
mod measures;
mod rerun;
mod result;
mod row;
mod run;
mod sniff;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use self::database::Database;
use self::row::{Row, Rows};
use self::run::Context;
use self::survey::{Survey, counted};
use super::rerun::{RerunCommand, RerunError, RerunOrder};
use super::{Candidate, Fault, Fit, ImportError, Importer, Input, Repeats, RunHandle, RunSink};
use crate::model::RunRow;

/// Table of the runs.
const RUNS: &str = "analysis_runs";
/// Table of their results, one row per asset and run.
const RESULTS: &str = "run_results";

/// Reads AMX's history database.
pub struct Amx;

impl Importer for Amx {
    fn name(&self) -> &'static str {
        "amx"
    }

    fn about(&self) -> &'static str {
        "AMX's history.db"
    }

    fn considers(&self, file_name: &str) -> bool {
        sniff::is_database_name(file_name)
    }

    fn sniff(&self, file: &Candidate<'_>) -> Fit {
        sniff::sniff(file)
    }

    /// AMX numbers the runs of each database from 1.
    fn named_by_path(&self, _run: &RunRow) -> bool {
        true
    }

    /// A review writes into the rows.
    fn rows_change(&self) -> bool {
        true
    }

    fn rerun(&self, order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
        rerun::rerun(order)
    }

    fn read(&self, input: &Input<'_>, sink: &mut dyn RunSink) -> Result<(), ImportError> {
        let database = Database::open(input.source, input.path)?;
        let survey = Survey::of(&database)?;
        Reading { input, database: &database, survey: &survey, sink }.runs()?;
        database.check_unchanged(input.source)
    }
}

/// The second pass.
struct Reading<'a> {
    input: &'a Input<'a>,
    database: &'a Database,
    survey: &'a Survey,
    sink: &'a mut dyn RunSink,
}

/// A run whose rows are being read.
struct OpenRun {
    id: i64,
    handle: RunHandle,
    header: RunRow,
    context: Context,
}

impl Reading<'_> {
    fn runs(mut self) -> Result<(), ImportError> {
        let mut run_statement = self.database.prepare(RUNS)?;
        let mut result_statement = self.database.prepare(RESULTS)?;
        let mut runs = Rows::of(&mut run_statement, self.input.path)?;
        let mut results = Rows::of(&mut result_statement, self.input.path)?;
        let mut seen = BTreeSet::new();
        let mut waiting = results.next()?;
        while let Some(row) = runs.next()? {
            let Some(id) = row.integer("id") else {
                self.fault(RUNS, None, "expected a number in id, found none (run skipped)");
                continue;
            };
            seen.insert(id);
            let mut open = self.begin(id, row)?;
            while let Some(row) = waiting.take_if(|row| row.integer("run_id").is_none_or(|run| run <= id)) {
                if row.integer("run_id") == Some(id) {
                    self.result(&mut open, row)?;
                }
                waiting = results.next()?;
            }
            self.sink.end(open.handle, open.header)?;
        }
        self.strays(&seen);
        Ok(())
    }

    fn begin(&mut self, id: i64, mut row: Row) -> Result<OpenRun, ImportError> {
        let mut hash = Sha256::new();
        hash.update(row.digest());
        let rows = self.survey.of_run(id);
        hash.update(rows.digest);
        let (mut header, context) = run::header_of(&mut row, id, (self.input, rows));
        hash.update(&header.task);
        header.fingerprint = format!("{:x}", hash.finalize()).chars().take(32).collect();
        for problem in row.take_problems() {
            header.skipped_count += 1;
            self.fault(RUNS, Some(id), &problem);
        }
        let handle = self.sink.begin(&header, Repeats::Attempts)?;
        Ok(OpenRun { id, handle, header, context })
    }

    fn result(&mut self, open: &mut OpenRun, mut row: Row) -> Result<(), ImportError> {
        if !self.sink.wants(open.handle) {
            return Ok(());
        }
        self.sink.progress(row.bytes());
        let id = row.integer("id");
        let record = result::record_of(&mut row, &open.context);
        for problem in row.take_problems() {
            open.header.skipped_count += 1;
            self.fault(RESULTS, id, &problem);
        }
        match record {
            Some(record) => Ok(self.sink.record(open.handle, record)?),
            None => {
                let of = open.id;
                self.fault(
                    RESULTS,
                    id,
                    &format!("nothing names the asset in this row of run {of} (row skipped)"),
                );
                open.header.skipped_count += 1;
                Ok(())
            }
        }
    }

    /// Rows of runs that are not there: somebody deleted the run and left them.
    fn strays(&mut self, seen: &BTreeSet<i64>) {
        for (run, rows) in self.survey.runs() {
            let of = match run {
                Some(id) if seen.contains(&id) => continue,
                Some(id) => format!("run {id}, which {RUNS} does not hold"),
                None => "no run, their run_id is no number".to_owned(),
            };
            let message = format!("{} of {of} (skipped)", counted(rows.count));
            self.fault(RESULTS, None, &message);
        }
    }

    fn fault(&mut self, table: &str, row: Option<i64>, problem: &str) {
        let message = match row {
            Some(row) => format!("{table} row {row}: {problem}"),
            None => format!("{table}: {problem}"),
        };
        self.sink.fault(Fault { path: self.input.path.to_owned(), line: None, message });
    }
}
