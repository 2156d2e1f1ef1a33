//! What the labs recorded, read without runq: the steps, the states of run folders, the raw rows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::shared;

/// What tells attempts apart: rows that agree in all of it are one attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    pub case_id: String,
    pub model: String,
    pub micros: i64,
    pub status: String,
    pub score: u64,
}

impl Attempt {
    /// Its score.
    pub fn score_value(&self) -> f64 {
        f64::from_bits(self.score)
    }

    /// What it is an attempt of.
    pub fn key(&self) -> (&str, &str) {
        (&self.case_id, &self.model)
    }
}

/// A score from 0 to 1 as something that can stand in a set.
pub fn ordered(score: f64) -> u64 {
    score.to_bits()
}

/// A step of a lab, its recording and its place among the steps.
pub struct Step {
    pub name: String,
    pub record: Value,
    pub folder: PathBuf,
}

impl Step {
    /// The words of the command.
    pub fn argv(&self) -> Vec<&str> {
        let words = self.record["argv"].as_array().expect("a step has a command");
        words.iter().map(|word| word.as_str().expect("a word")).collect()
    }

    /// The state of a run folder that was kept after the step, as `label/sK`.
    pub fn state_after(&self) -> Option<&str> {
        self.record["state_after"].as_str()
    }

    /// The document that the command printed, if it printed one.
    pub fn printed(&self) -> Option<Value> {
        let text = fs::read_to_string(self.folder.join("stdout.json")).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// The steps of a version in order; `None` when the shared data is not there.
pub fn steps(version: &str) -> Option<Vec<Step>> {
    let root = shared(&format!("peers/{version}/steps"))?;
    let mut names: Vec<String> = fs::read_dir(&root)
        .expect("the steps can be listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let step = |name: String| {
        let folder = root.join(&name);
        Step { record: json(&folder.join("step.json")), name, folder }
    };
    Some(names.into_iter().map(step).collect())
}

/// A state of a run folder that was kept.
pub struct State {
    pub label: String,
    /// Which state of its label, from 0; some are not kept.
    pub number: usize,
    pub folder: PathBuf,
    /// The step that left it.
    pub step: String,
    /// What was counted after that step.
    pub after: Value,
}

impl State {
    /// `label/sK`.
    pub fn name(&self) -> String {
        format!("{}/s{}", self.label, self.number)
    }

    /// The run's id as AgentV's Studio writes it.
    pub fn run_id(&self) -> String {
        run_id_of(&self.folder)
    }

    /// A count of the recording; a status that did not occur is not named there.
    pub fn count(&self, name: &str) -> u64 {
        self.after[name].as_u64().unwrap_or_else(|| panic!("{}: {name} was counted", self.name()))
    }

    /// How many cases ended so.
    pub fn status_count(&self, status: &str) -> u64 {
        self.after["effective_status"].get(status).and_then(Value::as_u64).unwrap_or(0)
    }
}

/// Every kept state of a version by label and number; `None` when the shared data is not there.
pub fn states(version: &str) -> Option<Vec<State>> {
    let root = shared(&format!("peers/{version}/states"))?;
    let steps = steps(version)?;
    let kept = steps.iter().filter_map(|step| {
        let (label, number) = step.state_after()?.split_once("/s")?;
        let folder = root.join(label).join(format!("s{number}"));
        folder.exists().then(|| State {
            label: label.to_owned(),
            number: number.parse().expect("a number"),
            folder,
            step: step.name.clone(),
            after: step.record["after"].clone(),
        })
    });
    let mut states: Vec<State> = kept.collect();
    states.sort_by(|left, right| (&left.label, left.number).cmp(&(&right.label, right.number)));
    let folders = row_files(&root).len();
    assert_eq!(states.len(), folders, "{version}: every kept state has a step that left it");
    Some(states)
}

/// A state by its name, `label/sK`.
pub fn state<'a>(states: &'a [State], name: &str) -> &'a State {
    states.iter().find(|state| state.name() == name).unwrap_or_else(|| panic!("state {name} is kept"))
}

/// The row files below a folder.
pub fn row_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|name| name == "index.jsonl") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The id that AgentV's Studio gives the run of a row file, from the folders it lies in: `experiment::folder` below
/// `runs`, else the folder alone.
pub fn run_id(row_file: &Path) -> String {
    let mut names = row_file.ancestors().skip(1).filter_map(|folder| folder.file_name()?.to_str());
    let mut next = || names.next().expect("a folder above").to_owned();
    let first = next();
    let folder = if first == ".internal" { next() } else { first };
    let experiment = next();
    match next().as_str() {
        "runs" if experiment != "default" => format!("{experiment}::{folder}"),
        _ => folder,
    }
}

/// The lines of the one row file below a folder.
pub fn lines(folder: &Path) -> Vec<Value> {
    lines_of(&row_file(folder))
}

/// The id of the one run below a folder.
pub fn run_id_of(folder: &Path) -> String {
    run_id(&row_file(folder))
}

fn row_file(folder: &Path) -> PathBuf {
    let files = row_files(folder);
    let [file] = files.as_slice() else { panic!("one row file below {}: {files:?}", folder.display()) };
    file.clone()
}

/// The lines of a row file.
pub fn lines_of(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a row file");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The rows of a run folder in file order.
pub fn rows(folder: &Path) -> Vec<Attempt> {
    lines(folder).iter().map(attempt).collect()
}

fn attempt(line: &Value) -> Attempt {
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name} in {line}")).to_owned();
    let time = chrono::DateTime::parse_from_rfc3339(&text("timestamp")).expect("a time");
    Attempt {
        case_id: text("test_id"),
        model: text("target"),
        micros: time.timestamp_micros(),
        status: text("execution_status"),
        score: ordered(line["score"].as_f64().expect("a score")),
    }
}

/// The last row of each key, in file order: what AgentV counts.
pub fn last_rows(rows: &[Attempt]) -> BTreeSet<Attempt> {
    let last = |row: &&Attempt| {
        let of_key = rows.iter().rev().find(|other| other.key() == row.key());
        of_key.is_some_and(|other| other == *row)
    };
    rows.iter().filter(last).cloned().collect()
}

/// A JSON file.
pub fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
