//! Hands the rows of a table to the sink, as one run or one per value of a column.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::plan::{Plan, listed};
use super::record::{self, ReadRow};
use super::rows::{NoRow, Rows, SourceRow};
use super::target::Slot;
use crate::import::{
    Duplicates, Fault, ImportError, ImportOptions, Input, Repeats, RunHandle, RunSink, json,
};
use crate::model::{Key, ResultRow, RunRow, RunStatus, Timestamp};

/// File names that say nothing; the folder's name is put before them.
const GENERIC_NAMES: [&str; 19] = [
    "results",
    "result",
    "output",
    "outputs",
    "data",
    "index",
    "eval",
    "test",
    "samples",
    "predictions",
    "scores",
    "annotations",
    "answers",
    "responses",
    "records",
    "rows",
    "model_outputs",
    "eval_results",
    "eval_results_table",
];

/// A run whose rows are being read.
struct OpenRun {
    handle: RunHandle,
    header: RunRow,
}

/// The reading of one table.
pub(super) struct Reading<'a> {
    input: &'a Input<'a>,
    sink: &'a mut dyn RunSink,
    plan: Plan,
    repeats: Repeats,
    runs: Vec<OpenRun>,
    by_name: HashMap<String, usize>,
    keys: HashSet<(usize, Key)>,
    repeated: u64,
    extras: Vec<String>,
    first_bad: Option<(u64, String)>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(plan: Plan, input: &'a Input<'a>, sink: &'a mut dyn RunSink) -> Self {
        let repeats = repeats(&plan, input.options);
        Self {
            input,
            sink,
            plan,
            repeats,
            runs: Vec::new(),
            by_name: HashMap::new(),
            keys: HashSet::new(),
            repeated: 0,
            extras: Vec::new(),
            first_bad: None,
        }
    }

    /// Takes what came of one row.
    pub(super) fn take(&mut self, row: Result<SourceRow, NoRow>) -> Result<(), ImportError> {
        let row = match row {
            Ok(row) => row,
            Err(NoRow::Bad { number, message }) => {
                self.fault(number, &message);
                return Ok(());
            }
            Err(NoRow::File(error)) => return Err(error),
        };
        let number = row.number;
        match record::read(&mut self.plan, row) {
            Ok(read) => self.keep(read),
            Err(message) => {
                self.fault(number, &message);
                Ok(())
            }
        }
    }

    /// Says that so many more bytes have been read.
    pub(super) fn progress(&mut self, bytes: u64) {
        self.sink.progress(bytes);
    }

    /// Ends the runs.
    pub(super) fn finish(self, rows: Box<dyn Rows + '_>) -> Result<(), ImportError> {
        let path = self.input.path;
        if self.runs.is_empty() {
            let (line, message) = self.first_bad.map_or_else(
                || (None, "the table has no rows".to_owned()),
                |(line, message)| (Some(line), format!("no row could be read; the first one: {message}")),
            );
            return Err(ImportError::unreadable(path, line, message, None));
        }
        self.plan.check_seen(path)?;
        let header = rows.header();
        let fingerprint = fingerprint(rows.into_hash()?, self.input.options);
        let note = self.note();
        for run in self.runs {
            let extra = json::stored_object(header.clone());
            let header = RunRow { fingerprint: fingerprint.clone(), extra, ..run.header };
            self.sink.end(run.handle, header)?;
        }
        self.sink.note(note);
        Ok(())
    }

    fn fault(&mut self, number: u64, message: &str) {
        if self.first_bad.is_none() {
            self.first_bad = Some((number, message.to_owned()));
        }
        let message = format!("{message} (row skipped)");
        self.sink.fault(Fault { path: self.input.path.to_owned(), line: Some(number), message });
    }

    fn keep(&mut self, read: ReadRow) -> Result<(), ImportError> {
        let ReadRow { run, mut record, extras } = read;
        if let Some(task) = &self.input.options.task {
            record.result.task.clone_from(task);
        }
        for name in extras {
            if !self.extras.contains(&name) {
                self.extras.push(name);
            }
        }
        let place = self.run(run, &record.result)?;
        if !self.keys.insert((place, Key::of(&record.result))) {
            self.repeated += 1;
        }
        let run = &mut self.runs[place];
        stretch(&mut run.header, record.result.recorded_at);
        self.sink.record(run.handle, record)?;
        Ok(())
    }

    /// The run of a row; begun when this is its first one.
    fn run(&mut self, named: Option<String>, first: &ResultRow) -> Result<usize, ImportError> {
        let run_id = named.unwrap_or_else(|| run_name(self.input.path));
        if let Some(place) = self.by_name.get(&run_id) {
            return Ok(*place);
        }
        let path = self.input.path.to_string_lossy().into_owned();
        let header = RunRow {
            run_id: run_id.clone(),
            name: self.input.options.name.clone(),
            tool: "table".to_owned(),
            kind: "eval".to_owned(),
            task: first.task.clone(),
            experiment: first.experiment.clone(),
            status: RunStatus::Unknown.as_str().to_owned(),
            source_path: path.clone(),
            source_file: path,
            ..RunRow::default()
        };
        let handle = self.sink.begin(&header, self.repeats)?;
        self.runs.push(OpenRun { handle, header });
        self.by_name.insert(run_id, self.runs.len() - 1);
        Ok(self.runs.len() - 1)
    }

    /// One line: what was taken for what, what was kept, and what rows that share a key were taken for.
    fn note(&self) -> String {
        let name = self.input.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut taken = Vec::new();
        if let Some(column) = &self.plan.hashed {
            taken.push(format!("case_id from a hash of {column}"));
        }
        for binding in self.plan.bindings.iter().filter(|binding| binding.seen) {
            let seconds = matches!(binding.target.slot, Slot::Number(_, scale) if scale > 1.0);
            let unit = if seconds { " (seconds)" } else { "" };
            taken.push(format!("{} from {}{unit}", binding.target.column, binding.path));
        }
        taken.extend(self.metric_notes());
        let mut note = format!("{}: {}", name.unwrap_or_default(), taken.join(", "));
        if !self.extras.is_empty() {
            note.push_str("; kept in extra: ");
            note.push_str(&listed(&self.extras));
        }
        if self.repeated > 0 {
            note.push_str(&format!("; {}", self.repeats_note()));
        }
        note
    }

    fn metric_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let seen: Vec<_> = self.plan.metrics.iter().filter(|metric| metric.seen).collect();
        if let Some(primary) = &self.plan.primary {
            let own = seen.iter().find(|metric| metric.name.as_ref() == Some(primary));
            let group = || seen.iter().find(|metric| metric.name.is_none());
            let path = own
                .map(|metric| metric.path.clone())
                .or_else(|| group().map(|metric| format!("{}.{primary}", metric.path)));
            notes.extend(path.map(|path| format!("score from {path}")));
        }
        let names: Vec<String> = seen
            .iter()
            .map(|metric| match &metric.name {
                Some(name) if *name == metric.path => name.clone(),
                Some(name) => format!("{name} (from {})", metric.path),
                None => format!("{}.*", metric.path),
            })
            .collect();
        match names.len() {
            0 => {}
            1 => notes.push(format!("metric {}", names[0])),
            _ => notes.push(format!("metrics {}", names.join(", "))),
        }
        notes
    }

    fn repeats_note(&self) -> String {
        let rows = match self.repeated {
            1 => "1 row shares its key with an earlier one".to_owned(),
            count => format!("{count} rows share their key with an earlier one"),
        };
        let meaning = match self.repeats {
            Repeats::Attempts => "taken as further attempts",
            Repeats::EpochsUnlessAfterError => {
                "taken as epochs in file order, after an error as a further attempt (--duplicates says otherwise)"
            }
            Repeats::Epochs => "taken as epochs in file order",
            Repeats::Refuse => "refused",
        };
        format!("{rows}: {meaning}")
    }
}

/// What rows that share a key are: what the person says, else attempts when the rows can be told apart by an
/// attempt, an epoch or a time of their own.
fn repeats(plan: &Plan, options: &ImportOptions) -> Repeats {
    match options.duplicates {
        Some(Duplicates::Epoch) => Repeats::Epochs,
        Some(Duplicates::Attempt) => Repeats::Attempts,
        Some(Duplicates::Error) => Repeats::Refuse,
        None if ["attempt", "epoch", "recorded_at"].iter().any(|column| plan.binding(column).is_some()) => {
            Repeats::Attempts
        }
        None => Repeats::EpochsUnlessAfterError,
    }
}

/// Widens the time of a run to that of a row.
fn stretch(header: &mut RunRow, time: Option<Timestamp>) {
    let Some(time) = time else { return };
    header.started_at = Some(header.started_at.map_or(time, |started| started.min(time)));
    header.ended_at = Some(header.ended_at.map_or(time, |ended| ended.max(time)));
}

/// The run's id: the file's name without its extension, with the folder's name before one that says nothing.
pub(super) fn run_name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    match folder {
        Some(folder) if GENERIC_NAMES.contains(&stem.to_ascii_lowercase().as_str()) => {
            format!("{folder}-{stem}")
        }
        _ => stem,
    }
}

/// Hash of the file and of how it was to be read, so that another mapping is another reading.
fn fingerprint(mut hash: Sha256, options: &ImportOptions) -> String {
    hash.update(format!("{options:?}").as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The columns of rows that were read, for the plan.
pub(super) fn fields(rows: &[Result<SourceRow, NoRow>]) -> Vec<&Map<String, Value>> {
    rows.iter().filter_map(|row| row.as_ref().ok()).map(|row| &row.fields).collect()
}
