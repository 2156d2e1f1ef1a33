//! The first, light pass over a row file: what the run as a whole is, and which row the sidecar files belong to.
//!
//! Keeps a few words per test, never a row, so that its memory grows with the number of tests only.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::super::{ImportError, Input, json};
use super::lines::Lines;
use super::result::{prompt_of, time_of, variant_of};
use super::row::Row;
use crate::model::{Key, Timestamp};

/// A day in microseconds.
const DAY_MICROS: u64 = 86_400_000_000;

/// What a first pass over the rows tells.
#[derive(Default)]
pub(super) struct Survey {
    /// Lines that are rows.
    pub(super) rows: u64,
    /// Number of the last line, so that the second pass stops there when the file grows meanwhile.
    pub(super) last_line: u64,
    /// The first line that is no row, and why.
    pub(super) first_bad: Option<(u64, String)>,
    /// Distinct (task, case, model, prompt, variant); repeats of one are planned once.
    pub(super) keys: HashSet<Key>,
    /// Task of each case, the first one where several tasks share an id.
    pub(super) tasks: BTreeMap<String, String>,
    /// Pairs of case and target that have a row.
    pub(super) pairs: HashSet<(String, Option<String>)>,
    /// The task of the first row that names one.
    pub(super) task: Option<String>,
    /// The experiment of the first row that names one.
    pub(super) experiment: Option<String>,
    /// The tags of the first row that has some.
    pub(super) tags: Option<Map<String, Value>>,
    /// Earliest time of a row.
    pub(super) first_time: Option<Timestamp>,
    /// Latest time of a row.
    pub(super) last_time: Option<Timestamp>,
    /// Whether rows carry `projection_identity` (AgentV 4.42 and later).
    pub(super) projected: bool,
    /// Whether rows carry `result_dir` (AgentV 5).
    pub(super) result_dirs: bool,
    run_ids: HashSet<String>,
    owners: HashMap<String, Owner>,
    full_rows: HashMap<(String, Option<String>), u64>,
}

/// The last row that names a folder of sidecar files.
struct Owner {
    identity: u128,
    line: u64,
}

impl Survey {
    /// Reads the file once; every byte of it goes into `hash`.
    pub(super) fn of(input: &Input<'_>, hash: &mut Sha256) -> Result<Self, ImportError> {
        let mut survey = Self::default();
        let mut lines = Lines::open(input.source, input.path)?;
        let mut binary = false;
        while let Some(line) = lines.next(|raw| hash.update(raw))? {
            survey.last_line = line.number;
            match Row::parse(line.text, line.ended) {
                Ok(row) => survey.see(&row, line.number, line.text),
                Err(problem) => {
                    binary |= survey.rows == 0 && line.text.contains(&0);
                    survey.first_bad.get_or_insert((line.number, problem.0));
                }
            }
        }
        match &survey.first_bad {
            Some(_) if survey.rows == 0 && binary => Err(ImportError::unreadable(
                input.path,
                None,
                "expected one JSON object per line, found binary data",
                Some("copy the file again from where AgentV wrote it"),
            )),
            Some((line, message)) if survey.rows == 0 => Err(ImportError::unreadable(
                input.path,
                Some(*line),
                format!("no line of the file is a row; the first one: {message}"),
                Some("name the run's folder, or the file index.jsonl in it"),
            )),
            _ => Ok(survey),
        }
    }

    fn see(&mut self, row: &Row, line: u64, text: &[u8]) {
        self.rows += 1;
        let (test_id, target) = (row.test_id(), row.target());
        let task = row.text(&["suite"]);
        if let Some(task) = &task {
            self.task.get_or_insert_with(|| task.clone());
            self.tasks.entry(test_id.clone()).or_insert_with(|| task.clone());
        }
        let prompt = prompt_of(row);
        let variant = variant_of(row);
        self.keys.insert(Key::from_parts(
            task.as_deref().unwrap_or(""),
            &test_id,
            [&target, &prompt, &variant],
            1,
        ));
        self.pairs.insert((test_id, target));
        if self.experiment.is_none() {
            self.experiment = row.experiment();
        }
        if self.tags.is_none() {
            self.tags = row.object("tags").filter(|tags| !tags.is_empty()).cloned();
        }
        self.see_times(row);
        self.projected |= row.object("projection_identity").is_some();
        self.result_dirs |= row.value("result_dir").is_some();
        self.run_ids.extend(row.dimension("run_id"));
        self.see_files(row, line, text);
    }

    /// A start long before the row's own time is that of a replayed transcript, not of this run.
    fn see_times(&mut self, row: &Row) {
        let recorded = time_of(row, "timestamp");
        let near =
            |time: &Timestamp| recorded.is_none_or(|recorded| time.0.abs_diff(recorded.0) < DAY_MICROS);
        let others =
            ["start_time", "end_time"].into_iter().filter_map(|name| time_of(row, name)).filter(near);
        for time in recorded.into_iter().chain(others) {
            self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
            self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
        }
    }

    fn see_files(&mut self, row: &Row, line: u64, text: &[u8]) {
        let folders = attempt_folders(row);
        if folders.is_empty() {
            self.full_rows.insert((row.test_id(), row.target()), line);
            self.full_rows.insert((row.test_id(), None), line);
        }
        for folder in folders {
            self.owners.insert(folder, Owner { identity: identity(row, text), line });
        }
    }

    /// Whether a test has a row on a target.
    pub(super) fn has_pair(&self, test: &str, target: &str) -> bool {
        self.pairs.contains(&(test.to_owned(), Some(target.to_owned())))
    }

    /// The one run that all rows say they are of (AgentV 4.42 and later).
    pub(super) fn run_id(&self) -> Option<&str> {
        let mut ids = self.run_ids.iter();
        ids.next().filter(|_| ids.next().is_none()).map(String::as_str)
    }

    /// Whether the files in an attempt's folder are those of this row.
    ///
    /// AgentV overwrites them at a rerun while the old row stays, and up to 4.42 all targets of a test share one
    /// folder. So they belong to the last row that names the folder (and to its exact copies, which 4.42 writes),
    /// and to none that do when a full row, which names no files, was added for the same test after it.
    pub(super) fn owns(&self, row: &Row, folder: &str, text: &[u8]) -> bool {
        let Some(owner) = self.owners.get(folder) else { return false };
        let per_target = ["sample-", "attempt-", "run-"]
            .iter()
            .any(|prefix| folder.rsplit('/').next().is_some_and(|last| last.starts_with(prefix)));
        let target = if per_target { row.target() } else { None };
        let overwritten = self.full_rows.get(&(row.test_id(), target)).is_some_and(|full| *full > owner.line);
        !overwritten && owner.identity == identity(row, text)
    }
}

/// The folders that hold the files of a row's executions: one, or one per repeat.
pub(super) fn attempt_folders(row: &Row) -> Vec<String> {
    let repeats = row.repeats();
    let mut folders: Vec<String> = row.attempt_folder().into_iter().collect();
    if repeats.len() > 1 {
        folders.extend(repeats.iter().filter_map(|entry| repeat_folder(row, entry)));
    }
    folders
}

/// The folder of one repeat, relative to the run's folder.
pub(super) fn repeat_folder(row: &Row, entry: &Row) -> Option<String> {
    let base = row.text(&["result_dir", "artifact_dir"])?;
    let own = entry.text(&["sample_path", "attempt_path", "run_path"])?;
    Some(format!("{base}/{own}"))
}

/// What two lines share when they tell of one execution. Without a time, only equal lines do.
fn identity(row: &Row, text: &[u8]) -> u128 {
    let Some(time) = row.text(&["timestamp"]) else { return json::content_hash(text) };
    let parts = [
        Some(row.test_id()),
        row.target(),
        Some(time),
        row.text(&["execution_status"]),
        row.number(&["score"]).map(|score| score.to_bits().to_string()),
    ];
    let parts = parts.map(Value::from);
    json::content_hash(Value::from(parts.to_vec()).to_string().as_bytes())
}
